package proc_test

import (
	"context"
	"fmt"
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

func always(b proctest.Behaviour) func(proc.Spec, int) proctest.Behaviour {
	return func(proc.Spec, int) proctest.Behaviour { return b }
}

func byName(list map[string]proctest.Behaviour) func(proc.Spec, int) proctest.Behaviour {
	return func(s proc.Spec, _ int) proctest.Behaviour { return list[s.Name] }
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

func TestWaitSemantics(t *testing.T) {
	start := proc.Op{Kind: proc.Start, Group: "x", Process: "x", Wait: true}
	stop := proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}
	rows := []struct {
		name   string
		behave proctest.Behaviour
		change func(*conf.Process)
		op     proc.Op
		want   string
		after  time.Duration
	}{
		{"start", proctest.Behaviour{}, nil, start, "x:x started", time.Second},
		{"start at once", proctest.Behaviour{}, func(c *conf.Process) { c.Startsecs = 0 }, start, "x:x started", 0},
		{"start, no wait", proctest.Behaviour{}, nil, proc.Op{Kind: proc.Start, Group: "x", Process: "x"}, "x:x started", 0},
		{"start, exits quickly", proctest.Behaviour{Life: 300 * time.Millisecond, Status: proctest.Exit(0)}, nil, start, "x:x started SPAWN_ERROR: x", 300 * time.Millisecond},
		{"start, fork fails", proctest.Behaviour{Err: syscall.EAGAIN}, nil, start, "x:x started SPAWN_ERROR: x", 0},
		{"start, fork fails, no wait", proctest.Behaviour{Err: syscall.EAGAIN}, nil, proc.Op{Kind: proc.Start, Group: "x", Process: "x"}, "x:x started SPAWN_ERROR: x", 0},
		{"start, exec fails", proctest.Behaviour{Err: &proc.ExecError{Step: "exec", Target: "x", Err: syscall.ENOEXEC}}, nil, start, "x:x started SPAWN_ERROR: x", 0},
		{"stop of a stopped one", proctest.Behaviour{}, nil, stop, "x:x stopped NOT_RUNNING: x", 0},
		{"unknown", proctest.Behaviour{}, nil, proc.Op{Kind: proc.Start, Group: "x", Process: "y"}, "BAD_NAME: x:y", 0},
		{"unknown group", proctest.Behaviour{}, nil, proc.Op{Kind: proc.Start, Group: "z"}, "BAD_NAME: z", 0},
		{"signal to a stopped one", proctest.Behaviour{}, nil, proc.Op{Kind: proc.Signal, Group: "x", Process: "x", Signal: syscall.SIGHUP}, "x:x signalled NOT_RUNNING: x", 0},
		{"directory", proctest.Behaviour{}, func(c *conf.Process) { c.Command.Argv = []string{"/tmp"} }, start, "x:x started NOT_EXECUTABLE: command at '/tmp' is a directory", 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			inWorld(t, always(row.behave), func(w *world) {
				w.add(single("x", func(c *conf.Process) {
					c.Autostart = false
					if row.change != nil {
						row.change(c)
					}
				}))
				before := time.Now()
				same(t, "result", w.do(row.op), []string{row.want})
				if took := time.Since(before); took != row.after {
					t.Errorf("took %v, want %v", took, row.after)
				}
			})
		})
	}
}

func TestStartStopRaces(t *testing.T) {
	start := proc.Op{Kind: proc.Start, Group: "x", Process: "x", Wait: true}
	stop := proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}
	inWorld(t, always(proctest.Behaviour{Dying: 500 * time.Millisecond}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Autostart = false; c.Startsecs = conf.Seconds(5 * time.Second) }))
		started := make(chan []string, 1)
		go func() { started <- w.do(start) }()
		w.pass(time.Second)
		same(t, "start of a starting one", w.do(start), []string{"x:x started ALREADY_STARTED: x"})
		stopped := make(chan []string, 1)
		go func() { stopped <- w.do(stop) }()
		same(t, "start, stopped meanwhile", <-started, []string{"x:x started ABNORMAL_TERMINATION: x"})
		same(t, "stop of a stopping one", w.do(stop), []string{"x:x stopped NOT_RUNNING: x"})
		w.said()
		same(t, "start of a stopping one", w.do(start), []string{"x:x started ABNORMAL_TERMINATION: x"})
		same(t, "log", w.said(), []string{"WARN process 'x' already running"})
		same(t, "stop", <-stopped, []string{"x:x stopped"})
	})
}

func TestStopWhileLaunching(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{LaunchFor: 2 * time.Second}), func(w *world) {
		w.add(single("x", nil))
		w.pass(time.Second)
		w.wantState("x", state.Starting)
		signalled := make(chan []string, 1)
		go func() {
			signalled <- w.do(proc.Op{Kind: proc.Signal, Group: "x", Process: "x", Signal: syscall.SIGUSR1})
		}()
		synctest.Wait()
		same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}), []string{"x:x stopped"})
		if since := time.Since(w.born); since != 2*time.Second {
			t.Errorf("stopped after %v, want 2s", since)
		}
		same(t, "signal", <-signalled, []string{"x:x signalled"})
		same(t, "events", w.took(), []string{"added x", "x STARTING from STOPPED tries:0", "x STOPPING from STARTING pid:0", "x STOPPED from STOPPING pid:100"})
	})
}

// What was not forked yet when the stop came is not forked at all.
func TestStopBeforeLaunch(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{LaunchFor: time.Second}), func(w *world) {
		var list []*conf.Process
		for i := range 100 {
			list = append(list, program(fmt.Sprintf("p%02d", i), nil))
		}
		w.add(groupOf("g", 1, list...))
		w.pass(500 * time.Millisecond)
		w.do(proc.Op{Kind: proc.Stop, Wait: true})
		if n := len(w.k.Launches()); n > 20 {
			t.Errorf("%d launches, want only those that the launcher had", n)
		}
	})
}

func TestRestart(t *testing.T) {
	restart := proc.Op{Kind: proc.Restart, Group: "x", Process: "x", Wait: true}
	t.Run("running", func(t *testing.T) {
		inWorld(t, always(proctest.Behaviour{Dying: time.Second}), func(w *world) {
			w.add(single("x", nil))
			w.pass(2 * time.Second)
			w.took()
			same(t, "restart", w.do(restart), []string{"x:x stopped", "x:x started"})
			same(t, "events", w.took(), []string{"x STOPPING from RUNNING pid:100", "x STOPPED from STOPPING pid:100", "x STARTING from STOPPED tries:0", "x RUNNING from STARTING pid:101"})
		})
	})
	t.Run("a stop meanwhile wins", func(t *testing.T) {
		inWorld(t, always(proctest.Behaviour{Dying: time.Second}), func(w *world) {
			w.add(single("x", nil))
			w.pass(2 * time.Second)
			restarted := make(chan []string, 1)
			go func() { restarted <- w.do(restart) }()
			w.pass(500 * time.Millisecond)
			same(t, "stop", w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}), []string{"x:x stopped"})
			same(t, "restart", <-restarted, []string{"x:x stopped", "x:x started ABNORMAL_TERMINATION: x"})
			w.pass(time.Minute)
			w.wantState("x", state.Stopped)
		})
	})
	t.Run("stopped", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			w.add(single("x", func(c *conf.Process) { c.Autostart = false }))
			same(t, "restart", w.do(restart), []string{"x:x stopped NOT_RUNNING: x", "x:x started"})
			same(t, "of all", w.do(proc.Op{Kind: proc.Restart, Wait: true}), []string{"x:x stopped", "x:x started"})
		})
	})
	t.Run("command gone", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			c := single("x", nil)
			w.add(c)
			w.pass(2 * time.Second)
			c.Processes[0].Command.Argv = []string{"/nonexistent"}
			same(t, "restart", w.do(restart), []string{"x:x stopped", "x:x started NO_FILE: can't find command '/nonexistent'"})
			w.wantState("x", state.Stopped)
		})
	})
	t.Run("no wait", func(t *testing.T) {
		inWorld(t, always(proctest.Behaviour{Dying: time.Second}), func(w *world) {
			w.add(single("x", nil))
			w.pass(2 * time.Second)
			op := restart
			op.Wait = false
			same(t, "restart", w.do(op), []string{"x:x stopped", "x:x started"})
			w.wantState("x", state.Stopping)
			w.pass(3 * time.Second)
			w.wantState("x", state.Running)
		})
	})
}

// The end of the caller's context ends the waiting and its remarks, not what was asked for.
func TestCancel(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Stubborn: true}), func(w *world) {
		w.add(single("x", nil))
		w.pass(2 * time.Second)
		w.said()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := w.m.Do(ctx, proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}, func(proc.Result) {}); err != context.DeadlineExceeded {
			t.Errorf("Do = %v, want deadline exceeded", err)
		}
		w.pass(20 * time.Second)
		w.wantState("x", state.Stopped)
		same(t, "log", w.said(), []string{"INFO waiting for x to stop", "INFO waiting for x to stop", "WARN killing 'x' (100) with SIGKILL", "WARN stopped: x (terminated by SIGKILL)"})
	})
}

// Stop of all takes those up, in order of group and process priority; all signals go first.
func TestStopAllOrder(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Dying: time.Second}), func(w *world) {
		prio := func(n int) func(*conf.Process) { return func(c *conf.Process) { c.Priority = n } }
		w.add(groupOf("late", 50, program("a", prio(5)), program("b", prio(1))))
		w.add(groupOf("early", 10, program("c", nil)))
		w.add(groupOf("off", 1, program("d", func(c *conf.Process) { c.Autostart = false })))
		w.pass(2 * time.Second)
		before := time.Now()
		got := w.do(proc.Op{Kind: proc.Stop, Wait: true})
		slices.Sort(got) // they die at the same moment
		same(t, "stop", got, []string{"early:c stopped", "late:a stopped", "late:b stopped"})
		if took := time.Since(before); took != time.Second {
			t.Errorf("took %v, want 1s: one after the other", took)
		}
		var order []string
		for _, s := range w.k.Sent() {
			order = append(order, s.Name)
		}
		same(t, "signals", order, []string{"early:c", "late:b", "late:a"})
		same(t, "start", w.do(proc.Op{Kind: proc.Start}), []string{"off:d started", "early:c started", "late:b started", "late:a started"})
		same(t, "nothing to do", w.do(proc.Op{Kind: proc.Start}), nil)
	})
}

func TestShutdownOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s proc.Spec, _ int) proctest.Behaviour {
			if s.Name == "quick" {
				return proctest.Behaviour{AtOnce: true, Status: proctest.Exit(1)}
			}
			return proctest.Behaviour{Dying: 4 * time.Second}
		})
		prio := func(n int) func(*conf.Process) { return func(c *conf.Process) { c.Priority = n } }
		w.add(single("el", prio(-1)))
		w.add(groupOf("grp", 50, program("g1", prio(5)), program("g2", prio(1))))
		w.add(single("talk", nil))
		w.add(single("web", nil))
		w.add(single("quick", prio(2)))
		w.pass(1500 * time.Millisecond)
		w.wantState("quick", state.Backoff)
		w.took()
		w.said()
		begin := time.Now()
		w.m.Shutdown(proc.MoodRestarting)
		w.pass(time.Second)
		w.m.Shutdown(proc.MoodShutdown)
		if w.m.Mood() != proc.MoodShutdown {
			t.Errorf("mood = %v", w.m.Mood())
		}
		w.m.Shutdown(proc.MoodRestarting)
		if w.m.Mood() != proc.MoodShutdown {
			t.Errorf("restarting beat shutdown")
		}
		same(t, "start while closing", w.do(proc.Op{Kind: proc.Start, Group: "web", Process: "web"}), []string{"SHUTDOWN_STATE"})
		if err := w.m.Add(context.Background(), single("new", nil)); faultText(err) != "SHUTDOWN_STATE" {
			t.Errorf("Add = %v", err)
		}
		<-w.ended
		if took := time.Since(begin); took != 16*time.Second {
			t.Errorf("took %v, want 16s: four groups of 4 s", took)
		}
		var stops []string
		for _, e := range w.took() {
			if strings.Contains(e, "STOPPING from") || strings.Contains(e, "FATAL") || e == "stopping" {
				stops = append(stops, strings.Fields(e)[0])
			}
		}
		same(t, "order", stops, []string{"stopping", "quick", "web", "talk", "g1", "g2", "el"})
		waiting := slices.DeleteFunc(w.said(), func(l string) bool { return !strings.Contains(l, "to die") })
		same(t, "remarks", waiting, []string{
			"INFO waiting for el, g1, g2, talk, web to die", "INFO waiting for el, g1, g2, talk, web to die",
			"INFO waiting for el, g1, g2, talk to die", "INFO waiting for el, g1, g2 to die",
			"INFO waiting for el, g1, g2 to die", "INFO waiting for el to die",
		})
		if _, err := w.m.Processes(context.Background()); err != proc.ErrClosed {
			t.Errorf("Processes after the end = %v, want ErrClosed", err)
		}
	})
}

// While everything ends nothing starts: not what exits, not what is being restarted, not
// what was still to be forked.
func TestNothingStartsWhileClosing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s proc.Spec, _ int) proctest.Behaviour {
			switch s.Name {
			case "crash":
				return proctest.Behaviour{Life: 3 * time.Second, Status: proctest.Exit(1)}
			case "slow":
				return proctest.Behaviour{LaunchFor: time.Second}
			}
			return proctest.Behaviour{Dying: 5 * time.Second}
		})
		w.add(single("first", nil))
		w.add(single("crash", func(c *conf.Process) { c.Priority, c.Startsecs = 1, 0 }))
		w.add(single("again", func(c *conf.Process) { c.Priority = 2 }))
		w.pass(2500 * time.Millisecond)
		go w.do(proc.Op{Kind: proc.Restart, Group: "again", Process: "again", Wait: true})
		w.add(single("slow", func(c *conf.Process) { c.Priority = 3 }))
		w.add(single("behind", func(c *conf.Process) { c.Priority = 3 }))
		w.pass(100 * time.Millisecond)
		before := len(w.k.Launches())
		w.m.Shutdown(proc.MoodShutdown)
		<-w.ended
		for _, l := range w.k.Launches()[before:] {
			if l.Name != "slow:slow" && l.Name != "behind:behind" {
				t.Errorf("launched %s while closing", l.Name)
			}
		}
		if n := w.k.Children(); n != 0 {
			t.Errorf("%d children left", n)
		}
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

func TestAddAll(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx := context.Background()
		list := []*conf.Group{groupOf("g", 1, program("b", nil), program("a", nil)), single("x", nil)}
		if err := w.m.AddAll(ctx, list, func() { w.events = append(w.events, "before") }); err != nil {
			t.Fatal(err)
		}
		same(t, "events", w.took(), []string{"added g", "added x", "before", "b STARTING from STOPPED tries:0", "a STARTING from STOPPED tries:0", "x STARTING from STOPPED tries:0"})
		if err := w.m.Add(ctx, single("x", nil)); faultText(err) != "ALREADY_ADDED: x" {
			t.Errorf("Add = %v", err)
		}
		if err := w.m.Remove(ctx, "x"); faultText(err) != "STILL_RUNNING: x" {
			t.Errorf("Remove = %v", err)
		}
		if err := w.m.Remove(ctx, "y"); faultText(err) != "BAD_NAME: y" {
			t.Errorf("Remove = %v", err)
		}
		infos, err := w.m.Processes(ctx)
		var names []string
		for _, i := range infos {
			names = append(names, i.Group+":"+i.Name)
		}
		same(t, "processes", names, []string{"g:a", "g:b", "x:x"})
		groups, err2 := w.m.Groups(ctx)
		if err != nil || err2 != nil || len(groups) != 2 || groups[0].Name != "g" {
			t.Errorf("groups %v, %v, %v", groups, err, err2)
		}
		w.do(proc.Op{Kind: proc.Stop, Group: "x", Wait: true})
		w.took()
		if err := w.m.Remove(ctx, "x"); err != nil {
			t.Errorf("Remove = %v", err)
		}
		same(t, "events", w.took(), []string{"removed x"})
		if w.output["x"].Closed != 1 {
			t.Errorf("output closed %d times", w.output["x"].Closed)
		}
	})
}

func TestUpdate(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Dying: time.Second}), func(w *world) {
		ctx := context.Background()
		gone, old, kept := single("gone", nil), single("web", nil), single("kept", nil)
		for _, g := range []*conf.Group{gone, old, kept} {
			w.add(g)
		}
		w.pass(2 * time.Second)
		w.took()
		plan := conf.Plan{
			Removed: []*conf.Group{gone},
			Changed: []conf.GroupChange{{Old: old, New: single("web", func(c *conf.Process) { c.Priority = 3 })}},
			Added:   []*conf.Group{single("new", nil)},
		}
		busy := make(chan error, 1)
		go func() {
			time.Sleep(500 * time.Millisecond)
			busy <- w.m.Update(ctx, plan, nil, func(proc.Step) {})
		}()
		var steps []string
		err := w.m.Update(ctx, plan, nil, func(s proc.Step) {
			steps = append(steps, strings.TrimSpace(fmt.Sprint(s.Group, " ", s.Did)))
			if s.Err != nil {
				t.Errorf("step %+v", s)
			}
		})
		if err != nil {
			t.Errorf("Update = %v", err)
		}
		same(t, "steps", steps, []string{"gone stopped", "gone removed", "web stopped", "web updated", "new added"})
		if err := <-busy; faultText(err) != "BUSY: another update is under way" {
			t.Errorf("second Update = %v", err)
		}
		same(t, "events", w.took(), []string{
			"gone STOPPING from RUNNING pid:100", "gone STOPPED from STOPPING pid:100", "removed gone",
			"web STOPPING from RUNNING pid:101", "web STOPPED from STOPPING pid:101", "removed web", "added web", "web STARTING from STOPPED tries:0",
			"added new", "new STARTING from STOPPED tries:0",
		})
		w.wantState("kept", state.Running)
		if w.info("web").Config.Priority != 3 {
			t.Errorf("web has its old configuration")
		}
	})
}
