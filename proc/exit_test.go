package proc_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// ends are children that exit by themselves, by name: "web" after a second with 3 and so on.
func ends(script map[string]proctest.Behaviour) func(proc.Spec, int) proctest.Behaviour {
	return func(s proc.Spec, _ int) proctest.Behaviour { return script[s.Name] }
}

func after(d time.Duration, status syscall.WaitStatus) proctest.Behaviour {
	return proctest.Behaviour{Life: d, Status: status}
}

func TestExitPolicy(t *testing.T) {
	t.Parallel()
	on := func(when conf.ExitWhen) conf.ExitOn { return conf.ExitOn{When: when} }
	never := func(c *conf.Process) { c.Autorestart = conf.RestartNever }
	essential := func(c *conf.Process) { c.Autorestart, c.Essential = conf.RestartNever, true }
	quick := proctest.Behaviour{AtOnce: true, Status: proctest.Exit(4)}
	for _, test := range []struct {
		name   string
		on     conf.ExitOn
		script map[string]proctest.Behaviour
		groups []*conf.Group
		want   string // "" for no verdict within a minute
		code   int
		by     string
	}{
		{"never", on(conf.ExitNever), map[string]proctest.Behaviour{"a": quick, "b": after(5*time.Second, proctest.Exit(1))},
			[]*conf.Group{single("a", nil), single("b", never)}, "", 0, ""},
		{"fatal", on(conf.ExitFatal), map[string]proctest.Behaviour{"a": quick},
			[]*conf.Group{single("a", nil), single("b", nil)},
			"a was given up (Exited too quickly (process log may have details)), and with exit_on=fatal that is the end: stopping everything, then exit status 4", 4, "a"},
		{"fatal is not a failure", on(conf.ExitFatal), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(1))},
			[]*conf.Group{single("a", never)}, "", 0, ""},
		{"fatal with exit status 0", on(conf.ExitFatal), map[string]proctest.Behaviour{"a": {AtOnce: true}},
			[]*conf.Group{single("a", nil)},
			"a was given up (Exited too quickly (process log may have details)), and with exit_on=fatal that is the end: stopping everything, then exit status 1", 1, "a"},
		{"fatal without a child", on(conf.ExitFatal), map[string]proctest.Behaviour{"a": {Err: syscall.EAGAIN}},
			[]*conf.Group{single("a", nil)},
			"a was given up (Too many processes in process table to spawn 'a'), and with exit_on=fatal that is the end: stopping everything, then exit status 1", 1, "a"},
		{"failure", on(conf.ExitFailure), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(7))},
			[]*conf.Group{single("a", never), single("b", nil)},
			"a ended (exit status 7; not expected), and with exit_on=failure that is the end: stopping everything, then exit status 7", 7, "a"},
		{"failure by signal", on(conf.ExitFailure), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Killed(syscall.SIGSEGV))},
			[]*conf.Group{single("a", never)},
			"a ended (terminated by SIGSEGV; not expected), and with exit_on=failure that is the end: stopping everything, then exit status 139", 139, "a"},
		{"failure: expected", on(conf.ExitFailure), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", never)}, "", 0, ""},
		{"failure: restarted", on(conf.ExitFailure), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(1))},
			[]*conf.Group{single("a", nil)}, "", 0, ""},
		{"any", on(conf.ExitAny), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", nil), single("b", nil)},
			"a ended (exit status 0), and with exit_on=any that is the end: stopping everything, then exit status 0", 0, "a"},
		{"all", on(conf.ExitAll), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0)), "b": after(9*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", nil), single("b", nil)},
			"every program has ended, and b ended (exit status 0): with exit_on=all that is the end, exit status 0", 0, "b"},
		{"all: the first failure", on(conf.ExitAll), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(3)), "b": after(7*time.Second, proctest.Exit(4)), "c": after(9*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", never), single("b", never), single("c", nil)},
			"every program has ended, and a ended (exit status 3; not expected): with exit_on=all that is the end, exit status 3", 3, "a"},
		{"all: one lives", on(conf.ExitAll), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", nil), single("b", nil)}, "", 0, ""},
		{"all: listeners only watch", on(conf.ExitAll), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0))},
			[]*conf.Group{single("a", nil), pool("el")},
			"every program has ended, and a ended (exit status 0): with exit_on=all that is the end, exit status 0", 0, "a"},
		{"main", conf.ExitOn{When: conf.ExitMain, Main: "a"}, map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(2)), "b": after(time.Second, proctest.Exit(1))},
			[]*conf.Group{single("a", never), single("b", nil)},
			"a ended (exit status 2; not expected), and with exit_on=main=a that is the end: stopping everything, then exit status 2", 2, "a"},
		{"essential", on(conf.ExitNever), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(2)), "b": after(2*time.Second, proctest.Exit(1))},
			[]*conf.Group{single("a", essential), single("b", never)},
			"a ended (exit status 2; not expected), and with essential=true that is the end: stopping everything, then exit status 2", 2, "a"},
		{"essential in a group", on(conf.ExitNever), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Exit(0))},
			[]*conf.Group{groupOf("g", 1, program("a", essential), program("b", nil))},
			"g:a ended (exit status 0), and with essential=true that is the end: stopping everything, then exit status 0", 0, "a"},
		{"essential that is killed is started again", on(conf.ExitNever), map[string]proctest.Behaviour{"a": after(5*time.Second, proctest.Killed(syscall.SIGKILL))},
			[]*conf.Group{single("a", func(c *conf.Process) { c.Essential = true })}, "", 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				told := make(chan proc.Verdict, 2)
				w := newWorld(t, ends(test.script), func(o *proc.Options) {
					o.ExitOn, o.Decided = test.on, func(v proc.Verdict) { told <- v }
				})
				for _, g := range test.groups {
					w.add(g)
				}
				select {
				case <-w.ended:
					if test.want == "" {
						t.Errorf("ended by itself: %v", w.said())
					}
				case <-time.After(time.Minute):
					if test.want != "" {
						t.Errorf("did not end")
					}
				}
				w.end()
				v, ok := w.m.Verdict()
				if ok != (test.want != "") || v.Reason != test.want || v.Code != test.code || v.Process != test.by {
					t.Errorf("verdict %+v, %v, want %q, code %d by %q", v, ok, test.want, test.code, test.by)
				}
				lines := slices.DeleteFunc(w.said(), func(l string) bool {
					return !strings.Contains(l, "exit status") || !strings.Contains(l, "that is the end")
				})
				if ok != (len(lines) == 1) || ok != (len(told) == 1) {
					t.Errorf("%d verdicts told, lines %q", len(told), lines)
				}
			})
		})
	}
}

func pool(name string) *conf.Group {
	g := single(name, func(c *conf.Process) { c.Kind = conf.EventListener })
	g.Kind, g.Listener = conf.EventListener, &conf.Listener{}
	return g
}

// An operator's stop, and what happens while everything ends anyway, decides nothing.
func TestExitPolicyLeavesOperatorsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, func(o *proc.Options) { o.ExitOn = conf.ExitOn{When: conf.ExitAny} })
		w.add(single("a", func(c *conf.Process) { c.Essential = true }))
		w.pass(2 * time.Second)
		w.do(proc.Op{Kind: proc.Restart, Group: "a", Process: "a", Wait: true})
		w.pass(2 * time.Second)
		w.do(proc.Op{Kind: proc.Stop, Group: "a", Process: "a", Wait: true})
		w.pass(time.Minute)
		w.wantState("a", state.Stopped)
		w.do(proc.Op{Kind: proc.Start, Group: "a", Process: "a", Wait: true})
		w.m.Shutdown(proc.MoodRestarting)
		w.k.Exit("a:a", proctest.Exit(9))
		<-w.ended
		if v, ok := w.m.Verdict(); ok || w.m.Mood() != proc.MoodRestarting {
			t.Errorf("verdict %+v, mood %v", v, w.m.Mood())
		}
	})
}

// The rest stops in order: listeners last, as with any shutdown.
func TestExitPolicyStopsInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ends(map[string]proctest.Behaviour{
			"main": after(5*time.Second, proctest.Exit(3)), "x": {Dying: time.Second}, "y": {Dying: time.Second}, "el": {Dying: time.Second},
		}), func(o *proc.Options) { o.ExitOn = conf.ExitOn{When: conf.ExitMain, Main: "main"} })
		prio := func(n int) func(*conf.Process) {
			return func(c *conf.Process) { c.Priority, c.Autorestart = n, conf.RestartNever }
		}
		for _, g := range []*conf.Group{single("el", prio(-1)), single("x", prio(1)), single("main", prio(2)), single("y", prio(3))} {
			w.add(g)
		}
		<-w.ended
		if d := time.Since(w.born); d != 8*time.Second {
			t.Errorf("took %v, want 8 s: five, and three groups of one", d)
		}
		var stops []string
		for _, s := range w.k.Sent() {
			stops = append(stops, s.Name)
		}
		same(t, "order", stops, []string{"y:y", "x:x", "el:el"})
	})
}

func TestRestartBudget(t *testing.T) {
	t.Parallel()
	limit := func(n int, window time.Duration, more func(*conf.Process)) func(*conf.Process) {
		return func(c *conf.Process) {
			c.MaxRestarts, c.RestartWindow = conf.Restarts{Limited: true, Most: n}, conf.Seconds(window)
			if more != nil {
				more(c)
			}
		}
	}
	for _, test := range []struct {
		name     string
		child    proctest.Behaviour
		change   func(*conf.Process)
		launches int
		at       time.Duration // of FATAL; 0: it never is
		events   []string      // the last ones
	}{
		{"running", after(2*time.Second, proctest.Exit(1)), limit(3, time.Minute, nil), 4, 8 * time.Second,
			[]string{"a EXITED from RUNNING expected:false pid:103", "a FATAL from EXITED"}},
		{"expected too", after(2*time.Second, proctest.Exit(0)), limit(1, time.Minute, func(c *conf.Process) { c.Autorestart = conf.RestartAlways }), 2, 4 * time.Second,
			[]string{"a EXITED from RUNNING expected:true pid:101", "a FATAL from EXITED"}},
		{"startsecs=0", after(100*time.Millisecond, proctest.Exit(1)), limit(5, time.Minute, func(c *conf.Process) { c.Startsecs = 0 }), 6, 5100 * time.Millisecond,
			[]string{"a EXITED from RUNNING expected:false pid:105", "a FATAL from EXITED"}},
		{"none allowed", after(2*time.Second, proctest.Exit(1)), limit(0, time.Minute, nil), 1, 2 * time.Second,
			[]string{"a EXITED from RUNNING expected:false pid:100", "a FATAL from EXITED"}},
		{"failed starts count", proctest.Behaviour{AtOnce: true}, limit(2, time.Minute, func(c *conf.Process) { c.Startretries = 1000 }), 3, 3 * time.Second,
			[]string{"a BACKOFF from STARTING tries:3", "a FATAL from BACKOFF"}},
		{"slow enough", after(10*time.Second, proctest.Exit(1)), limit(6, time.Minute, nil), 30, 0, nil},
		{"unlimited", after(2*time.Second, proctest.Exit(1)), nil, 150, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, always(test.child), func(w *world) {
				w.add(single("a", test.change))
				if test.at == 0 {
					w.pass(5*time.Minute - time.Millisecond)
				} else {
					w.pass(test.at - time.Millisecond)
					if s := w.state("a"); s == state.Fatal {
						t.Errorf("FATAL too early")
					}
					w.pass(time.Millisecond)
					w.wantState("a", state.Fatal)
					if err := w.info("a").SpawnErr; !strings.Contains(err, "restarts within ") || !strings.Contains(err, "max_restarts") {
						t.Errorf("spawnerr %q does not name the budget", err)
					}
					events := w.took()
					same(t, "events", events[len(events)-2:], test.events)
					if lines := strings.Join(w.said(), "\n"); strings.Count(lines, "gave up: a entered FATAL state, more than") != 1 {
						t.Errorf("log:\n%s", lines)
					}
					w.pass(time.Hour)
				}
				if n := w.k.Launched(); n != test.launches {
					t.Errorf("%d launches, want %d", n, test.launches)
				}
			})
		})
	}
}

// Whoever starts a program that was given up gives it a new budget.
func TestRestartBudgetIsRenewed(t *testing.T) {
	inWorld(t, always(after(2*time.Second, proctest.Exit(1))), func(w *world) {
		w.add(single("a", func(c *conf.Process) {
			c.MaxRestarts, c.RestartWindow = conf.Restarts{Limited: true, Most: 2}, conf.Seconds(time.Minute)
		}))
		w.pass(10 * time.Second)
		w.wantState("a", state.Fatal)
		same(t, "start", w.do(proc.Op{Kind: proc.Start, Group: "a", Process: "a", Wait: true}), []string{"a:a started"})
		w.pass(10 * time.Second)
		w.wantState("a", state.Fatal)
		if n := w.k.Launched(); n != 6 {
			t.Errorf("%d launches, want 6", n)
		}
	})
}
