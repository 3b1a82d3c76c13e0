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

// ending runs f in a world that f has to end.
func endingWorld(t *testing.T, behave func(proc.Spec, int) proctest.Behaviour, change func(*proc.Options), f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, behave, change)
		f(t, w)
		<-w.ended
		w.end()
	})
}

// signals are what was sent, as "name SIGNAL at seconds since begin".
func signals(w *world, begin time.Time) []string {
	var list []string
	for _, s := range w.k.Sent() {
		name := map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL"}[s.Signal]
		list = append(list, s.Name+" "+name+" "+s.At.Sub(begin).String())
	}
	return list
}

func TestDrain(t *testing.T) {
	drain := func(o *proc.Options) { o.Drain = 5 * time.Second }
	endingWorld(t, nil, drain, func(t *testing.T, w *world) {
		w.add(single("a", nil))
		w.add(single("b", func(c *conf.Process) { c.Autorestart = conf.RestartAlways }))
		w.pass(2 * time.Second)
		if w.m.Draining() {
			t.Errorf("draining before anybody said so")
		}
		w.took()
		begin := time.Now()
		w.m.Shutdown(proc.MoodShutdown)
		w.pass(time.Second)
		if !w.m.Draining() || w.m.Mood() != proc.MoodShutdown {
			t.Errorf("draining %v, mood %v", w.m.Draining(), w.m.Mood())
		}
		same(t, "events", w.took(), []string{"stopping"})
		w.wantState("a", state.Running)
		w.k.Exit("b:b", proctest.Exit(1)) // who crashes meanwhile is started again: there is still work
		w.pass(3 * time.Second)
		w.wantState("b", state.Running)
		same(t, "start", w.do(proc.Op{Kind: proc.Start, Group: "a", Process: "a"}), []string{"SHUTDOWN_STATE"})
		w.m.Shutdown(proc.MoodShutdown) // as often as one likes
		<-w.ended
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("took %v", d)
		}
		if w.m.Draining() {
			t.Errorf("still draining")
		}
		same(t, "signals", signals(w, begin), []string{"b:b TERM 5s", "a:a TERM 5s"})
	})
}

// A restart of everything does not drain, nor does the end of a program that decided, nor
// a shutdown with nothing to wait for.
func TestNoDrain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(w *world)
	}{
		{"restart", func(w *world) { w.m.Shutdown(proc.MoodRestarting) }},
		{"verdict", func(w *world) { w.k.Exit("main:main", proctest.Exit(1)) }},
		{"nothing runs", func(w *world) {
			w.do(proc.Op{Kind: proc.Stop, Wait: true})
			w.m.Shutdown(proc.MoodShutdown)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			change := func(o *proc.Options) { o.Drain, o.ExitOn = time.Hour, conf.ExitOn{When: conf.ExitAny} }
			endingWorld(t, nil, change, func(t *testing.T, w *world) {
				w.add(single("a", nil))
				w.add(single("main", func(c *conf.Process) { c.Autorestart = conf.RestartNever }))
				w.pass(2 * time.Second)
				begin := time.Now()
				test.end(w)
				<-w.ended
				if d := time.Since(begin); d != 0 {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestShutdownTimeout(t *testing.T) {
	stubborn := proctest.Behaviour{Stubborn: true}
	t.Parallel()
	for _, test := range []struct {
		name           string
		timeout, drain time.Duration
		script         map[string]proctest.Behaviour
		signals        []string
		took           time.Duration
	}{
		{"in time", 25 * time.Second, 0, map[string]proctest.Behaviour{"c": {Dying: 3 * time.Second}},
			[]string{"c:c TERM 0s", "b:b TERM 3s", "a:a TERM 3s"}, 3 * time.Second},
		{"stopwaitsecs comes first", 25 * time.Second, 0, map[string]proctest.Behaviour{"c": stubborn},
			[]string{"c:c TERM 0s", "c:c KILL 10s", "b:b TERM 10s", "a:a TERM 10s"}, 10 * time.Second},
		{"what is left", 15 * time.Second, 0, map[string]proctest.Behaviour{"b": stubborn, "c": stubborn},
			[]string{"c:c TERM 0s", "c:c KILL 10s", "b:b TERM 10s", "b:b KILL 14s", "a:a TERM 14s", "a:a KILL 14s"}, 14 * time.Second},
		{"drain counts", 15 * time.Second, 8 * time.Second, map[string]proctest.Behaviour{"c": stubborn},
			[]string{"c:c TERM 8s", "c:c KILL 14s", "b:b TERM 14s", "b:b KILL 14s", "a:a TERM 14s", "a:a KILL 14s"}, 14 * time.Second},
		{"drain too long", 5 * time.Second, time.Minute, nil,
			[]string{"c:c KILL 4.5s", "b:b KILL 4.5s", "a:a KILL 4.5s"}, 4500 * time.Millisecond},
		{"none", 0, 0, map[string]proctest.Behaviour{"a": stubborn, "b": stubborn, "c": stubborn},
			[]string{"c:c TERM 0s", "c:c KILL 10s", "b:b TERM 10s", "b:b KILL 20s", "a:a TERM 20s", "a:a KILL 30s"}, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			change := func(o *proc.Options) { o.Drain, o.Timeout = test.drain, test.timeout }
			endingWorld(t, ends(test.script), change, func(t *testing.T, w *world) {
				for i, name := range []string{"a", "b", "c"} {
					w.add(single(name, func(c *conf.Process) { c.Priority = i }))
				}
				w.pass(2 * time.Second)
				begin := time.Now()
				w.m.Shutdown(proc.MoodShutdown)
				<-w.ended
				if d := time.Since(begin); d != test.took {
					t.Errorf("took %v, want %v", d, test.took)
				}
				same(t, "signals", deadly(signals(w, begin)), deadly(test.signals))
			})
		})
	}
}

// deadly leaves out a TERM that a KILL follows in the same moment: whether it reaches the
// child at all nobody can tell.
func deadly(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return strings.Contains(s, " TERM ") && slices.Contains(list, strings.Replace(s, " TERM ", " KILL ", 1))
	})
}

// A second request kills at once, also what is still being launched; a restart that
// becomes a shutdown is bounded too.
func TestForce(t *testing.T) {
	behave := func(s proc.Spec, _ int) proctest.Behaviour {
		if s.Name == "slow" {
			return proctest.Behaviour{LaunchFor: 3 * time.Second, Stubborn: true}
		}
		return proctest.Behaviour{Stubborn: true}
	}
	endingWorld(t, behave, func(o *proc.Options) { o.Drain = time.Minute }, func(t *testing.T, w *world) {
		w.add(single("a", nil))
		w.add(groupOf("g", 5, program("x", func(c *conf.Process) { c.Killasgroup = true }), program("y", nil)))
		w.pass(2 * time.Second)
		w.m.Force() // nothing to force
		w.pass(time.Second)
		w.wantState("a", state.Running)
		w.add(single("slow", nil))
		w.pass(time.Second)
		begin := time.Now()
		w.m.Shutdown(proc.MoodShutdown)
		w.pass(time.Second)
		if !w.m.Draining() {
			t.Errorf("not draining")
		}
		w.m.Force()
		w.m.Force()
		<-w.ended
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("took %v, want 2 s, when the launch has answered", d)
		}
		same(t, "signals", deadly(signals(w, begin)), []string{"a:a KILL 1s", "g:y KILL 1s", "g:x KILL 1s", "slow:slow KILL 2s"})
		killing := slices.DeleteFunc(w.said(), func(l string) bool { return !strings.HasPrefix(l, "WARN killing what is left") })
		same(t, "remarks", killing, []string{"WARN killing what is left, as asked: a, x, y, slow"})
	})
}

func TestRestartBecomesShutdown(t *testing.T) {
	change := func(o *proc.Options) { o.Timeout, o.Drain = 5*time.Second, time.Second }
	endingWorld(t, always(proctest.Behaviour{Stubborn: true}), change, func(t *testing.T, w *world) {
		w.add(single("a", nil))
		w.pass(2 * time.Second)
		begin := time.Now()
		w.m.Shutdown(proc.MoodRestarting)
		w.pass(2 * time.Second)
		w.m.Shutdown(proc.MoodShutdown)
		<-w.ended
		if d := time.Since(begin); d != 6500*time.Millisecond {
			t.Errorf("took %v, want 2 s and 4.5", d)
		}
	})
}
