package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"gosv/conf"
	"gosv/proc"
)

// handleSignals turns signals into requests until ctx is done; the channel it returns is
// closed then. Lines and meanings are those of supervisord's handle_signal.
func (d *Daemon) handleSignals(ctx context.Context) (ended <-chan struct{}) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGPIPE)
	if d.main.level <= levelOf(conf.Debug) {
		signal.Notify(c, syscall.SIGCHLD) // only for its log line; the kernel has a bell of its own
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer signal.Stop(c)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-c:
				d.handleSignal(ctx, s.(syscall.Signal))
			}
		}
	}()
	return done
}

func (d *Daemon) handleSignal(ctx context.Context, s syscall.Signal) {
	name := signalName(s)
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		d.log.Warn(fmt.Sprintf("received %s indicating exit request", name))
		d.shutdown()
	case syscall.SIGHUP:
		if d.mgr.Mood() == proc.MoodShutdown {
			d.log.Warn("ignored SIGHUP indicating restart request (shutdown in progress)")
			return
		}
		d.log.Warn("received SIGHUP indicating restart request")
		if err := d.reload(ctx); err != nil {
			d.log.Error(fmt.Sprintf("cannot restart with this configuration, so nothing was changed:\n%v", err))
		}
	case syscall.SIGUSR2:
		d.log.Info("received SIGUSR2 indicating log reopen request")
		d.reopenLogs()
	case syscall.SIGCHLD:
		d.log.Debug("received SIGCHLD indicating a child quit")
	}
}

// reopenLogs opens all log files again by their names, after somebody moved them.
func (d *Daemon) reopenLogs() {
	d.log.Info("supervisord logreopen")
	if err := d.main.reopen(); err != nil {
		d.log.Error(fmt.Sprintf("cannot reopen the log: %v", err))
	}
	d.outputs.reopen()
}

func signalName(s syscall.Signal) string { return "SIG" + conf.Signal(s).String() }
