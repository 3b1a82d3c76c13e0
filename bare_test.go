package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestBare runs gosv where there is nothing: a read-only root with two programs and a
// configuration, no /dev, no /proc, no /etc, no place to write to; as process 1, and as a
// user without an account and without capabilities.
func TestBare(t *testing.T) {
	gosv := static(t)
	if os.Getuid() != 0 || exec.Command("unshare", "--mount", "--pid", "--fork", "true").Run() != nil {
		t.Skip("SKIPPED: a root of its own needs root and unshare")
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "gosv"), readAll(t, gosv), 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, "child"), "testdata/bare/child.go")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	socket := fmt.Sprintf("@gosv-bare-%d", os.Getpid())
	for _, test := range []struct {
		name   string
		as     []string // before chroot's root
		config string
		want   []string // lines of the output, as patterns
		not    string
	}{
		{"nobody", []string{"setpriv", "--no-new-privs", "chroot", "--userspec=1234:1234", "--groups=1234"}, `
[unix_http_server]
file = "` + socket + `"
[program.web]
command = "/child"
stdout_logfile = "/dev/stdout"
stderr_logfile = "/dev/stderr"
[program.same]
command = "/child"
user = 1234
umask = "077"
stdout_logfile = "/dev/stdout"
stderr_logfile = "none"
[program.quiet]
command = "/child"
stdout_logfile = "none"
stderr_logfile = "none"
`, []string{`^it is 1234 1234 \[1234\]$`, `^on stderr too$`, `^it ends$`,
			`INFO the log is kept in no file: cannot open log "/supervisord.log": read-only file system`,
			`INFO there is no pidfile: open /supervisord.pid: read-only file system`,
			`supervisord started with pid 1$`, `INFO success: web entered RUNNING`, `INFO success: quiet entered RUNNING`,
			`INFO success: same entered RUNNING`, `INFO stopped: web \(exit status 0\)`}, "WARN |CRIT |ERRO "},
		{"numbers for users", []string{"chroot"}, `
[supervisord]
logfile = "none"
pidfile = "none"
[unix_http_server]
file = "` + socket + `"
[program.a]
command = "/child"
user = 4321
stdout_logfile = "/dev/stdout"
stderr_logfile = "none"
[program.b]
command = "/child"
user = "77:88"
stdout_logfile = "/dev/stdout"
stderr_logfile = "none"
`, []string{`^it is 4321 4321 \[4321\]$`, `^it is 77 88 \[88\]$`, `INFO stopped: b \(exit status 0\)`}, "no file|no pidfile|WARN |CRIT |ERRO "},
		{"INI", []string{"chroot"}, `
[supervisord]
logfile = none
pidfile = none
user = 1234:1234
[unix_http_server]
file = ` + socket + `
[program:a]
command = /child
stdout_logfile = /dev/stdout
stdout_logfile_maxbytes = 0
redirect_stderr = true
`, []string{`^it is 1234 1234 \[1234\]$`, `^on stderr too$`, `Set uid to user 1234 succeeded`}, "WARN |ERRO "},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			os.Chmod(root, 0o755)
			for _, name := range []string{"gosv", "child"} {
				if err := os.Link(filepath.Join(bin, name), filepath.Join(root, name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(root, "conf"), []byte(test.config), 0o644); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf(`mount --make-rprivate / && mount --bind %[1]s %[1]s && mount -o remount,bind,ro %[1]s && exec %[2]s %[1]s /gosv daemon -c /conf`,
				root, strings.Join(test.as, " "))
			c := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script)
			var out lockedBuffer
			c.Stdout, c.Stderr = &out, &out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer c.Process.Kill()
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			// Each program is up and, where that is seen, ready for the signal that ends it.
			up, says := strings.Count(test.config, "command = "), strings.Count(test.config, "stdout_logfile = /dev")+strings.Count(test.config, `stdout_logfile = "/dev`)
			waitOutput(t, &out, ended, func(text string) bool {
				return strings.Count(text, " entered RUNNING") >= up && strings.Count(text, "it is ") >= says
			})
			checkAbstract(t, "unix://"+socket)
			exec.Command("gosv", "ctl", "-s", "unix://"+socket, "shutdown").Run()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("gosv: %v", err)
				}
			case <-time.After(patience):
				t.Error("it does not end")
			}
			text := out.String()
			for _, want := range test.want {
				if !regexp.MustCompile(`(?m)` + want).MatchString(text) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if found := regexp.MustCompile(`(?m)^.*(` + test.not + `).*$`).FindString(strings.ReplaceAll(text, "WARN received SIGTERM", "")); found != "" && !strings.Contains(found, "without any HTTP authentication") {
				t.Errorf("unwanted: %s", found)
			}
		})
	}
}

// checkAbstract: root may use a socket that is no file, another user may not.
func checkAbstract(t *testing.T, url string) {
	t.Helper()
	out, err := exec.Command("gosv", "ctl", "-s", url, "status").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("RUNNING")) {
		t.Errorf("status: %v\n%s", err, out)
	}
	c := exec.Command("gosv", "ctl", "-s", url, "status")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 5555, Gid: 5555}}
	if out, err := c.CombinedOutput(); err == nil || bytes.Contains(out, []byte("RUNNING")) {
		t.Errorf("status by a stranger: %v\n%s", err, out)
	}
}

// lockedBuffer is a buffer that may be read while a program writes it.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// waitOutput waits until the output is as it should be, or the program has ended.
func waitOutput(t *testing.T, out *lockedBuffer, ended <-chan error, is func(string) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(out.String()); {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, out.String())
		case <-time.After(30 * time.Millisecond): // between two looks of a poll with a deadline
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v it has only said\n%s", patience, out.String())
		}
	}
}
