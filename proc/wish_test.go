package proc_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

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
