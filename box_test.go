package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// box is a folder with one daemon in it, whose children are marked by the folder's name.
type box struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd     // of the last start
	dead   chan struct{} // closed when that has ended
	out    string        // file with its standard output and error
	strays bool          // processes that outlive the daemon are expected, and are killed
}

// newBox makes a folder with s.conf: a socket, a main log d.log, a pidfile and AUTO logs in it,
// then super (more lines of [supervisord]) and the sections of the rest.
func newBox(t testing.TB, super, sections string) *box {
	t.Helper()
	if testing.Short() {
		t.Skip("real processes: not in the short run")
	}
	dir, err := os.MkdirTemp("", "gosv-") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: dir}
	b.config(super, sections)
	t.Cleanup(b.cleanup)
	return b
}

func (b *box) config(super, sections string) {
	b.t.Helper()
	if !strings.Contains(super, "logfile") {
		super += "\nlogfile = %(here)s/d.log\nlogfile_maxbytes = 0\n"
	}
	b.write("s.conf", `[unix_http_server]
file = %(here)s/s.sock
[supervisorctl]
serverurl = unix://%(here)s/s.sock
[supervisord]
pidfile = %(here)s/d.pid
childlogdir = %(here)s
environment = GOSV_MARK="%(here)s"
`+super+"\n"+sections)
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

func (b *box) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// read is a file's text, "" if it is not there.
func (b *box) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(data)
}

// begin starts a daemon without waiting for it; prefix is a command that is to run it.
func (b *box) begin(prefix ...string) *exec.Cmd {
	b.t.Helper()
	args := append(prefix, b.command(), "-n", "-c", b.path("s.conf"))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH"))
	b.out = b.path("out.txt")
	out, err := os.OpenFile(b.out, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		b.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	b.run(cmd)
	return cmd
}

// run starts a daemon whose command the caller has made.
func (b *box) run(cmd *exec.Cmd) {
	b.t.Helper()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	dead := make(chan struct{})
	b.cmd, b.dead = cmd, dead
	go func() {
		cmd.Wait()
		close(dead)
	}()
}

// start starts a daemon and waits until it answers.
func (b *box) start(prefix ...string) *box {
	b.t.Helper()
	b.begin(prefix...)
	b.answers()
	return b
}

func (b *box) answers() {
	b.t.Helper()
	b.until("the daemon answers", func() bool {
		if b.ended() {
			b.t.Fatalf("the daemon ended (%v):\n%s", b.cmd.ProcessState, b.output())
		}
		_, _, err := b.ask("hello", map[string]any{"protocol": 1})
		return err == nil
	})
}

// command is the daemon's program: a copy of the box's own, if there is one.
func (b *box) command() string {
	if _, err := os.Stat(b.path("supervisord")); err == nil {
		return b.path("supervisord")
	}
	return "supervisord"
}

func (b *box) output() string { data, _ := os.ReadFile(b.out); return string(data) }

func (b *box) ended() bool {
	select {
	case <-b.dead:
		return true
	default:
		return false
	}
}

// pid is the daemon's, also behind unshare and the like.
func (b *box) pid() int {
	b.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(b.read("d.pid")))
	if err != nil {
		b.t.Fatalf("pidfile: %v", err)
	}
	return pid
}

// signal sends a signal to the daemon.
func (b *box) signal(s syscall.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}

// wait waits for the daemon's end and returns its exit status.
func (b *box) wait() int {
	b.t.Helper()
	select {
	case <-b.dead:
	case <-time.After(patience):
		b.cmd.Process.Signal(syscall.SIGQUIT)
		b.t.Fatalf("the daemon did not end in %v:\n%s", patience, b.tail("d.log"))
	}
	return b.cmd.ProcessState.ExitCode()
}

// stop ends the daemon with SIGTERM, which must work and leave nothing behind.
func (b *box) stop() {
	b.t.Helper()
	b.signal(syscall.SIGTERM)
	if code := b.wait(); code != 0 {
		b.t.Errorf("exit status of the daemon is %d, want 0:\n%s", code, b.output())
	}
}

func (b *box) cleanup() {
	if b.cmd != nil && !b.ended() {
		b.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-b.dead:
		case <-time.After(patience):
			b.t.Errorf("the daemon did not end within %v of SIGTERM", patience)
			b.cmd.Process.Kill()
			<-b.dead
		}
	}
	left := b.marked() // what a shell was doing when it was stopped ends by itself, a little later
	for end := time.Now().Add(patience); len(left) > 0 && !b.strays && time.Now().Before(end); left = b.marked() {
		time.Sleep(20 * time.Millisecond) // between two looks of a poll with a deadline
	}
	if len(left) > 0 && !b.strays {
		b.t.Errorf("left behind: %v", left)
	}
	for ; len(left) > 0; left = b.marked() {
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if b.t.Failed() {
		b.t.Logf("d.log:\n%s\noutput:\n%s", b.tail("d.log"), last(b.output(), 4000))
	}
	if b.t.Failed() && os.Getenv("GOSV_KEEP") != "" {
		b.t.Logf("kept: %s", b.dir)
		return
	}
	os.RemoveAll(b.dir)
	// What a daemon that was killed has left for the next one, which will not come.
	sum := sha256.Sum256([]byte(b.path("s.conf") + "\x00"))
	key := fmt.Sprintf("%x-*", sum[:8])
	for _, base := range []string{"/run/gosv/", "/dev/shm/gosv/", "/dev/shm/gosv-*/"} {
		left, _ := filepath.Glob(base + key)
		for _, dir := range left {
			os.RemoveAll(dir)
		}
	}
}

// tail is the end of a file, for messages.
func (b *box) tail(name string) string {
	data, _ := os.ReadFile(b.path(name))
	return last(string(data), 6000)
}

func last(s string, n int) string {
	if len(s) > n {
		return "[...]" + s[len(s)-n:]
	}
	return s
}

// marked is the pids of all processes that descend from this box's daemon.
func (b *box) marked() []int { return withEnv("GOSV_MARK=" + b.dir) }

// processes waits until as many processes descend from this box's daemon. (One that has just come to
// its exec has no environment for a moment.)
func (b *box) processes(n int) {
	b.t.Helper()
	var now []int
	b.until(fmt.Sprintf("there are %d processes", n), func() bool { now = b.marked(); return len(now) == n })
}

// until polls until something is so.
func (b *box) until(what string, is func() bool) {
	b.t.Helper()
	poll(b.t, what, is)
}

func poll(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; !is(); wait = min(2*wait, 50*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", patience, what)
		}
		time.Sleep(wait) // between two looks of a poll with a deadline
	}
}
