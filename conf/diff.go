package conf

import (
	"slices"
	"strconv"
)

// Plan is what has to be done to get from one configuration to another, by groups, as
// supervisord's update does it.
type Plan struct {
	Added   []*Group      // in (Priority, Name) order of the new configuration
	Changed []GroupChange // likewise
	Removed []*Group      // in the order of the old configuration
}

// GroupChange is a group that both configurations have, with the reasons why it differs.
type GroupChange struct {
	Old, New *Group
	Reasons  []Reason
}

// Reason is one option that differs.
type Reason struct {
	Process  string // namespec; "" for an option of the group itself, or of all its processes
	Key      string // "section" when it is now of another kind
	Old, New string
	Pos      Pos  // where the new value is written; zero for a default
	Live     bool // the option matters later only: a process that runs need not be restarted for it
}

// Diff compares the groups of two configurations; a nil old is an empty one.
// It follows Supervisor's rules of what counts as changed (ProcessConfig.__eq__),
// except that a change between AUTO and a path is seen.
func Diff(old, new []*Group) Plan {
	var plan Plan
	d := newDiffer()
	was := make(map[string]*Group, len(old))
	for _, g := range old {
		was[g.Name] = g
	}
	is := make(map[string]bool, len(new))
	for _, g := range new {
		is[g.Name] = true
		before := was[g.Name]
		if before == nil {
			plan.Added = append(plan.Added, g)
		} else if reasons := d.group(before, g); len(reasons) > 0 {
			plan.Changed = append(plan.Changed, GroupChange{Old: before, New: g, Reasons: reasons})
		}
	}
	for _, g := range old {
		if !is[g.Name] {
			plan.Removed = append(plan.Removed, g)
		}
	}
	return plan
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Added)+len(p.Changed)+len(p.Removed) == 0 }

// differ holds the rows of the table that count, and reuses its values: comparing is
// done for thousands of processes.
type differ struct {
	process, listener []*option
	a, b              values
	reasons           []Reason
	kind, priority    bool // the group's kind and priority were reported, so its processes' are not
}

func newDiffer() *differ {
	d := &differ{}
	d.a.program, d.b.program = &programOptions{}, &programOptions{}
	for i := range options() {
		switch o := &options()[i]; {
		case !o.diff:
		case o.in&inProgram != 0:
			d.process = append(d.process, o)
		case o.in == inListener && o.name != "priority":
			d.listener = append(d.listener, o)
		}
	}
	return d
}

// group compares two groups of one name.
func (d *differ) group(old, new *Group) []Reason {
	d.reasons = nil
	d.kind, d.priority = old.Kind != new.Kind, old.Priority != new.Priority
	if d.kind {
		d.add(Reason{Key: "section", Old: header(old.Origin), New: header(new.Origin), Pos: new.Pos})
	}
	if d.priority {
		d.add(Reason{Key: "priority", Old: strconv.Itoa(old.Priority), New: strconv.Itoa(new.Priority),
			Pos: new.Origin.Pos("priority"), Live: true})
	}
	if old.Listener != nil && new.Listener != nil {
		d.a.program.listener, d.b.program.listener = *old.Listener, *new.Listener
		slices.Sort(d.events(&d.a))
		slices.Sort(d.events(&d.b))
		for _, o := range d.listener {
			d.option(o, "", new.Origin)
		}
	}
	d.processes(old, new)
	return d.reasons
}

// events makes the list of events one that may be sorted: it is a set.
func (d *differ) events(v *values) []string {
	v.program.listener.Events = slices.Clone(v.program.listener.Events)
	return v.program.listener.Events
}

// processes compares the processes of two groups, whose order counts.
func (d *differ) processes(old, new *Group) {
	if len(old.Processes) != len(new.Processes) || !slices.EqualFunc(old.Processes, new.Processes, sameName) {
		d.members(old, new)
	}
	before := make(map[string]*Process, len(old.Processes))
	for _, p := range old.Processes {
		before[p.Name] = p
	}
	groupReasons := len(d.reasons)
	compared := 0
	for i, p := range new.Processes {
		was := before[p.Name]
		if i < len(old.Processes) && sameName(old.Processes[i], p) {
			was = old.Processes[i]
		}
		if was != nil {
			compared++
			d.compare(was, p)
		}
	}
	d.collapse(groupReasons, compared)
}

func sameName(a, b *Process) bool { return a.Name == b.Name }

// compare compares two processes of one name.
func (d *differ) compare(old, new *Process) {
	d.a.process, d.b.process = old, new
	name := namespec(new)
	if old.Kind != new.Kind && !d.kind {
		d.add(Reason{Process: name, Key: "section", Old: header(old.Origin), New: header(new.Origin), Pos: new.Pos})
	}
	for _, o := range d.process {
		if o.name == "priority" && d.priority {
			continue
		}
		d.option(o, name, new.Origin)
	}
	if !old.FileEnv.equal(new.FileEnv) && slices.Equal(old.EnvFiles, new.EnvFiles) {
		before, after := fileEnvReason(old.FileEnv, new.FileEnv)
		d.add(Reason{Process: name, Key: "env_file", Old: before, New: after, Pos: new.Origin.Pos("env_file")})
	}
	if a, b := socketURL(old), socketURL(new); a != b {
		d.add(Reason{Process: name, Key: "socket", Old: a, New: b, Pos: new.Origin.Pos("socket")})
	}
}

// option compares one option of d.a and d.b.
func (d *differ) option(o *option, process string, origin *Origin) {
	if o.same(&d.a, &d.b) {
		return
	}
	d.add(Reason{Process: process, Key: o.name, Old: o.get(&d.a), New: o.get(&d.b),
		Pos: origin.Pos(o.name), Live: o.live})
}

func (d *differ) add(r Reason) { d.reasons = append(d.reasons, r) }

// members says why a group has other processes than before.
func (d *differ) members(old, new *Group) {
	a, b := programNames(old), programNames(new)
	switch {
	case !slices.Equal(a, b):
		d.add(Reason{Key: "programs", Old: formatList(a), New: formatList(b), Pos: new.Origin.Pos("programs").or(new.Pos)})
		return
	case len(old.Processes) != len(new.Processes):
		d.add(Reason{Key: "numprocs", Old: strconv.Itoa(len(old.Processes)), New: strconv.Itoa(len(new.Processes)),
			Pos: memberOrigin(new).Pos("numprocs")})
		return
	}
	for i, p := range new.Processes {
		q := old.Processes[i]
		if q.Name == p.Name {
			continue
		}
		if q.Num != p.Num {
			d.add(Reason{Key: "numprocs_start", Old: strconv.Itoa(q.Num), New: strconv.Itoa(p.Num), Pos: p.Origin.Pos("numprocs_start")})
		} else {
			d.add(Reason{Key: "process_name", Old: q.Name, New: p.Name, Pos: p.Origin.Pos("process_name")})
		}
		return
	}
}

// memberOrigin is the section that the processes of a group come from, if it is one.
func memberOrigin(g *Group) *Origin {
	if len(g.Processes) > 0 {
		return g.Processes[0].Origin
	}
	return g.Origin
}

// collapse makes one reason of those that all n processes compared have in common.
func (d *differ) collapse(from, n int) {
	list := d.reasons[from:]
	if n < 2 || len(list) == 0 || len(list)%n != 0 {
		return
	}
	each := len(list) / n
	for i, r := range list {
		first := list[i%each]
		if first.Process = r.Process; first != r {
			return
		}
	}
	for i := range each {
		list[i].Process = ""
	}
	d.reasons = d.reasons[:from+each]
}

// programNames are the programs whose processes a group has, each once.
func programNames(g *Group) []string {
	var names []string
	last := ""
	for _, p := range g.Processes {
		if p.Program != last && !slices.Contains(names, p.Program) {
			names = append(names, p.Program)
		}
		last = p.Program
	}
	return names
}

func socketURL(p *Process) string {
	if p.Socket == nil {
		return ""
	}
	return p.Socket.URL
}

func header(o *Origin) string {
	if o == nil {
		return ""
	}
	return "[" + o.Section + "]"
}

// namespec is how ctl names a process.
func namespec(p *Process) string {
	if p.Group == p.Name {
		return p.Name
	}
	return p.Group + ":" + p.Name
}
