package conf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// example is a good value of an option that is not its default.
func (o *option) example() string {
	switch o.name {
	case "file":
		return "/tmp/example.sock"
	case "env_file":
		return "-no-such-file.env,-other.env"
	case "autostart":
		return "false"
	case "serverurl":
		return "unix:///tmp/example.sock"
	case "process_name":
		return "p%(process_num)d"
	case "events":
		return "TICK_5,PROCESS_STATE"
	case "result_handler":
		return stdoutHandler
	case "socket":
		return "unix:///tmp/example.sock"
	case "programs":
		return "other"
	case "files":
		return "no-such-directory/*.ini another/*.toml"
	case "supervisor.rpcinterface_factory":
		return mainRPC
	}
	return o.typ.example
}

// exampleSection is a section with one option set, and with what it cannot do without.
func exampleSection(k *sectionKind, o *option) *section {
	s := &section{name: k.name}
	if k.named {
		s.name += ":x"
	}
	add := func(key, value string) {
		if s.setting(key) == nil {
			s.settings = append(s.settings, setting{key: key, value: value})
		}
	}
	add(o.name, o.example())
	if k.kind == inAccess {
		add("password", "p")
		return s
	}
	switch o.name {
	case "username":
		add("password", "p")
	case "password":
		add("username", "u")
	case "numprocs":
		add("process_name", "p%(process_num)d")
	case "stdout_logfile_direct", "stderr_logfile_direct":
		add(strings.TrimSuffix(o.name, "direct")+"maxbytes", "0")
	}
	if k.kind == inListener && (o.name == "redirect_stderr" || o.name == "stdout_logfile_direct") {
		s.setting(o.name).value = "false"
	}
	for i := range options() {
		if r := &options()[i]; r.in&k.kind != 0 && r.absent != "" {
			add(r.name, r.example())
		}
	}
	return s
}

// asINI and asTOML write a section in the two formats, the second with TOML's own types.
func asINI(sections ...*section) string {
	text := "[supervisord]\n[program:other]\ncommand=/bin/cat\n"
	for _, s := range sections {
		text += "[" + s.name + "]\n"
		for _, x := range s.settings {
			text += x.key + "=" + x.value.(string) + "\n"
		}
	}
	return text
}

func asTOML(kind kinds, s *section) string {
	text := "[program.other]\ncommand='/bin/cat'\n" + tomlHeader(s.name) + "\n"
	for _, x := range s.settings {
		text += tomlKey(x.key) + " = " + tomlValue(optionOf(kind, x.key), x.value) + "\n"
	}
	return text
}

// TestEveryOption walks the table: each option means the same in INI and in TOML, differs
// from its default, is known at its line, and its text is read back.
func TestEveryOption(t *testing.T) {
	t.Parallel()
	for i := range sectionKinds {
		k := &sectionKinds[i]
		for j := range options() {
			o := &options()[j]
			if o.in&k.kind == 0 {
				continue
			}
			t.Run(k.name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				if !strings.HasSuffix(o.doc, ".") || o.def == "" && o.unset == "" && o.absent == "" {
					t.Errorf("doc %q, default %q, without one %q", o.doc, o.def, o.unset)
				}
				s := exampleSection(k, o)
				ini := load(t, "x.ini", asINI(s))
				toml := load(t, "x.toml", asTOML(k.kind, s))
				if diff := cmp.Diff(ini, toml, sameModel); diff != "" {
					t.Errorf("INI and TOML differ (-INI +TOML):\n%s\n%s", asTOML(k.kind, s), diff)
				}
				checkShown(t, ini, s, o)
			})
		}
	}
}

// checkShown looks at one option as Show sees it.
func checkShown(t *testing.T, c *Config, s *section, o *option) {
	for _, x := range shownSections(c) {
		if x.origin.name() != s.name || strings.HasPrefix(s.name, "rpcinterface") {
			continue
		}
		if pos := x.origin.Pos(o.name); pos.Line == 0 {
			t.Errorf("%s has no place", o.name)
		}
		if o.name == "process_name" || o.name == "numprocs" { // shown as what became of them
			return
		}
		text := o.get(x.v)
		fresh := values{process: &Process{}, program: &programOptions{}, supervisord: &Supervisord{}, unix: &UnixServer{},
			inet: &InetServer{}, ctl: &Supervisorctl{}, group: &groupOptions{}, include: &includeOptions{}, plugin: &pluginOptions{}, access: &Access{}}
		if err := o.set(&fresh, text); err != nil {
			t.Errorf("set(%q), which get wrote: %v", text, err)
		} else if !o.same(x.v, &fresh) || o.get(&fresh) != text {
			t.Errorf("%q is read back as %q", text, o.get(&fresh))
		}
		if o.def != "" && text == o.def && !(o.name == "redirect_stderr" || o.name == "stdout_logfile_direct" || o.name == "numprocs_start") {
			t.Errorf("the example %q is the default", text)
		}
		return
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for i := range sectionKinds {
		v := values{process: &Process{}, program: &programOptions{}, supervisord: &Supervisord{}, unix: &UnixServer{},
			inet: &InetServer{}, ctl: &Supervisorctl{}, group: &groupOptions{}, include: &includeOptions{}, plugin: &pluginOptions{}, access: &Access{}}
		setDefaults(sectionKinds[i].kind, &v) // panics if one is wrong
	}
	p := load(t, "x.ini", "[supervisord]\n[program:a]\ncommand=/bin/cat\n").Groups[0].Processes[0]
	got := fmt.Sprintln(p.Name, p.Umask, p.Priority, p.Autostart, p.Autorestart, p.Startsecs, p.Startretries, p.Exitcodes, p.Stopsignal,
		p.Stopwaitsecs, p.Stopasgroup, p.Killasgroup, p.User.Set, p.RedirectStderr, p.Stdout, p.Stderr, p.Environment, p.ServerURL)
	out := "{AUTO 50MB 10 false 0 false false raw}"
	want := fmt.Sprintln("a", Unset, 999, true, "unexpected", "1", 3, []int{0}, "TERM", "10", false, false, false, false, out, out, Env(nil), "")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestScopes checks which names each option may use, by the table's own word.
func TestScopes(t *testing.T) {
	t.Parallel()
	all := []struct {
		use  scope
		name string
	}{{useHere, "here"}, {useHost, "host_node_name"}, {useProgram, "program_name"}, {useGroup, "group_name"}, {useNum, "process_num"}, {useNum, "numprocs"}}
	for _, test := range []struct {
		section, key, value string
		names               string
	}{
		{"program:x", "directory", "/%s", "here host_node_name program_name group_name process_num numprocs"},
		{"program:x", "serverurl", "/%s", "here host_node_name program_name group_name"},
		{"program:x", "environment", "A=\"%s\"", "here host_node_name program_name group_name process_num numprocs"},
		{"supervisord", "identifier", "%s", "here"},
		{"supervisord", "environment", "A=\"%s\"", "here host_node_name"},
		{"unix_http_server", "file", "/tmp/%s", "here"},
		{"unix_http_server", "username", "%s", ""},
	} {
		for _, n := range all {
			extra := "command=/bin/cat\n"
			if test.section == "unix_http_server" {
				extra = "password=x\n"
				if test.key != "file" {
					extra += "file=/tmp/x\n"
				} else {
					extra += "username=x\n"
				}
			}
			value := fmt.Sprintf(test.value, "%("+n.name+")s")
			_, err := Load(write(t, "x.ini", "[supervisord]\n["+test.section+"]\n"+extra+test.key+"="+value+"\n"), Options{})
			want := strings.Contains(" "+test.names+" ", " "+n.name+" ")
			if (err == nil) != want {
				t.Errorf("[%s] %s=%s: %v, want it to work: %v", test.section, test.key, value, err, want)
			}
		}
	}
}
