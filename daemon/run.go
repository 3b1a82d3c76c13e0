package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"time"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// runOnce is one life of the daemon, from a loaded configuration to the last process
// stopped. again says that a reload asked for another one, with l.cfg to begin with.
func (l *launch) runOnce() (again bool, err error) {
	s := &l.cfg.Supervisord
	k := l.kept
	l.kept = nil
	var notes []conf.Notice
	noLedger, left, err := l.makeLedger(s)
	if held := (*proc.ErrHeld)(nil); errors.As(err, &held) {
		return false, heldError(l.cfg, held)
	}
	if err != nil {
		return false, err
	}
	if !l.again {
		if notes, err = prepareProcess(s); err != nil {
			return false, err
		}
	}
	notes = slices.Concat(account(s, l.cfg.TOML), notes, left)
	var d *Daemon // nobody waits for standard error, so the log has it
	ledger, err := l.openLedger(func(err error) { d.report("WARN", err.Error()) })
	if held := (*proc.ErrHeld)(nil); errors.As(err, &held) {
		return false, heldError(l.cfg, held)
	}
	noLedger = errors.Join(noLedger, err)
	defer func() { ledger.Close(d != nil && d.stopped) }()
	d = &Daemon{files: &logs.Files{Overflow: overflow(s.LogOverflow)}, bus: &event.Bus{}, load: l.reload, notify: l.notify, given: l.given, ledger: ledger, past: ledger.Past(), link: l.link, top: l.top(), over: l.over}
	if k == nil && d.past.Empty() {
		ledger.Prepare(l.cfg.Groups)
	}
	d.cfg.Store(l.cfg)
	d.began, d.upgrader = l.cfg, l.upgrader()
	if k != nil {
		active := *k.latest
		active.Groups = k.Manager.Groups
		d.cfg.Store(&active) // whose accounts are remembered
		d.cfg.Store(k.latest)
		d.past = nil                 // it was ours
		d.files.Resume(k.Logs.Files) // before anything is opened
	}
	d.files.Report = d.report // only lines of the log are written there without a program
	if d.main, err = openMainLog(s, d.files, l.foreground); err != nil {
		return false, err
	}
	defer d.main.close()
	d.log = slog.New(d.main)
	if d.audit, err = openAudit(d, l.cfg); err != nil {
		return false, err
	}
	if d.audit != nil {
		defer d.audit.close()
	}
	kernel, err := proc.NewKernel() // before the pump, whose beginning it would have to wait for
	if err != nil {
		return false, err
	}
	defer kernel.Close()
	kernel.Room(l.cfg.Groups)
	pump, err := newPump(ledger.Dir(), k)
	if err != nil {
		return false, fmt.Errorf("cannot start the output pump: %w", err)
	}
	defer pump.Close()
	l.kernel.Store(kernel)
	l.log.Store(d.log)
	if err := l.takeOver(kernel, pump); err != nil {
		d.log.Warn(err.Error())
	}
	kernel.Masked = signalsOf(d.upgrader.masked)
	d.outputs = newOutputs(d, pump)
	d.pools = newPools(d)
	d.verdicts = make(chan proc.Verdict, 1)
	d.insist = d.top == 1 || s.ShutdownTimeout > 0
	d.mgr = proc.New(proc.Options{
		Kernel: kernel, Log: d.log, Publish: d.publish, Adding: d.prepare, Output: d.outputs.of,
		Drain: time.Duration(s.DrainSecs), Timeout: shutdownTimeout(s, d.top),
		ExitOn: s.ExitOn, Decided: func(v proc.Verdict) { d.verdicts <- v },
		Environ: environ(), ServerURL: l.cfg.ServerURL(), Launchers: runtime.GOMAXPROCS(0),
		Ledger: ledger, Noted: l.link.Noted,
	})
	if k != nil {
		return l.live(d, k)
	}
	<-l.signals.done
	if d.servers, err = openServers(d, l.cfg); err != nil {
		return false, err // before the first line: the log may be another daemon's
	}
	d.notices(append(l.cfg.Notices, notes...))
	if d.main.without != nil {
		d.log.Info(fmt.Sprintf("the log is kept in no file: %v", d.main.without))
	}
	d.sayTimeout(l.cfg)
	d.sayLedger(noLedger)
	if !s.Nocleanup {
		d.removeAutoLogs(s)
	}
	d.sayServers(l.cfg)
	l.goBackground(d)
	d.writePidfile(s)
	return l.live(d, nil)
}

// live is the life itself, when all is open; k is what an earlier version has left, or nil.
func (l *launch) live(d *Daemon, k *kept) (again bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if k != nil {
		if d.servers, err = resumeServers(d, l.cfg, k); err != nil {
			d.critical("after the upgrade from %s: %v", k.Version, err) // the programs go on
		}
	}
	pidfile := l.cfg.Supervisord.Pidfile
	defer func() { removePidfile(pidfile, l.top()) }()
	d.stopped = d.run(ctx, l, k)
	if v, ok := d.mgr.Verdict(); ok {
		l.code = v.Code
	}
	if next := d.next.Load(); d.mgr.Mood() == proc.MoodRestarting && next != nil {
		l.cfg, l.again = next, true
		return true, nil
	}
	return false, nil
}

// run serves and supervises until everything is stopped, and says whether it is.
func (d *Daemon) run(ctx context.Context, l *launch, k *kept) (stopped bool) {
	ctx, cancel := context.WithCancel(ctx)
	d.living = ctx
	l.current.Store(d)
	defer l.current.Store(nil)
	ended := make(chan struct{})
	signals := d.handleSignals(ctx, l.signals)
	var recovered []*conf.Group
	if k != nil { // all before the manager runs: what it does first must be heard by those who listened before
		d.goOn(k)
		for _, s := range d.servers {
			s.resume()
		}
		d.thaw()
	} else {
		recovered = d.recover(cancel)
		if kernel := l.kernel.Load(); l.link != nil {
			kernel.Disinherit(l.link.Drop, l.link.Noted)
		}
	}
	var added <-chan error
	if k == nil && !d.over && recovered == nil {
		added = d.startGroups()
	}
	go func() {
		defer close(ended)
		err := d.mgr.Run(ctx)
		if stopped = err == nil; !stopped && !errors.Is(err, context.Canceled) {
			d.critical("the process manager failed: %v", err)
		}
	}()
	if added != nil { // at once: so this thread goes on with the manager, and no other one has to wake up for it
		select {
		case err := <-added:
			d.sayStarted(err)
		case <-ended:
		}
	}
	l.kernel.Load().HearPending() // the first start does not wait for it
	d.ledger.Spare()              // before anybody is served who may fill its file system
	d.clock.start(ctx, d.bus)
	informed := make(chan struct{})
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		d.reportVerdict(ended)
	}()
	switch {
	case k != nil: // goes on already
	case d.over: // and nothing begins
	case recovered != nil:
		d.updateFrom(ctx, recovered)
	}
	for _, s := range d.servers { // who came earlier waits in the backlog: he must not find half of the programs
		s.serve(ctx)
	}
	d.up(l)
	if l.link.Lost() {
		go l.keeperLost()
	}
	if k != nil {
		l.link.Update()
	}
	d.calm.put(d.ledger.Sweep)
	go func() {
		defer close(informed)
		d.notify.serve(ctx, d)
	}()
	d.calm.stir(calmWorth)
	<-ended
	d.calm.stop()
	cancel()
	closeServers(d.servers)
	<-signals
	d.asked.Wait()
	d.clock.halt()
	<-reported
	<-informed
	d.pools.close()
	return stopped
}

// startGroups has the manager, which does not run yet, begin with every group of the
// configuration, in order, pools first, so that listeners hear of the groups after them.
func (d *Daemon) startGroups() (added <-chan error) {
	return d.mgr.AddFirst(d.config().Groups, func() {
		d.bus.Publish(event.Event{Type: event.SupervisorStateChangeRunning})
	})
}

// sayStarted says what came of that.
func (d *Daemon) sayStarted(err error) {
	if err != nil && !isReason(err, proc.ShutdownState) {
		d.log.Error(fmt.Sprintf("cannot add the groups: %v", err))
	}
	d.sayChecks()
}

// checkWait is how long clients wait at most until sayChecks has looked at all files.
const checkWait = time.Second

// sayChecks says what is suspicious about the programs. A disk of theirs may hang, a network's for
// ever; that is not to keep anybody from being served.
func (d *Daemon) sayChecks() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, e := range conf.Check(d.config()) {
			d.log.Warn(e.Error()) // the programs' own lines do not say where to mend it
		}
	}()
	t := time.NewTimer(checkWait)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		d.log.Warn("a command or directory of a program cannot be looked at: its disk hangs, or is slow")
	}
}

// up tells the parent, when there is one waiting, that the daemon is up.
func (d *Daemon) up(l *launch) {
	defer l.link.Up()
	if l.ready == nil {
		return
	}
	ready := l.ready
	l.ready = nil
	if err := tellReady(ready); err != nil {
		d.log.Warn(fmt.Sprintf("cannot tell the starting process that the daemon is up: %v", err))
	}
}

// reload reads the configuration again, with the same command line.
func (l *launch) reload() (*conf.Config, error) {
	again := launch{argv0: l.argv0, flags: l.flags, cfg: l.cfg, file: l.file}
	if err := again.load(); err != nil {
		return nil, err
	}
	return again.cfg, nil
}

// sayServers writes the lines that monitoring of the original looks for. A TOML file is not
// the original's: there the mode of a unix socket is protection enough to say nothing.
func (d *Daemon) sayServers(cfg *conf.Config) {
	open := withoutAuth(d.servers)
	for _, s := range d.servers {
		d.log.Info("RPC interface 'supervisor' initialized")
		if slices.Contains(open, s.section) && !(cfg.TOML && s.unix != nil) {
			d.critical("Server '%s' running without any HTTP authentication checking", s.section)
		}
	}
}

// goBackground changes directory and umask as supervisord does when it daemonizes, and
// only then.
func (l *launch) goBackground(d *Daemon) {
	if l.foreground || l.again {
		return
	}
	s := &l.cfg.Supervisord
	d.log.Info("daemonizing the supervisord process")
	if s.Directory != "" {
		if err := os.Chdir(s.Directory); err != nil {
			d.critical("can't chdir into '%s': %v", s.Directory, err)
		} else {
			d.log.Info(fmt.Sprintf("set current directory: '%s'", s.Directory))
		}
	}
	setUmask(s.Umask)
}

func isReason(err error, r proc.Reason) bool {
	var f *proc.Fault
	return errors.As(err, &f) && f.Reason == r
}
