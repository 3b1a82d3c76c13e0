package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"ok": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	file := write(t, "x.conf", strings.ReplaceAll(`[supervisord]
environment = PATH="DIR"
[unix_http_server]
file = DIR/no/sock
[unix_http_server:fine]
file = DIR/sock
[unix_http_server:taken]
file = DIR/plain
[unix_http_server:abstract]
file = @no/sock
[program:fine]
command = DIR/ok
[program:found]
command = ok a b
directory = DIR
[program:missing]
command = DIR/no
[program:nowhere]
command = no-such-command
numprocs = 3
process_name = x%(process_num)d
[program:plain]
command = DIR/plain
[program:directory]
command = DIR
directory = DIR/no
[program:quote]
command = sh -c "x
[program:empty]
command =
[program:path]
command = ok
environment = PATH="/nowhere"
directory = DIR/ok
`, "DIR", dir))
	c, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.NewReplacer(file, "x.conf", dir, "/DIR").Replace(Check(c).Error())
	want := `x.conf:4: [unix_http_server] file: the directory /DIR/no does not exist (mkdir -p /DIR/no)
x.conf:8: [unix_http_server:taken] file: /DIR/plain is there and is not a socket (remove it, or name another file)
x.conf:17: [program:missing] command: the command "/DIR/no" does not exist (install it, or correct the path)
x.conf:19: [program:nowhere] command: the command "no-such-command" is not in PATH (install it, or write its whole path; PATH is /DIR)
x.conf:23: [program:plain] command: the command "/DIR/plain" is not executable (chmod +x /DIR/plain)
x.conf:25: [program:directory] command: the command "/DIR" is a directory
x.conf:26: [program:directory] directory: the directory /DIR/no does not exist (mkdir -p /DIR/no)
x.conf:28: [program:quote] command: cannot split the command into words: no closing quotation (quotes must come in pairs)
x.conf:30: [program:empty] command: the command is empty
x.conf:32: [program:path] command: the command "ok" is not in PATH (install it, or write its whole path; PATH is /nowhere)
x.conf:34: [program:path] directory: /DIR/ok is not a directory`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	compat := map[string]string{}
	for _, e := range Check(c) {
		compat[e.Section+" "+e.Key] = e.Compat
	}
	for key, want := range map[string]string{
		"program:nowhere command": "can't find command 'no-such-command'",
		"program:plain command":   "command at '" + dir + "/plain' is not executable",
		"program:quote command":   `can't parse command 'sh -c "x': No closing quotation`,
		"program:empty command":   "command is empty",
	} {
		if compat[key] != want {
			t.Errorf("%s: Compat %q, want %q", key, compat[key], want)
		}
	}
}
