package conf

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// processesInto reads a section that is a group of its own, the group's options included.
func (l *loader) processesInto(g *Group, s *section) []*Process {
	p := l.program(s, g.Name, true)
	g.Origin = p.base.Origin
	g.Priority = p.base.Priority
	if g.Kind == EventListener {
		g.Priority = p.x.priority
		if p.r.has("priority") {
			p.base.Priority = p.x.priority
		}
		l.listener(p, g)
	}
	return p.instances()
}

// processes reads a section for one of the groups that it is in.
func (l *loader) processes(s *section, group string, alone bool) []*Process {
	return l.program(s, group, alone).instances()
}

// program is a program-like section that is ready to become processes.
type program struct {
	r     *reading
	base  Process
	x     programOptions
	files Env       // what env_file= says
	same  bool      // the process being made has the environment of the first one
	later []pending // options that may differ from process to process
}

type pending struct {
	o *option
	setting
}

// program reads everything in a section that its processes have in common. It follows
// Supervisor's _processes_from_section.
func (l *loader) program(s *section, group string, alone bool) *program {
	k, name := sectionKindOf(s.name)
	t := l.template(k.kind)
	p := &program{base: t.process, x: t.program}
	p.r = l.reading(s, &values{process: &p.base, program: &p.x})
	r := p.r
	r.suffix = fmt.Sprintf(" in section %s (file: %s)", Repr(s.name), Repr(s.pos.File))
	if alone {
		r.plain = func(o *option) bool { return readByGroup(k.kind, o) }
		if k.kind != inListener { // the group's reader checks the name first
			suffix := r.suffix
			r.suffix = ""
			name = r.name(name)
			r.suffix = suffix
		}
	}
	if !alone || k.kind == inListener {
		name = r.name(name)
	}
	r.names.program, r.names.group = name, group
	p.base.Program, p.base.Group, p.base.Kind, p.base.Pos = name, group, modelKind(k.kind), s.pos

	r.all(func(o *option) bool {
		if o.use&useNum == 0 {
			return false
		}
		p.later = append(p.later, pending{o: o, setting: *r.get(o.name)})
		return true
	})
	p.base.Origin = r.origin()
	p.files = r.envFiles(p.base.EnvFiles)
	r.required("command")
	p.check()
	p.budget()
	if k.kind == inFCGI {
		p.base.Socket = l.socket(p, name, alone)
	}
	return p
}

// template is a section of this kind with nothing but defaults. Its slices are shared.
func (l *loader) template(kind kinds) *template {
	t := l.templates[kind]
	if t == nil {
		t = &template{
			process: Process{Umask: Unset, Priority: 999},
			program: programOptions{socket: Socket{Mode: Unset, Owner: Owner{UID: -1, GID: -1}}},
		}
		setDefaults(kind, &values{process: &t.process, program: &t.program})
		l.templates[kind] = t
	}
	return t
}

// readByGroup says which options of a section that is a group of its own Supervisor reads
// outside of its program reader: there fewer names are known, and errors have no suffix.
func readByGroup(kind kinds, o *option) bool {
	switch o.name {
	case "priority", "events", "buffer_size", "result_handler", "socket", "socket_backlog", "socket_owner", "socket_mode":
		return true
	case "redirect_stderr":
		return kind == inListener
	case "user":
		return kind == inFCGI
	}
	return false
}

// check looks at options that must fit together.
func (p *program) check() {
	r := p.r
	if !r.has("killasgroup") {
		p.base.Killasgroup = p.base.Stopasgroup
	} else if p.base.Stopasgroup && !p.base.Killasgroup {
		r.refuse("killasgroup", "must not be false when stopasgroup is true", "remove it",
			"Cannot set stopasgroup=true and killasgroup=false"+r.suffix)
		r.noticed("process_name")
	}
	if p.base.Stopsignal == 0 && r.has("stopsignal") { // the original takes it, and never stops such a program before SIGKILL
		text := written(r.get("stopsignal").value)
		r.refuse("stopsignal", "must be the name or number of a signal, and 0 is none", "remove it, or write TERM",
			"value "+Repr(text)+" is not a valid signal number"+r.suffix)
	}
	raw := "%(program_name)s"
	if x := r.get("process_name"); x != nil {
		raw = written(x.value)
		if _, err := checkName(raw); err != nil {
			r.refuse("process_name", "must not contain blanks, colons or slashes", "", err.Error()+r.suffix)
		}
	}
	if p.x.numprocs > 1 && !strings.Contains(raw, "%(process_num)") {
		r.refuse("numprocs", "with more than one process, process_name must contain %(process_num)",
			"add process_name=%(program_name)s_%(process_num)02d",
			"%(process_num) must be present within process_name when numprocs > 1"+r.suffix)
		r.noticed("process_name")
	}
	if p.x.numprocs > maxNumprocs {
		r.refuse("numprocs", fmt.Sprintf("must be at most %d", maxNumprocs), "", "")
		p.x.numprocs = 1
	}
}

// instances makes the processes, sorted as Supervisor does.
func (p *program) instances() []*Process {
	r, l := p.r, p.r.loader
	slices.SortStableFunc(p.later, func(a, b pending) int { // environment= gives names to the others
		return cmp.Compare(order(a.o), order(b.o))
	})
	list := make([]*Process, 0, max(0, p.x.numprocs))
	for i := range max(0, p.x.numprocs) {
		q := p.base
		q.Num = p.x.numprocsStart + i
		x := p.x
		x.processName = p.base.Program
		r.v.process, r.v.program = &q, &x
		r.names.num, r.names.numprocs, r.names.own, p.same = q.Num, p.x.numprocs, p.files, false
		for _, later := range p.later {
			p.late(&q, later, list)
		}
		p.environment(&q, list)
		q.Name = strings.TrimSpace(x.processName)
		p.output("stdout", &q.Stdout)
		p.output("stderr", &q.Stderr)
		p.direct("stdout", &q, &q.Stdout)
		if !q.RedirectStderr {
			p.direct("stderr", &q, &q.Stderr)
		}
		if q.RedirectStderr {
			if q.Stderr.Logfile.Kind == LogPath {
				l.notice("WARN", "For [%s], redirect_stderr=true but stderr_logfile has "+
					"also been set to a filename, the filename has been ignored", r.s.name)
			}
			q.Stderr.Logfile = LogFile{}
		}
		list = append(list, &q)
		if r.bad { // the others would only say the same again
			break
		}
	}
	slices.SortStableFunc(list, func(a, b *Process) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// order is the order in which the options of a process are read.
func order(o *option) int {
	if o.name == "environment" {
		return 0
	}
	return 1
}

// late sets an option that may differ from process to process. What does not differ is
// shared with the process before.
func (pr *program) late(q *Process, p pending, before []*Process) {
	r := pr.r
	text, isText := p.value.(string)
	constant := isText && !strings.Contains(text, "%")
	switch {
	case p.o.name == "environment":
		if !r.set(p.o, p.setting) {
			return
		}
		r.names.own = q.Environment
		if len(pr.files) > 0 {
			r.names.own = pr.files.Merge(q.Environment)
		}
		pr.same = len(before) > 0 && constant
	case p.o.typ == logfileType:
		value, ok := r.expand(p.o, p.setting)
		if !ok {
			return
		}
		if s, isText := value.(string); isText && strings.EqualFold(s, "syslog") {
			r.syslog(q, p.o.name)
			return
		}
		r.assign(p.o, p.setting, value)
	default:
		r.set(p.o, p.setting)
	}
}

// environment puts together what the process gets: what [supervisord] says of files and of
// itself, then what the program says, in this order, the later over the earlier.
func (p *program) environment(q *Process, before []*Process) {
	sd := &p.r.cfg.Supervisord
	for i := range q.Secrets {
		q.Secrets[i].File = p.r.relative(q.Secrets[i].File, p.r.get("environment_from_files").pos)
	}
	q.Secrets = sd.Secrets.merge(q.Secrets)
	if p.same {
		q.Environment, q.FileEnv = before[0].Environment, before[0].FileEnv
		return
	}
	own := q.Environment
	if q.Environment = sd.Environment.without(p.files); len(own) > 0 {
		q.Environment = q.Environment.Merge(own)
	}
	if q.FileEnv = sd.FileEnv; len(p.files) > 0 {
		q.FileEnv = q.FileEnv.Merge(p.files)
	}
	q.FileEnv = q.FileEnv.without(own)
}

// syslog is the deprecated way to ask for syslog.
func (r *reading) syslog(q *Process, key string) {
	stream, _, _ := strings.Cut(key, "_")
	r.notice("WARN", "For [%s], %s=syslog but this is deprecated and will "+
		"be removed.  Use %s_syslog=true to enable syslog instead.", r.s.name, key, stream)
	if stream == "stdout" {
		q.Stdout.Logfile, q.Stdout.Syslog = LogFile{}, true
	} else {
		q.Stderr.Logfile, q.Stderr.Syslog = LogFile{}, true
	}
}

// output fills in a format that the program leaves to [supervisord], and warns about an AUTO
// log that grows for ever.
func (p *program) output(stream string, o *Output) {
	if o.Logfile.Stdio() && !p.r.has(stream+"_logfile_format") {
		o.Format = p.r.cfg.Supervisord.LogFormat
	}
	if o.Logfile.Kind == LogAuto && o.LogfileMaxbytes == 0 && !p.r.bad {
		p.r.notice("WARN", "For [%s], AUTO logging used for %s_logfile without "+
			"rollover, set maxbytes > 0 to avoid filling up "+
			"filesystem unintentionally", p.r.s.name, stream)
	}
}

// direct refuses to let a program write its log by itself where something wants to see
// what it writes.
func (p *program) direct(stream string, q *Process, o *Output) {
	r, key := p.r, stream+"_logfile_direct"
	if !o.LogfileDirect || r.bad {
		return
	}
	refuse := func(why, hint string) {
		r.refuse(key, "the program cannot write its log by itself: "+why, hint, "")
	}
	remove := "remove " + key
	switch {
	case q.Kind == EventListener && stream == "stdout":
		refuse("an event listener speaks its protocol on standard output", remove)
	case o.Logfile.Kind == LogNone:
		refuse("it has none", "name a file with "+stream+"_logfile")
	case o.Logfile.Kind == LogPath && !maybeRegular(o.Logfile.Path):
		refuse(o.Logfile.Path+" is no regular file", remove)
	case o.LogfileMaxbytes > 0:
		refuse(fmt.Sprintf("it is rotated at %s bytes", strconv.FormatInt(int64(o.LogfileMaxbytes), 10)), "add "+stream+"_logfile_maxbytes=0")
	case o.CaptureMaxbytes > 0:
		refuse(stream+"_capture_maxbytes looks for tokens in it", remove)
	case o.EventsEnabled:
		refuse(stream+"_events_enabled makes events of it", remove)
	case o.Syslog:
		refuse(stream+"_syslog sends it to syslog", remove)
	case o.Format != FormatRaw:
		refuse(fmt.Sprintf("%s_logfile_format=%v puts its lines in order", stream, o.Format), remove)
	case r.cfg.Supervisord.StripANSI:
		refuse("strip_ansi takes colours out of it", remove)
	}
}

// maybeRegular says that path is a regular file, or none yet.
func maybeRegular(path string) bool {
	st, err := os.Stat(path)
	return err != nil || st.Mode().IsRegular()
}

// listener checks what only an [eventlistener:x] says, and puts it into its group.
func (l *loader) listener(p *program, g *Group) {
	r, x := p.r, &p.x
	if len(x.listener.Events) == 0 && (!r.bad || !r.has("events")) {
		r.refuse("events", "no event type is named", "write for example events=PROCESS_STATE",
			fmt.Sprintf(`[%s] section requires an "events" line`, r.s.name))
	}
	for _, e := range x.listener.Events {
		if slices.Contains(eventTypes, e) {
			continue
		}
		hint := "see docs/options.md for the types"
		if s := suggest(e, eventTypes); s != "" {
			hint = "did you mean " + s + "?"
		}
		r.refuse("events", "there is no event type "+e, hint, fmt.Sprintf("Unknown event type %s in [%s] events", e, r.s.name))
	}
	if n := x.listener.BufferSize; n < 1 {
		r.refuse("buffer_size", "must be at least 1, not "+strconv.Itoa(n), "",
			fmt.Sprintf("[%s] section sets invalid buffer_size (%d)", r.s.name, n))
	}
	if p.base.RedirectStderr {
		r.refuse("redirect_stderr", "an event listener speaks its protocol on standard output, which must stay clean", "remove it",
			fmt.Sprintf("[%s] section sets redirect_stderr=true but this is not allowed because it will interfere "+
				"with the eventlistener protocol", r.s.name))
	}
	if h := x.listener.ResultHandler; h != defaultHandler && h != stdoutHandler {
		r.warn(&Error{Pos: r.get("result_handler").pos, Section: r.s.name, Key: "result_handler",
			Msg: "gosv loads no Python code; " + h + " is ignored and the default used"})
		x.listener.ResultHandler = defaultHandler
	}
	li := x.listener
	g.Listener = &li
}

const tcpSocket = `^tcp://([^\s:]+):(\d+)$`

// socket checks the socket of an fcgi-program. All groups that have the program share it.
func (l *loader) socket(p *program, name string, alone bool) *Socket {
	r, x := p.r, &p.x.socket
	if have := l.sockets[r.s.name]; have != nil {
		return have
	}
	if !r.has("socket") || x.URL == "" && !r.bad {
		if alone {
			r.refuse("", "socket= is missing", "add for example socket=unix:///tmp/"+name+".sock",
				fmt.Sprintf(`[%s] section requires a "socket" line`, r.s.name))
			r.noticed("socket")
		} else { // Supervisor opens no sockets in groups, and so misses none
			r.warn(&Error{Pos: r.s.pos, Section: r.s.name, Msg: "has no socket=, so its processes get none"})
		}
		return nil
	}
	s := *x
	s.Name = name
	bad := func(msg, hint, python string) {
		r.refuse("socket", msg, hint, fmt.Sprintf("%s in [%s] socket", python, r.s.name))
	}
	unread := slices.ContainsFunc(r.errs, func(e *Error) bool { return e.Section == r.s.name && e.Key == "socket_backlog" })
	if r.has("socket_backlog") && (s.Backlog < 1 || s.Backlog > 65535) && !unread {
		r.refuse("socket_backlog", fmt.Sprintf("must be from 1 to 65535, not %d", s.Backlog), "",
			fmt.Sprintf("Invalid socket_backlog value %d", s.Backlog))
	}
	path, unix := strings.CutPrefix(s.URL, "unix://")
	tcp := regexp.MustCompile(tcpSocket).FindStringSubmatch(s.URL)
	switch {
	case unix && !strings.HasPrefix(path, "/"):
		bad("the socket's path must be absolute, not "+strconv.Quote(path), "write unix:///"+path,
			fmt.Sprintf("('Unix socket path %%s is not an absolute path', %s)", Repr(path)))
	case unix:
		clean, err := absolute(path)
		if err != nil {
			clean = path
		}
		s.URL = "unix://" + clean
		if u := p.base.User; !s.Owner.Set && u.Set && u.UID != os.Getuid() {
			s.Owner = Owner{Set: true, UID: u.UID, GID: u.GID}
		}
		if s.Mode == Unset {
			s.Mode = 0o700
		}
	case s.Owner.Set || s.Mode != Unset:
		bad("socket_owner and socket_mode are only for unix sockets", "remove them",
			"socket_owner and socket_mode params should only be used with a Unix domain socket")
	case tcp == nil:
		if s.URL != "" { // else it could not be read, which was said
			bad("must be tcp://host:port or unix:///path, not "+strconv.Quote(s.URL), "",
				fmt.Sprintf("('Bad socket format %%s', %s)", Repr(s.URL)))
		}
	default:
		_, port, err := parseInet(tcp[1] + ":" + tcp[2])
		if err != nil {
			bad("the port must be from 1 to 65535, not "+tcp[2], "", err.Error())
			return nil
		}
		s.URL = "tcp://" + strings.ToLower(tcp[1]) + ":" + strconv.Itoa(port)
	}
	l.sockets[r.s.name] = &s
	return &s
}
