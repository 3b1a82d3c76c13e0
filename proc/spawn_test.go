package proc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosv/conf"
	"gosv/proc"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"first/prog": 0o644, "second/prog": 0o755, "second/only": 0o755, "first/quote's": 0o644} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, mode)
	}
	first, second := dir+"/first", dir+"/second"
	rows := []struct {
		name    string
		command conf.Command
		path    string // PATH of environment=
		environ []string
		want    string
		reason  proc.Reason
		text    string
	}{
		{name: "as written", command: conf.Command{Line: "/bin/sh -c 'a b'"}, want: "/bin/sh"},
		{name: "our PATH", command: conf.Command{Line: "only x"}, environ: []string{"PATH=/nonexistent:" + second + "/"}, want: second + "/only"},
		{name: "the program's PATH", command: conf.Command{Line: "only"}, path: second, environ: []string{"PATH=/bin"}, want: second + "/only"},
		{name: "no PATH", command: conf.Command{Line: "sh"}, want: "/bin/sh"},
		{name: "quoted words", command: conf.Command{Line: `"/bin/sh" a\ b`}, want: "/bin/sh"},
		{name: "first entry wins", command: conf.Command{Line: "prog"}, path: first + ":" + second, reason: proc.NotExecutable, text: "command at '" + first + "/prog' is not executable"},
		{name: "not found", command: conf.Command{Line: "/nonexistent/prog a"}, reason: proc.NoFile, text: "can't find command '/nonexistent/prog'"},
		{name: "not found in PATH", command: conf.Command{Line: "nope a"}, reason: proc.NoFile, text: "can't find command 'nope'"},
		{name: "directory", command: conf.Command{Line: "/tmp"}, reason: proc.NotExecutable, text: "command at '/tmp' is a directory"},
		{name: "not executable", command: conf.Command{Line: "/etc/passwd"}, reason: proc.NotExecutable, text: "command at '/etc/passwd' is not executable"},
		{name: "quotes", command: conf.Command{Line: `/bin/cat "foo`}, reason: proc.NotExecutable, text: `can't parse command '/bin/cat "foo': No closing quotation`},
		{name: "escape", command: conf.Command{Line: `/bin/cat foo\`}, reason: proc.NotExecutable, text: `can't parse command '/bin/cat foo\\': No escaped character`},
		{name: "empty", command: conf.Command{Line: "  "}, reason: proc.NotExecutable, text: "command is empty"},
		{name: "a name with a quote", command: conf.Command{Argv: []string{first + "/quote's"}}, reason: proc.NotExecutable, text: `command at "` + first + `/quote's" is not executable`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := &conf.Process{Command: row.command}
			if row.path != "" {
				c.Environment = conf.Env{{Name: "PATH", Value: row.path}}
			}
			path, _, reason, text := proc.Lookup(c, row.environ)
			if path != row.want || text != row.text || text != "" && reason != row.reason {
				t.Errorf("lookup = %q, %v %q, want %q, %v %q", path, reason, text, row.want, row.reason, row.text)
			}
		})
	}
}

func TestChildEnv(t *testing.T) {
	t.Parallel()
	c := &conf.Process{Name: "p", Group: "g", Environment: conf.Env{{Name: "B", Value: "own"}, {Name: "SUPERVISOR_GROUP_NAME", Value: "mine"}}}
	got := proc.ChildEnv(c, proc.Once([]string{"A=1", "AB=1", "B=2", "A=3"}), "", nil)
	want := []string{"A=3", "AB=1", "B=own", "SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME=p", "SUPERVISOR_GROUP_NAME=mine"}
	if !slices.Equal(got, want) {
		t.Errorf("childEnv = %q, want %q", got, want)
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	rows := []struct {
		status syscall.WaitStatus
		want   string
	}{
		{0, "exit status 0"}, {3 << 8, "exit status 3"}, {15, "terminated by SIGTERM"}, {11 | 0x80, "terminated by SIGSEGV (core dumped)"},
		{6, "terminated by SIGABRT"}, {17, "terminated by SIGCHLD"}, {29, "terminated by SIGPOLL"}, {34, "terminated by SIGRTMIN"},
		{64, "terminated by SIGRTMAX"}, {37, "terminated by signal 37"}, {0x7f, "unknown termination cause 0x007f"},
	}
	for _, row := range rows {
		if got := proc.StatusText(row.status); got != row.want {
			t.Errorf("statusText(%#x) = %q, want %q", uint32(row.status), got, row.want)
		}
	}
}

func TestRepr(t *testing.T) {
	t.Parallel()
	rows := []struct{ in, want string }{
		{"", "''"}, {"abc", "'abc'"}, {`a"b`, `'a"b'`}, {"a'b", `"a'b"`}, {`a'b"c`, `'a\'b"c'`}, {`a\b`, `'a\\b'`},
		{"a\n\t\r", `'a\n\t\r'`}, {"\x00\x1b\x7f", `'\x00\x1b\x7f'`}, {"grü", "'grü'"}, {"\u00a0", `'\xa0'`}, {"\u2028", `'\u2028'`}, {"\U000e0001", `'\U000e0001'`}, {"\xff", `'\udcff'`},
	}
	for _, row := range rows {
		if got := proc.Repr(row.in); got != row.want {
			t.Errorf("repr(%q) = %s, want %s", row.in, got, row.want)
		}
	}
}

// The names of all signals are Python's, where there is one to ask.
func TestSignalNamesArePythons(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no python3")
	}
	out, err := exec.Command(python, "-c", `
import signal
d = {}
for k, v in signal.__dict__.items():
    if getattr(k, 'startswith', None) and k.startswith('SIG') and not k.startswith('SIG_'): d[v] = k
for i in range(1, 65): print(d.get(i) or 'signal %d' % i)`).Output()
	if err != nil {
		t.Skip(err)
	}
	for i, want := range strings.Fields(strings.ReplaceAll(string(out), "signal ", "signal_")) {
		want = strings.ReplaceAll(want, "_", " ")
		if got := proc.SignalName(syscall.Signal(i + 1)); got != want {
			t.Errorf("signalName(%d) = %q, want %q", i+1, got, want)
		}
	}
}
