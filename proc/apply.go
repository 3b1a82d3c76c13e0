package proc

import (
	"context"
	"fmt"
	"slices"

	"gosv/conf"
	"gosv/proc/event"
	"gosv/proc/state"
)

// Add makes a group known and starts its autostart processes, in configured order.
func (m *Manager) Add(ctx context.Context, c *conf.Group) error {
	return m.AddAll(ctx, []*conf.Group{c}, nil)
}

// AddAll makes groups known, in this order, then calls before, if it is not nil, from the
// loop (it must not block), and then starts the autostart processes of all of them. It is
// how supervisord begins: its RUNNING event comes after all groups and before all starts.
// A group that is known already is the fault AlreadyAdded, and then none is added.
func (m *Manager) AddAll(ctx context.Context, list []*conf.Group, before func()) error {
	free := func() error { return m.mayAdd(list) }
	if err := tell(ctx, m, free); err != nil {
		return err
	}
	add, drop := m.adding(list, before)
	err := tell(ctx, m, add)
	if err != nil {
		drop()
	}
	return err
}

// AddFirst is AddAll for a manager that does not run yet: it is done before all else when Run
// begins, and nobody has to change goroutines for it. What comes of it is sent then, never
// if Run ends before.
func (m *Manager) AddFirst(list []*conf.Group, before func()) (added <-chan error) {
	done := make(chan error, 1)
	add, drop := m.adding(list, before)
	m.post(func() {
		err := add()
		if err != nil {
			drop()
		}
		done <- err
	})
	return done
}

// adding prepares what AddAll has the loop do: add, or drop when that came to nothing.
func (m *Manager) adding(list []*conf.Group, before func()) (add func() error, drop func()) {
	groups := make([]*group, len(list))
	for i, c := range list {
		groups[i] = m.newGroup(c)
	}
	record := m.Ledger.groups(list)
	add = func() error {
		if err := m.mayAdd(list); err != nil {
			return err
		}
		m.Ledger.add(record) // here, or the loop might write the ledger anew without it
		for _, g := range groups {
			m.insert(g)
		}
		if before != nil {
			before()
		}
		for _, g := range groups {
			m.autostart(g)
		}
		return nil
	}
	drop = func() {
		for _, g := range groups {
			g.close()
		}
	}
	return add, drop
}

// mayAdd says why groups cannot be added.
func (m *Manager) mayAdd(list []*conf.Group) error {
	if m.Mood() < MoodRunning {
		return &Fault{Reason: ShutdownState}
	}
	for _, c := range list {
		if m.groups[c.Name] != nil {
			return &Fault{AlreadyAdded, c.Name}
		}
	}
	return nil
}

func (m *Manager) insert(g *group) {
	m.groups[g.conf.Name] = g
	m.order = append(m.order, g)
	m.priority, m.sorted = nil, nil
	if m.Adding != nil {
		m.Adding(g.conf)
	}
	m.Publish(event.Event{Type: event.ProcessGroupAdded, Group: g.conf.Name})
}

func (m *Manager) autostart(g *group) {
	for _, p := range g.procs {
		if p.conf.Autostart && p.m.State == state.Stopped {
			m.step(p, state.Event{Kind: state.Start})
		}
	}
}

// Remove forgets a group that is at rest.
func (m *Manager) Remove(ctx context.Context, name string) error {
	return tell(ctx, m, func() error {
		if m.Mood() < MoodRunning {
			return &Fault{Reason: ShutdownState}
		}
		return m.remove(name)
	})
}

func (m *Manager) remove(name string) error {
	g := m.groups[name]
	if g == nil {
		return &Fault{BadName, name}
	}
	if g.busy > 0 {
		return &Fault{StillRunning, name}
	}
	delete(m.groups, name)
	m.order = slices.DeleteFunc(m.order, func(x *group) bool { return x == g })
	m.priority, m.sorted = nil, nil
	g.gone = true
	for _, p := range g.procs {
		m.disarm(&p.due) // what was to be started again
	}
	g.close()
	m.Ledger.add(&ledgerRecord{Gone: name})
	m.Publish(event.Event{Type: event.ProcessGroupRemoved, Group: name})
	return nil
}

// Update carries out a plan, in supervisorctl's order: removed groups, changed ones, added
// ones. Once begun it goes on, also when ctx is done; only the reports end then.
func (m *Manager) Update(ctx context.Context, plan conf.Plan, only []string, each func(Step)) error {
	u := &updating{m: m, only: only, steps: make(chan Step, 2*(len(plan.Removed)+len(plan.Changed))+len(plan.Added))}
	err := tell(ctx, m, func() error {
		switch {
		case m.Mood() < MoodRunning:
			return &Fault{Reason: ShutdownState}
		case m.updating:
			return &Fault{Busy, "another update is under way"}
		}
		m.updating = true
		m.tasks.Go(func() {
			defer close(u.steps)
			u.run(plan)
			m.post(func() { m.updating = false })
		})
		return nil
	})
	if err != nil {
		return err
	}
	for {
		select {
		case s, ok := <-u.steps:
			if !ok {
				return nil
			}
			each(s)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// updating is an update under way, in a goroutine of its own.
type updating struct {
	m     *Manager
	only  []string
	steps chan Step // has room for all
}

func (u *updating) run(plan conf.Plan) {
	for _, g := range plan.Removed {
		if u.means(g.Name) && u.stop(g.Name) {
			u.step(g.Name, "removed", u.tell(func() error { return u.m.remove(g.Name) }))
		}
	}
	for _, c := range plan.Changed {
		if u.means(c.New.Name) && u.stop(c.New.Name) {
			u.step(c.New.Name, "updated", u.replace(c.New))
		}
	}
	for _, g := range plan.Added {
		if u.means(g.Name) {
			u.step(g.Name, "added", u.m.Add(context.Background(), g))
		}
	}
}

func (u *updating) means(group string) bool {
	return u.only == nil || slices.Contains(u.only, group)
}

func (u *updating) step(group, did string, err error) {
	u.steps <- Step{Group: group, Did: did, Err: err}
}

// tell runs f in the loop; unlike a request of somebody's it is not given up half-way.
func (u *updating) tell(f func() error) error {
	return tell(context.Background(), u.m, func() error {
		if u.m.Mood() < MoodRunning {
			return &Fault{Reason: ShutdownState}
		}
		return f()
	})
}

// stop brings a group to rest and keeps it there. What cannot be stopped is not removed.
func (u *updating) stop(name string) bool {
	m, ctx := u.m, context.Background()
	o, err := ask(ctx, m, func() (*operation, error) {
		g := m.groups[name]
		switch {
		case m.Mood() < MoodRunning:
			return nil, &Fault{Reason: ShutdownState}
		case g == nil:
			return nil, &Fault{BadName, name}
		}
		g.leaving = true
		return m.beginRest(g), nil
	})
	if err == nil {
		err = m.follow(ctx, o, func(r Result) {
			if r.Err != nil && err == nil {
				err = fmt.Errorf("cannot stop '%s': %w", r.Process, r.Err)
			}
		})
	}
	u.step(name, "stopped", err)
	if err != nil {
		tell(ctx, m, func() error {
			if g := m.groups[name]; g != nil {
				g.leaving = false
			}
			return nil
		})
	}
	return err == nil
}

// beginRest stops all of a group, those included that are stopping already.
func (m *Manager) beginRest(g *group) *operation {
	o := &operation{Op: Op{Kind: Stop, Group: g.conf.Name, Wait: true}}
	for _, p := range g.byPriority {
		if !p.m.State.Down() || p.m.Again {
			o.targets = append(o.targets, p)
		}
	}
	o.results, o.pending = make(chan Result, 2*len(o.targets)), len(o.targets)
	if o.pending == 0 {
		close(o.results)
	}
	for _, p := range o.targets {
		m.stop(o, p, &waiter{op: o, p: p}, state.Stop)
	}
	for _, p := range o.targets {
		m.reportStop(p)
	}
	return o
}

// replace puts the new version of a group in the place of the old one, in one step.
func (u *updating) replace(c *conf.Group) error {
	g, record := u.m.newGroup(c), u.m.Ledger.groups([]*conf.Group{c})
	err := u.tell(func() error {
		if err := u.m.remove(c.Name); err != nil {
			return err
		}
		u.m.Ledger.add(record)
		u.m.insert(g)
		u.m.autostart(g)
		return nil
	})
	if err != nil {
		g.close()
	}
	return err
}

// Processes is every process, sorted by (group, name).
func (m *Manager) Processes(ctx context.Context) ([]Info, error) {
	return ask(ctx, m, func() ([]Info, error) { return m.infos(), nil })
}

// Known is Processes without a word with the loop where that has done nothing since somebody
// asked last: it is the same list then. Others have it too, so nobody may change it.
func (m *Manager) Known(ctx context.Context) ([]Info, error) {
	if list := m.known.Load(); list != nil {
		return *list, nil
	}
	return ask(ctx, m, func() ([]Info, error) {
		list := m.infos()
		m.known.Store(&list) // until the loop does anything else
		return list, nil
	})
}

// infos is what others may know of all.
func (m *Manager) infos() []Info {
	list := make([]Info, len(m.byNames()))
	for i, p := range m.byNames() {
		list[i] = p.info()
	}
	return list
}

// Process is one process. BadName.
func (m *Manager) Process(ctx context.Context, group, name string) (Info, error) {
	return ask(ctx, m, func() (Info, error) {
		p, err := m.find(group, name)
		if err != nil {
			return Info{}, err
		}
		return p.info(), nil
	})
}

// Added is the active groups in the order in which they became active; reread names those
// that are gone in it.
func (m *Manager) Added(ctx context.Context) ([]*conf.Group, error) {
	return ask(ctx, m, func() ([]*conf.Group, error) {
		list := make([]*conf.Group, len(m.order))
		for i, g := range m.order {
			list[i] = g.conf
		}
		return list, nil
	})
}

// Groups is the active groups in order.
func (m *Manager) Groups(ctx context.Context) ([]*conf.Group, error) {
	return ask(ctx, m, func() ([]*conf.Group, error) {
		list := make([]*conf.Group, len(m.order))
		for i, g := range m.byPriority() {
			list[i] = g.conf
		}
		return list, nil
	})
}
