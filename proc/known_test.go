package proc_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// Known is the same list until something happens, and never an old one.
func TestKnown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		known := func() []proc.Info {
			t.Helper()
			list, err := w.m.Known(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		w.add(single("x", func(c *conf.Process) { c.Autorestart = conf.RestartNever }))
		w.wantState("x", state.Starting)
		synctest.Wait() // its launch has answered
		before := known()
		if again := known(); &before[0] != &again[0] || again[0].State != state.Starting {
			t.Errorf("another list of %+v", again)
		}
		for _, step := range []struct {
			what string
			do   func()
			want state.State
		}{
			{"its time passes", func() { w.pass(2 * time.Second) }, state.Running},
			{"it is stopped", func() { w.do(proc.Op{Kind: proc.Stop, Group: "x", Process: "x", Wait: true}) }, state.Stopped},
			{"it is started", func() { w.do(proc.Op{Kind: proc.Start, Group: "x", Process: "x", Wait: true}) }, state.Running},
			{"it dies", func() { w.k.Exit("x:x", syscall.WaitStatus(9)); w.pass(0) }, state.Exited},
		} {
			step.do()
			if list := known(); len(list) != 1 || list[0].State != step.want {
				t.Errorf("%s: %+v, want %v", step.what, list, step.want)
			}
		}
		w.add(single("y", nil))
		if list := known(); len(list) != 2 {
			t.Errorf("another group: %+v", list)
		}
		if before[0].State != state.Starting {
			t.Errorf("the old list has become %+v", before)
		}
	})
}
