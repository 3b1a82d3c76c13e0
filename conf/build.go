package conf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// build turns the document into the Config, section by section in Supervisor's order.
func (l *loader) build(doc *document) {
	main := l.sections["supervisord"]
	if main == nil && !l.broken && !l.toml[l.files[0]] {
		l.fail(&Error{Pos: Pos{File: l.files[0]}, Msg: ".ini file does not include supervisord section",
			Hint: "add a line [supervisord]", Compat: ".ini file does not include supervisord section"})
	}
	l.supervisord(main)
	l.plugins(doc)
	l.groups(doc)
	l.policies()
	l.access(doc)
	l.servers(doc)
	l.supervisorctl(doc)
	l.unknownSections(doc)
}

// setDefaults gives v what the table says for a kind of section.
func setDefaults(kind kinds, v *values) {
	for i := range options() {
		o := &options()[i]
		if o.in&kind == 0 || o.def == "" || strings.Contains(o.def, "%") {
			continue
		}
		if err := o.set(v, o.def); err != nil {
			panic(fmt.Sprintf("internal error: default of %s: %v", o.name, err))
		}
	}
}

// supervisord reads [supervisord], puts the command line over it, and makes its
// environment= known to everything that is read after it.
func (l *loader) supervisord(s *section) {
	sd := &l.cfg.Supervisord
	v := &values{supervisord: sd, users: l.users}
	setDefaults(inSupervisord, v)
	sd.Childlogdir = tempDir(l.env)
	sd.ShutdownTimeout = NoTimeout
	if s != nil {
		r := l.reading(s, v)
		r.first("env_file") // the others may use what it says
		fileEnv := r.envFiles(sd.EnvFiles)
		l.know(fileEnv)
		r.names.env = l.env
		r.all(func(o *option) bool { return o.name == "env_file" || o.name == "user" && l.overridden("user") })
		sd.FileEnv = fileEnv.without(sd.Environment)
		if x := r.get("identifier"); x != nil && strings.Contains(fmt.Sprint(x.value), "%(ENV_") {
			sd.Instance = sd.Identifier
		}
		for i := range sd.Secrets {
			sd.Secrets[i].File = r.relative(sd.Secrets[i].File, r.get("environment_from_files").pos)
		}
		r.supervisordPolicies(sd)
		sd.Origin = r.origin()
	} else {
		sd.Origin = &Origin{Section: "supervisord"}
	}
	sd.Origin.flags = map[string]string{}
	for _, over := range l.opts.Overrides {
		l.override(v, over)
	}
	if l.overridden("identifier") {
		sd.Instance = sd.Identifier
	}
	l.know(sd.Environment)
}

// know makes variables known to %(ENV_X)s from here on.
func (l *loader) know(more Env) {
	if len(more) == 0 {
		return
	}
	env := maps.Clone(l.env)
	for _, x := range more {
		env[x.Name] = x.Value
	}
	l.env = env
}

// CheckFlags is the first fault of the flags by themselves, a conf.Errors, or nil. An
// account is not looked up: Supervisor does that when it has read the file.
func CheckFlags(list []Override) error {
	l := newLoader("", Options{})
	sd := Supervisord{Origin: &Origin{Section: "supervisord", flags: map[string]string{}}}
	l.cfg.Supervisord = sd
	v := &values{supervisord: &l.cfg.Supervisord, users: l.users}
	for _, over := range list {
		if over.Key != "user" {
			l.override(v, over)
		}
	}
	if len(l.errs) == 0 {
		return nil
	}
	return l.errs[:1]
}

func (l *loader) overridden(key string) bool {
	return slices.ContainsFunc(l.opts.Overrides, func(o Override) bool { return o.Key == key })
}

// override is one flag of the command line.
func (l *loader) override(v *values, over Override) {
	o, _ := l.option(inSupervisord, over.Key)
	if o == nil { // --profile_options
		return
	}
	value := over.Value
	if o.typ == boolType && value == "" {
		value = "true"
	}
	err := o.set(v, value)
	if err == nil {
		l.cfg.Supervisord.Origin.flags[o.name] = over.Flag
		return
	}
	msg, hint := o.explain(value, err)
	e := &Error{Msg: over.Flag + " " + msg, Hint: hint,
		Compat: fmt.Sprintf("invalid value for %s %s: %v", over.Flag, Repr(value), err)}
	if o.typ == userType { // Supervisor looks at -u later
		e.Compat = err.Error()
	}
	l.fail(e)
}

// servers reads the [*_http_server] sections.
func (l *loader) servers(doc *document) {
	l.serversOf(doc, inInet)
	l.serversOf(doc, inUnix)
}

func (l *loader) serversOf(doc *document, kind kinds) {
	for _, s := range doc.sections {
		k, _ := sectionKindOf(s.name)
		if k == nil || k.kind != kind {
			continue
		}
		required := "port"
		v := &values{}
		if k.kind == inUnix {
			required = "file"
			v.unix = &UnixServer{Section: s.name, Chown: Owner{UID: -1, GID: -1}}
		} else {
			v.inet = &InetServer{Section: s.name}
		}
		setDefaults(k.kind, v)
		r := l.reading(s, v)
		r.all(nil)
		r.required(required)
		if r.has("username") != r.has("password") {
			have, lack := "username", "password"
			if r.has(lack) {
				have, lack = lack, have
			}
			r.refuse(have, have+"= needs "+lack+"= too", "add "+lack+"=, or remove "+have+"=",
				fmt.Sprintf("Section [%s] contains incomplete authentication: If a username or a password is specified, "+
					"both the username and password must be specified", s.name))
		}
		if k.kind == inUnix {
			r.guarded(v.unix.Username, nil)
			r.hashed(v.unix.Password)
			v.unix.Origin = r.origin()
			l.cfg.UnixServers = append(l.cfg.UnixServers, *v.unix)
		} else {
			r.guarded(v.inet.Username, v.inet)
			r.hashed(v.inet.Password)
			v.inet.Origin = r.origin()
			l.cfg.InetServers = append(l.cfg.InetServers, *v.inet)
		}
	}
}

// supervisorctl reads [supervisorctl] for those who show it. The daemon does not need
// it, so its faults are only warned about.
func (l *loader) supervisorctl(doc *document) {
	errs, env := l.errs, l.env
	l.errs = nil
	s := l.sections["supervisorctl"]
	if s == nil {
		l.cfg.Supervisorctl = CtlDefaults(l.cfg)
	} else {
		l.cfg.Supervisorctl = l.ctl(s)
	}
	faults := l.errs
	l.errs, l.env = errs, env
	if s != nil && l.toml[s.pos.File] {
		l.errs = append(l.errs, faults...)
		return
	}
	for _, e := range faults {
		l.warn(e)
	}
}

// ctl makes a Supervisorctl of its section, or of its defaults when there is none.
func (l *loader) ctl(s *section) Supervisorctl {
	var ctl Supervisorctl
	v := &values{ctl: &ctl}
	setDefaults(inCtl, v)
	if s != nil {
		r := l.reading(s, v)
		r.all(nil)
		ctl.Origin = r.origin()
	}
	return ctl
}

// plugins looks at [rpcinterface:x] and [ctlplugin:x], of which gosv loads none.
func (l *loader) plugins(doc *document) {
	for _, s := range doc.sections {
		k, name := sectionKindOf(s.name)
		if k == nil || k.kind&(inRPC|inPlugin) == 0 {
			continue
		}
		v := &values{plugin: &pluginOptions{}}
		r := l.reading(s, v)
		for _, key := range optionNames(k.kind) {
			if x := r.get(key); x != nil {
				o, _ := l.option(k.kind, key)
				r.set(o, *x)
			} else if k.kind == inRPC {
				r.required(key)
			}
		}
		if k.kind == inRPC {
			r.extras(name, v.plugin.factory == mainRPC)
		}
		if k.kind == inRPC && v.plugin.factory == mainRPC || r.bad {
			continue
		}
		l.warn(noPlugin(s))
	}
}

// noPlugin is the warning about a section that names Python code.
func noPlugin(s *section) *Error {
	return &Error{Pos: s.pos, Section: s.name, Msg: "gosv loads no Python plugins; this section is ignored"}
}

// extras looks at the options that Supervisor expands and hands to the factory of an
// [rpcinterface:name]. Its own takes none.
func (r *reading) extras(name string, own bool) {
	for _, x := range r.s.settings {
		if o, _ := r.option(r.kind, x.key); o != nil {
			continue
		}
		o := &option{name: x.key}
		if _, ok := r.expand(o, x); ok && own {
			r.fault(o, &Error{Pos: x.pos, Msg: "Supervisor's interface has no such option", Hint: "remove it",
				Compat: noInterface + name + " rpc interface"})
		}
	}
}

// unknownSections warns about sections that nobody reads.
func (l *loader) unknownSections(doc *document) {
	for _, s := range doc.sections {
		if k, _ := sectionKindOf(s.name); k != nil {
			continue
		}
		e := &Error{Pos: s.pos, Section: s.name, Msg: "unknown section"}
		if k, _ := sectionKindOf(s.name + ":x"); k != nil && k.named {
			e.Hint = "write [" + s.name + ":NAME]"
		} else if name := knownSection(s.name); name != "" {
			e.Hint = "did you mean [" + name + "]?"
			if l.toml[s.pos.File] {
				e.Hint = "did you mean [" + strings.Replace(name, ":", ".", 1) + "]?"
			}
		}
		if l.toml[s.pos.File] {
			l.fail(e)
			continue
		}
		e.Msg += ", ignored"
		l.warn(e)
	}
}

// groups reads everything that becomes processes, and sorts it as supervisord does.
func (l *loader) groups(doc *document) {
	var groups []*Group
	members := map[string]bool{} // sections that are in a [group:x]
	for _, s := range doc.sections {
		if k, name := sectionKindOf(s.name); k != nil && k.kind == inGroup {
			groups = append(groups, l.group(doc, s, name, members))
		}
	}
	for _, kind := range []kinds{inProgram, inListener, inFCGI} {
		for _, s := range doc.sections {
			if k, name := sectionKindOf(s.name); k != nil && k.kind == kind && !members[s.name] {
				groups = append(groups, l.alone(s, kind, name))
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	first := map[string]*Group{}
	for _, g := range groups {
		if have := first[g.Name]; have != nil { // Supervisor keeps the first and says nothing
			l.warn(&Error{Pos: g.Pos, Section: g.Origin.Section,
				Msg: fmt.Sprintf("ignored, because [%s] at %s has the same name", have.Origin.Section, have.Pos)})
			continue
		}
		first[g.Name] = g
		l.cfg.Groups = append(l.cfg.Groups, g)
	}
}
