package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// api is what the methods act on. A Daemon gives its own parts; tests give others.
// It holds no state but the method table, which is built at the first call, and buffers.
type api struct {
	log  *slog.Logger
	mgr  manager
	sup  supervisor
	logs processLogs
	main ownLog
	bus  eventBus
	pid  int
	stir func(n int) // calm.stir; may be nil

	audit   *auditLog // nil: nothing is written about changes
	limited bool      // it is only what somebody may see
	whole   *api      // limited: what it is a part of

	figures figures // of the metrics
	given   *given  // sockets that were opened for us
	handed  *handed // sockets of an earlier version
	from    string  // the version that this one has taken over from

	once sync.Once
	rows *registry

	// A thousand processes make an answer of a megabyte, and collecting those would cost more
	// than writing them.
	answers sync.Pool // of *[]byte
	texts   sync.Pool // of *allText

	pageOnce sync.Once
	page     http.Handler // the web page, made at its first request
}

// manager is what the methods need of a *proc.Manager.
type manager interface {
	Do(ctx context.Context, op proc.Op, each func(proc.Result)) error
	Processes(ctx context.Context) ([]proc.Info, error)
	Known(ctx context.Context) ([]proc.Info, error) // nobody may change the list
	Process(ctx context.Context, group, name string) (proc.Info, error)
	Groups(ctx context.Context) ([]*conf.Group, error)
	Stdin(ctx context.Context, group, name string, data []byte) error
	Mood() proc.Mood
}

// supervisor is what they need of a *Daemon.
type supervisor interface {
	config() *conf.Config
	active(group string) *conf.Group // as it is configured where it is active; nil: it is not
	runsAs(uid int) bool             // whether programs run as the account
	reread(ctx context.Context) (*conf.Config, conf.Plan, error)
	reload(ctx context.Context) error
	shutdown()
	upgrade(ctx context.Context) error
	add(ctx context.Context, g *conf.Group) error
	remove(ctx context.Context, name string) error
	update(ctx context.Context, p conf.Plan, only []string, each func(proc.Step)) error
}

// processLogs are the logs of the processes. Streams are "stdout" and "stderr".
type processLogs interface {
	// paths are the files that a process writes, "" for none.
	paths(group, name string) (stdout, stderr string)
	changes() uint64 // how often paths has begun to say something else
	// follow is logs.Sink.Follow; fs.ErrNotExist when nothing of the stream is kept.
	follow(group, name, stream string, n int64) ([]byte, follower, error)
	clear(group, name string) error
}

// ownLog is the daemon's own log.
type ownLog interface {
	path() string // "" when it is no file
	flush()       // waits until what was logged so far is written
	clear() error
	follow(n int64) ([]byte, follower, error)
}

// follower is what the methods need of a *logs.Follower.
type follower interface {
	Ready() <-chan struct{}
	Take() (data []byte, lost int64)
	Close()
}

// eventBus is what the methods need of an *event.Bus.
type eventBus interface {
	Publish(event.Event)
	Subscribe(types []event.Type, f func(serial uint64, ev event.Event)) (cancel func())
}

// newAPI is the api of d.
func newAPI(d *Daemon) *api {
	return &api{
		log: d.log, mgr: d.mgr, sup: d, bus: d.bus, pid: os.Getpid(),
		logs: daemonLogs{d.outputs}, main: daemonLog{d.main}, figures: d, given: d.given, stir: d.calm.stir, audit: d.audit,
	}
}

// daemonLogs makes processLogs of the daemon's outputs.
type daemonLogs struct{ *outputs }

func (l daemonLogs) paths(group, name string) (stdout, stderr string) {
	out := l.get(group, name)
	if out == nil {
		return "", ""
	}
	return out.stdout.path, out.stderr.path
}

func (l daemonLogs) changes() uint64 { return l.changed.Load() }

func (l daemonLogs) follow(group, name, stream string, n int64) ([]byte, follower, error) {
	sink := l.sink(group, name, stream)
	if sink == nil {
		return nil, nil, fs.ErrNotExist
	}
	return following(sink.Follow(n))
}

func (l daemonLogs) followOn(group, name, stream string, k logs.KeptFollower) (follower, error) {
	sink := l.sink(group, name, stream)
	if sink == nil {
		return nil, fs.ErrNotExist
	}
	f, err := sink.FollowOn(k)
	_, g, err := following(nil, f, err)
	return g, err
}

// daemonLog makes an ownLog of the daemon's main log.
type daemonLog struct{ *mainLog }

func (l daemonLog) follow(n int64) ([]byte, follower, error) {
	if l.path() == "" {
		return nil, nil, fs.ErrNotExist
	}
	return following(l.mainLog.follow(n))
}

func (l daemonLog) followOn(k logs.KeptFollower) (follower, error) {
	if l.path() == "" {
		return nil, fs.ErrNotExist
	}
	f, err := l.file.FollowOn(k)
	_, g, err := following(nil, f, err)
	return g, err
}

// following keeps a nil *logs.Follower from becoming a follower that is not nil.
func following(data []byte, f *logs.Follower, err error) ([]byte, follower, error) {
	if err == nil && f == nil {
		err = errors.New("internal error: no follower")
	}
	if err != nil {
		return nil, nil, err
	}
	return data, f, nil
}
