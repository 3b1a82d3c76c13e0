package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// Daemon is one running supervisord: a configuration, a manager of processes, their
// outputs, and the servers through which it is asked things. A reload ends it and makes
// another one in the same process.
type Daemon struct {
	log     *slog.Logger
	main    *mainLog
	audit   *auditLog // nil: none
	files   *logs.Files
	bus     *event.Bus
	mgr     *proc.Manager
	outputs *outputs
	pools   *pools
	servers []*server
	calm    calm
	notify  *notifier // nil: no service manager asked for it
	given   *given    // sockets that it opened for us
	ledger  *proc.Ledger
	link    *proc.Link // to the keeper; nil: there is none
	top     int        // the pid to signal: the keeper's, or ours
	alone   bool       // it has said that process 1, its keeper, is lost; guarded by launch.keeping
	over    bool       // it only ends what an earlier daemon left
	past    *proc.Past // what an earlier daemon left, until it is gone on with; nil then

	began    *conf.Config    // the configuration that this life began with
	living   context.Context // done when it ends
	clock    clock
	upgrader *upgrader
	asked    sync.WaitGroup // upgrades that signals asked for
	stopped  bool           // it has ended with everything stopped

	told     bool              // a signal has asked for the end; belongs to handleSignals
	insist   bool              // one more of them kills what is left
	verdicts chan proc.Verdict // 1-buffered: why everything ends by itself

	load    func() (*conf.Config, error) // reads the configuration anew
	reading sync.Mutex                   // held from load until what it read is stored: the last to read is the last to store
	cfg     current

	roster roster
	next   atomic.Pointer[conf.Config] // what a reload under way starts with
}

// config is the configuration that was read last, by start or reread.
func (d *Daemon) config() *conf.Config { return d.cfg.Load() }

// reread reads the configuration anew and says what differs from the active groups.
// A broken one is a conf.Errors and changes nothing.
func (d *Daemon) reread(ctx context.Context) (*conf.Config, conf.Plan, error) {
	cfg, err := d.readAnew(d.cfg.Store)
	d.calm.stir(calmWorth)
	if err != nil {
		return nil, conf.Plan{}, err
	}
	active, err := d.mgr.Added(ctx)
	if err != nil {
		return nil, conf.Plan{}, err
	}
	return cfg, conf.Diff(active, cfg.Groups), nil
}

// readAnew reads the configuration and stores it unless it is broken. Of two at once, what
// stays is what was read last.
func (d *Daemon) readAnew(store func(*conf.Config)) (*conf.Config, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	cfg, err := d.load()
	if err != nil {
		return nil, err
	}
	store(cfg)
	return cfg, nil
}

// reload checks the configuration and then begins the restart of everything (HUP,
// supervisor.restart). A broken configuration is a conf.Errors and changes nothing.
func (d *Daemon) reload(context.Context) error {
	d.notify.reloading() // the next life is READY
	if _, err := d.readAnew(d.next.Store); err != nil {
		d.notify.ready("the configuration has faults, so nothing was changed")
		return err
	}
	d.mgr.Shutdown(proc.MoodRestarting)
	return nil
}

// shutdown begins to stop everything.
func (d *Daemon) shutdown() { d.mgr.Shutdown(proc.MoodShutdown) }

// add makes a group of the configuration active.
func (d *Daemon) add(ctx context.Context, g *conf.Group) error {
	return d.mgr.Add(ctx, g)
}

// remove forgets a group that is at rest.
func (d *Daemon) remove(ctx context.Context, name string) error { return d.mgr.Remove(ctx, name) }

// update carries out a plan; only limits it to these groups, nil means all.
func (d *Daemon) update(ctx context.Context, p conf.Plan, only []string, each func(proc.Step)) error {
	return d.mgr.Update(ctx, p, only, each)
}

// publish is the manager's way to the event bus. It runs in the manager's loop.
func (d *Daemon) publish(ev event.Event) {
	d.calm.stir(1)
	d.pools.observe(ev)
	if ev.Type == event.ProcessGroupAdded {
		d.roster.added(ev.Group)
	}
	d.bus.Publish(ev)
	if ev.Type == event.ProcessGroupRemoved {
		d.roster.removed(ev.Group)
	}
}

func (d *Daemon) critical(format string, args ...any) {
	d.log.Log(context.Background(), levelOf(conf.Critical), fmt.Sprintf(format, args...))
}

// notices writes what the reading of the configuration had to say, the gravest first.
func (d *Daemon) notices(list []conf.Notice) {
	for _, level := range []struct {
		name  string
		level slog.Level
	}{{"CRIT", levelOf(conf.Critical)}, {"WARN", slog.LevelWarn}, {"INFO", slog.LevelInfo}} {
		for _, n := range list {
			if n.Level == level.name {
				d.log.Log(context.Background(), level.level, n.Text)
			}
		}
	}
}

// environ is what children inherit of the daemon's own environment.
func environ() []string {
	names := notifyNames()
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
