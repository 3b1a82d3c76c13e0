package daemon

import (
	"context"
	"io/fs"
	"slices"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
)

// within is the api as somebody finds it who may see some processes only: the others, and
// the daemon's own log, are not there. Methods need not think of it.
func (a *api) within(sees func(*conf.Process) bool) *api {
	if sees == nil {
		return a
	}
	s := scope{sees}
	return &api{
		whole: a, log: a.log, pid: a.pid, stir: a.stir, figures: a.figures, given: a.given, audit: a.audit,
		mgr: scopedManager{a.mgr, s}, sup: scopedSupervisor{a.sup, s},
		logs: a.logs, main: noMain{}, bus: scopedBus{a.bus, a.sup, s}, limited: true,
	}
}

// scope is what somebody may see.
type scope struct{ sees func(*conf.Process) bool }

// group is what of g he may see, nil for nothing.
func (s scope) group(g *conf.Group) *conf.Group {
	part := *g
	part.Processes = nil
	for _, p := range g.Processes {
		if s.sees(p) {
			part.Processes = append(part.Processes, p)
		}
	}
	if part.Processes == nil {
		return nil
	}
	return &part
}

func (s scope) groups(list []*conf.Group) []*conf.Group {
	var parts []*conf.Group
	for _, g := range list {
		if part := s.group(g); part != nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// scopedManager is the manager without the processes of others.
type scopedManager struct {
	whole manager
	scope
}

func (m scopedManager) Mood() proc.Mood { return m.whole.Mood() }

// Do leaves the choice to the manager's loop: what a name means may change until then.
func (m scopedManager) Do(ctx context.Context, op proc.Op, each func(proc.Result)) error {
	op.Sees = m.sees
	return m.whole.Do(ctx, op, each)
}

func (m scopedManager) Processes(ctx context.Context) ([]proc.Info, error) {
	list, err := m.whole.Processes(ctx)
	return slices.DeleteFunc(list, func(p proc.Info) bool { return p.Config == nil || !m.sees(p.Config) }), err
}

func (m scopedManager) Known(ctx context.Context) ([]proc.Info, error) { return m.Processes(ctx) }

func (m scopedManager) Process(ctx context.Context, group, name string) (proc.Info, error) {
	p, err := m.whole.Process(ctx, group, name)
	if err == nil && (p.Config == nil || !m.sees(p.Config)) {
		return proc.Info{}, &proc.Fault{Reason: proc.BadName, Text: namespec(group, name)}
	}
	return p, err
}

func (m scopedManager) Groups(ctx context.Context) ([]*conf.Group, error) {
	list, err := m.whole.Groups(ctx)
	return m.groups(list), err
}

func (m scopedManager) Stdin(ctx context.Context, group, name string, data []byte) error {
	if _, err := m.Process(ctx, group, name); err != nil {
		return err
	}
	return m.whole.Stdin(ctx, group, name, data)
}

// scopedSupervisor knows its own part of the configuration, and changes nothing: those
// methods are for admins, who see everything.
type scopedSupervisor struct {
	whole supervisor
	scope
}

func (s scopedSupervisor) config() *conf.Config {
	part := *s.whole.config()
	part.Groups = s.groups(part.Groups)
	return &part
}

func (s scopedSupervisor) active(string) *conf.Group { return nil }
func (s scopedSupervisor) runsAs(int) bool           { return false }
func (s scopedSupervisor) shutdown()                 {}

func (s scopedSupervisor) reread(context.Context) (*conf.Config, conf.Plan, error) {
	return nil, conf.Plan{}, fault(wire.NotAllowed, "")
}
func (s scopedSupervisor) upgrade(context.Context) error { return fault(wire.NotAllowed, "") }
func (s scopedSupervisor) reload(context.Context) error  { return fault(wire.NotAllowed, "") }
func (s scopedSupervisor) add(context.Context, *conf.Group) error {
	return fault(wire.NotAllowed, "")
}
func (s scopedSupervisor) remove(context.Context, string) error { return fault(wire.NotAllowed, "") }
func (s scopedSupervisor) update(context.Context, conf.Plan, []string, func(proc.Step)) error {
	return fault(wire.NotAllowed, "")
}

// noMain is the daemon's own log for those who may not see it.
type noMain struct{}

func (noMain) path() string { return "" }
func (noMain) flush()       {}
func (noMain) clear() error { return fault(wire.NotAllowed, "") }
func (noMain) follow(int64) ([]byte, follower, error) {
	return nil, nil, fs.ErrNotExist
}

// scopedBus leaves out the events of others' processes, and what is sent from outside.
type scopedBus struct {
	whole eventBus
	sup   supervisor
	scope
}

func (b scopedBus) Publish(event.Event) {}

func (b scopedBus) Subscribe(types []event.Type, f func(serial uint64, ev event.Event)) (cancel func()) {
	return b.whole.Subscribe(types, func(serial uint64, ev event.Event) {
		if b.shows(ev) {
			f(serial, ev)
		}
	})
}

// shows is asked with the bus locked, by the manager's loop among others. Whose a process is says
// the configuration that it was started with, not one that was read since.
func (b scopedBus) shows(ev event.Event) bool {
	switch {
	case ev.Type == event.RemoteCommunication:
		return false
	case ev.Group == "" && ev.Process == "":
		return true // of the daemon itself, and ticks
	}
	g := b.sup.active(ev.Group)
	return g != nil && slices.ContainsFunc(g.Processes, func(p *conf.Process) bool {
		return (ev.Process == "" || ev.Process == p.Name) && b.sees(p)
	})
}
