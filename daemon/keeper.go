package daemon

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosv/logs"
	"gosv/proc"
)

// top is the process that others take for the daemon: its keeper, if there is one.
func (l *launch) top() int {
	if l.link != nil {
		return l.link.Keeper()
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
	pipes, fates, err := l.link.Take(l.ears())
	k.Inherit(pipes, fates)
	return err
}

// ears hear what the keeper says.
func (l *launch) ears() proc.Ears {
	return proc.Ears{Died: l.told, Full: l.keeperFull, Lost: l.keeperLost}
}

// keeperFull says that the keeper does not hold all pipes.
func (l *launch) keeperFull(limit uint64) {
	if d := l.current.Load(); d != nil {
		d.log.Warn(fmt.Sprintf("the keeper (pid %d) does not hold all pipes, since there was no descriptor left for one (it may have %d: LimitNOFILE=, ulimit -n; the system: fs.file-max): what is in the others when their program ends may be lost, should gosv be dead then",
			l.link.Keeper(), limit))
	}
}

// told is the keeper's word that a process has died which lost an earlier daemon as its parent.
func (l *launch) told(pid int, status syscall.WaitStatus) {
	if k := l.kernel.Load(); k == nil || !k.Told(pid, status) {
		l.link.Noted(pid)
	}
}

// keeperPause is the least time between two keepers of ours.
const keeperPause = 10 * time.Second

// keeperLost starts another keeper in the place of one that has died or hangs, unless that has been
// done. Process 1 cannot be replaced.
func (l *launch) keeperLost() {
	d := l.current.Load()
	if d == nil { // between two lives: the next one sees it
		return
	}
	l.keeping.Lock()
	defer l.keeping.Unlock()
	if !l.link.Lost() {
		return
	}
	old, what := l.link.Keeper(), "has died"
	switch {
	case l.link.Hangs():
		what = "does not answer"
	case old == 1: // and lives, for we do
		what = "cannot be reached"
	}
	if old == 1 {
		d.sayAlone(what)
		return
	}
	for failed := 0; ; failed++ {
		if wait := keeperPause - time.Since(l.renewed); !pause(d.living, max(0, wait)) || d.mgr.Mood() < proc.MoodRunning {
			return
		}
		l.renewed = time.Now()
		d.upgrader.acting.RLock() // no upgrade while there are two of them; signals are dealt with
		if err := l.renew(); err == nil {
			break
		} else if failed == 0 {
			d.log.Error(fmt.Sprintf("the keeper (pid %d) %s, and there is no other one (%v): should gosv die now, it has to be started again by hand; it is tried again every %d seconds",
				old, what, err, keeperPause/time.Second))
		}
		d.upgrader.acting.RUnlock()
	}
	defer d.upgrader.acting.RUnlock()
	d.outputs.pump.KeptBy(l.link)
	l.link.GoOn(l.ears())
	d.log.Warn(fmt.Sprintf("the keeper (pid %d) %s; the new one has the pid %d", old, what, l.top()))
	movePidfile(d.began.Supervisord.Pidfile, old, l.top())
}

// sayAlone says, once in a life, what is the matter with process 1. launch.keeping is held.
func (d *Daemon) sayAlone(what string) {
	if !d.alone {
		d.log.Warn(fmt.Sprintf("the keeper (pid 1) %s: what is still in the pipe of a program that ends may be lost, should gosv die now", what))
	}
	d.alone = true
}

// renew starts the other keeper.
func (l *launch) renew() error {
	var given []*os.File
	if l.given != nil {
		given = l.given.files
	}
	return l.link.Renew(os.Args, l.dir, given, signalsOf(l.masked))
}
