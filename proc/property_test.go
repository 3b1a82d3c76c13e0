package proc_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// edges are the only changes of state that may ever be published.
var edges = map[string][]string{
	"STOPPED":  {"STARTING"},
	"STARTING": {"RUNNING", "BACKOFF", "STOPPING"},
	"RUNNING":  {"EXITED", "STOPPING"},
	"BACKOFF":  {"STARTING", "STOPPED", "FATAL"},
	"STOPPING": {"STOPPED"},
	"EXITED":   {"STARTING", "STOPPED"},
	"FATAL":    {"STARTING"},
}

var stateNames = map[event.Type]string{
	event.ProcessStateStopped: "STOPPED", event.ProcessStateStarting: "STARTING", event.ProcessStateRunning: "RUNNING",
	event.ProcessStateBackoff: "BACKOFF", event.ProcessStateStopping: "STOPPING", event.ProcessStateExited: "EXITED", event.ProcessStateFatal: "FATAL",
}

// Whatever operators, children and the kernel do, in whatever order: never two children of
// a process, never a signal to a dead pid (the fake kernel sees both), every change of
// state is a documented one, every operation gets all its results, and in the end nothing
// is left, not even a timer.
func TestAnythingGoes(t *testing.T) {
	t.Parallel()
	operations := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := script(rt) // drawn before the bubble: rapid's panics must not cross it
		f := &failures{}
		synctest.Test(t, func(*testing.T) { s.run(f) })
		operations += len(s.deeds)
		for _, text := range f.list {
			rt.Errorf("%s", text)
		}
	})
	t.Logf("%d operations", operations)
}

// failures is a reporter that keeps them for rapid.
type failures struct {
	mu   sync.Mutex // guards list
	list []string
}

func (f *failures) Helper() {}
func (f *failures) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}
func (f *failures) Fatalf(format string, args ...any) { f.Errorf(format, args...) }

// life is one life of a manager: what is configured, how children behave, what happens.
type life struct {
	groups []*conf.Group
	drains map[string]time.Duration
	kinds  []proctest.Behaviour
	deeds  []deed
	midst  bool // the end comes at once

	launchers int
}

// deed is one thing that happens: an operation, a child that exits, or time that passes.
type deed struct {
	op        *proc.Op
	impatient bool
	exits     string
	status    syscall.WaitStatus
	pause     time.Duration // 0: until all is quiet
}

const someProcesses = 6

func script(rt *rapid.T) *life {
	s := &life{drains: map[string]time.Duration{}}
	for i := range 3 {
		var list []*conf.Process
		for _, j := range []int{i, i + 3} {
			c := program(fmt.Sprintf("p%d", j), func(c *conf.Process) { configure(rt, c) })
			s.drains[c.Name] = rapid.SampledFrom([]time.Duration{0, 0, 300 * time.Millisecond, time.Second}).Draw(rt, "drain")
			list = append(list, c)
		}
		s.groups = append(s.groups, groupOf(fmt.Sprintf("g%d", i), i, list...))
	}
	s.kinds = rapid.SliceOfN(rapid.Custom(behaviour), 40, 40).Draw(rt, "behaviours")
	s.deeds = rapid.SliceOfN(rapid.Custom(someDeed), 100, 150).Draw(rt, "deeds")
	s.launchers = rapid.IntRange(1, 3).Draw(rt, "launchers")
	s.midst = rapid.Bool().Draw(rt, "in the midst")
	return s
}

func configure(rt *rapid.T, c *conf.Process) {
	times := func(list ...time.Duration) conf.Seconds {
		return conf.Seconds(rapid.SampledFrom(list).Draw(rt, "seconds"))
	}
	c.Priority = rapid.IntRange(1, 3).Draw(rt, "priority")
	c.Startsecs = times(0, time.Second, 3*time.Second)
	c.Startretries = rapid.IntRange(0, 3).Draw(rt, "startretries")
	c.Autorestart = rapid.SampledFrom([]conf.Autorestart{conf.RestartNever, conf.RestartUnexpected, conf.RestartAlways}).Draw(rt, "autorestart")
	c.Stopwaitsecs = times(0, time.Second, 5*time.Second)
	c.Autostart = rapid.Bool().Draw(rt, "autostart")
}

func someDeed(rt *rapid.T) deed {
	i := rapid.IntRange(-4, someProcesses-1).Draw(rt, "process")
	group := fmt.Sprintf("g%d", (i+3)%3)
	switch rapid.IntRange(0, 5).Draw(rt, "what") {
	case 0, 1, 2:
		op := &proc.Op{
			Kind: rapid.SampledFrom([]proc.Kind{proc.Start, proc.Stop, proc.Restart, proc.Signal}).Draw(rt, "kind"),
			Wait: rapid.Bool().Draw(rt, "wait"), Signal: syscall.SIGUSR1,
		}
		if i >= 0 {
			op.Group, op.Process = group, fmt.Sprintf("p%d", i)
		} else if i > -4 {
			op.Group = group
		}
		return deed{op: op, impatient: rapid.Bool().Draw(rt, "impatient")}
	case 3:
		if i >= 0 {
			status := rapid.SampledFrom([]syscall.WaitStatus{proctest.Exit(0), proctest.Exit(1), proctest.Killed(syscall.SIGSEGV)}).Draw(rt, "status")
			return deed{exits: fmt.Sprintf("%s:p%d", group, i), status: status}
		}
	}
	return deed{pause: rapid.SampledFrom([]time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 2 * time.Second}).Draw(rt, "pause")}
}

func (s *life) run(f *failures) {
	w := newWorldOf(f, nil, s.launchers)
	w.k.Behave = func(spec proc.Spec, nth int) proctest.Behaviour {
		return s.kinds[(int(spec.Name[1]-'0')*7+nth)%len(s.kinds)]
	}
	for _, g := range s.groups {
		for _, c := range g.Processes {
			w.output[c.Name] = &proctest.Output{Drain: s.drains[c.Name]}
		}
		w.add(g)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var pending sync.WaitGroup
	for _, d := range s.deeds {
		switch {
		case d.op != nil:
			pending.Go(func() { operate(f, ctx, w, *d.op, d.impatient) })
		case d.exits != "":
			w.k.Exit(d.exits, d.status)
		case d.pause > 0:
			time.Sleep(d.pause)
		default:
			synctest.Wait()
			w.infos()
		}
	}
	if s.midst {
		w.m.Shutdown(proc.MoodRestarting)
		time.Sleep(time.Second)
	} else {
		time.Sleep(2 * time.Minute) // everything waited for comes to pass
		done := make(chan struct{})
		go func() { pending.Wait(); close(done) }()
		synctest.Wait()
		select {
		case <-done:
		default:
			f.Errorf("an operation waits for ever")
		}
		for _, i := range w.infos() {
			if live := i.State == state.Running; live != (i.PID != 0) {
				f.Errorf("%s is %v with pid %d", i.Name, i.State, i.PID)
			}
		}
	}
	w.end()
	cancel()
	pending.Wait()
	w.checkEdges()
}

func behaviour(rt *rapid.T) proctest.Behaviour {
	switch rapid.IntRange(0, 9).Draw(rt, "sort") {
	case 0:
		return proctest.Behaviour{AtOnce: true, Status: proctest.Exit(rapid.IntRange(0, 2).Draw(rt, "code"))}
	case 1:
		return proctest.Behaviour{Err: rapid.SampledFrom([]error{syscall.EAGAIN, syscall.ENOMEM}).Draw(rt, "error")}
	case 2:
		return proctest.Behaviour{Err: &proc.ExecError{Step: "exec", Target: "x", Err: syscall.ENOEXEC}}
	case 3:
		return proctest.Behaviour{Life: rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 3 * time.Second}).Draw(rt, "life"), Status: proctest.Exit(rapid.IntRange(0, 1).Draw(rt, "code"))}
	case 4:
		return proctest.Behaviour{Stubborn: true}
	case 5:
		return proctest.Behaviour{Dying: rapid.SampledFrom([]time.Duration{100 * time.Millisecond, 2 * time.Second, 7 * time.Second}).Draw(rt, "dying")}
	case 6:
		return proctest.Behaviour{LaunchFor: rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second}).Draw(rt, "launch")}
	}
	return proctest.Behaviour{}
}

// operate carries out op and checks that each process has its results.
func operate(t reporter, ctx context.Context, w *world, op proc.Op, short bool) {
	if short {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
	}
	results := map[string]int{}
	err := w.m.Do(ctx, op, func(r proc.Result) { results[r.Group+":"+r.Process+" "+r.Did]++ })
	if err != nil {
		return
	}
	for what, n := range results {
		if n != 1 {
			t.Errorf("%+v: %d results %q", op, n, what)
		}
	}
	if op.Process != "" && len(results) == 0 {
		t.Errorf("%+v: no result", op)
	}
}

// infos is what is known of all while nothing happens: whoever asks, and how.
func (w *world) infos() []proc.Info {
	known, err := w.m.Known(context.Background())
	if err != nil {
		w.t.Errorf("Known = %v", err)
	}
	list, err := w.m.Processes(context.Background())
	if err != nil {
		w.t.Errorf("Processes = %v", err)
	}
	if !reflect.DeepEqual(known, list) {
		w.t.Errorf("Known = %+v, Processes = %+v", known, list)
	}
	return list
}

// checkEdges follows every process through what was published.
func (w *world) checkEdges() {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := map[string]string{}
	for _, e := range w.changes {
		to, from := stateNames[e.Type], at[e.Process]
		if from == "" {
			from = "STOPPED"
		}
		if e.From != from || !slices.Contains(edges[from], to) {
			w.t.Errorf("%s: %s to %s, and the event says from %s", e.Process, from, to, e.From)
		}
		at[e.Process] = to
	}
	for name, s := range at {
		if s != "STOPPED" && s != "EXITED" && s != "FATAL" {
			w.t.Errorf("%s ends in %s", name, s)
		}
	}
}
