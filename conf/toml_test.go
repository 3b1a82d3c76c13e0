package conf

import (
	"fmt"
	"strings"
	"testing"
)

// TestTOMLPlaces looks for the line of every key.
func TestTOMLPlaces(t *testing.T) {
	t.Parallel()
	text := `# comment [x]
[supervisord]
identifier = """a
[program.no]
b""" # three lines
environment = { A = "[", B = ']' }

[program]
inline = { command = "x" }
dotted.command = "y"
[program.list]
command = [
  "a", # ]
  'b]',
  """
]"""
]
priority = 1
[program."quoted.name"]   # ü
"command" = 'x"'
[unix_http_server]
file = "/x"
[unix_http_server.second]
file = "/y"
[rpcinterface.supervisor]
supervisor.rpcinterface_factory = "x"
[program.list.environment]
A = "b"
`
	d, errs := parseTOML("x.toml", []byte(text))
	if errs != nil {
		t.Fatal(errs)
	}
	var b strings.Builder
	for _, s := range d.sections {
		fmt.Fprintf(&b, "%d [%s]", s.pos.Line, s.name)
		for _, x := range s.settings {
			fmt.Fprintf(&b, " %d %s", x.pos.Line, x.key)
		}
		b.WriteByte('\n')
	}
	want := `2 [supervisord] 3 identifier 6 environment
9 [program:inline] 9 command
10 [program:dotted] 10 command
11 [program:list] 12 command 18 priority 27 environment
19 [program:quoted.name] 20 command
21 [unix_http_server] 22 file
23 [unix_http_server:second] 24 file
25 [rpcinterface:supervisor] 26 supervisor.rpcinterface_factory
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestTOMLValues(t *testing.T) {
	t.Parallel()
	c := load(t, "x.toml", `
[supervisord]
umask = "027"
logfile_maxbytes = "1KB"
minfds = "12"
loglevel = "debug"
environment = { GLOBAL = "g" }
[inet_http_server]
port = 9001
insecure = true
[program.a]
command = ["/bin/echo", "%(program_name)s", "100%%", "a b"]
environment = { A = "%(ENV_NAME)s", N = "%(process_num)d", I = 7 }
directory = "/%(ENV_A)s"
startsecs = 0.25
stopwaitsecs = "1m30s"
exitcodes = [0, 7]
stopsignal = 15
stdout_logfile = "none"
stdout_logfile_maxbytes = 10
autorestart = true
umask = 0o22
[group.g]
programs = ["a"]
`)
	p := c.Groups[0].Processes[0]
	got := fmt.Sprint(c.Supervisord.Umask, " ", c.Supervisord.LogfileMaxbytes, " ", c.Supervisord.Minfds, " ", c.InetServers[0].Port,
		fmt.Sprintf(" %q %q ", p.Command.Argv, p.Environment.Environ()), p.Directory, " ", p.Startsecs, " ", p.Stopwaitsecs, " ", p.Exitcodes,
		" ", p.Stopsignal, " ", p.Stdout.Logfile, " ", p.Stdout.LogfileMaxbytes, " ", p.Autorestart, " ", p.Umask)
	want := `0027 1KB 12 9001 ["/bin/echo" "a" "100%" "a b"] ["GLOBAL=g" "A=joe" "I=7" "N=0"] /joe 250ms 90 [0 7] TERM NONE 10 true 0022`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTOMLTooDeep(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x = " + strings.Repeat("[", 1_000_000),
		"x = " + strings.Repeat("{a=", 1_000_000),
		"\n[supervisord]\nx = " + strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if _, errs := parseTOML("x.toml", []byte(text)); len(errs) == 0 || !strings.Contains(errs.Error(), "deep") {
			t.Errorf("%.40q: %v", text, errs)
		}
	}
	if _, errs := parseTOML("x.toml", []byte("[supervisord]\nx = '"+strings.Repeat("[", 100)+"'\n")); errs != nil {
		t.Error(errs)
	}
}
