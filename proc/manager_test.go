package proc_test

import (
	"fmt"
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

func always(b proctest.Behaviour) func(proc.Spec, int) proctest.Behaviour {
	return func(proc.Spec, int) proctest.Behaviour { return b }
}

// startretries=3 means attempts at 0, 1, 3 and 6 seconds and FATAL at once after the last.
func TestBackoffTiming(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{AtOnce: true, Status: proctest.Exit(0)}), func(w *world) {
		w.add(single("x", nil))
		w.pass(6 * time.Second)
		w.wantState("x", state.Fatal)
		var at []string
		for _, l := range w.k.Launches() {
			at = append(at, l.At.Sub(w.born).String())
		}
		same(t, "launches", at, []string{"0s", "1s", "3s", "6s"})
		want := []string{"added x"}
		for i := range 4 {
			from := "BACKOFF"
			if i == 0 {
				from = "STOPPED"
			}
			want = append(want, fmt.Sprintf("x STARTING from %s tries:%d", from, i), fmt.Sprintf("x BACKOFF from STARTING tries:%d", i+1))
		}
		same(t, "events", w.took(), append(want, "x FATAL from BACKOFF"))
		if i := w.info("x"); i.SpawnErr != "Exited too quickly (process log may have details)" || i.ExitStatus != 0 || i.PID != 0 {
			t.Errorf("info = %+v", i)
		}
		w.pass(time.Hour)
		if n := len(w.k.Launches()); n != 4 {
			t.Errorf("%d launches after an hour in FATAL, want 4", n)
		}
	})
}

func TestMissingCommand(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(single("fatal", func(c *conf.Process) {
			c.Command.Argv, c.Startretries = []string{"/nonexistent/fatal"}, 0
		}))
		same(t, "events", w.took(), []string{"added fatal", "fatal STARTING from STOPPED tries:0", "fatal BACKOFF from STARTING tries:1", "fatal FATAL from BACKOFF"})
		same(t, "log", w.said(), []string{"INFO spawnerr: can't find command '/nonexistent/fatal'", "INFO gave up: fatal entered FATAL state, too many start retries too quickly"})
		if i := w.info("fatal"); i.SpawnErr != "can't find command '/nonexistent/fatal'" {
			t.Errorf("spawnerr = %q", i.SpawnErr)
		}
		same(t, "start", w.do(proc.Op{Kind: proc.Start, Group: "fatal", Process: "fatal", Wait: true}), []string{"fatal:fatal started NO_FILE: can't find command '/nonexistent/fatal'"})
	})
}

// A child that stays past startsecs and exits 0 was RUNNING and is EXITED, also when both
// are seen at the same moment.
func TestStaysPastStartsecs(t *testing.T) {
	for _, life := range []time.Duration{time.Second, 1500 * time.Millisecond} {
		t.Run(life.String(), func(t *testing.T) {
			inWorld(t, always(proctest.Behaviour{Life: life, Status: proctest.Exit(0)}), func(w *world) {
				w.add(single("job", nil))
				w.pass(2 * time.Second)
				same(t, "events", w.took(), []string{"added job", "job STARTING from STOPPED tries:0", "job RUNNING from STARTING pid:100", "job EXITED from RUNNING expected:true pid:100"})
				same(t, "log", w.said(), []string{"INFO spawned: 'job' with pid 100", "INFO success: job entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)", "INFO exited: job (exit status 0; expected)"})
			})
		})
	}
}

// Reading the last output takes its time; the dead child is neither promoted nor signalled
// meanwhile.
func TestDiesWhileOutputIsRead(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Life: 500 * time.Millisecond, Status: proctest.Exit(3)}), func(w *world) {
		w.output["x"] = &proctest.Output{Drain: 900 * time.Millisecond}
		w.add(single("x", nil))
		w.pass(1200 * time.Millisecond)
		w.wantState("x", state.Starting)
		got := w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true})
		same(t, "stop", got, []string{"x:x stopped"})
		if since := time.Since(w.born); since != 1400*time.Millisecond {
			t.Errorf("stopped after %v, want 1.4s", since)
		}
		if len(w.k.Sent()) != 0 {
			t.Errorf("signals to the dead: %v", w.k.Sent())
		}
		w.wantState("x", state.Stopped)
	})
}

func TestAutorestart(t *testing.T) {
	rows := []struct {
		name   string
		policy conf.Autorestart
		status syscall.WaitStatus
		again  bool
	}{
		{"false", conf.RestartNever, proctest.Exit(1), false},
		{"unexpected, expected", conf.RestartUnexpected, proctest.Exit(0), false},
		{"unexpected, not expected", conf.RestartUnexpected, proctest.Exit(2), true},
		{"unexpected, signal", conf.RestartUnexpected, proctest.Killed(syscall.SIGSEGV), true},
		{"true", conf.RestartAlways, proctest.Exit(0), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.add(single("x", func(c *conf.Process) { c.Autorestart = row.policy }))
				w.pass(5 * time.Second)
				w.wantState("x", state.Running)
				w.k.Exit("x:x", row.status)
				want := state.Exited
				if row.again {
					want = state.Starting
				}
				w.wantState("x", want)
			})
		})
	}
}

func TestExitInfo(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Autorestart = conf.RestartNever }))
		w.pass(2 * time.Second)
		w.said()
		w.k.Exit("x:x", proctest.Exit(3))
		w.wantState("x", state.Exited)
		i := w.info("x")
		if i.ExitStatus != 3 || i.SpawnErr != "Bad exit code 3" || i.PID != 0 || !i.Stop.Equal(time.Now()) || !i.Start.Equal(w.born) {
			t.Errorf("info = %+v", i)
		}
		same(t, "log", w.said(), []string{"WARN exited: x (exit status 3; not expected)"})
		w.do(proc.Op{Kind: proc.Start, Group: "x", Process: "x", Wait: true})
		again := w.info("x")
		if again.ExitStatus != 0 || again.SpawnErr != "" || !again.Stop.Equal(i.Stop) {
			t.Errorf("info after a start = %+v", again)
		}
		w.said()
		w.k.Exit("x:x", proctest.Killed(syscall.SIGHUP))
		w.wantState("x", state.Exited)
		if i := w.info("x"); i.ExitStatus != -1 || i.SpawnErr != "Bad exit code -1" {
			t.Errorf("info = %+v", i)
		}
		same(t, "log", w.said(), []string{"WARN exited: x (terminated by SIGHUP; not expected)"})
	})
}

func TestStopEscalation(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Stubborn: true}), func(w *world) {
		w.add(single("stubborn", func(c *conf.Process) {
			c.Stopwaitsecs, c.Stopasgroup, c.Killasgroup = conf.Seconds(3*time.Second), false, true
		}))
		w.pass(2 * time.Second)
		w.said()
		before := time.Now()
		same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Group: "stubborn", Process: "stubborn", Wait: true}), []string{"stubborn:stubborn stopped"})
		if took := time.Since(before); took != 3*time.Second {
			t.Errorf("stop took %v, want 3s", took)
		}
		same(t, "log", w.said(), []string{"INFO waiting for stubborn to stop", "INFO waiting for stubborn to stop", "WARN killing 'stubborn' (100) with SIGKILL", "WARN stopped: stubborn (terminated by SIGKILL)"})
		sent := w.k.Sent()
		if len(sent) != 2 || sent[0].Signal != syscall.SIGTERM || sent[0].Group || sent[1].Signal != syscall.SIGKILL || !sent[1].Group {
			t.Errorf("sent %v", sent)
		}
	})
}

// SIGKILL is repeated every stopwaitsecs, and a stop that waits fails at once when the
// child may not be signalled.
func TestStopNotAllowed(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Deaf: true}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Stopwaitsecs = conf.Seconds(2 * time.Second) }))
		w.pass(2 * time.Second)
		w.said()
		same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}), []string{"x:x stopped FAILED: unknown problem killing x (100): operation not permitted"})
		w.wantState("x", state.Stopping)
		w.pass(5 * time.Second)
		kills := 0
		for _, l := range w.said() {
			if l == "WARN killing 'x' (100) with SIGKILL" {
				kills++
			}
		}
		if kills != 2 {
			t.Errorf("%d kills in 5 s with stopwaitsecs=2, want 2", kills)
		}
		w.k.Exit("x:x", proctest.Exit(0))
		w.wantState("x", state.Stopped)
	})
}

func TestStopWaitsecsZero(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Deaf: true}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Stopwaitsecs = 0 }))
		w.pass(2 * time.Second)
		w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x"})
		w.said()
		w.pass(10 * time.Second)
		if n := len(w.said()); n > 40 {
			t.Errorf("%d lines in 10 s: the loop spins", n)
		}
		w.k.Exit("x:x", proctest.Exit(0))
		w.wantState("x", state.Stopped)
	})
}

func TestOrphansAndEarlyExits(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{AtOnce: true, Status: proctest.Exit(5), LaunchFor: time.Second}), func(w *world) {
		pid := w.k.Orphan(proctest.Exit(0))
		same(t, "log", w.said(), []string{fmt.Sprintf("INFO reaped unknown pid %d (exit status 0)", pid)})
		w.add(single("x", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartNever }))
		w.pass(500 * time.Millisecond)
		first, second := w.k.Orphan(proctest.Killed(syscall.SIGKILL)), w.k.Orphan(proctest.Exit(253))
		same(t, "log while a launch is under way", w.said(), nil)
		w.pass(time.Second)
		lines := w.said()
		want := fmt.Sprintf("INFO reaped unknown pid %d (terminated by SIGKILL)", first)
		if !slices.Contains(lines, want) || slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, fmt.Sprintf("unknown pid %d", second)) }) {
			t.Errorf("log %v, want %q and nothing of %d", lines, want, second)
		}
		w.wantState("x", state.Exited)
		if i := w.info("x"); i.ExitStatus != 5 {
			t.Errorf("info %+v", i)
		}
	})
}

func TestExecError(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Err: &proc.ExecError{Step: "chdir", Target: "/x", Err: syscall.ENOENT}}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Startretries = 0 }))
		same(t, "log", w.said(), []string{"WARN exited: x (exit status 127; not expected)", "INFO gave up: x entered FATAL state, too many start retries too quickly"})
		if o := w.output["x"]; o.Ended != 1 {
			t.Errorf("the output was told of %d ends, want 1", o.Ended)
		}
	})
}

func TestSpawnErrorTexts(t *testing.T) {
	rows := []struct {
		err, attach error
		want        string
	}{
		{syscall.EAGAIN, nil, "Too many processes in process table to spawn 'x'"},
		{syscall.ENOMEM, nil, "unknown error during fork for 'x': ENOMEM"},
		{syscall.EMFILE, nil, "too many open files to spawn 'x'"},
		{nil, syscall.EMFILE, "too many open files to spawn 'x'"},
		{nil, syscall.ENOENT, "unknown error making dispatchers for 'x': ENOENT"},
	}
	for _, row := range rows {
		t.Run(row.want, func(t *testing.T) {
			inWorld(t, always(proctest.Behaviour{Err: row.err}), func(w *world) {
				w.output["x"] = &proctest.Output{Err: row.attach}
				w.add(single("x", nil))
				w.wantState("x", state.Backoff)
				if got := w.info("x").SpawnErr; got != row.want {
					t.Errorf("spawnerr = %q, want %q", got, row.want)
				}
				same(t, "log", w.said(), []string{"INFO spawnerr: " + row.want})
			})
		})
	}
}

// With nothing due the loop has no timer: virtual time can only pass because of ours.
func TestIdle(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(single("x", nil))
		w.pass(2 * time.Second)
		w.took()
		w.said()
		w.pass(1000 * time.Hour)
		if e, l := w.took(), w.said(); len(e) != 0 || len(l) != 0 {
			t.Errorf("something happened: %v %v", e, l)
		}
	})
}
