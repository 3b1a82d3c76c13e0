package proc_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

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
		if took := time.Since(begin); took != 12*time.Second {
			t.Errorf("took %v, want 12s: three priorities of 4 s", took)
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
			"INFO waiting for el, g1, g2 to die", "INFO waiting for el to die", "INFO waiting for el to die",
		})
		if _, err := w.m.Processes(context.Background()); err != proc.ErrClosed {
			t.Errorf("Processes after the end = %v, want ErrClosed", err)
		}
		if _, err := w.m.Known(context.Background()); err != proc.ErrClosed {
			t.Errorf("Known after the end = %v, want ErrClosed", err)
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

// What is added before Run is there before all else, or given back.
func TestAddFirst(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		again := func() {
			w.m.Shutdown(proc.MoodShutdown)
			<-w.ended
			w.took()
		}
		again()
		m := proc.New(w.options)
		list := []*conf.Group{single("b", nil), single("a", nil)}
		added := m.AddFirst(list, func() { w.events = append(w.events, "before") })
		w.run(m)
		if err := w.m.Add(context.Background(), list[0]); faultText(err) != "ALREADY_ADDED: b" {
			t.Errorf("Add = %v", err)
		}
		if err := <-added; err != nil {
			t.Error(err)
		}
		same(t, "events", w.took(), []string{"added b", "added a", "before", "b STARTING from STOPPED tries:0", "a STARTING from STOPPED tries:0"})
		again()
		closed := w.output["a"].Closed
		m = proc.New(w.options)
		m.Shutdown(proc.MoodShutdown)
		added = m.AddFirst(list, nil)
		w.run(m)
		if err := <-added; faultText(err) != "SHUTDOWN_STATE" {
			t.Errorf("AddFirst = %v", err)
		}
		<-w.ended
		if w.output["a"].Closed != closed+1 {
			t.Errorf("output closed %d times, before %d", w.output["a"].Closed, closed)
		}
		same(t, "events", w.took(), []string{"stopping"})
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

// A shutdown does not wait for a launch that hangs before its fork, and that one forks nothing any more when it goes
// on; one whose fork has begun is waited for, and its child is stopped. A restart waits, until it becomes a shutdown.
func TestShutdownWhileALaunchHangs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		attach, fork time.Duration // how long these take
		mood         proc.Mood
		takes        time.Duration // the whole second of it
		forked       bool
	}{
		{"before its fork", time.Hour, 0, proc.MoodShutdown, 0, false},
		{"for a moment", 100 * time.Millisecond, 0, proc.MoodShutdown, 0, false},
		{"in its fork", 0, time.Minute, proc.MoodShutdown, time.Minute, true},
		{"before its fork, and everything starts again", time.Minute, 0, proc.MoodRestarting, time.Minute, true},
	} {
		for _, socket := range []*conf.Socket{nil, {Name: "f", URL: "unix://" + t.TempDir() + "/s", Backlog: 5, Mode: conf.Unset}} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, func(s proc.Spec, _ int) proctest.Behaviour {
					if s.Name == "far" {
						return proctest.Behaviour{LaunchFor: test.fork}
					}
					return proctest.Behaviour{}
				}, 1)
				w.output["far"] = &proctest.Output{Hangs: test.attach}
				w.add(single("near", func(c *conf.Process) { c.Priority = 1 }))
				w.add(single("far", func(c *conf.Process) { c.Socket = socket }))
				w.add(single("waits", func(c *conf.Process) { c.Socket = socket }))
				synctest.Wait()
				w.took()
				begun := time.Now()
				w.m.Shutdown(test.mood)
				<-w.ended
				if took := time.Since(begun); took.Truncate(time.Second) != test.takes {
					t.Errorf("%s: the end took %v, want %v", test.name, took, test.takes)
				}
				if got := w.took(); !test.forked && !slices.Contains(got, "far STOPPED from STOPPING pid:0") {
					t.Errorf("%s: %q", test.name, got)
				}
				time.Sleep(2 * time.Hour)
				if forked := slices.ContainsFunc(w.k.Launches(), func(l proctest.Launch) bool { return l.Name == "far:far" }); forked != test.forked {
					t.Errorf("%s: it forked: %v, want %v", test.name, forked, test.forked)
				}
				if n := w.k.Children(); n != 0 {
					t.Errorf("%s: %d children are left", test.name, n)
				}
				w.replace()
			})
		}
	}
}

// A restart that waits for a launch that hangs may become a shutdown, which does not.
func TestShutdownOfARestartThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := hangsFirst(t, nil)
		w.add(single("far", nil))
		synctest.Wait()
		w.m.Shutdown(proc.MoodRestarting)
		w.pass(time.Minute)
		select {
		case <-w.ended:
			t.Error("the restart has not waited")
		default:
		}
		begun := time.Now()
		w.m.Shutdown(proc.MoodShutdown)
		<-w.ended
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the end took %v", took)
		}
		time.Sleep(time.Hour)
		if n := w.k.Launched(); n != 0 {
			t.Errorf("%d were launched", n)
		}
		w.replace()
	})
}
