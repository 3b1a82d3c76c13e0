package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/proc"
)

// caught are the signals that came. They are caught for the life of the process, from
// before the first socket is made: one that comes between two lives of the daemon, in the
// middle of a reload, waits for the second. Those that end it have a channel of their own,
// so that no flood of the others can crowd them out.
type caught struct {
	end, other chan os.Signal
	able, done chan struct{} // closed when the first signal, when all are caught
}

// catchSignals catches all of them.
func catchSignals() *caught {
	c := prepareSignals()
	c.begin()
	<-c.done
	return c
}

// prepareSignals catches SIGPIPE only, beside other things: for the first signal the runtime makes
// goroutines and threads. It is dropped, not ignored: children inherit what is ignored.
func prepareSignals() *caught {
	c := &caught{end: make(chan os.Signal, 4), other: make(chan os.Signal, 16), able: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.able)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}()
	return c
}

// begin catches the others, likewise; done says when.
func (c *caught) begin() {
	go func() {
		defer close(c.done)
		<-c.able
		c.catch()
	}()
}

// catch begins, also again after take.
func (c *caught) catch() {
	signal.Notify(c.end, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	signal.Notify(c.other, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
}

// all are those that mean something.
func (c *caught) all() []syscall.Signal {
	return []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// take is what came and was not dealt with, when nobody deals with signals any more. Where threads begin with
// signals blocked (after an upgrade), it ends the catching of those that the runtime has blocked then: what comes of
// them waits for whoever catches it next. The others, not caught, would end the process. Those that the next runtime
// heeds to be ignored are that until it catches them: else they end it meanwhile.
func (c *caught) take(blocked bool) (list []syscall.Signal) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT)
	if blocked {
		signal.Stop(c.other) // of USR1 and USR2, that is; unlike Reset it has those on their way arrive
	}
	idle := make(chan os.Signal, 1)
	signal.Notify(idle, syscall.SIGPIPE)
	signal.Stop(idle) // waits for those that are on their way
	for _, ch := range []chan os.Signal{c.end, c.other} {
		for range len(ch) {
			s := <-ch
			list = append(list, s.(syscall.Signal))
		}
	}
	return list
}

// again is a signal that came to an earlier version of this program.
func (c *caught) again(s syscall.Signal) {
	ch := c.other
	if s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT {
		ch = c.end
	}
	select {
	case ch <- s:
	default:
	}
}

// handleSignals turns signals into requests until ctx is done; the channel it returns is
// closed then. Those that end the daemon do not wait for others, which may look at a disk that hangs.
func (d *Daemon) handleSignals(ctx context.Context, c *caught) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		other := make(chan struct{})
		go func() {
			defer close(other)
			d.handleFrom(ctx, c.other)
		}()
		d.handleFrom(ctx, c.end)
		late := time.NewTimer(time.Second)
		defer late.Stop()
		select {
		case <-other:
		case <-late.C:
		}
	}()
	return done
}

func (d *Daemon) handleFrom(ctx context.Context, signals <-chan os.Signal) {
	u := d.upgrader
	for ctx.Err() == nil { // what comes after that is for the next life
		select {
		case <-ctx.Done():
		case over := <-u.rest:
			<-over
		case s := <-signals:
			u.acting.RLock()
			d.handleSignal(ctx, s.(syscall.Signal))
			u.acting.RUnlock()
		}
	}
}

// restSignals has no signal dealt with until goOn: one that was taken from its channel, and waits,
// would be lost with this version of the program.
func (d *Daemon) restSignals() (goOn func(), err error) {
	over := make(chan struct{})
	late := time.NewTimer(restTime)
	defer late.Stop()
	for range 2 { // goroutines of handleSignals
		select {
		case d.upgrader.rest <- over:
		case <-d.living.Done():
			close(over)
			return nil, &proc.Fault{Reason: proc.ShutdownState}
		case <-late.C:
			close(over)
			return nil, errUnderWay("a signal is being dealt with")
		}
	}
	return func() { close(over) }, nil
}

// handleSignal has the lines and meanings of supervisord's handle_signal.
func (d *Daemon) handleSignal(ctx context.Context, s syscall.Signal) {
	name := signalName(s)
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		d.log.Warn(fmt.Sprintf("received %s indicating exit request", name))
		d.shutdown()
		if d.told && d.insist {
			d.mgr.Force()
		}
		d.told = true
	case syscall.SIGHUP:
		if d.mgr.Mood() == proc.MoodShutdown {
			d.log.Warn("ignored SIGHUP indicating restart request (shutdown in progress)")
			return
		}
		d.log.Warn("received SIGHUP indicating restart request")
		if err := d.reload(ctx); err != nil {
			d.log.Error(fmt.Sprintf("cannot restart with this configuration, so nothing was changed:\n%v", err))
		}
	case syscall.SIGUSR1:
		d.log.Info("received SIGUSR1 indicating upgrade request")
		d.asked.Go(func() { d.upgrade(ctx) })
	case syscall.SIGUSR2:
		d.log.Info("received SIGUSR2 indicating log reopen request")
		d.reopenLogs()
	}
}

// reopenLogs opens all log files again by their names, after somebody moved them, and makes
// a socket file again that somebody deleted.
func (d *Daemon) reopenLogs() {
	d.log.Info("supervisord logreopen")
	if err := d.main.reopen(); err != nil {
		d.log.Error(fmt.Sprintf("cannot reopen the log: %v", err))
	}
	if d.audit != nil {
		if err := d.audit.reopen(); err != nil {
			d.log.Error(fmt.Sprintf("cannot reopen the audit log: %v", err))
		}
	}
	d.outputs.reopen()
	for _, s := range d.servers {
		s.restore()
	}
}

// signalsOf are signals by the numbers that a state has them with.
func signalsOf(numbers []int) (list []syscall.Signal) {
	for _, n := range numbers {
		list = append(list, syscall.Signal(n))
	}
	return list
}

func signalName(s syscall.Signal) string { return "SIG" + conf.Signal(s).String() }
