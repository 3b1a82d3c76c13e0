package proc

import (
	"cmp"
	"slices"

	"gosv/conf"
)

// group is the record of one group. It belongs to the loop.
type group struct {
	conf       *conf.Group
	procs      []*process          // in configured order
	byPriority []*process          // the same, by priority; equal ones in configured order
	byName     map[string]*process // the same
	sockets    map[string]*socket  // fcgi: by URL
	busy       int                 // processes that are not at rest
	leaving    bool                // is about to be removed: nothing in it may start
	gone       bool                // was removed
	told       bool                // was told to stop by Shutdown
}

// newGroup makes the records of a group. It may open files (Options.Output does), so it is
// called by whoever asks for the group, never by the loop.
func (m *Manager) newGroup(c *conf.Group) *group {
	g := &group{conf: c, byName: make(map[string]*process, len(c.Processes))}
	for _, pc := range c.Processes {
		p := &process{conf: pc, group: g, out: discard{}, stdin: stdin{fd: -1}}
		if m.Output != nil {
			p.out = m.Output(pc)
		}
		p.due.owner = p
		g.procs = append(g.procs, p)
		g.byName[pc.Name] = p
	}
	g.byPriority = slices.Clone(g.procs)
	slices.SortStableFunc(g.byPriority, func(a, b *process) int { return cmp.Compare(a.conf.Priority, b.conf.Priority) })
	return g
}

func (g *group) close() {
	for _, p := range g.procs {
		p.out.Close()
	}
}

func (g *group) socket(c *conf.Socket) *socket {
	s := g.sockets[c.URL]
	if s == nil {
		if g.sockets == nil {
			g.sockets = map[string]*socket{}
		}
		s = &socket{conf: c}
		g.sockets[c.URL] = s
	}
	return s
}

// byPriority is the groups in Supervisor's order: by priority, equal ones as they were added.
func (m *Manager) byPriority() []*group {
	if m.priority == nil {
		m.priority = slices.Clone(m.order)
		slices.SortStableFunc(m.priority, func(a, b *group) int { return cmp.Compare(a.conf.Priority, b.conf.Priority) })
	}
	return m.priority
}

// byNames is every process, by group and then by name.
func (m *Manager) byNames() []*process {
	if m.sorted == nil {
		for _, g := range m.order {
			m.sorted = append(m.sorted, g.procs...)
		}
		slices.SortFunc(m.sorted, func(a, b *process) int {
			return cmp.Or(cmp.Compare(a.conf.Group, b.conf.Group), cmp.Compare(a.conf.Name, b.conf.Name))
		})
	}
	return m.sorted
}

// find is one process by name.
func (m *Manager) find(groupName, name string) (*process, error) {
	if g := m.groups[groupName]; g != nil {
		if p := g.byName[name]; p != nil {
			return p, nil
		}
	}
	return nil, &Fault{BadName, namespec(groupName, name)}
}

// meant is the processes that op means, in Supervisor's order: one that is named always, of
// a group or all only those for which there is something to do.
func (m *Manager) meant(op Op) ([]*process, error) {
	if op.Process != "" {
		p, err := m.find(op.Group, op.Process)
		if err == nil && !op.sees(p) {
			err = &Fault{BadName, namespec(op.Group, op.Process)}
		}
		if err != nil {
			return nil, err
		}
		return []*process{p}, nil
	}
	groups := m.byPriority()
	if op.Group != "" {
		g := m.groups[op.Group]
		if g == nil || op.Sees != nil && !slices.ContainsFunc(g.procs, op.sees) {
			return nil, &Fault{BadName, op.Group}
		}
		groups = []*group{g}
	}
	var list []*process
	for _, g := range groups {
		for _, p := range g.byPriority {
			if p.wanted(op.Kind) && op.sees(p) {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

func (op Op) sees(p *process) bool { return op.Sees == nil || op.Sees(p.conf) }

// wanted says whether there is something to do for p. One that will be started again without
// being asked counts as up for Stop.
func (p *process) wanted(k Kind) bool {
	s := p.m.State
	switch k {
	case Start:
		return !s.Up()
	case Stop:
		return s.Up() || p.m.Again
	case Signal:
		return s.Signallable()
	}
	return true
}
