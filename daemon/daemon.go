package daemon

import (
	"context"
	"log/slog"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// Daemon is one running supervisord: a configuration, a manager of processes, their
// outputs, and the servers through which it is asked things.
type Daemon struct {
	log     *slog.Logger
	mgr     *proc.Manager
	bus     *event.Bus
	outputs *outputs
	main    *mainLog
}

// config is the configuration that was read last, by start or reread.
func (d *Daemon) config() *conf.Config { panic("internal error: not built yet") }

// reread reads the configuration anew and says what differs from the active groups.
// A broken one is a conf.Errors and changes nothing.
func (d *Daemon) reread(ctx context.Context) (*conf.Config, conf.Plan, error) {
	panic("internal error: not built yet")
}

// reload checks the configuration and then begins the restart of everything (HUP,
// supervisor.restart). A broken configuration is a conf.Errors and changes nothing.
func (d *Daemon) reload(ctx context.Context) error { panic("internal error: not built yet") }

// shutdown begins to stop everything.
func (d *Daemon) shutdown() { panic("internal error: not built yet") }

// outputs are the log sinks of all processes.
type outputs struct{}

// sink is the sink of a process's stream ("stdout", "stderr"); path is the file it writes,
// "" for none. ok is false when there is no such process. With redirect_stderr the
// process has no stderr: sink is nil and path "".
func (o *outputs) sink(group, name, stream string) (s *logs.Sink, path string, ok bool) {
	panic("internal error: not built yet")
}

// clear empties the logs of a process (clearProcessLogs).
func (o *outputs) clear(group, name string) error { panic("internal error: not built yet") }

// mainLog is the daemon's own log.
type mainLog struct{}

// path is the log file's path, "" when there is none (syslog).
func (l *mainLog) path() string { panic("internal error: not built yet") }

// clear removes the log file and opens a new one (clearLog).
func (l *mainLog) clear() error { panic("internal error: not built yet") }

// follow is logs.File.Follow of the main log.
func (l *mainLog) follow(n int64) ([]byte, *logs.Follower, error) {
	panic("internal error: not built yet")
}
