package proc_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// world is a manager in a bubble of virtual time, with a fake kernel.
type world struct {
	t      reporter
	k      *proctest.Kernel
	m      *proc.Manager
	born   time.Time
	ended  chan struct{}
	output map[string]*proctest.Output

	options proc.Options
	replace context.CancelFunc // ends the manager without stopping anything

	mu      sync.Mutex // guards the fields below
	events  []string
	changes []event.Event // PROCESS_STATE_*
	lines   []string
}

// reporter is what a world needs of a *testing.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// inWorld runs f in a bubble and checks at the end that the manager did nothing forbidden.
func inWorld(t *testing.T, behave func(s proc.Spec, nth int) proctest.Behaviour, f func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, behave)
		f(w)
		w.end()
	})
}

func newWorld(t reporter, behave func(s proc.Spec, nth int) proctest.Behaviour, change ...func(*proc.Options)) *world {
	return newWorldOf(t, behave, 1, change...)
}

// newWorldOf is a world with so many launchers.
func newWorldOf(t reporter, behave func(s proc.Spec, nth int) proctest.Behaviour, launchers int, change ...func(*proc.Options)) *world {
	w := &world{t: t, k: proctest.NewKernel(), born: time.Now(), ended: make(chan struct{}), output: map[string]*proctest.Output{}}
	w.k.Behave = behave
	o := proc.Options{
		Kernel: w.k, Log: slog.New(w), Publish: w.publish, Environ: []string{"PATH=/bin:/usr/bin"}, Launchers: launchers,
		Output: func(c *conf.Process) proc.Output {
			w.mu.Lock()
			defer w.mu.Unlock()
			o := w.output[c.Name]
			if o == nil {
				o = &proctest.Output{}
				w.output[c.Name] = o
			}
			return o
		},
	}
	for _, f := range change {
		f(&o)
	}
	w.options = o
	w.run(proc.New(o))
	return w
}

func (w *world) run(m *proc.Manager) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.m, w.ended, w.replace = m, ended, cancel
	go func() {
		defer close(ended)
		if err := m.Run(ctx); err != nil && ctx.Err() == nil {
			w.t.Errorf("Run = %v", err)
		}
	}()
}

// end shuts down and looks for what must never be.
func (w *world) end() {
	w.t.Helper()
	w.m.Shutdown(proc.MoodShutdown)
	<-w.ended
	for _, f := range w.k.Faults() {
		w.t.Errorf("forbidden: %s", f)
	}
	if n := w.k.Children(); n != 0 {
		w.t.Errorf("%d children are left", n)
	}
	if left := w.m.Left(); left != "" {
		w.t.Errorf("the manager leaves %s", left)
	}
	w.replace()
}

// The world is a slog.Handler: it keeps "INFO text".
func (w *world) Enabled(context.Context, slog.Level) bool { return true }
func (w *world) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *world) WithGroup(string) slog.Handler            { return w }
func (w *world) Handle(_ context.Context, r slog.Record) error {
	names := map[slog.Level]string{proc.LevelCritical: "CRIT", proc.LevelError: "ERRO", proc.LevelWarn: "WARN", proc.LevelInfo: "INFO", proc.LevelDebug: "DEBG"}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, names[r.Level]+" "+r.Message)
	return nil
}

func (w *world) publish(e event.Event) {
	text := e.Group
	switch e.Type {
	case event.ProcessGroupAdded:
		text = "added " + e.Group
	case event.ProcessGroupRemoved:
		text = "removed " + e.Group
	case event.SupervisorStateChangeStopping:
		text = "stopping"
	case event.ProcessStateStarting:
		text = fmt.Sprintf("%s STARTING from %s tries:%d", e.Process, e.From, e.Tries)
	case event.ProcessStateBackoff:
		text = fmt.Sprintf("%s BACKOFF from %s tries:%d", e.Process, e.From, e.Tries)
	case event.ProcessStateExited:
		text = fmt.Sprintf("%s EXITED from %s expected:%v pid:%d", e.Process, e.From, e.Expected, e.PID)
	case event.ProcessStateRunning:
		text = fmt.Sprintf("%s RUNNING from %s pid:%d", e.Process, e.From, e.PID)
	case event.ProcessStateStopping:
		text = fmt.Sprintf("%s STOPPING from %s pid:%d", e.Process, e.From, e.PID)
	case event.ProcessStateStopped:
		text = fmt.Sprintf("%s STOPPED from %s pid:%d", e.Process, e.From, e.PID)
	case event.ProcessStateFatal:
		text = fmt.Sprintf("%s FATAL from %s", e.Process, e.From)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, text)
	if stateNames[e.Type] != "" {
		w.changes = append(w.changes, e)
	}
}

// took returns what was published since the last call, and forgets it.
func (w *world) took() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.events = nil }()
	return w.events
}

// said returns the log lines since the last call that are not DEBG.
func (w *world) said() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.lines = nil }()
	return slices.DeleteFunc(w.lines, func(l string) bool { return strings.HasPrefix(l, "DEBG") })
}

func (w *world) add(g *conf.Group) {
	w.t.Helper()
	if err := w.m.Add(context.Background(), g); err != nil {
		w.t.Fatalf("Add(%s) = %v", g.Name, err)
	}
}

// do carries out op and returns its results as text.
func (w *world) do(op proc.Op) []string {
	w.t.Helper()
	var got []string
	if err := w.m.Do(context.Background(), op, func(r proc.Result) { got = append(got, resultText(r)) }); err != nil {
		got = append(got, faultText(err))
	}
	return got
}

func resultText(r proc.Result) string {
	text := r.Group + ":" + r.Process + " " + r.Did
	if r.Err != nil {
		text += " " + faultText(r.Err)
	}
	return text
}

var reasons = map[proc.Reason]string{
	proc.BadName: "BAD_NAME", proc.ShutdownState: "SHUTDOWN_STATE", proc.NoFile: "NO_FILE", proc.NotExecutable: "NOT_EXECUTABLE",
	proc.Failed: "FAILED", proc.AbnormalTermination: "ABNORMAL_TERMINATION", proc.SpawnError: "SPAWN_ERROR",
	proc.AlreadyStarted: "ALREADY_STARTED", proc.NotRunning: "NOT_RUNNING", proc.AlreadyAdded: "ALREADY_ADDED",
	proc.StillRunning: "STILL_RUNNING", proc.Busy: "BUSY",
}

func faultText(err error) string {
	f, ok := err.(*proc.Fault)
	if !ok {
		return err.Error()
	}
	if f.Text == "" {
		return reasons[f.Reason]
	}
	return reasons[f.Reason] + ": " + f.Text
}

func (w *world) info(name string) proc.Info {
	w.t.Helper()
	g, n, ok := strings.Cut(name, ":")
	if !ok {
		n = g
	}
	i, err := w.m.Process(context.Background(), g, n)
	if err != nil {
		w.t.Fatalf("Process(%s) = %v", name, err)
	}
	return i
}

func (w *world) state(name string) state.State {
	w.t.Helper()
	synctest.Wait()
	return w.info(name).State
}

func (w *world) wantState(name string, want state.State) {
	w.t.Helper()
	if got := w.state(name); got != want {
		w.t.Fatalf("%s is %v, want %v", name, got, want)
	}
}

// pass lets virtual time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got  %s\n want %s", what, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

// program is a process with Supervisor's defaults, changed by change.
func program(name string, change func(*conf.Process)) *conf.Process {
	c := &conf.Process{
		Name: name, Group: name, Program: name, Priority: 999, Umask: conf.Unset,
		Command: conf.Command{Argv: []string{"/bin/sh"}}, Autostart: true, Autorestart: conf.RestartUnexpected,
		Startsecs: conf.Seconds(time.Second), Startretries: 3, Exitcodes: []int{0},
		Stopsignal: conf.Signal(syscall.SIGTERM), Stopwaitsecs: conf.Seconds(10 * time.Second),
	}
	if change != nil {
		change(c)
	}
	return c
}

func single(name string, change func(*conf.Process)) *conf.Group {
	c := program(name, change)
	return groupOf(name, c.Priority, c)
}

func groupOf(name string, priority int, list ...*conf.Process) *conf.Group {
	for _, c := range list {
		c.Group = name
	}
	return &conf.Group{Name: name, Priority: priority, Processes: list}
}
