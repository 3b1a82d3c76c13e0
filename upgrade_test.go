package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builds are two versions of gosv: this one, and one that only says another version. They
// are made once for all tests.
type builds struct{ this, next string }

var twoBuilds = sync.OnceValues(func() (b builds, err error) {
	ours, err := exec.LookPath("gosv") // as in release
	if err != nil {
		return b, err
	}
	dir := filepath.Dir(ours) + "/builds"
	b.this, b.next = filepath.Join(dir, "this"), filepath.Join(dir, "next")
	for path, more := range map[string]string{b.this: "", b.next: ",gosvnext"} {
		c := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,nethttpomithttp2,purego"+more, "-o", path, ".")
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := c.CombinedOutput(); err != nil {
			return b, fmt.Errorf("go build: %v\n%s", err, text)
		}
	}
	return b, nil
})

// upgradable is a box whose daemon is a build that can be replaced on disk.
func upgradable(t *testing.T, super, sections string) (*box, builds) {
	t.Helper()
	b := newBox(t, super, sections)
	two, err := twoBuilds()
	if err != nil {
		t.Fatal(err)
	}
	b.install(two.this)
	return b, two
}

// install puts a program in the place of the daemon's, as a package manager does.
func (b *box) install(program string) {
	b.t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		b.t.Fatal(err)
	}
	writeProgram(b.t, b.path("supervisord.new"), text)
	if err := os.Rename(b.path("supervisord.new"), b.path("supervisord")); err != nil {
		b.t.Fatal(err)
	}
}

// upgrade upgrades the daemon, which must succeed.
func (b *box) upgrade() {
	b.t.Helper()
	if out, code := b.ctl("upgrade"); code != 0 || !strings.HasPrefix(out, "Upgraded from gosv ") {
		b.t.Fatalf("ctl upgrade: exit status %d, %q\n%s", code, out, b.tail("d.log"))
	}
}

func descriptors(t testing.TB, pid int) (n int, names string) {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range list {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name()))
		fmt.Fprintf(&b, "%s %s\n", e.Name(), to)
	}
	return len(list), b.String()
}

func threads(pid int) int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(list)
}

// TestUpgradeInTheMiddle: states, timers, counters and what a program is in the middle of
// go on as if nothing had been.
func TestUpgradeInTheMiddle(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "", `[program:starting]
command = sleep 1000
startsecs = 8
[program:failing]
command = child exit 3
startsecs = 100
startretries = 3
[program:stopping]
command = child stubborn
stopwaitsecs = 6
startsecs = 0
stdout_logfile = %(here)s/stopping.log
[program:echo]
command = child echo
startsecs = 0
stdout_logfile = %(here)s/echo.log
[program:half]
command = sh -c "printf half; read x; echo line; exec sleep 1000"
startsecs = 0
stdout_logfile = %(here)s/half.log
stdout_logfile_format = lines
[program:once]
command = child exit 4
startsecs = 0
autorestart = false
[program:asleep]
command = sleep 1000
autostart = false
`)
	begun := time.Now() // before "starting" is
	b.start()
	b.reaches("failing", "BACKOFF")
	b.until("stopping ignores signals", func() bool { return b.read("stopping.log") != "" })
	b.reaches("echo", "RUNNING")
	b.reaches("half", "RUNNING")
	b.reaches("once", "EXITED")
	began := time.Now()
	b.do("stop", named{Name: "stopping", Nowait: true})
	before := pids(b)
	pid := b.pid()
	starts := map[string]float64{}
	for _, p := range b.status() {
		starts[p.Name] = p.Start
	}
	b.install(two.next)
	b.upgrade()
	if b.pid() != pid {
		t.Errorf("the daemon is %d and was %d", b.pid(), pid)
	}
	for _, p := range b.status() {
		if p.Name != "failing" && (p.Pid != before[p.Name] && p.Name != "stopping" || p.Start != starts[p.Name]) {
			t.Errorf("%s: pid %d, start %v; before the upgrade %d, %v", p.Name, p.Pid, p.Start, before[p.Name], starts[p.Name])
		}
	}
	if s := b.one("stopping").State; s != "STOPPING" && time.Since(began) < 6*time.Second {
		t.Errorf("stopping is %s", s)
	}
	if s := b.one("starting").State; s != "STARTING" && time.Since(begun) < 8*time.Second {
		t.Errorf("starting is %s", s)
	}
	if p := b.one("once"); p.State != "EXITED" || p.Exitstatus != 4 {
		t.Errorf("once is %s with %d", p.State, p.Exitstatus)
	}
	b.do("stdin", map[string]any{"name": "echo", "data": []byte("over the upgrade\n")})
	b.do("stdin", map[string]any{"name": "half", "data": []byte("\n")})
	b.until("the echo", func() bool { return b.read("echo.log") == "over the upgrade\n" })
	b.until("the whole line", func() bool { return b.read("half.log") == "halfline\n" })
	b.reaches("stopping", "STOPPED")
	b.until("the log says that stopping was killed after stopwaitsecs", func() bool { return b.count("killing 'stopping'") > 0 })
	b.reaches("starting", "RUNNING")
	b.reaches("failing", "FATAL")
	b.logged(1, "gave up: failing")
	if n := b.count("spawned: 'failing'"); n != 4 {
		t.Errorf("failing was started %d times, want 4: its failures were not counted on", n)
	}
	b.do("start", named{Name: "asleep"})
	b.upgrade() // the same version once more
	b.reaches("asleep", "RUNNING")
	b.stop()
}

// TestUpgradeRefused: a program on disk that cannot take over changes nothing, and ctl, the
// log and the exit status say so.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "", `[program:p]
command = sleep 1000
`)
	b.start()
	b.reaches("p", "RUNNING")
	before, pid := pids(b), b.pid()
	fds, _ := descriptors(t, pid)
	for _, x := range []struct{ name, program, says string }{
		{"a text", "this is no program\n", "exec format error"},
		{"an older gosv", "#!/bin/sh\necho 'gosv: there is no \"takeover\"' >&2\nexit 2\n", "there is no \"takeover\""},
		{"one that crashes", "#!/bin/sh\nkill -SEGV $$\n", "SIGSEGV"},
		{"one that only succeeds", "#!/bin/sh\nexit 0\n", "it ended with status 0"},
		{"one that hangs", "#!/bin/sh\nsleep 1000 & wait\n", "did not say within"},
	} {
		b.write("program", x.program)
		b.install(b.path("program"))
		out, code := b.ctl("upgrade")
		if code != 1 || !strings.Contains(out, x.says) || !strings.HasPrefix(out, "ERROR: nothing was upgraded: ") {
			t.Errorf("%s: exit status %d, %q; want 1 and %q", x.name, code, out, x.says)
		}
		b.until(x.name+": the log says why", func() bool { // it is written beside the answer
			log := b.read("d.log")
			return strings.Contains(log, "nothing was upgraded") && strings.Contains(log, x.says)
		})
	}
	if err := os.Remove(b.path("supervisord")); err != nil {
		t.Fatal(err)
	}
	if out, code := b.ctl("upgrade"); code != 1 || !strings.Contains(out, "no such file") {
		t.Errorf("no file: exit status %d, %q", code, out)
	}
	b.install(two.next)
	conf := b.read("s.conf")
	b.write("s.conf", conf+"[program:q]\nstartsecs = x\ncommand = y\n")
	if _, _, err := b.ask("upgrade", nil); err == nil || !strings.Contains(err.Error(), "startsecs") {
		t.Errorf("with a broken configuration: %v", err)
	}
	b.write("s.conf", conf)
	if now := pids(b); fmt.Sprint(now) != fmt.Sprint(before) || b.pid() != pid {
		t.Errorf("the processes were %v and are %v", before, now)
	}
	b.until("nothing is left of the trials", func() bool {
		n, _ := descriptors(t, pid)
		kids, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		return n <= fds && len(bytes.Fields(kids)) <= 1
	})
	b.upgrade()
	if now := pids(b); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("after the upgrade the processes are %v, before %v", now, before)
	}
	b.stop()
}

// TestUpgradeBySignal: SIGUSR1 is ctl upgrade, also in the background, where the file of the
// pid stays and stays true.
func TestUpgradeBySignal(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "", `[program:p]
command = sleep 1000
startsecs = 0
`)
	cmd := exec.Command(b.path("supervisord"), "-c", b.path("s.conf"))
	cmd.Dir = b.dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(b.read("d.pid")))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	b.reaches("p", "RUNNING")
	before := pids(b)
	b.install(two.next)
	for i := range 3 {
		syscall.Kill(pid, syscall.SIGUSR1)
		b.until("the upgrade", func() bool { return strings.Count(b.read("d.log"), "upgraded from gosv") == i+1 })
	}
	if now := pids(b); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("the processes were %v and are %v", before, now)
	}
	if text := b.read("d.pid"); text != fmt.Sprintln(pid) {
		t.Errorf("the pidfile says %q", text)
	}
	// A signal of old still means what it meant, and children get theirs.
	b.do("restart", named{Name: "p"})
	b.unblocked(b.reaches("p", "RUNNING"))
	syscall.Kill(pid, syscall.SIGTERM)
	b.until("the end", func() bool { return !alive(pid) && b.read("d.pid") == "" })
}

// unblocked complains when a program was started with one of our signals blocked or ignored.
func (b *box) unblocked(p process) {
	b.t.Helper()
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	for line := range strings.Lines(string(status)) {
		what, mask, _ := strings.Cut(line, ":")
		if what != "SigBlk" && what != "SigIgn" {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD} {
			if set&(1<<(s-1)) != 0 {
				b.t.Errorf("a program is started with %v held off: %s", s, line)
			}
		}
	}
}

// TestUpgradeAsFirstProcess: the first process of a pid namespace upgrades itself, too.
func TestUpgradeAsFirstProcess(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 || exec.Command("unshare", "-pf", "--mount-proc", "true").Run() != nil {
		t.Skip("needs root and unshare(1) with new namespaces")
	}
	b, two := upgradable(t, "", `[program:p]
command = sh -c "sleep 1 & sleep 1000"
startsecs = 0
stdout_logfile = NONE
`)
	b.start("unshare", "-pf", "--mount-proc", "--kill-child=TERM")
	before := b.reaches("p", "RUNNING")
	b.install(two.next)
	b.upgrade()
	if now := b.one("p"); now.Pid != before.Pid || now.Start != before.Start {
		t.Errorf("%+v, before %+v", now, before)
	}
	b.do("shutdown", nil)
	<-b.dead
}
