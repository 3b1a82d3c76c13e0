package conf

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Show writes the effective values of a configuration, each with the place that it comes
// from, "default" or the command line's flag. section is "" for everything, or names a
// section ("program:web"), a group, or a process ("web:web_00"). Passwords are not shown.
func Show(w io.Writer, c *Config, section string) error {
	b := bufio.NewWriter(w)
	shown := false
	var known []string
	for _, s := range shownSections(c) {
		names := append(s.names, s.origin.name())
		known = append(known, names...)
		if section != "" && !slices.Contains(names, section) {
			continue
		}
		if shown {
			fmt.Fprintln(b)
		}
		shown = true
		s.write(b)
	}
	if !shown {
		e := &Error{Msg: fmt.Sprintf("there is no section, group or process %q in %s", section, c.File)}
		if s := suggest(section, known); s != "" {
			e.Hint = "did you mean " + s + "?"
		}
		return e
	}
	return b.Flush()
}

// shownSection is one block of Show.
type shownSection struct {
	origin *Origin
	kind   kinds
	names  []string // other names that it answers to
	note   string
	v      *values
}

func shownSections(c *Config) []shownSection {
	list := []shownSection{{origin: orOrigin(c.Supervisord.Origin, "supervisord"), kind: inSupervisord, v: &values{supervisord: &c.Supervisord}}}
	for i := range c.UnixServers {
		list = append(list, shownSection{origin: c.UnixServers[i].Origin, kind: inUnix, v: &values{unix: &c.UnixServers[i]}})
	}
	for i := range c.InetServers {
		list = append(list, shownSection{origin: c.InetServers[i].Origin, kind: inInet, v: &values{inet: &c.InetServers[i]}})
	}
	for i := range c.Access {
		list = append(list, shownSection{origin: c.Access[i].Origin, kind: inAccess, v: &values{access: &c.Access[i]}})
	}
	list = append(list, shownSection{origin: orOrigin(c.Supervisorctl.Origin, "supervisorctl"), kind: inCtl, v: &values{ctl: &c.Supervisorctl}})
	for _, g := range c.Groups {
		if strings.HasPrefix(g.Origin.name(), "group:") {
			list = append(list, shownSection{origin: g.Origin, kind: inGroup, names: []string{g.Name},
				v: &values{group: &groupOptions{programs: programNames(g), priority: g.Priority}}})
		}
		for _, p := range g.Processes {
			list = append(list, shownProcess(g, p))
		}
	}
	return list
}

// shownProcess puts together what a section said once and what the process has.
func shownProcess(g *Group, p *Process) shownSection {
	x := &programOptions{processName: p.Name, priority: g.Priority, numprocsStart: p.Num, socket: Socket{Mode: Unset}}
	for _, q := range g.Processes {
		if q.Origin == p.Origin {
			x.numprocs++
			x.numprocsStart = min(x.numprocsStart, q.Num)
		}
	}
	if g.Listener != nil {
		x.listener = *g.Listener
	}
	if p.Socket != nil {
		x.socket = *p.Socket
	}
	kind := inProgram
	switch p.Kind {
	case EventListener:
		kind = inListener
	case FCGIProgram:
		kind = inFCGI
	}
	s := shownSection{origin: p.Origin, kind: kind, names: []string{p.Group, p.Program, namespec(p)}, v: &values{process: p, program: x}}
	if x.numprocs > 1 || p.Group != p.Program {
		s.note = "process " + namespec(p)
	}
	return s
}

func orOrigin(o *Origin, section string) *Origin {
	if o == nil {
		return &Origin{Section: section}
	}
	return o
}

func (o *Origin) name() string {
	if o == nil {
		return ""
	}
	return o.Section
}

func (s shownSection) write(w io.Writer) {
	line(w, "["+s.origin.name()+"]", from(s.origin.Start(), "not in the file"))
	if s.note != "" {
		fmt.Fprintln(w, "; "+s.note)
	}
	for i := range options() {
		o := &options()[i]
		if o.in&s.kind == 0 {
			continue
		}
		pos := s.origin.Pos(o.name)
		source := from(pos, "default")
		if flag, ok := s.origin.flags[o.name]; ok {
			source = "command line, " + flag
		}
		value := o.get(s.v)
		if source == "default" && s.v.process != nil && (o.above || o.typ == environmentType && value != "") {
			source = "[supervisord]"
		}
		if source == "default" && o.def == "" && (value == "" || value == "-1" || value == "0" || o.typ == ownerType) && o.unset != "" {
			line(w, ";"+o.name, "not set: "+o.unset)
			continue
		}
		if o.name == "password" {
			value = strings.Repeat("*", 8)
		}
		line(w, o.name+" = "+strings.ReplaceAll(value, "\n", "\n    "), source)
	}
}

func from(p Pos, otherwise string) string {
	if p == (Pos{}) {
		return otherwise
	}
	return p.String()
}

// line writes a line with a remark in the column where most remarks fit.
func line(w io.Writer, text, remark string) {
	fmt.Fprintf(w, "%-48s  ; %s\n", text, remark)
}
