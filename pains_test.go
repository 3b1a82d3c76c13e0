package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The TestPain tests prove, with real processes, that gosv is free of what users of
// supervisors have suffered from; each says which pain that is, and fails where it is felt.
// This file holds what they have in common. GOSV_LONG=1 makes the numbers ten times larger, and GOSV_KEEP=1 keeps the folders of failed tests.

// box is a folder with one daemon in it, whose children are marked by the folder's name.
type box struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd     // of the last start
	dead   chan struct{} // closed when that has ended
	out    string        // file with its standard output and error
	strays bool          // processes that outlive the daemon are expected, and are killed
}

// long multiplies a count in the long run.
func long(n int) int {
	if os.Getenv("GOSV_LONG") != "" {
		return 10 * n
	}
	return n
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

// ctl runs supervisorctl and returns its standard output and exit status.
func (b *box) ctl(args ...string) (string, int) {
	b.t.Helper()
	cmd := exec.Command("supervisorctl", append([]string{"-c", b.path("s.conf")}, args...)...)
	cmd.Dir = b.dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// fault is an error that the daemon answered with.
type fault struct {
	Code string
	Msg  string
}

func (f *fault) Error() string { return f.Code + ": " + f.Msg }

// ask asks the daemon over its socket.
func (b *box) ask(method string, params any) (events []json.RawMessage, ok json.RawMessage, err error) {
	c, err := net.Dial("unix", b.path("s.sock"))
	for end := time.Now().Add(patience); errors.Is(err, syscall.EAGAIN) && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // a full backlog (net.core.somaxconn): between two looks of a poll with a deadline
		c, err = net.Dial("unix", b.path("s.sock"))
	}
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 1, "m": method, "p": params}); err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(bufio.NewReaderSize(c, 1<<16))
	for {
		var line struct {
			Ev, Ok json.RawMessage
			Err    *fault
		}
		if err := d.Decode(&line); err != nil {
			return events, nil, err
		}
		switch {
		case line.Err != nil:
			return events, nil, line.Err
		case line.Ok != nil:
			return events, line.Ok, nil
		}
		events = append(events, line.Ev)
	}
}

// do is ask for a method that must succeed for each process, but for faults that are fine.
func (b *box) do(method string, params any, fine ...string) {
	b.t.Helper()
	events, _, err := b.ask(method, params)
	if f, ok := err.(*fault); err != nil && !(ok && slices.Contains(fine, f.Code)) {
		b.t.Fatalf("%s %v: %v", method, params, err)
	}
	for _, ev := range events {
		var r struct {
			Name string
			Err  *fault
		}
		if json.Unmarshal(ev, &r) == nil && r.Err != nil && !slices.Contains(fine, r.Err.Code) {
			b.t.Fatalf("%s %v: %s: %v", method, params, r.Name, r.Err)
		}
	}
}

type named struct {
	Name   string `json:"name"`
	Nowait bool   `json:"nowait,omitempty"`
}

// process is one row of status.
type process struct {
	Name, Group, State, Spawnerr, Description string
	Pid, Exitstatus                           int
	Start, Stop, Now                          float64
}

// status is the state of everything.
func (b *box) status() []process {
	b.t.Helper()
	parts, ok, err := b.ask("status", nil)
	if err != nil {
		b.t.Fatalf("status: %v", err)
	}
	var all []process
	for _, p := range append(parts, ok) {
		var list []process
		if err := json.Unmarshal(p, &list); err != nil {
			b.t.Fatalf("status: %v", err)
		}
		all = append(all, list...)
	}
	return all
}

// one is the state of one process, by its own name.
func (b *box) one(name string) process {
	b.t.Helper()
	for _, p := range b.status() {
		if p.Name == name {
			return p
		}
	}
	b.t.Fatalf("no process %q", name)
	return process{}
}

// reaches waits until a process is in one of the states; one that is STARTING has been started,
// which is a moment after it has that state.
func (b *box) reaches(name string, states ...string) process {
	b.t.Helper()
	var p process
	b.until(name+" is "+strings.Join(states, " or "), func() bool {
		p = b.one(name)
		return slices.Contains(states, p.State) && (p.State != "STARTING" || p.Pid != 0)
	})
	return p
}

// all waits until every process, or those with the names, is in the state.
func (b *box) all(state string, names ...string) {
	b.t.Helper()
	b.until("all are "+state, func() bool {
		list := b.status()
		for _, p := range list {
			if p.State != state && (names == nil || slices.Contains(names, p.Name)) {
				return false
			}
		}
		return len(list) > 0
	})
}

// count is how often the main log has a line with all of the words. Lines come a little behind what
// they tell of, and behind the answers of requests: counts calls for until, see logged.
func (b *box) count(words ...string) int {
	b.t.Helper()
	n := 0
	for line := range strings.Lines(b.read("d.log")) {
		has := true
		for _, w := range words {
			has = has && strings.Contains(line, w)
		}
		if has {
			n++
		}
	}
	return n
}

// logged waits until the main log has n lines with all of the words, which must not become more.
func (b *box) logged(n int, words ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the log has %d lines with %q", n, words), func() bool { return b.count(words...) >= n })
	if got := b.count(words...); got != n {
		b.t.Errorf("the log has %d lines with %q, want %d", got, words, n)
	}
}

// writeProgram writes a file that is to be executed. While it is open for writing nothing is forked:
// a child would have it open until its exec, and who executes it then finds a busy file.
func writeProgram(t testing.TB, name string, data []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	err := os.WriteFile(name, data, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
}

// own gives the box its own copies of gosv and child, first in the PATH of what it starts, for
// daemons of other users, who cannot reach the ones of the test.
func (b *box) own() {
	b.t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range []string{"child", "supervisord"} {
		writeProgram(b.t, b.path(name), self)
	}
}

// fds is how many descriptors a process has open.
func fds(pid int) int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(list)
}

// switches is how often a process's threads have been given a core, and how many there are:
// an idle process is given none.
func switches(pid int) (n, threads int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(name, "_ctxt_switches") {
				k, _ := strconv.Atoi(strings.TrimSpace(value))
				n += k
			}
		}
	}
	return n, len(files)
}

// idle waits until the daemon has done nothing at all for as long as d.
func (b *box) idle(d time.Duration) {
	b.t.Helper()
	pid := b.pid()
	since := time.Now()
	was, _ := switches(pid)
	b.until(fmt.Sprintf("the daemon does nothing for %v", d), func() bool {
		if now, _ := switches(pid); now != was {
			was, since = now, time.Now()
		}
		return time.Since(since) >= d
	})
}

// numbers is what seq 1 n writes.
func numbers(n int) []byte {
	var buf bytes.Buffer
	for i := 1; i <= n; i++ {
		buf.WriteString(strconv.Itoa(i))
		buf.WriteByte('\n')
	}
	return buf.Bytes()
}

// differ says where two texts part, "" if nowhere.
func differ(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d bytes, want %d; they part at %d: %q, want %q", len(got), len(want), i,
		got[max(0, i-20):min(len(got), i+40)], want[max(0, i-20):min(len(want), i+40)])
}

// busy keeps the machine's cores busy until the test ends.
func busy(t testing.TB) {
	for range 2 {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	}
}

func needsRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// needs skips a test where a command does not work.
func needs(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%v: %v %s", args, err, out)
	}
}

// gather reads everything from r, in the background.
type gather struct {
	buf  bytes.Buffer
	done chan struct{}
}

func gatherFrom(r io.Reader) *gather {
	g := &gather{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		io.Copy(&g.buf, r)
	}()
	return g
}

func (g *gather) all(t testing.TB) []byte {
	t.Helper()
	select {
	case <-g.done:
	case <-time.After(patience):
		t.Fatal("the other end was not closed")
	}
	return g.buf.Bytes()
}
