package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/logs"
	"gosv/proc"
)

// The upgrade: this process becomes another version of the program, by exec. What it knows
// goes over as a kept in a file in memory; everything else that it needs is descriptors.
//
//	1  try   the state is written as it is now, and the new program is started as a child that
//	         reads it, loads the configuration and looks at the descriptors, and says yes or no
//	2  hold  the servers read no new requests and answer those they have; the listeners of
//	         events get what is on its way to them
//	3  freeze  the manager, the pump, the main log: nothing changes any more
//	4  exec  with the state of that moment. If it fails everything goes on here.

const (
	tryTime    = 10 * time.Second       // for the new program to say yes
	quietTime  = 20 * time.Second       // for requests under way to be answered, over all
	holdLeast  = 250 * time.Millisecond // for clients to wait for that the first time; then twice as long each time
	holdTime   = 2 * time.Second        // but not longer; they are served for as long before the next time
	unreadTime = time.Second            // for one who is no admin to take an answer
	freezeTime = 15 * time.Second       // for launches under way and last output
	restTime   = 3 * time.Second        // for files, syslog and pools to come to rest
)

// upgrader is what an upgrade needs to know of the start. One goes on at a time.
type upgrader struct {
	launch  keptLaunch
	signals *caught
	masked  []int // signals that are blocked since an earlier upgrade
	busy    sync.Mutex

	rest   chan chan struct{} // has the goroutines of handleSignals wait for the end of what they get
	acting sync.RWMutex       // held for reading while a signal is dealt with, for writing by the last part of an upgrade
}

func (l *launch) upgrader() *upgrader {
	u := &upgrader{signals: l.signals, masked: l.masked, rest: make(chan chan struct{}), launch: keptLaunch{
		Argv0: l.argv0, Compat: l.compat, File: l.file, Foreground: l.foreground, Program: l.program, Ledger: l.ledger, Dir: l.dir,
	}}
	if l.flags != nil {
		u.launch.FlagFile, u.launch.Overrides = l.flags.file, l.flags.overrides
	}
	return u
}

// upgradeFault is an upgrade's error for clients.
func upgradeFault(err error) error {
	var f *proc.Fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return fault(wire.Failed, err.Error())
}

// errUnderWay says why an upgrade has to be asked for again.
func errUnderWay(what string) error {
	return &proc.Fault{Reason: proc.Busy, Text: "another change is under way: " + what}
}

// upgrade puts the program that is on disk now in the place of this one. It returns only if
// that did not come to pass: then nothing has changed.
func (d *Daemon) upgrade(ctx context.Context) error {
	u := d.upgrader
	if !u.busy.TryLock() {
		return errUnderWay("another upgrade")
	}
	defer u.busy.Unlock()
	err := d.tryAndUpgrade(ctx)
	d.log.Error(fmt.Sprintf("nothing was upgraded: %v", err))
	return err
}

func (d *Daemon) tryAndUpgrade(ctx context.Context) error {
	u := d.upgrader
	if u.launch.Program == "" {
		return errors.New("nobody knows where this program was started from")
	}
	if len(os.Args) > 1 && os.Args[1] == "demo" {
		return errors.New("gosv demo cannot be upgraded: end it and start it again")
	}
	if d.mgr.Mood() < proc.MoodRunning {
		return &proc.Fault{Reason: proc.ShutdownState}
	}
	before, err := identify(u.launch.Program)
	if err != nil {
		return err
	}
	version, err := d.try(ctx)
	if err != nil {
		return err
	}
	if after, err := identify(u.launch.Program); err != nil || after != before {
		return fmt.Errorf("%s was changed while it was tried out; try again", u.launch.Program)
	}
	d.log.Info(fmt.Sprintf("upgrading from gosv %s to %s", Version, version))
	return d.holdAndExec(ctx, before)
}

// holdAndExec are the steps from 2 on.
func (d *Daemon) holdAndExec(ctx context.Context, program identity) error {
	t := holdLeast
	for end := time.Now().Add(quietTime); ; t = min(2*t, holdTime) {
		last := time.Now().After(end)
		busy := d.hold(t, last)
		if busy == "" {
			break
		}
		d.serveOn()
		if last || !pause(ctx, t) {
			return errUnderWay(busy)
		}
	}
	defer d.serveOn()
	if err := d.pools.hold(restTime); err != nil {
		d.pools.goOn()
		return err
	}
	defer d.pools.goOn()
	d.clock.halt()
	defer d.clock.start(d.living, d.bus)
	u := d.upgrader
	goOn, err := d.restSignals()
	if err != nil {
		return err
	}
	defer goOn()
	u.acting.Lock()
	defer u.acting.Unlock()
	cfg := d.config()
	return d.freeze(ctx, cfg, func(k *kept) error {
		if d.config() != cfg {
			return errUnderWay("the configuration has changed")
		}
		return d.handingOver(k, func() error {
			masked, undo := proc.BlockSignals(u.signals.all())
			defer undo()
			for _, s := range masked {
				k.Masked = append(k.Masked, int(s))
			}
			return d.exec(k, program)
		})
	})
}

// freeze calls do, from the manager's loop, with everything but the servers, while nothing moves
// and no socket is closed for another one.
func (d *Daemon) freeze(ctx context.Context, cfg *conf.Config, do func(*kept) error) error {
	packed, groups, err := d.pack(ctx, cfg)
	if err != nil {
		return err
	}
	goOn, err := d.keepSockets(restTime) // here, for the loop cannot wait
	if err != nil {
		return err
	}
	defer goOn()
	freezing, cancel := context.WithTimeout(ctx, freezeTime)
	defer cancel()
	err = d.mgr.Freeze(freezing, func(f proc.Frozen) error {
		if !slices.Equal(f.Groups, groups) {
			return errUnderWay("the groups have changed")
		}
		return d.frozen(f, packed, do)
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return errUnderWay("a program is being started or has just ended")
	}
	return err
}

// keepSockets has no deleted socket made again until goOn. One that is being made in a directory
// that hangs is waited for for t.
func (d *Daemon) keepSockets(t time.Duration) (goOn func(), err error) {
	var held []*server
	goOn = func() {
		for _, s := range held {
			s.restoring.Unlock()
		}
	}
	for _, s := range d.servers {
		if !until(t, s.restoring.TryLock) {
			goOn()
			return nil, errUnderWay("a deleted socket is being made again")
		}
		held = append(held, s)
	}
	return goOn, nil
}

// handingOver calls exec with everything of the servers in k. When it returns nothing came of
// that, and streams listen again before anything happens that they are to tell of.
func (d *Daemon) handingOver(k *kept, exec func() error) error {
	for _, s := range d.servers {
		k.Servers = append(k.Servers, s.handOver())
	}
	err := exec()
	for _, s := range d.servers {
		s.takeUp()
	}
	return err
}

// pack is the configuration as it goes over, and the groups that are active in it. It takes
// its time, and so is done before the freeze.
func (d *Daemon) pack(ctx context.Context, cfg *conf.Config) (json.RawMessage, []*conf.Group, error) {
	active, err := d.mgr.Added(ctx)
	if err != nil {
		return nil, nil, err
	}
	b, err := conf.Pack(cfg, active)
	return b, active, err
}

// frozen is the part of freeze that the manager's loop does. It lets everything go on after that.
func (d *Daemon) frozen(f proc.Frozen, packed json.RawMessage, do func(*kept) error) error {
	defer d.logOn()
	if err := d.holdLogs(); err != nil {
		return err
	}
	pump := d.outputs.pump
	defer pump.Thaw(d.files)
	x, err := pump.Freeze(d.files, restTime)
	if err != nil {
		return err
	}
	k := d.kept(f, x, packed)
	outputs, left := d.outputs.keptOutputs(x.Sinks)
	k.Outputs = outputs
	if k.Left, err = conf.Pack(&conf.Config{}, left); err != nil {
		return err
	}
	began := *d.began
	began.Groups = nil
	if k.Began, err = conf.Pack(&began, nil); err != nil {
		return err
	}
	return do(k)
}

func (d *Daemon) kept(f proc.Frozen, x *logs.Frozen, packed json.RawMessage) *kept {
	return &kept{
		Format: keptFormat, Version: Version, PID: os.Getpid(), At: monotonic(),
		Launch: d.upgrader.launch, Masked: d.upgrader.masked, Config: packed, Manager: f, Logs: x,
		Main: d.keptLogs(), Serial: d.bus.Serial(), Ticks: d.clock.Ticks, Pools: d.pools.keptPools(),
	}
}

// seal lists the descriptors of a state that is complete, with what they are.
func (k *kept) seal(given *given) error {
	var fds []int
	fds = append(fds, k.Logs.FDs()...)
	for i := range k.Outputs {
		fds = append(fds, k.Outputs[i].fds()...)
	}
	for _, p := range k.Manager.Processes {
		fds = append(fds, p.Stdin)
	}
	for _, s := range k.Manager.Sockets {
		fds = append(fds, s.FD)
	}
	for i := range k.Servers {
		fds = append(fds, k.Servers[i].fds()...)
	}
	if given != nil {
		for i := range given.files {
			fds = append(fds, firstGiven+i)
		}
	}
	slices.Sort(fds)
	k.FDs = nil
	for _, fd := range slices.Compact(fds) {
		if fd < 0 {
			continue
		}
		x, err := describe(fd)
		if err != nil {
			return fmt.Errorf("descriptor %d: %w", fd, err)
		}
		k.FDs = append(k.FDs, x)
	}
	return nil
}

// exec is the last step. It returns only when it fails.
func (d *Daemon) exec(k *kept, program identity) error {
	if now, err := identify(k.Launch.Program); err != nil || now != program {
		return fmt.Errorf("%s was changed after it was tried out; try again", k.Launch.Program)
	}
	if err := k.seal(d.given); err != nil {
		return err
	}
	state, err := writeState(k)
	if err != nil {
		return err
	}
	defer state.Close()
	fds := append([]int{int(state.Fd())}, k.numbers()...)
	environ := stateEnviron(int(state.Fd()))
	link, fd := d.link.Environ()
	if environ = append(environ, link...); fd >= 0 {
		fds = append(fds, fd)
	}
	defer closeOnExec(fds, true)
	if err := closeOnExec(fds, false); err != nil {
		return err
	}
	// As late as can be: in the first life one that comes now, before the kernel has ended all threads but this, is lost.
	signals := d.upgrader.signals.take(len(d.upgrader.masked) > 0)
	err = syscall.Exec(k.Launch.Program, os.Args, append(environ, signalsEnviron(signals)...))
	d.upgrader.signals.catch()
	for _, s := range signals {
		d.upgrader.signals.again(s)
	}
	return fmt.Errorf("cannot execute %s: %w", k.Launch.Program, err)
}

func (k *kept) numbers() (list []int) {
	for _, x := range k.FDs {
		list = append(list, x.FD)
	}
	return list
}

// try starts the new program as a child with the state of now, and returns its version when
// it can read that.
func (d *Daemon) try(ctx context.Context) (version string, err error) {
	var t *trial
	d.clock.halt()
	defer d.clock.start(d.living, d.bus)
	err = d.freeze(ctx, d.config(), func(k *kept) (err error) {
		for _, s := range d.servers {
			k.Servers = append(k.Servers, s.kept())
		}
		if err = k.seal(d.given); err != nil {
			return err
		}
		t, err = startTrial(k)
		if err == nil {
			t.status = d.mgr.Expect(t.pid)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	said, status, late := t.wait(tryTime, func() { d.mgr.KillExpected(t.pid) })
	version, ok := strings.CutPrefix(lastLine(said), canTakeOver)
	switch {
	case late:
		return "", fmt.Errorf("%s did not say within %v whether it can take over", d.upgrader.launch.Program, tryTime)
	case status.Exited() && status.ExitStatus() == 0 && ok:
		return version, nil
	case said == "" || ok || status.Signaled():
		return "", fmt.Errorf("%s cannot take over: %s%s", d.upgrader.launch.Program, ended(status), colon(said))
	}
	return "", fmt.Errorf("%s cannot take over: %s", d.upgrader.launch.Program, said)
}

func ended(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "it was ended by " + signalName(s.Signal())
	}
	return fmt.Sprintf("it ended with status %d", s.ExitStatus())
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }
