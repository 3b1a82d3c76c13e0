package daemon

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"gosv/logs"
	"gosv/proc"
)

// top is the process that others take for the daemon: its keeper, if there is one.
func (l *launch) top() int {
	if l.link != nil {
		return l.link.Parent
	}
	return os.Getpid()
}

// behind says whether the daemon is in the background although nobody waits for it.
func (l *launch) behind() bool { return l.link != nil && l.link.Background }

// becomeKeeper makes this process the keeper, which starts the daemon. It returns only when
// that fails.
func (l *launch) becomeKeeper() error {
	if l.ready != nil {
		fd := int(l.ready.Fd())
		unix.SetNonblock(fd, false)
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		os.Setenv(readyEnv, strconv.Itoa(fd))
	}
	return fmt.Errorf("cannot start the keeper (keeper=true in [supervisord]): %w", proc.BecomeKeeper(os.Args))
}

// takeOver asks the keeper, once, for what it holds, and has it hold the pipes to come.
func (l *launch) takeOver(k *proc.UnixKernel, pump *logs.Pump) error {
	if l.link == nil {
		return nil
	}
	pump.KeptBy(l.link)
	if l.again {
		return nil
	}
	pipes, fates, err := l.link.Take(l.told, l.keeperLost)
	k.Inherit(pipes, fates)
	return err
}

// told is the keeper's word that a process has died which lost an earlier daemon as its parent.
func (l *launch) told(pid int, status syscall.WaitStatus) {
	if k := l.kernel.Load(); k == nil || !k.Told(pid, status) {
		l.link.Noted(pid)
	}
}

func (l *launch) keeperLost() {
	if log := l.log.Load(); log != nil {
		log.Warn(fmt.Sprintf("the keeper (pid %d) has died: should gosv die now, it has to be started again by hand; a restart brings a new keeper", l.link.Parent))
	}
}
