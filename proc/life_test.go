package proc_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
)

// TestLife counts what happens to one process.
func TestLife(t *testing.T) {
	inWorld(t, func(s proc.Spec, nth int) proctest.Behaviour {
		switch {
		case s.Name == "never":
			return proctest.Behaviour{AtOnce: true, Status: proctest.Exit(2)}
		case s.Name == "job":
			return proctest.Behaviour{AtOnce: true}
		case s.Name == "nofork":
			return proctest.Behaviour{Err: syscall.EAGAIN}
		case s.Name == "noexec":
			return proctest.Behaviour{Err: &proc.ExecError{Step: "exec", Target: "x", Err: syscall.ENOENT}}
		case nth == 0:
			return after(5*time.Second, proctest.Exit(3))
		case nth < 3:
			return after(5*time.Second, proctest.Killed(syscall.SIGSEGV))
		}
		return proctest.Behaviour{}
	}, func(w *world) {
		w.add(single("web", nil))
		w.add(single("never", nil))
		w.add(single("job", func(c *conf.Process) { c.Startsecs = 0; c.Autorestart = conf.RestartNever }))
		w.add(single("nofork", nil))
		w.add(single("noexec", func(c *conf.Process) { c.Startretries = 0 }))
		life := func(name, want string) {
			t.Helper()
			l := w.info(name).Life
			if got := fmt.Sprintf("begun %d ended %v up %v expected %v", l.Begun, l.Ended, l.BeenUp, l.Expected); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		w.pass(500 * time.Millisecond)
		life("web", "begun 1 ended [] up false expected false")
		life("job", "begun 1 ended [{0 1}] up true expected true")
		w.pass(time.Second)
		life("web", "begun 1 ended [] up true expected false")
		before := w.info("web").Life.Ended
		w.pass(30 * time.Second)
		life("web", "begun 4 ended [{3 1} {139 2}] up true expected false")
		if len(before) != 0 {
			t.Errorf("a list that was handed out has changed: %v", before)
		}
		life("never", "begun 4 ended [{2 4}] up false expected false")
		life("nofork", "begun 0 ended [] up false expected false")
		life("noexec", "begun 1 ended [{127 1}] up false expected false")
		w.do(proc.Op{Kind: proc.Stop, Group: "web", Wait: true})
		life("web", "begun 4 ended [{3 1} {139 2} {143 1}] up true expected false")
	})
}
