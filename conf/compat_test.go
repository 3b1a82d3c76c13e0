package conf

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// supervisorReads asks the installed Supervisor for its reading of each file.
func supervisorReads(t *testing.T, dir string, environ []string, files []string) []map[string]any {
	t.Helper()
	if err := exec.Command(python, "-c", "import supervisor.options").Run(); err != nil {
		t.Skipf("SKIPPED: not compared with Supervisor, because %s cannot import it: %v", python, err)
	}
	script, err := filepath.Abs("testdata/effective.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, script)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, environ, t.Output()
	cmd.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	if err := cmd.Wait(); err != nil || len(list) != len(files) {
		t.Fatalf("python: %v, %d answers for %d files", err, len(list), len(files))
	}
	return list
}

// effective is our reading in the words of testdata/effective.py.
func effective(t *testing.T, c *Config) map[string]any {
	t.Helper()
	sd := c.Supervisord
	servers := []any{}
	for _, s := range c.InetServers {
		servers = append(servers, map[string]any{"section": s.Section, "host": s.Host, "port": s.Port, "file": nil,
			"chmod": nil, "chown": nil, "username": orNil(s.Origin, "username", s.Username), "password": orNil(s.Origin, "password", s.Password)})
	}
	for _, s := range c.UnixServers {
		servers = append(servers, map[string]any{"section": s.Section, "host": nil, "port": nil, "file": s.File,
			"chmod": s.Chmod, "chown": []any{s.Chown.UID, s.Chown.GID},
			"username": orNil(s.Origin, "username", s.Username), "password": orNil(s.Origin, "password", s.Password)})
	}
	warnings := []string{}
	for _, n := range c.Notices {
		if n.Level == "WARN" && (strings.HasPrefix(n.Text, "For [") || strings.HasPrefix(n.Text, "No file matches")) {
			warnings = append(warnings, n.Text)
		}
	}
	groups := []any{}
	for _, g := range c.Groups {
		groups = append(groups, effectiveGroup(g))
	}
	m := map[string]any{
		"supervisord": map[string]any{
			"logfile": sd.Logfile, "logfile_maxbytes": sd.LogfileMaxbytes, "logfile_backups": sd.LogfileBackups,
			"loglevel": sd.Loglevel, "pidfile": sd.Pidfile, "umask": sd.Umask, "nodaemon": number(sd.Nodaemon),
			"silent": sd.Silent, "minfds": sd.Minfds, "minprocs": sd.Minprocs, "nocleanup": sd.Nocleanup,
			"childlogdir": sd.Childlogdir, "directory": orNil(sd.Origin, "directory", sd.Directory),
			"strip_ansi": sd.StripANSI, "identifier": sd.Identifier, "serverurl": emptyNil(c.ServerURL()),
		},
		"environment": table(sd.Environment), "servers": servers, "warnings": warnings, "groups": groups,
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func effectiveGroup(g *Group) map[string]any {
	kinds := map[Kind]string{Program: "ProcessGroupConfig", EventListener: "EventListenerPoolConfig", FCGIProgram: "FastCGIGroupConfig"}
	d := map[string]any{"name": g.Name, "priority": g.Priority, "kind": kinds[g.Kind]}
	if g.Listener != nil {
		d["buffer_size"] = g.Listener.BufferSize
		d["events"] = slices.Sorted(slices.Values(g.Listener.Events))
	}
	list := []any{}
	for _, p := range g.Processes {
		q := map[string]any{
			"name": p.Name, "uid": nil, "command": p.Command.Line, "directory": orNil(p.Origin, "directory", p.Directory),
			"umask": nil, "priority": p.Priority, "autostart": p.Autostart,
			"autorestart": []any{false, "unexpected", "true"}[p.Autorestart],
			"startsecs":   int(p.Startsecs / 1e9), "startretries": p.Startretries, "stopsignal": p.Stopsignal,
			"stopwaitsecs": int(p.Stopwaitsecs / 1e9), "stopasgroup": p.Stopasgroup, "killasgroup": p.Killasgroup,
			"exitcodes": append([]int{}, p.Exitcodes...), "redirect_stderr": p.RedirectStderr,
			"environment": table(p.Environment), "serverurl": emptyNil(p.ServerURL),
		}
		if p.User.Set {
			q["uid"] = p.User.UID
		}
		if p.Umask != Unset {
			q["umask"] = p.Umask
		}
		for stream, o := range map[string]Output{"stdout": p.Stdout, "stderr": p.Stderr} {
			q[stream+"_logfile"] = []any{nil, "AUTO", o.Logfile.Path}[o.Logfile.Kind]
			q[stream+"_logfile_maxbytes"] = o.LogfileMaxbytes
			q[stream+"_logfile_backups"] = o.LogfileBackups
			q[stream+"_capture_maxbytes"] = o.CaptureMaxbytes
			q[stream+"_events_enabled"] = o.EventsEnabled
			q[stream+"_syslog"] = o.Syslog
		}
		list = append(list, q)
		if g.Kind == FCGIProgram && p.Socket != nil {
			s := []any{p.Socket.URL, p.Socket.Backlog}
			if strings.HasPrefix(p.Socket.URL, "unix") {
				s = append(s, p.Socket.Mode, []any{p.Socket.Owner.UID, p.Socket.Owner.GID})
			}
			d["socket"] = s
		}
	}
	d["processes"] = list
	return d
}

func orNil(o *Origin, key, value string) any {
	if o.Pos(key) == (Pos{}) {
		return nil
	}
	return value
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func table(e Env) map[string]string {
	m := map[string]string{}
	for _, v := range e {
		m[v.Name] = v.Value
	}
	return m
}

// same fails when our reading of a file differs from Supervisor's.
func sameReading(t *testing.T, file string, environ []string, want map[string]any) {
	t.Helper()
	c, err := Load(file, Options{Environ: environ, Overrides: []Override{{Flag: "-n", Key: "nodaemon"}}})
	refusal, refused := want["error"].(string)
	switch {
	case refused && err == nil:
		t.Errorf("%s: Supervisor refuses it: %s", file, refusal)
	case refused:
		var texts []string
		for _, e := range err.(Errors) {
			text := e.Compat
			if text == "" {
				text = e.Msg
			}
			texts = append(texts, text)
		}
		if !slices.Contains(texts, refusal) {
			t.Errorf("%s: Supervisor says\n%q, not any of\n%q", file, refusal, texts)
		} else if first := err.(Errors).Compat(); first != refusal {
			t.Errorf("%s: Supervisor says\n%q, we begin with\n%q", file, refusal, first)
		}
	case err != nil:
		t.Errorf("%s: Supervisor takes it, we do not:\n%v", file, err)
	default:
		var warnings []any
		for _, w := range want["warnings"].([]any) { // Supervisor repeats some for each process
			if !slices.Contains(warnings, w) {
				warnings = append(warnings, w)
			}
		}
		if want["warnings"] = warnings; warnings == nil {
			want["warnings"] = []any{}
		}
		if diff := cmp.Diff(want, effective(t, c)); diff != "" {
			t.Errorf("%s (-Supervisor +gosv):\n%s", file, diff)
		}
	}
}

// TestSupervisorReadsTheSame compares our reading of tricky files with Supervisor's own.
func TestSupervisorReadsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	environ := []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + os.Getenv("HOME"), "EMPTY=", "NAME=joe", "PERCENT=%x", "QUOTE=it's"}
	var files []string
	for name, text := range compatCases() {
		sub := filepath.Join(dir, name)
		writeFiles(t, sub, text)
		files = append(files, filepath.Join(sub, "supervisord.conf"))
	}
	slices.Sort(files)
	want := supervisorReads(t, ".", environ, files)
	for i, f := range files {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) { sameReading(t, f, environ, want[i]) })
	}
}

// TestSupervisorReadsTheCorpus is the same for real files; GOSV_CORPUS names a directory with more.
func TestSupervisorReadsTheCorpus(t *testing.T) {
	t.Parallel()
	environ := []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	dirs := []string{"testdata/corpus"}
	if more := os.Getenv("GOSV_CORPUS"); more != "" {
		dirs = append(dirs, more)
	}
	var files []string
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join(dir, "*.conf"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("no corpus")
	}
	want := supervisorReads(t, ".", environ, files)
	for i, f := range files {
		if text, _ := want[i]["error"].(string); strings.Contains(text, "supervisor_stdout:event_handler") ||
			strings.Contains(text, "cannot be resolved within [rpcinterface") {
			continue // gosv has it built in, or goes on without
		}
		t.Run(filepath.Base(f), func(t *testing.T) { sameReading(t, f, environ, want[i]) })
	}
}

// writeFiles writes a text to supervisord.conf in dir. Lines "-- name --" begin other files.
func writeFiles(t *testing.T, dir, text string) {
	t.Helper()
	name := "supervisord.conf"
	var b strings.Builder
	flush := func() {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	for line := range strings.Lines(text) {
		if next, ok := strings.CutPrefix(line, "-- "); ok {
			flush()
			name = strings.TrimSuffix(next, " --\n")
			continue
		}
		b.WriteString(line)
	}
	flush()
}

// compatCases are small configurations by name. Those that do not begin with a "[" get
// the head of a [program:a] put before them.
func compatCases() map[string]string {
	program := "[supervisord]\n[program:a]\n"
	cat := program + "command=/bin/cat\n"
	cases := map[string]string{}
	add := func(name, text string) {
		if cases[name] != "" {
			panic(fmt.Sprintf("two cases are named %s", name))
		}
		cases[name] = text
	}
	for name, value := range map[string]string{
		"plain": "/bin/cat", "comment": "/bin/cat ; x", "hash": "/bin/cat # x", "nospace": "/bin/cat;x#y",
		"quoted-comment": `sh -c "a ; b"`, "percent": "echo 100%%", "bad-percent": "echo 100%", "bad-key": "echo %(x",
		"bad-char": "echo %(here)z", "unknown": "echo %(nope)s", "here": "%(here)s/run", "num": "x %(process_num)d %(process_num)02d %(numprocs)s",
		"names": "%(program_name)s %(group_name)s %(host_node_name)s", "env": "%(ENV_NAME)s %(ENV_EMPTY)s %(ENV_PERCENT)s",
		"no-env": "%(ENV_NOPE)s", "empty": "", "width": "%(program_name)10s|%(process_num)+5d|%(process_num)x", "repr": "%(program_name)r",
		"continued": "a\n   b\n ; comment\n\n   c", "delimiter": "a: b=c",
	} {
		add("command-"+name, program+"command="+value+"\n")
	}
	for name, line := range map[string]string{
		"no-command": "", "int": "startsecs=x", "int-blank": "startsecs= 5 ", "int-negative": "startsecs=-1", "int-underscore": "startretries=1_000",
		"int-float": "startsecs=1.5", "int-plus": "priority=+7", "int-empty": "priority=",
		"bool-y": "autostart=y", "bool-on": "autostart=ON", "bool-zero": "autostart=0", "bool-empty": "autostart=",
		"autorestart": "autorestart=Unexpected", "autorestart-bad": "autorestart=maybe", "autorestart-no": "autorestart=NO",
		"exitcodes": "exitcodes=0, 2,255", "exitcodes-high": "exitcodes=256", "exitcodes-empty": "exitcodes=", "exitcodes-comma": "exitcodes=0,", "exitcodes-word": "exitcodes=a",
		"signal": "stopsignal=sigint", "signal-number": "stopsignal=9", "signal-bad": "stopsignal=FOO", "signal-high": "stopsignal=99", "signal-rt": "stopsignal=RTMIN",
		"size": "stdout_logfile_maxbytes=1 MB", "size-bad": "stdout_logfile_maxbytes=1.5MB", "size-g": "stdout_logfile_maxbytes=1G", "size-lower": "stderr_capture_maxbytes=2kb",
		"size-zero": "stdout_logfile_maxbytes=0", "umask": "umask=0o27", "umask-bad": "umask=9", "user": "user=root", "user-uid": "user=0", "user-bad": "user=nosuch", "user-bad-uid": "user=98765",
		"stopasgroup": "stopasgroup=true", "stop-kill": "stopasgroup=true\nkillasgroup=false", "directory": "directory=~/x", "directory-empty": "directory=",
		"log-none": "stdout_logfile=NONE\nstderr_logfile=off", "log-auto": "stdout_logfile=Auto", "log-syslog": "stdout_logfile=syslog\nstderr_logfile=SYSLOG",
		"log-missing": "stdout_logfile=/no/such/x.log", "log-bare": "stdout_logfile=x.log", "log-percent": "stdout_logfile=/tmp/a%%%%b", "log-percent-once": "stdout_logfile=/tmp/a%%b.log",
		"log-home": "stdout_logfile=~/x.log", "redirect": "redirect_stderr=true\nstderr_logfile=/tmp/x", "redirect-auto": "redirect_stderr=true",
		"environment": `environment=A="1",B=two,C='th ree'`, "environment-comma": "environment=A=1,", "environment-bad": "environment=A=1 B=2",
		"environment-use":    "environment=X=\"y\",N=\"%(process_num)d\"\ndirectory=/%(ENV_X)s/%(ENV_N)s",
		"environment-not":    "environment=X=\"y\"\nuser=%(ENV_X)s",
		"environment-noself": "environment=X=\"y\",Z=\"%(ENV_X)s\"", "environment-lines": "environment=\n  A=\"1\",\n  B=\"2\"",
		"environment-unclosed": "environment=A=\"1", "environment-percent": "environment=A=\"%%\"", "environment-quote": "environment=A=\"%(ENV_QUOTE)s\"",
		"serverurl": "serverurl= auto ", "serverurl-given": "serverurl=http://x:1",
		"numprocs": "numprocs=3\nnumprocs_start=5\nprocess_name=%(program_name)s_%(process_num)02d", "numprocs-name": "numprocs=2",
		"numprocs-zero": "numprocs=0", "numprocs-negative": "numprocs=-2", "numprocs-order": "numprocs=12\nprocess_name=p%(process_num)d",
		"process-name": "process_name=x%(group_name)s", "process-name-bad": "process_name=a b", "process-name-unknown": "process_name=%(nope)s",
		"scope-user": "user=%(process_num)s", "scope-priority": "priority=%(program_name)s", "scope-startsecs": "startsecs=%(numprocs)d",
		"env-number": "priority=%(ENV_NAME)s", "upper": "AUTOSTART=false\nCommand=/bin/echo", "twice": "priority=1\npriority=2", "unknown-option": "nonsense=%(nope)s",
	} {
		if name == "no-command" {
			add(name, program)
			continue
		}
		add("option-"+name, cat+line+"\n")
	}
	for name, text := range map[string]string{
		"no-supervisord": "[program:a]\ncommand=/bin/cat\n", "case": "[Supervisord]\n", "blank-name": "[supervisord]\n[program: a ]\ncommand=/bin/cat\n",
		"bad-name": "[supervisord]\n[program:a b]\ncommand=/bin/cat\n", "slash-name": "[supervisord]\n[group:a/b]\nprograms=x\n", "colon-name": "[supervisord]\n[program:a:b]\ncommand=/bin/cat\n",
		"unicode-name": "[supervisord]\n[program:test_öäü]\ncommand=/bin/cat\n", "merged": cat + "[supervisord]\nidentifier=x\n[program:a]\npriority=3\n",
		"default":       "[DEFAULT]\npriority=5\ncommand=/bin/default\n[supervisord]\n[program:a]\n[program:b]\npriority=6\n",
		"group":         "[supervisord]\n[group:g]\nprograms=b,a\npriority=5\n[program:a]\ncommand=/bin/a\npriority=1\n[program:b]\ncommand=/bin/%(group_name)s\n",
		"group-unknown": "[supervisord]\n[group:g]\nprograms=nope,a\n[program:a]\ncommand=/bin/a\n", "group-empty": "[supervisord]\n[group:g]\n",
		"group-ambiguous": "[supervisord]\n[group:g]\nprograms=a\n[program:a]\ncommand=a\n[fcgi-program:a]\ncommand=a\nsocket=tcp://localhost:1\n",
		"group-two":       "[supervisord]\n[group:g]\nprograms=a\n[group:h]\nprograms=a\n[program:a]\ncommand=/bin/%(group_name)s\n",
		"group-priority":  "[supervisord]\n[group:g]\nprograms=a\npriority=x\n[program:a]\ncommand=a\n", "group-listener": "[supervisord]\n[group:g]\nprograms=l\n[eventlistener:l]\ncommand=a\nevents=TICK\n",
		"group-scope": "[supervisord]\n[group:g]\nprograms=a\n[program:a]\ncommand=a\npriority=%(nope)s\n",
		"order":       "[supervisord]\n[program:z]\ncommand=z\n[program:B]\ncommand=b\n[program:a]\ncommand=a\n[program:c]\ncommand=c\npriority=1\n",
		"listener":    "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=tick_5, PROCESS_STATE\nbuffer_size=3\n", "listener-priority": "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=EVENT\npriority=7\n",
		"listener-no-events": "[supervisord]\n[eventlistener:l]\ncommand=a\n", "listener-unknown": "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=FOO\n",
		"listener-buffer": "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=EVENT\nbuffer_size=0\n", "listener-redirect": "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=EVENT\nredirect_stderr=true\n",
		"listener-name": "[supervisord]\n[eventlistener:a b]\ncommand=a\nevents=EVENT\n", "listener-redirect-bad": "[supervisord]\n[eventlistener:l]\ncommand=a\nevents=EVENT\nredirect_stderr=x\n",
		"fcgi":      "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=tcp://LOCALHOST:9000\nsocket_backlog=5\n",
		"fcgi-unix": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///tmp//x/../%(program_name)s.sock\nsocket_mode=0777\nsocket_owner=nobody:nogroup\n",
		"fcgi-user": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///tmp/f.sock\nuser=nobody\n", "fcgi-user-bad": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///tmp/f.sock\nuser=nosuch\n",
		"fcgi-none": "[supervisord]\n[fcgi-program:f]\ncommand=a\n", "fcgi-bad": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=foo\n", "fcgi-relative": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix://rel/x\n",
		"fcgi-tcp-mode": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=tcp://a:1\nsocket_mode=0700\n", "fcgi-backlog": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=tcp://a:1\nsocket_backlog=0\n",
		"fcgi-port": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=tcp://a:70000\n", "fcgi-owner": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///x\nsocket_owner=nosuch\n",
		"fcgi-scope": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///x%(process_num)d\n", "fcgi-mode": "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=unix:///x\nsocket_mode=9\n",
		"unix":      "[supervisord]\n[unix_http_server]\nfile= /tmp//x.sock \nchmod=0770\nchown=root:daemon\nusername=a\npassword=b\n[unix_http_server:b]\nfile=%(here)s/b.sock\n",
		"unix-none": "[supervisord]\n[unix_http_server]\n", "unix-chmod": "[supervisord]\n[unix_http_server]\nfile=/tmp/x\nchmod=9\n", "unix-chown": "[supervisord]\n[unix_http_server]\nfile=/tmp/x\nchown=nosuch\n",
		"unix-user": "[supervisord]\n[unix_http_server]\nfile=/tmp/x\nusername=a\n", "unix-here": "[supervisord]\n[unix_http_server]\nfile=/tmp/x\nusername=%(here)s\npassword=x\n",
		"inet": "[supervisord]\n[inet_http_server]\nport=*:9001\n[inet_http_server:2]\nport=EXAMPLE.com:80\n", "inet-port": "[supervisord]\n[inet_http_server]\nport=9001\n", "inet-none": "[supervisord]\n[inet_http_server]\n",
		"inet-word": "[supervisord]\n[inet_http_server]\nport=abc\n", "inet-low": "[supervisord]\n[inet_http_server]\nport=x:0\n", "inet-high": "[supervisord]\n[inet_http_server]\nport=:99999\n", "inet-empty": "[supervisord]\n[inet_http_server]\nport=x:\n",
		"main":       "[supervisord]\nlogfile=syslog\nlogfile_maxbytes=1KB\nlogfile_backups=0\nloglevel=Debug\npidfile=~/p\numask=077\nminfds=10\nminprocs=11\nidentifier=a b\nchildlogdir=/var/tmp\ndirectory=%(here)s\nstrip_ansi=yes\nnocleanup=on\nsilent=1\n",
		"main-level": "[supervisord]\nloglevel=warning\n", "main-dir": "[supervisord]\ndirectory=/no/such\n", "main-log": "[supervisord]\nlogfile=/no/such/log\n", "main-user": "[supervisord]\nuser=nosuch\n",
		"main-env":      "[supervisord]\nenvironment=FOO=\"bar\"\n[program:a]\ncommand=%(ENV_FOO)s\nenvironment=B=\"%(ENV_FOO)s\"\n[inet_http_server]\nport=1\nusername=%(ENV_FOO)s\npassword=x\n",
		"main-env-self": "[supervisord]\nenvironment=FOO=\"bar\"\nidentifier=%(ENV_FOO)s\n", "main-host": "[supervisord]\nidentifier=%(host_node_name)s\n", "main-dev": "[supervisord]\nlogfile=/dev/stdout\nlogfile_maxbytes=0\n",
		"rpc": "[supervisord]\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n", "rpc-none": "[supervisord]\n[rpcinterface:x]\n",
		"include":      "[supervisord]\n[include]\nfiles=conf.d/*.ini\n  other/[!x]?.conf\n-- conf.d/b.ini --\n[program:b]\ncommand=%(here)s/b\n-- conf.d/a.ini --\n[program:a]\ncommand=a\n[program:b]\npriority=4\n-- conf.d/.hidden.ini --\n[program:h]\n-- other/xy.conf --\n[program:n]\n-- other/ab.conf --\n[supervisord]\nidentifier=here:%(here)s\n",
		"include-none": "[supervisord]\n[include]\nfiles=nope/*.conf /etc/no-such-file.conf\n", "include-empty": "[supervisord]\n[include]\n", "include-nothing": "[supervisord]\n[include]\nfiles=\n",
		"include-broken": "[supervisord]\n[include]\nfiles=a.ini\n-- a.ini --\n[program:a]\ncommand\n", "include-error": "[supervisord]\n[include]\nfiles=a.ini\n-- a.ini --\n[program:a]\nstartsecs=x\ncommand=a\n",
		"include-nested": "[supervisord]\n[include]\nfiles=a.ini\n-- a.ini --\n[include]\nfiles=b.ini\n[program:a]\ncommand=a\n-- b.ini --\n[program:b]\ncommand=b\n",
		"include-here":   "[supervisord]\n[include]\nfiles=d/a.ini\n[inet_http_server]\nport=1\nusername=%(here)s\npassword=x\n-- d/a.ini --\n[program:a]\ncommand=%(here)s/x\n[DEFAULT]\ndirectory=%(here)s\n",
		"include-self":   "[supervisord]\n[include]\nfiles=*.conf\n[program:a]\ncommand=a\n", "include-env": "[supervisord]\n[include]\nfiles=%(ENV_NAME)s.ini %(here)s/x-%(host_node_name)s.ini\n-- joe.ini --\n[program:a]\ncommand=a\n",
		"include-scope": "[supervisord]\n[include]\nfiles=%(program_name)s\n", "include-section": "[supervisord]\n[program:a]\ncommand=a\n[include]\nfiles=a.ini\n-- a.ini --\n[program:a]\nstartsecs=x\n",
		"first-option":   "[supervisord]\n[program:a]\ncommand=%\nstdout_syslog=x\nkillasgroup=y\nstopasgroup=true\nuser=nosuch\n",
		"first-check":    "[supervisord]\n[program:a]\nstopasgroup=true\nkillasgroup=false\nserverurl=%(nope)s\nnumprocs=2\n",
		"first-section":  "[eventlistener:l]\n[unix_http_server]\n[inet_http_server]\n[program:b]\n[supervisord]\nuser=nosuch\ndirectory=/no/such\nloglevel=x\n",
		"first-syntax":   "[supervisord]\nminfds=x\n[program:a]\nnumprocs=x\nrem\n",
		"first-server":   "[supervisord]\n[unix_http_server]\nchmod=9\n[inet_http_server]\n",
		"first-fcgi":     "[supervisord]\n[fcgi-program:f]\nnumprocs=x\nsocket=foo\nsocket_backlog=0\nsocket_mode=9\n",
		"first-listener": "[supervisord]\n[eventlistener:l]\npriority=x\nevents=FOO\nredirect_stderr=true\nbuffer_size=0\n",
		"first-group":    "[supervisord]\n[program:a]\n[group:g]\npriority=x\nprograms=nope\n",
		"first-user":     "[supervisord]\nuser=nosuch\n[program:a]\n",
		"no-events":      "[supervisord]\n[eventlistener:l]\n",
		"main-env-unset": "[supervisord]\nenvironment=A=\"%(ENV_NOPE)s\"\n",
		"syntax-line":    "[supervisord]\nfoo\nbar\n", "syntax-head": "command=x\n[supervisord]\n", "indented": "[supervisord]\n  nodaemon=false\n  identifier=x\n[program:a]\ncommand=a\n [program:b]\n command=b\n",
		"unknown-section": "[supervisord]\n[prgram:x]\ncommand=%(nope)s\n[ program:b ]\n", "same-name": "[supervisord]\n[program:g]\ncommand=a\n[fcgi-program:f]\ncommand=a\nsocket=tcp://a:1\n",
	} {
		add("file-"+name, text)
	}
	return cases
}
