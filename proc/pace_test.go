package proc_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// A program that is up at once, for startsecs is 0, and ends soon, is not started more than
// once a second by itself; one that has run that long is started again at once.
func TestRestartPace(t *testing.T) {
	lives := []time.Duration{100 * time.Millisecond, 0, 999 * time.Millisecond, time.Second, 5 * time.Second, time.Hour}
	behave := func(s proc.Spec, nth int) proctest.Behaviour {
		return proctest.Behaviour{Life: lives[nth], AtOnce: lives[nth] == 0, Status: proctest.Exit(1)}
	}
	inWorld(t, behave, func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartAlways }))
		w.pass(20 * time.Second)
		var at []string
		for _, l := range w.k.Launches() {
			at = append(at, l.At.Sub(w.born).String())
		}
		same(t, "launches", at, []string{"0s", "1s", "2s", "3s", "4s", "9s"})
	})
}

// Who kills a program may do it as often as he likes.
func TestRestartPaceKilled(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Life: 100 * time.Millisecond, Status: proctest.Killed(syscall.SIGKILL)}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartAlways }))
		w.pass(350 * time.Millisecond)
		if n := len(w.k.Launches()); n != 4 {
			t.Errorf("%d launches, want 4", n)
		}
	})
}

// While such a program waits, it is EXITED, and any wish ends the waiting.
func TestRestartPaceWishes(t *testing.T) {
	quick := always(proctest.Behaviour{Life: 100 * time.Millisecond, Status: proctest.Exit(1)})
	in := func(t *testing.T, f func(w *world)) {
		inWorld(t, quick, func(w *world) {
			w.add(single("x", func(c *conf.Process) { c.Startsecs, c.Autorestart, c.Autostart = 0, conf.RestartAlways, true }))
			w.pass(500 * time.Millisecond)
			w.wantState("x", state.Exited)
			w.took()
			f(w)
		})
	}
	launches := func(w *world, want int) {
		t.Helper()
		w.pass(100 * time.Millisecond)
		if n := len(w.k.Launches()); n != want {
			t.Errorf("%d launches, want %d", n, want)
		}
	}
	for name, f := range map[string]func(w *world){
		"stop": func(w *world) {
			same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}), []string{"x:x stopped"})
			w.wantState("x", state.Stopped)
			w.pass(time.Minute)
			launches(w, 1)
		},
		"stop all": func(w *world) {
			same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Wait: true}), []string{"x:x stopped"})
			w.pass(time.Minute)
			launches(w, 1)
		},
		"start": func(w *world) {
			same(t, "start", w.do(proc.Op{Kind: proc.Start, Group: "x", Process: "x", Wait: true}), []string{"x:x started"})
			w.pass(800 * time.Millisecond)
			launches(w, 2)
			w.pass(400 * time.Millisecond)
			launches(w, 3)
		},
		"restart": func(w *world) {
			same(t, "restart", w.do(proc.Op{Kind: proc.Restart, Group: "x", Process: "x", Wait: true}), []string{"x:x stopped", "x:x started"})
			launches(w, 2)
		},
		"restart all": func(w *world) {
			same(t, "restart", w.do(proc.Op{Kind: proc.Restart}), []string{"x:x stopped", "x:x started"})
			launches(w, 2)
		},
		"restart without its command": func(w *world) {
			w.info("x").Config.Command.Argv[0] = "/nonexistent/x"
			same(t, "restart", w.do(proc.Op{Kind: proc.Restart, Group: "x", Process: "x", Wait: true}),
				[]string{"x:x stopped", "x:x started NO_FILE: can't find command '/nonexistent/x'"})
			w.pass(time.Minute)
			w.wantState("x", state.Stopped)
			launches(w, 1)
		},
		"remove": func(w *world) {
			if err := w.m.Remove(context.Background(), "x"); err != nil {
				t.Error(err)
			}
			w.pass(time.Minute)
			launches(w, 1)
		},
		"update": func(w *world) {
			plan := conf.Plan{Removed: []*conf.Group{single("x", nil)}}
			if err := w.m.Update(context.Background(), plan, nil, func(proc.Step) {}); err != nil {
				t.Error(err)
			}
			w.pass(time.Minute)
			launches(w, 1)
		},
		"shutdown": func(w *world) {
			w.m.Shutdown(proc.MoodShutdown)
			w.pass(time.Minute)
			if events := w.took(); slices.ContainsFunc(events, func(e string) bool { return strings.HasPrefix(e, "x ") }) {
				t.Errorf("of what rests already: %v", events)
			}
			if n := len(w.k.Launches()); n != 1 {
				t.Errorf("%d launches, want 1", n)
			}
		},
		"upgrade": func(w *world) {
			w.upgrade()
			w.pass(500 * time.Millisecond)
			launches(w, 2) // 500 ms of the second were over
		},
	} {
		t.Run(name, func(t *testing.T) { in(t, f) })
	}
}
