package main

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fewFiles lets the process pid have n descriptors more than it has, until the returned function is called.
func fewFiles(t *testing.T, pid, n int) (undo func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(fds(pid) + n), Max: before.Max}, nil); err != nil {
		t.Skip("SKIPPED: cannot set another process's limits: ", err)
	}
	return func() {
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
			t.Error(err)
		}
	}
}

// TestKeeperIsFull: a keeper without descriptors for all pipes says so, once to each daemon, and can still start the daemon again.
func TestKeeperIsFull(t *testing.T) {
	t.Parallel()
	b := newBox(t, "keeper = true\n", "[program:p]\nprocess_name = p%(process_num)d\nnumprocs = 40\ncommand = child sleep\nstartsecs = 0\nautostart = false\n").start()
	brain := b.brain()
	undo := fewFiles(t, b.pid(), 24)
	b.do("start", named{Name: "p:*"})
	b.until("it is said", func() bool { return b.count("does not hold all pipes", "LimitNOFILE=") > 0 })
	b.do("restart", named{Name: "p:*"})
	p := b.reaches("p7", "RUNNING")
	if n := b.count("does not hold all pipes"); n != 1 {
		t.Errorf("said %d times", n)
	}
	syscall.Kill(brain, syscall.SIGKILL)
	b.another(brain)
	b.still(p)
	undo()
	b.stop()
}

// TestKeeperIsTriedAgain: one that cannot be started in the place of another is tried again.
func TestKeeperIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t, "keeper = true\n", "[program:p]\ncommand = child sleep\nstartsecs = 0\n").start()
	p, brain, old := b.reaches("p", "RUNNING"), b.brain(), b.cmd.Process.Pid
	undo := fewFiles(t, brain, 0)
	b.kill9()
	b.until("it cannot be replaced", func() bool { return b.count("and there is no other one", "it is tried again") == 1 })
	undo()
	keeper := b.newKeeper(old, brain, p)
	syscall.Kill(keeper, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(keeper) && isGone(brain) && isGone(p.Pid) })
}
