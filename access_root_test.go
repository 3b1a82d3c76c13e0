package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// accounts is a box whose daemon runs as root, with a program of nobody and one of root.
func accounts(t *testing.T, name, text string) *box {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	b := newBox(t, "", "")
	b.write(name, text)
	// The test binary may lie where others cannot read it.
	path, err := exec.LookPath("supervisorctl")
	if err != nil {
		t.Fatal(err)
	}
	writeProgram(t, b.path("supervisorctl"), readAll(t, path))
	b.out = b.path("out.txt")
	cmd := exec.Command(b.command(), "-n", "-c", b.path(name))
	cmd.Dir = b.dir
	out, err := os.Create(b.out)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	b.run(cmd)
	b.answers()
	b.all("RUNNING")
	return b
}

// auditLine is a line of an audit log, as docs/access.md describes them.
var auditLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} AUDT (by=\S+ )?(account=\S+ uid=\d+ pid=\d+|from=\S+:\d+) ` +
	`on=\S+ over=(json|xmlrpc|web|http) call=\S+ (what=(\S+|".*") )?((signal|bytes)=\S+ )?result=\w+( (done|failed)=\S+)*\n$`)

// as runs supervisorctl as an account: 65534 is nobody.
func (b *box) as(uid uint32, args ...string) string {
	b.t.Helper()
	cmd := exec.Command(b.path("supervisorctl"), append([]string{"-s", "unix://" + b.path("s.sock")}, args...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if len(out) == 0 && err != nil {
		return err.Error()
	}
	return string(out)
}

// openToAll is a daemon whose socket lets everybody in.
const openToAll = `[unix_http_server]
file = %(here)s/s.sock
chmod = 0777
[supervisord]
logfile = %(here)s/d.log
pidfile = %(here)s/d.pid
childlogdir = %(here)s
environment = GOSV_MARK="%(here)s"
`

const twoPrograms = `
[program:mine]
command = sleep 1000
user = nobody
startsecs = 0
stdout_logfile = /dev/stdout
[program:other]
command = sleep 1000
startsecs = 0
`

// With real accounts on a socket that lets everybody in: nobody has its own program and no
// more, an account without programs has what it has with Supervisor, and the audit log
// tells it all. What opens a TOML file's socket to everybody opens nothing else.
func TestAccounts(t *testing.T) {
	t.Parallel()
	b := accounts(t, "s.conf", openToAll+"audit_logfile = %(here)s/audit.log\n"+twoPrograms)
	const nobody, stranger = 65534, 4_000_001
	for _, test := range []struct {
		uid  uint32
		args string
		want string // "!": not in it
	}{
		{nobody, "status", "mine|!other"},
		{nobody, "avail", "mine|!other"},
		{nobody, "stop other", "no such process"},
		{nobody, "signal HUP other", "no such process"},
		{nobody, "tail other", "no such process"},
		{nobody, "pid other", "No such process"},
		{nobody, "maintail", "NOT_ALLOWED"},
		{nobody, "tail mine", "NOT_ALLOWED|!spawned"}, // a file, with all that goes to gosv's standard output
		{nobody, "tail mine stderr", "!NOT_ALLOWED"},
		{nobody, "shutdown", "NOT_ALLOWED"},
		{nobody, "update", "NOT_ALLOWED"},
		{nobody, "restart mine", "mine: started"},
		{nobody, "stop all", "mine: stopped|!other"},
		{nobody, "start all", "mine: started|!other"},
		{stranger, "status", "mine|other"},
		{stranger, "restart other", "other: started"},
		{stranger, "tail mine", "spawned: 'other'"},
		{0, "status", "mine|other"},
	} {
		got := b.as(test.uid, strings.Fields(test.args)...)
		for _, part := range strings.Split(test.want, "|") {
			if bad, not := strings.CutPrefix(part, "!"); not && strings.Contains(got, bad) || !not && !strings.Contains(got, part) {
				t.Errorf("%d: %s: got %s, want %s", test.uid, test.args, got, part)
			}
		}
	}
	for _, want := range []string{
		"account=nobody uid=65534 pid=", " over=json call=stop what=other result=BAD_NAME\n", " call=shutdown result=refused\n",
		" call=stop what=all result=ok done=mine\n", " uid=4000001 ", " call=restart what=other result=ok done=other\n",
	} {
		b.until("the audit log has "+want, func() bool { return strings.Contains(b.read("audit.log"), want) })
	}
	for what, text := range map[string]string{"audit.log": b.read("audit.log"), "docs/access.md": docsBlock(t, "docs/access.md")} {
		for line := range strings.Lines(text) {
			if !auditLine.MatchString(line) {
				t.Errorf("%s: %s", what, line)
			}
		}
	}
	for _, bad := range []string{"call=status", "call=avail"} {
		if strings.Contains(b.read("audit.log"), bad) {
			t.Errorf("reading left a line: %s", b.read("audit.log"))
		}
	}
	if strings.Contains(b.read("d.log"), "AUDT") {
		t.Error("an INI file's main log has lines that Supervisor's has not")
	}
	b.stop()
}

func TestAccountsTOML(t *testing.T) {
	t.Parallel()
	b := accounts(t, "s.toml", `[unix_http_server]
file = "%(here)s/s.sock"
chmod = "0777"
[access.ops]
user = 1
role = "operate"
[supervisord]
logfile = "%(here)s/d.log"
pidfile = "%(here)s/d.pid"
childlogdir = "%(here)s"
environment = { GOSV_MARK = "%(here)s" }
[program.mine]
command = "sleep 1000"
user = "nobody"
startsecs = 0
[program.other]
command = "sleep 1000"
startsecs = 0
`)
	if got := b.as(65534, "status"); !strings.Contains(got, "mine") || strings.Contains(got, "other") {
		t.Errorf("nobody sees %s", got)
	}
	if got := b.as(4_000_001, "status"); !strings.Contains(got, "NOT_ALLOWED") {
		t.Errorf("a stranger sees %s", got)
	}
	probe := exec.Cmd{Path: b.path("supervisorctl"), Args: []string{"gosv", "healthcheck", "-s", "unix://" + b.path("s.sock")}, Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4_000_001, Gid: 4_000_001}}}
	if got, _ := probe.CombinedOutput(); !strings.Contains(string(got), "does not let this account in") { // and no talk of passwords: there are none
		t.Errorf("a stranger's healthcheck says %s", got)
	}
	if got := b.as(1, "restart", "other"); !strings.Contains(got, "other: started") {
		t.Errorf("who may operate: %s", got)
	}
	if got := b.as(1, "shutdown"); !strings.Contains(got, "NOT_ALLOWED") {
		t.Errorf("who may operate ends the daemon: %s", got)
	}
	b.until("the main log has the line", func() bool {
		return strings.Contains(b.read("d.log"), " AUDT by=ops account=daemon uid=1 ") && strings.Contains(b.read("d.log"), "call=shutdown result=refused")
	})
	b.stop()
}
