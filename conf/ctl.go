package conf

import "strings"

// LoadCtl reads [supervisorctl] of file and nothing else, as supervisorctl does: no
// includes, and faults of other sections do not matter. INI must have the section, unless
// o says otherwise. In TOML it may be missing, and serverurl may be: ctl then talks to the
// file's first server, with that server's username and password. Of [ctlplugin:x] it is noticed that they
// are there, and nothing else.
func LoadCtl(file string, o Options) (*Supervisorctl, error) {
	l := newLoader(file, o)
	l.want = func(section string) bool { return !strings.Contains(section, ":") } // not [program:x]; of those it has the heads
	doc := l.readMain()
	if doc == nil || l.broken {
		return nil, l.errs
	}
	s := l.sections["supervisorctl"]
	if s == nil && !l.toml[file] && !o.NoCtl {
		l.fail(&Error{Pos: Pos{File: file}, Msg: ".ini file does not include supervisorctl section",
			Hint: "add [supervisorctl] with serverurl=", Compat: ".ini file does not include supervisorctl section"})
		return nil, l.errs
	}
	ctl := l.ctl(s)
	if len(l.errs) > 0 {
		l.errs.Sort()
		return nil, l.errs
	}
	if s == nil || l.toml[file] && s.setting("serverurl") == nil {
		l.servers(doc) // its faults are the daemon's to report
		c := CtlDefaults(l.cfg)
		ctl.ServerURL = c.ServerURL
		if s.setting("username") == nil && s.setting("password") == nil {
			ctl.Username, ctl.Password = c.Username, c.Password
		}
	}
	for _, s := range doc.sections {
		if k, _ := sectionKindOf(s.name); k != nil && k.kind == inPlugin {
			ctl.Notices = append(ctl.Notices, Notice{"WARN", noPlugin(s).Error()})
		}
	}
	return &ctl, nil
}

// CtlDefaults is how a ctl without any [supervisorctl] would reach the daemon of c: by
// its first unix socket, else by its last TCP address (as SUPERVISOR_SERVER_URL is
// chosen), else at Supervisor's default.
func CtlDefaults(c *Config) Supervisorctl {
	ctl := Supervisorctl{Prompt: "supervisor"}
	v := &values{ctl: &ctl}
	setDefaults(inCtl, v)
	if url := c.ServerURL(); url != "" {
		ctl.ServerURL = url
	}
	switch {
	case len(c.UnixServers) > 0:
		ctl.Username, ctl.Password = c.UnixServers[0].Username, c.UnixServers[0].Password
	case len(c.InetServers) > 0:
		s := c.InetServers[len(c.InetServers)-1]
		ctl.Username, ctl.Password = s.Username, s.Password
	}
	if strings.HasPrefix(ctl.Password, "{SHA}") { // not the password but its hash
		ctl.Username, ctl.Password = "", ""
	}
	return ctl
}
