package proc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// freeze is what the manager knows, as plain data that has been written and read. With
// take, the manager is ended then, and what it had open is duplicated for the next.
func (w *world) freeze(take bool) (f proc.Frozen) {
	w.t.Helper()
	err := w.m.Freeze(context.Background(), func(now proc.Frozen) error {
		text, err := json.Marshal(now)
		if err == nil {
			err = json.Unmarshal(text, &f)
		}
		f.Groups = now.Groups
		if take {
			for i := range f.Processes {
				if fd := &f.Processes[i].Stdin; *fd >= 0 {
					*fd, _ = syscall.Dup(*fd)
				}
			}
			for i := range f.Sockets {
				f.Sockets[i].FD, _ = syscall.Dup(f.Sockets[i].FD)
			}
			w.replace()
		}
		return err
	})
	if err != nil {
		w.t.Fatalf("Freeze = %v", err)
	}
	return f
}

// upgrade puts another manager in the place of this one.
func (w *world) upgrade() proc.Frozen {
	w.t.Helper()
	f := w.freeze(true)
	<-w.ended
	m := proc.New(w.options)
	m.Resume(f)
	w.run(m)
	return f
}

// plain is f without what differs between two equal managers.
func plain(f proc.Frozen) proc.Frozen {
	for i := range f.Processes {
		if f.Processes[i].Stdin >= 0 {
			f.Processes[i].Stdin = 0
		}
	}
	for i := range f.Sockets {
		f.Sockets[i].FD = 0
	}
	f.Groups = nil
	return f
}

// A manager that goes on where another was frozen knows what that one knew, and does from
// then on what that one would have done: the same events at the same times, the same
// launches, the same signals.
func TestResumeIsTheSameLife(t *testing.T) {
	t.Parallel()
	upgrades := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := script(rt)
		s.launchers = 1
		clear(s.drains)
		for i := range s.kinds {
			s.kinds[i].LaunchFor = 0
		}
		for _, g := range s.groups {
			for _, c := range g.Processes {
				c.Autostart = false
			}
		}
		for i := range s.deeds {
			if op := s.deeds[i].op; op != nil {
				op.Wait = false
				if op.Process == "" {
					op.Group, op.Process = fmt.Sprintf("g%d", i%3), fmt.Sprintf("p%d", i%6)
				}
			}
		}
		when := rapid.SliceOfN(rapid.IntRange(0, 3), len(s.deeds), len(s.deeds)).Draw(rt, "upgrade after")
		f := &failures{}
		var without, with []string
		synctest.Test(t, func(*testing.T) { without, _ = s.relive(f, nil) })
		synctest.Test(t, func(*testing.T) {
			var n int
			with, n = s.relive(f, when)
			upgrades += n
		})
		for _, text := range f.list {
			rt.Errorf("%s", text)
		}
		if !slices.Equal(with, without) {
			rt.Errorf("the lives differ:\n%s", cmp.Diff(without, with))
		}
	})
	t.Logf("%d upgrades", upgrades)
}

// relive is what happens in a life whose operations come one after the other, with upgrades
// after some of them.
func (s *life) relive(f *failures, upgrades []int) (history []string, n int) {
	w := newWorldOf(f, nil, s.launchers)
	w.k.Behave = func(spec proc.Spec, nth int) proctest.Behaviour {
		i := int(spec.Name[1] - '0')
		b := s.kinds[(i*7+nth)%len(s.kinds)]
		if b.Dying > 0 { // who are stopped at once do not die at the same instant
			b.Dying += time.Duration(i) * 13 * time.Nanosecond
		}
		return b
	}
	note := func() {
		for _, e := range w.took() {
			history = append(history, fmt.Sprint(time.Since(w.born), " ", e))
		}
	}
	for _, g := range s.groups {
		w.add(g)
	}
	for i, d := range s.deeds {
		switch {
		case d.op != nil:
			w.do(*d.op)
		case d.exits != "":
			w.k.Exit(d.exits, d.status)
		case d.pause > 0:
			time.Sleep(d.pause)
		}
		note()
		time.Sleep(1009 * time.Nanosecond) // so that no two things are due at the same instant
		if upgrades != nil && upgrades[i] == 0 {
			n++
			before := plain(w.upgrade())
			if diff := cmp.Diff(before, plain(w.freeze(false))); diff != "" {
				f.Errorf("what is known differs:\n%s", diff)
			}
			note()
		}
	}
	time.Sleep(time.Minute)
	note()
	w.end()
	note()
	for _, l := range w.k.Launches() {
		history = append(history, fmt.Sprint("launched ", l.Name, " ", l.PID, " ", l.At.Sub(w.born)))
	}
	for _, x := range w.k.Sent() {
		history = append(history, fmt.Sprint(x.Signal, " ", x.Name, " ", x.PID, " ", x.At.Sub(w.born)))
	}
	return history, n
}

// The time that an upgrade takes counts: a timer that was half over is not begun anew.
func TestResumeCountsTheTimeBetween(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(single("a", func(c *conf.Process) { c.Startsecs = conf.Seconds(10 * time.Second) }))
		w.pass(4 * time.Second)
		f := w.freeze(true)
		<-w.ended
		time.Sleep(3 * time.Second)
		f.Age = 3 * time.Second
		m := proc.New(w.options)
		m.Resume(f)
		w.run(m)
		w.pass(2900 * time.Millisecond)
		w.wantState("a", state.Starting)
		w.pass(200 * time.Millisecond)
		w.wantState("a", state.Running)
	})
}

// Who dies while nobody is there is reaped with its status, and told of once.
func TestResumeReapsWhoDiedMeanwhile(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(single("a", func(c *conf.Process) { c.Autorestart = conf.RestartNever }))
		w.pass(2 * time.Second)
		f := w.freeze(true)
		<-w.ended
		w.k.Exit("a:a", proctest.Exit(3))
		w.took()
		m := proc.New(w.options)
		m.Resume(f)
		w.run(m)
		w.pass(0)
		same(t, "events", w.took(), []string{"a EXITED from RUNNING expected:false pid:100"})
		if i := w.info("a"); i.ExitStatus != 3 {
			t.Errorf("exit status %d, want 3", i.ExitStatus)
		}
	})
}

// Helpers are reaped for whoever expects them, and nobody else hears of them.
func TestExpectedChildrenAreNoOrphans(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var ended <-chan syscall.WaitStatus
		w.said()
		err := w.m.Freeze(context.Background(), func(proc.Frozen) error {
			ended = w.m.Expect(w.k.Orphan(proctest.Exit(7)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if s := <-ended; s != proctest.Exit(7) {
			t.Errorf("status %v", s)
		}
		same(t, "lines", w.said(), nil)
	})
}

// A manager that is changing its groups, or ends, is not frozen.
func TestFreezeIsRefused(t *testing.T) {
	inWorld(t, func(proc.Spec, int) proctest.Behaviour { return proctest.Behaviour{Dying: 5 * time.Second} }, func(w *world) {
		g := single("a", nil)
		w.add(g)
		w.pass(2 * time.Second)
		go w.m.Update(context.Background(), conf.Plan{Removed: []*conf.Group{g}}, nil, func(proc.Step) {})
		w.pass(0)
		err := w.m.Freeze(context.Background(), func(proc.Frozen) error { return nil })
		same(t, "during an update", []string{faultText(err)}, []string{"BUSY: another change is under way"})
		w.pass(10 * time.Second)
		w.m.Shutdown(proc.MoodShutdown)
		err = w.m.Freeze(context.Background(), func(proc.Frozen) error { return nil })
		if err != proc.ErrClosed {
			same(t, "at the end", []string{faultText(err)}, []string{"SHUTDOWN_STATE"})
		}
	})
}
