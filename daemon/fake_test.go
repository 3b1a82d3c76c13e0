package daemon

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/state"
)

// fake is everything that the methods act on: a fixed little world, and what was done to it.
type fake struct {
	*api
	dir string
	bus *event.Bus
	log syncBuffer

	asked atomic.Uint64 // how often for changes of logs

	mu      sync.Mutex
	mood    proc.Mood
	infos   []proc.Info
	groups  []*conf.Group
	cfg     *conf.Config
	fail    map[string]error // by "start web": how that ends
	hold    chan struct{}    // not nil: waiting operations wait for it
	waiting int              // operations that wait
	plan    conf.Plan
	broken  error // of reread and reload
	shared  bool  // g1 writes to the main log
	did     []string
	follows []*fakeFollower
}

// startedAt is when everything in the fake world was started.
func startedAt() time.Time { return time.Date(2026, 11, 22, 18, 41, 0, 0, time.UTC) }

func newFake(t *testing.T) *fake {
	f := &fake{dir: t.TempDir(), bus: &event.Bus{}, mood: proc.MoodRunning, fail: map[string]error{}}
	group := func(name string, prio int, procs ...*conf.Process) {
		for _, p := range procs {
			p.Group = name
			p.Program = p.Name
			p.Command = conf.Command{Line: "/bin/" + p.Name}
			p.Exitcodes = []int{0}
			p.Stopsignal = 15
			p.Startsecs = conf.Seconds(time.Second)
			p.Stopwaitsecs = conf.Seconds(10 * time.Second)
			p.Startretries = 3
			p.Autorestart = conf.RestartUnexpected
		}
		f.groups = append(f.groups, &conf.Group{Name: name, Priority: prio, Processes: procs})
	}
	log := func(name string) conf.Output {
		return conf.Output{Logfile: conf.LogFile{Kind: conf.LogPath, Path: filepath.Join(f.dir, name)}, LogfileMaxbytes: 50 << 20, LogfileBackups: 10}
	}
	group("cat", 999, &conf.Process{Name: "cat", Priority: 999, Autostart: true, Stdout: log("cat.out"), Stderr: log("cat.err")})
	group("fatal", 999, &conf.Process{Name: "fatal", Priority: 999, Stdout: log("fatal.out")})
	group("grp", 5, &conf.Process{Name: "g2", Priority: 2, Autostart: true}, &conf.Process{Name: "g1", Priority: 1, Autostart: true})
	group("quick", 999, &conf.Process{Name: "quick", Priority: 999})
	slices.SortStableFunc(f.groups, func(a, b *conf.Group) int { return a.Priority - b.Priority })
	add := func(group, name string, s state.State, pid int, more func(*proc.Info)) {
		p := proc.Info{Group: group, Name: name, State: s, PID: pid}
		if more != nil {
			more(&p)
		}
		f.infos = append(f.infos, p)
	}
	add("cat", "cat", state.Running, 4243, func(p *proc.Info) { p.Start = startedAt() })
	add("fatal", "fatal", state.Fatal, 0, func(p *proc.Info) { p.SpawnErr = "can't find command '/nonexistent/fatal'" })
	add("grp", "g1", state.Starting, 4244, func(p *proc.Info) { p.Start = startedAt() })
	add("grp", "g2", state.Stopped, 0, nil)
	add("quick", "quick", state.Exited, 0, func(p *proc.Info) {
		p.Start, p.Stop, p.ExitStatus = startedAt(), startedAt().Add(time.Minute), 3
	})
	for i := range f.infos {
		p := &f.infos[i]
		for _, g := range f.groups {
			for _, c := range g.Processes {
				if g.Name == p.Group && c.Name == p.Name {
					p.Config = c
				}
			}
		}
	}
	f.cfg = &conf.Config{Supervisord: conf.Supervisord{Identifier: "fake"}, Groups: append(slices.Clone(f.groups),
		&conf.Group{Name: "newone", Priority: 999, Processes: []*conf.Process{{Name: "newone", Group: "newone", Priority: 999, Autostart: true}}})}
	f.write(t, "main.log", "2026-11-22 18:41:00,000 INFO supervisord started with pid 4242\n")
	f.write(t, "cat.out", "hello ü\nworld\n")
	f.api = &api{log: slog.New(slog.NewTextHandler(&f.log, nil)), mgr: f, sup: f, logs: fakeLogs{f}, main: fakeMain{f}, bus: f.bus, pid: 4242}
	return f
}

func (f *fake) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fake) note(what string) {
	f.mu.Lock()
	f.did = append(f.did, what)
	f.mu.Unlock()
}

func (f *fake) setMood(m proc.Mood) {
	f.mu.Lock()
	f.mood = m
	f.mu.Unlock()
}

func (f *fake) Mood() proc.Mood {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mood
}

func (f *fake) Processes(context.Context) ([]proc.Info, error) { return slices.Clone(f.infos), nil }

func (f *fake) Known(ctx context.Context) ([]proc.Info, error) { return f.Processes(ctx) }

func (f *fake) Process(_ context.Context, group, name string) (proc.Info, error) {
	for _, p := range f.infos {
		if p.Group == group && p.Name == name {
			return p, nil
		}
	}
	return proc.Info{}, &proc.Fault{Reason: proc.BadName, Text: group + ":" + name}
}

func (f *fake) Groups(context.Context) ([]*conf.Group, error) { return f.groups, nil }

func (f *fake) Stdin(ctx context.Context, group, name string, data []byte) error {
	p, err := f.Process(ctx, group, name)
	if err != nil {
		return err
	}
	if p.PID == 0 {
		return &proc.Fault{Reason: proc.NotRunning}
	}
	if err := f.fail["stdin "+name]; err != nil {
		return err
	}
	f.note("stdin " + name + " " + string(data))
	return nil
}

// Do follows the promises of proc.Manager.Do; outcomes are those in fail.
func (f *fake) Do(ctx context.Context, op proc.Op, each func(proc.Result)) error {
	word := [...]string{"start", "stop", "restart", "signal"}[op.Kind]
	did := [...]string{"started", "stopped", "started", "signalled"}[op.Kind]
	sees := func(p *conf.Process) bool { return op.Sees == nil || op.Sees(p) }
	if op.Group != "" && !slices.ContainsFunc(f.groups, func(g *conf.Group) bool {
		return g.Name == op.Group && slices.ContainsFunc(g.Processes, sees)
	}) {
		return &proc.Fault{Reason: proc.BadName, Text: op.Group}
	}
	if op.Process != "" {
		if p, err := f.Process(ctx, op.Group, op.Process); err != nil || !sees(p.Config) {
			return &proc.Fault{Reason: proc.BadName, Text: op.Group + ":" + op.Process}
		}
	}
	f.mu.Lock()
	hold := f.hold
	f.waiting++
	f.mu.Unlock()
	if hold != nil && op.Wait {
		select {
		case <-hold:
		case <-ctx.Done():
			f.note("gave up waiting")
			return ctx.Err()
		}
	}
	for _, p := range f.infos {
		if !sees(p.Config) {
			continue
		}
		if op.Group != "" && p.Group != op.Group || op.Process != "" && p.Name != op.Process {
			continue
		}
		err := f.fail[word+" "+p.Name]
		if err == nil {
			switch {
			case op.Kind == proc.Start && p.State.Up():
				err = &proc.Fault{Reason: proc.AlreadyStarted}
			case op.Kind == proc.Stop && !p.State.Up(), op.Kind == proc.Signal && !p.State.Signallable():
				err = &proc.Fault{Reason: proc.NotRunning}
			}
			if err != nil && op.Process == "" {
				continue // does not belong to what is meant
			}
		}
		if err == nil {
			f.note(word + " " + p.Name)
		}
		each(proc.Result{Group: p.Group, Process: p.Name, Did: did, Err: err})
	}
	return nil
}

func (f *fake) config() *conf.Config           { return f.cfg }
func (f *fake) active(name string) *conf.Group { return findGroup(f.cfg.Groups, name) }

func (f *fake) runsAs(uid int) bool {
	return slices.ContainsFunc(f.groups, func(g *conf.Group) bool { return slices.ContainsFunc(g.Processes, own(uid)) })
}

func (f *fake) reread(context.Context) (*conf.Config, conf.Plan, error) {
	return f.cfg, f.plan, f.broken
}

func (f *fake) upgrade(context.Context) error { return nil }

func (f *fake) reload(context.Context) error {
	if f.broken == nil {
		f.note("reload")
	}
	return f.broken
}

func (f *fake) shutdown() { f.note("shutdown") }

func (f *fake) add(_ context.Context, g *conf.Group) error {
	if findGroup(f.groups, g.Name) != nil {
		return &proc.Fault{Reason: proc.AlreadyAdded}
	}
	f.note("add " + g.Name)
	return nil
}

func (f *fake) remove(_ context.Context, name string) error {
	if findGroup(f.groups, name) == nil {
		return &proc.Fault{Reason: proc.BadName}
	}
	if name == "cat" {
		return &proc.Fault{Reason: proc.StillRunning}
	}
	f.note("remove " + name)
	return nil
}

func (f *fake) update(_ context.Context, p conf.Plan, only []string, each func(proc.Step)) error {
	if err := f.fail["update"]; err != nil {
		return err
	}
	for _, g := range p.Added {
		if only == nil || slices.Contains(only, g.Name) {
			each(proc.Step{Group: g.Name, Did: "added"})
		}
	}
	return nil
}

// fakeLogs are the processes' logs: <name>.out and <name>.err where such files are.
type fakeLogs struct{ f *fake }

// changes is never the same: what paths says depends on which files there are.
func (l fakeLogs) changes() uint64 { return l.f.asked.Add(1) }

func (l fakeLogs) paths(group, name string) (stdout, stderr string) {
	if name == "cat" {
		return filepath.Join(l.f.dir, "cat.out"), filepath.Join(l.f.dir, "cat.err")
	}
	if name == "fatal" {
		return filepath.Join(l.f.dir, "fatal.out"), ""
	}
	if name == "g1" && l.f.shared {
		return fakeMain(l).path(), ""
	}
	return "", ""
}

func (l fakeLogs) follow(group, name, stream string, n int64) ([]byte, follower, error) {
	stdout, stderr := l.paths(group, name)
	if stream == "stderr" {
		stdout = stderr
	}
	return l.f.followFile(stdout, n)
}

func (f *fake) followFile(path string, n int64) ([]byte, follower, error) {
	if path == "" {
		return nil, nil, fs.ErrNotExist
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if n >= 0 && int64(len(data)) > n {
		data = data[int64(len(data))-n:]
	}
	x := &fakeFollower{ready: make(chan struct{}, 1), asked: n}
	f.mu.Lock()
	f.follows = append(f.follows, x)
	f.mu.Unlock()
	return data, x, nil
}

func (l fakeLogs) clear(group, name string) error {
	if err := l.f.fail["clear "+name]; err != nil {
		return err
	}
	l.f.note("clear " + name)
	return nil
}

// fakeMain is the daemon's own log.
type fakeMain struct{ f *fake }

func (m fakeMain) path() string { return filepath.Join(m.f.dir, "main.log") }
func (m fakeMain) flush()       {}
func (m fakeMain) clear() error {
	m.f.note("clear main")
	return m.f.fail["clear main"]
}
func (m fakeMain) follow(n int64) ([]byte, follower, error) { return m.f.followFile(m.path(), n) }

// fakeFollower is a follower that a test feeds.
type fakeFollower struct {
	asked int64 // how many bytes of history were asked for
	ready chan struct{}

	mu     sync.Mutex
	data   []byte
	lost   int64
	closed bool
}

func (x *fakeFollower) Ready() <-chan struct{} { return x.ready }

func (x *fakeFollower) Take() ([]byte, int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	data, lost := x.data, x.lost
	x.data, x.lost = nil, 0
	return data, lost
}

func (x *fakeFollower) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
}

func (x *fakeFollower) isClosed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.closed
}

func (x *fakeFollower) push(data string, lost int64) {
	x.mu.Lock()
	x.data = append(x.data, data...)
	x.lost += lost
	x.mu.Unlock()
	select {
	case x.ready <- struct{}{}:
	default:
	}
}

// follower waits for the n-th follower, counted from 0.
func (f *fake) follower(t *testing.T, n int) *fakeFollower {
	t.Helper()
	var x *fakeFollower
	eventually(t, "a follower", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.follows) > n {
			x = f.follows[n]
		}
		return x != nil
	})
	return x
}
