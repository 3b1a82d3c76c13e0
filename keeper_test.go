package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// manyShort are a hundred programs that end at once.
const manyShort = `[program:many]
command = true
process_name = %(process_num)d
numprocs = 100
autostart = false
autorestart = false
startsecs = 0
`

// brain is the pid of the daemon itself, where a keeper is its parent.
func (b *box) brain() int {
	b.t.Helper()
	out, _ := b.ctl("pid")
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		b.t.Fatalf("ctl pid says %q\n%s", out, b.read("d.log"))
	}
	return pid
}

// killBrain kills the daemon under its keeper and waits for the next one; meanwhile is called
// when it is dead and the keeper has not been told of it.
func (b *box) killBrain(meanwhile func()) {
	b.t.Helper()
	pid := b.brain()
	b.signal(syscall.SIGSTOP)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	b.until("the daemon is dead", func() bool { return isGone(pid) })
	if meanwhile != nil {
		meanwhile()
	}
	b.signal(syscall.SIGCONT)
	b.another(pid)
}

// another waits for another daemon than the one with this pid.
func (b *box) another(old int) {
	b.t.Helper()
	b.until("there is another daemon", func() bool {
		out, code := b.ctl("pid")
		pid := strings.TrimSpace(out)
		return code == 0 && pid != "" && pid != strconv.Itoa(old)
	})
}

// newKeeper waits for another keeper than the one with the pid old, under which the daemon brain and p
// are what they were.
func (b *box) newKeeper(old, brain int, p process) int {
	b.t.Helper()
	b.until("the pidfile names another keeper", func() bool { return b.pid() != old })
	keeper := b.pid()
	b.still(p)
	if now := b.brain(); now != brain || keeper == brain {
		b.t.Errorf("the daemon was %d and is %d, and the keeper %d", brain, now, keeper)
	}
	return keeper
}

// TestKeeperLosesNothing: with a keeper, kill -9 of the daemon loses no process, no line and no exit
// status, also of programs that end meanwhile.
func TestKeeperLosesNothing(t *testing.T) {
	b := newBox(t, "keeper = true\n", `[program:stays]
command = child meter %(here)s/meter
stdout_logfile = %(here)s/stays.log
stdout_logfile_maxbytes = 0
[program:seven]
command = sh -c 'echo begin; while [ -e %(here)s/go ]; do sleep 0.01; done; echo end; exit 7'
stdout_logfile = %(here)s/seven.log
exitcodes = 7
autorestart = unexpected
startsecs = 0
[program:killed]
command = sleep 1000
autorestart = false
startsecs = 0
[program:again]
command = child sleep
startsecs = 0
`)
	b.write("go", "")
	b.start()
	for _, name := range []string{"stays", "seven", "killed", "again"} {
		b.reaches(name, "RUNNING")
	}
	if top, brain := b.pid(), b.brain(); top != b.cmd.Process.Pid || brain == top {
		t.Errorf("the pidfile has %d, ctl pid says %d, and the keeper is %d", top, brain, b.cmd.Process.Pid)
	}
	before := pids(b)
	for range 4 { // each later one waits longer
		b.killBrain(nil)
		if now := pids(b); fmt.Sprint(now) != fmt.Sprint(before) {
			t.Fatalf("the processes were %v and are %v", before, now)
		}
	}
	b.killBrain(func() {
		os.Remove(b.path("go"))
		syscall.Kill(before["killed"], syscall.SIGUSR1)
		b.until("both have ended", func() bool { return isGone(before["seven"]) && isGone(before["killed"]) })
	})
	if p := b.reaches("seven", "EXITED"); p.Exitstatus != 7 {
		t.Errorf("seven: %+v", p)
	}
	b.reaches("killed", "EXITED")
	b.until("the log says how they ended", func() bool {
		return b.count("exited: seven (exit status 7; expected)") == 1 && b.count("exited: killed (terminated by SIGUSR1; not expected)") == 1
	})
	b.until("the last line is there", func() bool { return b.read("seven.log") == "begin\nend\n" })
	// One that ends under the next daemon, whose child it is not.
	syscall.Kill(before["again"], syscall.SIGTERM)
	b.until("how it ended is known", func() bool { return b.count("exited: again (terminated by SIGTERM; not expected)") == 1 })
	b.reaches("again", "RUNNING")
	b.do("stop", named{Name: "stays"})
	for i, line := range strings.Split(strings.TrimSuffix(b.read("stays.log"), "\n"), "\n") {
		if line+"\n" != fmt.Sprintf(meterFormat, i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	b.stop()
}

// TestKeeperPassesSignals: what is sent to the keeper's pid, which the pidfile names, reaches the
// daemon; and the keeper ends with the daemon's exit status.
func TestKeeperPassesSignals(t *testing.T) {
	b := newBox(t, "keeper = true\nexit_on = main=main\n", `[program:main]
command = child traps
startsecs = 0
autorestart = false
stdout_logfile = %(here)s/main.log
`)
	b.start()
	b.until("it is ready", func() bool { return b.read("main.log") == "ready\n" })
	b.signal(syscall.SIGUSR2)
	b.until("USR2 was heard", func() bool { return b.count("received SIGUSR2") == 1 })
	b.signal(syscall.SIGHUP)
	b.until("HUP was heard", func() bool { return b.count("received SIGHUP") == 1 && b.count("success: main") == 2 })
	b.until("it is ready", func() bool { return b.read("main.log") == "ready\nready\n" })
	syscall.Kill(b.one("main").Pid, syscall.SIGINT)
	if code := b.wait(); code != 8 {
		t.Errorf("exit status %d, want the program's 8", code)
	}
	if b.read("d.pid") != "" {
		t.Errorf("the pidfile is still there")
	}
}

// TestKeeperIsKilled: a daemon whose keeper was killed has another one, which does the same: it holds
// the pipes, starts the daemon again when that is killed too, passes signals on, and ends with it.
func TestKeeperIsKilled(t *testing.T) {
	t.Parallel()
	b := newBox(t, "keeper = true\n", `[program:p]
command = child sleep
startsecs = 0
[program:ends]
command = sh -c 'echo begin; while [ -e %(here)s/go ]; do sleep 0.01; done; echo end'
stdout_logfile = %(here)s/ends.log
autorestart = false
startsecs = 0
`)
	b.write("go", "")
	b.start()
	p, ends := b.reaches("p", "RUNNING"), b.reaches("ends", "RUNNING")
	b.until("it has begun", func() bool { return b.read("ends.log") == "begin\n" })
	brain := b.brain()
	b.kill9()
	b.until("there is another one", func() bool { return b.count("the keeper", "has died; the new one") == 1 })
	keeper := b.newKeeper(b.cmd.Process.Pid, brain, p)
	syscall.Kill(keeper, syscall.SIGSTOP)
	syscall.Kill(brain, syscall.SIGKILL)
	b.until("the daemon is dead", func() bool { return isGone(brain) })
	os.Remove(b.path("go"))
	b.until("it has ended", func() bool { return isGone(ends.Pid) })
	syscall.Kill(keeper, syscall.SIGCONT)
	b.another(brain)
	b.still(p)
	b.until("the last line is there", func() bool { return b.read("ends.log") == "begin\nend\n" })
	brain = b.brain()
	syscall.Kill(keeper, syscall.SIGUSR2)
	b.until("USR2 was heard", func() bool { return b.count("received SIGUSR2") == 1 })
	syscall.Kill(keeper, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(keeper) && isGone(brain) && isGone(p.Pid) })
	if b.read("d.pid") != "" {
		t.Error("the pidfile is still there")
	}
}

// TestKeeperHangs: a keeper that is stopped for so long that it cannot be told anything more is replaced, and
// starts nothing when it goes on after the daemon has ended.
func TestKeeperHangs(t *testing.T) {
	t.Parallel()
	b := newBox(t, "keeper = true\n", `[program:p]
command = child sleep
startsecs = 0
`+manyShort)
	b.start()
	p, brain, old := b.reaches("p", "RUNNING"), b.brain(), b.cmd.Process.Pid
	syscall.Kill(old, syscall.SIGSTOP)
	b.until("there is another one", func() bool {
		b.ctl("start", "many:*")
		return b.count("the keeper", "does not answer; the new one") > 0
	})
	keeper := b.newKeeper(old, brain, p)
	syscall.Kill(keeper, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(keeper) && isGone(brain) && isGone(p.Pid) })
	syscall.Kill(old, syscall.SIGCONT)
	b.until("the old keeper has ended", func() bool { return isGone(old) })
	if n := b.count("started with pid"); n != 1 {
		t.Errorf("gosv was started %d times", n)
	}
}

// TestKeeperStartFails: a daemon that cannot start is not started again and again.
func TestKeeperStartFails(t *testing.T) {
	b := newBox(t, "keeper = true\n", "[inet_http_server]\nport = 127.0.0.1:1\nusername = a\n[program:p]\ncommand = sleep 1\n")
	b.write("s.conf", strings.Replace(b.read("s.conf"), "s.sock\n[sup", "none/s.sock\n[sup", 1))
	b.begin()
	if code := b.wait(); code != 2 {
		t.Errorf("exit status %d", code)
	}
}

// TestKeeperInTheBackground: the command returns when the daemon is up, and the keeper has let go
// of the terminal.
func TestKeeperInTheBackground(t *testing.T) {
	b := newBox(t, "keeper = true\n", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	cmd := b.background()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := b.reaches("p", "RUNNING")
	keeper, brain := b.pid(), b.brain()
	if keeper == brain {
		t.Fatalf("there is no keeper: %d", brain)
	}
	syscall.Kill(brain, syscall.SIGKILL)
	b.another(brain)
	b.still(p)
	for _, pid := range []int{keeper, b.brain()} {
		if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", pid)); to != "/dev/null" {
			t.Errorf("standard output of %d is %s", pid, to)
		}
	}
	syscall.Kill(keeper, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(keeper) && isGone(brain) && isGone(p.Pid) })
}

// TestKeeperAsPID1: it works as the first process of a container.
func TestKeeperAsPID1(t *testing.T) {
	needsRoot(t)
	needs(t, "unshare", "--pid", "--fork", "--mount-proc", "true")
	b := newBox(t, "keeper = true\n", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	b.begin("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
	b.answers()
	p := b.reaches("p", "RUNNING")
	if got := strings.TrimSpace(b.read("d.pid")); got != "1" {
		t.Errorf("the pidfile has %q", got)
	}
	keeper := childrenOf(b.cmd.Process.Pid)
	if len(keeper) != 1 {
		t.Fatalf("unshare has the children %v", keeper)
	}
	old := b.brain()
	for _, pid := range childrenOf(keeper[0]) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	b.another(old)
	b.still(p)
	syscall.Kill(keeper[0], syscall.SIGTERM)
	if code := b.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// TestKeeperAsPID1HangsAndUpgrade: process 1 that has not read for a while, and so is told no more, of which the log says
// so, is tried again by the next version of the daemon, and holds then what was begun meanwhile.
func TestKeeperAsPID1HangsAndUpgrade(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "--pid", "--fork", "--mount-proc", "true")
	b, _ := upgradable(t, "keeper = true\n", `[program:p]
command = child sleep
startsecs = 0
autostart = false
`+manyShort)
	b.begin("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
	b.answers()
	top := childrenOf(b.cmd.Process.Pid)
	if len(top) != 1 {
		t.Fatalf("unshare has the children %v", top)
	}
	keeper := top[0]
	syscall.Kill(keeper, syscall.SIGSTOP)
	for range 10 { // far more than can wait to be read
		b.ctl("start", "many:*")
		b.until("all have ended", func() bool {
			return !slices.ContainsFunc(b.status(), func(p process) bool { return p.Name != "p" && p.State != "EXITED" })
		})
	}
	said := func() int { return b.count("WARN the keeper (pid 1) does not answer: ") }
	b.until("it is said", func() bool { return said() > 0 })
	b.do("start", named{Name: "p"})
	b.reaches("p", "RUNNING")
	syscall.Kill(keeper, syscall.SIGCONT)
	b.upgrade()
	programs := childrenOf(childrenOf(keeper)[0])
	if len(programs) != 1 {
		t.Fatalf("the programs are %v", programs)
	}
	pipe, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", programs[0]))
	b.until("it holds what p writes to", func() bool {
		_, names := descriptors(t, keeper)
		return strings.Contains(names, pipe+"\n")
	})
	if n := said(); n != 1 {
		t.Errorf("that it does not answer is said %d times", n)
	}
	syscall.Kill(keeper, syscall.SIGTERM)
	if code := b.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// TestKeeperHandsOnSockets: sockets that a service manager has opened reach each daemon, and nobody who
// connects in between is refused.
func TestKeeperHandsOnSockets(t *testing.T) {
	b := newBox(t, "keeper = true\n", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	ln, err := net.Listen("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := ln.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, b.command(), "-n", "-c", b.path("s.conf"))
	cmd.Dir, cmd.ExtraFiles = b.dir, []*os.File{file}
	b.out = b.path("out.txt")
	b.run(cmd)
	file.Close()
	b.answers()
	p := b.reaches("p", "RUNNING")
	b.killBrain(func() {
		c, err := net.Dial("unix", b.path("s.sock"))
		if err != nil {
			t.Errorf("refused while there is no daemon: %v", err)
			return
		}
		c.Close()
	})
	b.still(p)
	b.stop()
}

// TestKeeperAfterMassDeath: programs that ended while there was no daemon have nothing more to say, and
// the next one closes their pipes while it gives the others to the keeper. (The soak: one that was closed already
// was taken for a keeper that has died.)
func TestKeeperAfterMassDeath(t *testing.T) {
	t.Parallel()
	b := newBox(t, "keeper = true\n", "[program:p]\nprocess_name = p%(process_num)d\nnumprocs = 40\ncommand = child sleep\nstartsecs = 0\nautorestart = false\n").start()
	var all []process
	b.until("all run", func() bool {
		all = b.status()
		return !slices.ContainsFunc(all, func(p process) bool { return p.State != "RUNNING" })
	})
	b.killBrain(func() {
		for _, p := range all {
			syscall.Kill(p.Pid, syscall.SIGKILL)
		}
		b.until("all are dead", func() bool { return !slices.ContainsFunc(all, func(p process) bool { return !isGone(p.Pid) }) })
	})
	b.until("all have exited", func() bool {
		return !slices.ContainsFunc(b.status(), func(p process) bool { return p.State != "EXITED" })
	})
	if n := b.count("the keeper"); n != 0 {
		t.Errorf("the keeper:\n%s", b.tail("d.log"))
	}
	b.stop()
}
