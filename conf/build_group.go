package conf

import (
	"fmt"
	"slices"
	"strings"
)

// group reads a [group:x]. Its members' sections are added to members: they do not
// become groups of their own.
func (l *loader) group(doc *document, s *section, name string, members map[string]bool) *Group {
	opts := &groupOptions{}
	v := &values{group: opts}
	setDefaults(inGroup, v)
	r := l.reading(s, v)
	name = r.name(name)
	r.all(nil)
	g := &Group{Name: name, Priority: opts.priority, Kind: Program, Pos: s.pos, Origin: r.origin()}
	for _, member := range opts.programs {
		program, fcgi := l.sections["program:"+member], l.sections["fcgi-program:"+member]
		switch {
		case program == nil && fcgi == nil:
			r.refuse("programs", "there is no program or fcgi-program "+fmt.Sprintf("%q", member),
				r.programHint(doc, member), fmt.Sprintf("[%s] names unknown program or fcgi-program %s", s.name, member))
			r.noticed("members")
			continue
		case program != nil && fcgi != nil:
			r.refuse("programs", fmt.Sprintf("%q is both a program and an fcgi-program", member), "rename one of them",
				fmt.Sprintf("[%s] name %s is ambiguous (exists as program and fcgi-program)", s.name, member))
			r.noticed("members")
			continue
		case program == nil:
			program = fcgi
		}
		members[program.name] = true
		g.Processes = append(g.Processes, l.processes(program, name, false)...)
	}
	g.Processes = l.distinct(g)
	return g
}

// programHint is what a member of a group may have meant.
func (r *reading) programHint(doc *document, member string) string {
	var names []string
	for _, s := range doc.sections {
		k, name := sectionKindOf(s.name)
		if k == nil || k.kind&inPrograms == 0 {
			continue
		}
		if k.kind == inListener && name == member {
			return "event listeners cannot be in a group"
		}
		if k.kind != inListener {
			names = append(names, name)
		}
	}
	if s := suggest(member, names); s != "" {
		return "did you mean " + s + "?"
	}
	return "add a section [program:" + member + "]"
}

// name checks the name in the section's header.
func (r *reading) name(name string) string {
	clean, err := checkName(name)
	switch {
	case err != nil:
		r.refuse("", "the name must not contain blanks, colons or slashes", "rename it", err.Error()+r.suffix)
		return strings.TrimSpace(name)
	case clean == "":
		r.refuse("", "the name is missing", "write ["+strings.TrimSuffix(r.s.name, name)+"name]", "")
	}
	return clean
}

// alone reads a program, event listener or fcgi-program that is in no group.
func (l *loader) alone(s *section, kind kinds, name string) *Group {
	g := &Group{Name: strings.TrimSpace(name), Kind: modelKind(kind), Pos: s.pos}
	g.Processes = l.processesInto(g, s)
	g.Processes = l.distinct(g)
	return g
}

// distinct drops processes whose name comes again: Supervisor keeps them in a dictionary,
// where the last one replaces the others in the first one's place.
func (l *loader) distinct(g *Group) []*Process {
	at := make(map[string]int, len(g.Processes))
	list := g.Processes[:0]
	for _, p := range g.Processes {
		i, again := at[p.Name]
		if !again {
			at[p.Name] = len(list)
			list = append(list, p)
			continue
		}
		if len(l.errs) == 0 {
			l.warn(&Error{Pos: p.Pos, Section: p.Origin.Section,
				Msg: fmt.Sprintf("group %s has more than one process %s; only the last one counts", g.Name, p.Name)})
		}
		list[i] = p
	}
	return slices.Clip(list)
}

func modelKind(k kinds) Kind {
	switch k {
	case inListener:
		return EventListener
	case inFCGI:
		return FCGIProgram
	}
	return Program
}
