package daemon

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"gosv/logs"
	"gosv/proc"
)

// HandedOver says whether this process was another version of the program until now, or is
// a child that another one tries out.
func HandedOver() bool { return os.Getenv(stateEnv) != "" }

// TakeOver goes on where another version was, or says whether that could be.
func TakeOver() int { return besideFirst(succeed) }

func succeed() int {
	trial := os.Getenv(trialEnv) != ""
	l := &launch{}
	if !trial {
		l.signals = catchSignals() // first of all: until then some are lost, and others end us
	}
	k, err := takeState()
	os.Unsetenv(stateEnv)
	os.Unsetenv(trialEnv)
	if err == nil {
		l.argv0, l.compat, l.file = k.Launch.Argv0, k.Launch.Compat, k.Launch.File
		l.flags = &flags{file: k.Launch.FlagFile, overrides: k.Launch.Overrides}
		l.cfg, err = k.unpack()
	}
	if err == nil && trial {
		err = l.try(k)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case trial:
		fmt.Println(canTakeOver + Version)
		return 0
	}
	k.missing = k.check()
	closeOnExec(k.numbers(), true)
	limitCores()
	prepareThreads()
	l.kept, l.masked = k, k.Masked
	l.again = true // what is done once at the start of a process has been
	l.dir = k.Launch.Dir
	l.foreground, l.ledger, l.program = k.Launch.Foreground, k.Launch.Ledger, k.Launch.Program
	for _, s := range takeSignals() {
		l.signals.again(s)
	}
	if l.link = proc.TakeLink(); l.link != nil {
		l.link.GoOn(l.ears())
	}
	l.connect()
	return l.lives()
}

func takeState() (*kept, error) {
	fd, err := strconv.Atoi(os.Getenv(stateEnv))
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s=%q is no descriptor", stateEnv, os.Getenv(stateEnv))
	}
	f := os.NewFile(uintptr(fd), "state")
	defer f.Close()
	return decodeKept(f)
}

// try finds out what can be found out without touching anything: the state is read already.
func (l *launch) try(k *kept) error {
	if k.PID != os.Getppid() {
		return fmt.Errorf("the state is that of process %d, not of %d", k.PID, os.Getppid())
	}
	if err := k.check(); err != nil {
		return err
	}
	known := l.cfg
	if err := l.load(); err != nil {
		return fmt.Errorf("it cannot read the configuration:\n%w", err)
	}
	l.cfg = known
	return nil
}

// newPump is a pump that goes on, or a new one.
func newPump(dir string, k *kept) (*logs.Pump, error) {
	if k == nil {
		return logs.NewPumpIn(dir)
	}
	pump, err := logs.NewFrozenPump(dir)
	if err == nil {
		pump.Resume(k.Logs)
	}
	return pump, err
}

// goOn makes everything go on that was frozen, before the manager runs.
func (d *Daemon) goOn(k *kept) {
	if k.missing != nil {
		d.critical("after the upgrade from %s: %v", k.Version, k.missing)
	}
	d.bus.Resume(k.Serial)
	d.clock.Ticks = k.Ticks
	if err := d.outputs.resume(k); err != nil {
		d.log.Error(fmt.Sprintf("some output is not read any more: %v", err))
	}
	k.Manager.Age = max(0, monotonic()-k.At)
	for _, g := range k.Manager.Groups {
		d.roster.prepare(g)
		d.roster.added(g.Name)
	}
	d.pools.resume(k.Manager.Groups, k.Pools)
	d.mgr.Resume(k.Manager)
	if d.link != nil && d.link.Keeper() == 1 { // it may have hung, and not been told of the outputs
		d.outputs.pump.KeptBy(d.link)
	}
	d.mgr.Begin()
	d.resumeLogs(k.Main)
	d.log.Info(fmt.Sprintf("upgraded from gosv %s to %s; pid %d goes on with its programs, after %v",
		k.Version, Version, k.PID, k.Manager.Age.Round(time.Millisecond)))
}

// thaw is the last part of a takeover, when everybody who reads output is there.
func (d *Daemon) thaw() {
	d.files.Settle()
	d.outputs.pump.Thaw(d.files)
	d.pools.goOn()
}
