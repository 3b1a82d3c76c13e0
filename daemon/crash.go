package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// ledgerName says whose ledger a daemon's is: that of its configuration, and of its identifier
// where that comes from elsewhere. A name in the file may be changed at any time.
func (l *launch) ledgerName(s *conf.Supervisord) proc.LedgerName {
	return proc.LedgerName{Config: l.file, Instance: s.Instance, Earlier: s.Identifier}.Resolve()
}

// makeLedger makes the directory of the ledger while we may still be root. What it returns
// is for the log: the daemon runs without. The first process of a container needs none: when
// it dies, the kernel kills all others. What other accounts' daemons left is ended; err says
// that this could not be done, and so that we must not run.
func (l *launch) makeLedger(s *conf.Supervisord) (why error, notes []conf.Notice, err error) {
	l.ledgerOf = l.ledgerName(s)
	if os.Getpid() == 1 || l.again {
		return nil, nil, nil
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if s.User.Set && uid == 0 {
		uid, gid = s.User.UID, s.User.GID
	}
	l.ledger, why = proc.LedgerDir(l.ledgerOf, uid, gid)
	notes, err = l.endLeft(uid)
	return why, notes, err
}

// openLedger opens it; say is for the log, and hears of what cannot be noted later.
func (l *launch) openLedger(say func(error)) (*proc.Ledger, error) {
	if l.ledger == "" {
		return nil, nil
	}
	return proc.OpenLedger(l.ledger, l.ledgerOf, say)
}

// heldError is what a second daemon of the same configuration says: the original's words,
// which scripts look for, when there is a server that both would have.
func heldError(cfg *conf.Config, held *proc.ErrHeld) error {
	for _, u := range cfg.UnixServers {
		if who, live := listener(u.File); live {
			return socketError(syscall.EADDRINUSE, fmt.Sprintf("%s answers on %q: end it, or change file= in [%s]", who, u.File, u.Section))
		}
	}
	if len(cfg.UnixServers)+len(cfg.InetServers) > 0 { // it does not answer yet, or any more
		return socketError(syscall.EADDRINUSE, held.Error())
	}
	return held
}

// dropLedger removes the directory, unless there is something in it for a later daemon.
func (l *launch) dropLedger() {
	if l.ledger == "" {
		return
	}
	if _, err := os.Stat(filepath.Join(l.ledger, "ledger")); err == nil {
		return
	}
	os.Remove(filepath.Join(l.ledger, "lock"))
	os.Remove(l.ledger)
}

// sayLedger says why nothing would be known of the programs if this daemon was killed.
func (d *Daemon) sayLedger(err error) {
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if d.ledger != nil {
		d.log.Warn(err.Error())
	} else {
		d.log.Info(fmt.Sprintf("programs cannot be told from strangers should gosv be killed: %v", err))
	}
}

// recover lets the manager go on with what an earlier daemon left, before it runs; cancel
// ends a daemon that is there to end all that, and may not. It
// returns the groups that are active then, nil if there was nothing.
func (d *Daemon) recover(cancel context.CancelFunc) []*conf.Group {
	if d.past.Empty() {
		d.mgr.Begin()
		d.outputs.pump.Settled()
		return nil
	}
	past := d.past
	for _, g := range past.Groups {
		d.prepare(g)
		d.pools.observe(event.Event{Type: event.ProcessGroupAdded, Group: g.Name})
		d.roster.added(g.Name)
	}
	if d.over {
		d.mgr.Shutdown(proc.MoodShutdown)
	}
	beyond := d.mgr.Recover(past, d.config().Supervisord.OnCrash == conf.CrashKill, func() {
		d.bus.Publish(event.Event{Type: event.SupervisorStateChangeRunning})
	})
	if beyond != nil {
		d.log.Error(fmt.Sprintf("what an earlier gosv left cannot all be signalled: %v", beyond))
		if d.over {
			cancel() // it cannot be done
		}
	}
	d.past = nil
	d.outputs.pump.Settled()
	return past.Groups
}

// updateWait is how long clients wait at most for updateFrom, which may have to stop
// programs: as long as the usual stopwaitsecs.
const updateWait = 10 * time.Second

// updateFrom brings the groups of an earlier daemon to what the configuration says now, as
// update does. It returns when that is done, or has taken too long for clients to wait.
func (d *Daemon) updateFrom(ctx context.Context, active []*conf.Group) {
	defer d.sayChecks()
	plan := conf.Diff(active, d.config().Groups)
	if plan.Empty() {
		return
	}
	done := make(chan struct{})
	go func() { // ends with the update, or when the manager does
		defer close(done)
		err := d.update(ctx, plan, nil, func(s proc.Step) {
			if s.Err != nil {
				d.log.Warn(fmt.Sprintf("%s was not %s: %v", s.Group, s.Did, s.Err))
			}
		})
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, proc.ErrClosed) {
			d.log.Warn(fmt.Sprintf("cannot bring the groups to what the configuration says: %v", err))
		}
	}()
	t := time.NewTimer(updateWait)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		d.log.Info("programs that the configuration does not have any more, or has otherwise, are still being stopped; clients are served meanwhile")
	}
}

// Adopt makes the output of a child that an earlier daemon started ours.
func (out *output) Adopt(pid int, pipes [2]proc.Pipe) {
	for i, st := range out.streams() {
		pipe := pipes[i]
		if pipe.Inode == 0 || out.options(st).LogfileDirect {
			continue
		}
		sink, _, err := out.open(st)
		if err != nil {
			out.all.d.log.Error(fmt.Sprintf("cannot go on with the log of the %s of '%s', so what it writes is lost until it is started again: %v", st.name, out.conf.Name, err))
			sink = out.blind(st)
		}
		if err = sink.Adopt(pipe.FD, pid, pipe.Inode); err != nil {
			out.all.d.log.Error(fmt.Sprintf("cannot go on reading the %s of '%s': %v", st.name, out.conf.Name, err))
		}
	}
}

// blind is open for a stream whose log cannot be opened before the next run, for a program whose pipe nobody reads
// hangs as soon as that is full.
func (out *output) blind(st *stream) *logs.Sink {
	out.making.Lock()
	defer out.making.Unlock()
	if s := st.sink.Load(); s != nil {
		return s
	}
	sink := out.all.pump.SinkLater(out.sinkOptions(st))
	st.sink.Store(sink)
	if out.closed.Load() { // as in open
		sink.Close()
	}
	return sink
}

// Logs are the AUTO logs.
func (out *output) Logs() map[string]string {
	var logs map[string]string
	for _, st := range out.streams() {
		if out.options(st).Logfile.Kind == conf.LogAuto && st.path != "" {
			if logs == nil {
				logs = map[string]string{}
			}
			logs[st.name] = st.path
		}
	}
	return logs
}
