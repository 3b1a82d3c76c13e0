package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ofNobody gives the box to another account, for a daemon that is it.
func (b *box) ofNobody() {
	b.t.Helper()
	b.own()
	if err := os.Chown(b.dir, 65534, 65534); err != nil {
		b.t.Fatal(err)
	}
}

// TestCrashOtherIdentifier: identifier= is edited while gosv is dead: the programs are adopted.
func TestCrashOtherIdentifier(t *testing.T) {
	t.Parallel()
	const program = "[program:p]\ncommand = child sleep\nstartsecs = 0\n"
	b := newBox(t, "identifier = one\n", program)
	b.start()
	p := b.reaches("p", "RUNNING")
	for _, name := range []string{"two", "three"} {
		b.kill9()
		b.config("identifier = "+name+"\n", program)
		b.again()
		b.still(p)
	}
	b.processes(1)
	b.stop()
}

// TestCrashOtherAccount: user= of [supervisord] is changed while gosv is dead, from an account to root
// and back: the programs are ended and started as the new account, nothing is doubled, and no line of
// what they wrote is lost.
func TestCrashOtherAccount(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	const program = `[program:meter]
command = bash %(here)s/meter.sh 100
stdout_logfile = %(here)s/meter.log
stdout_logfile_maxbytes = 0
[program:stubborn]
command = sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
stdout_logfile = %(here)s/stubborn.log
stopwaitsecs = 1
killasgroup = true
startsecs = 0
[program:off]
command = child sleep
autostart = false
`
	b := newBox(t, "user = nobody\n", program)
	b.write("meter.sh", flood)
	b.ofNobody()
	b.start()
	for i, user := range []string{"root", "nobody", "root"} {
		b.reaches("meter", "RUNNING")
		b.reaches("stubborn", "RUNNING")
		b.until("it ignores signals", func() bool { return strings.Count(b.read("stubborn.log"), "ready") == i+1 })
		b.until("this meter writes, so that it does what it should at its end", func() bool {
			return strings.Count("\n"+b.read("meter.log"), "\nline 0\n") == i+1
		})
		before := pids(b)
		b.kill9()
		b.config("user = "+user+"\n", program)
		os.Remove(b.path("s.sock")) // of root's, nobody else can tell whether somebody listens there
		b.again()
		b.until("both run again", func() bool {
			now := pids(b)
			return now["meter"]*now["stubborn"] != 0 && now["meter"] != before["meter"] && now["stubborn"] != before["stubborn"]
		})
		for _, name := range []string{"meter", "stubborn"} {
			if !isGone(before[name]) {
				t.Errorf("as %s: %s, pid %d, still runs", user, name, before[name])
			}
		}
		if b.one("off").Pid != 0 {
			t.Errorf("off was started")
		}
		at, ends := 0, 0
		text := b.read("meter.log")
		for n, line := range strings.Split(text[:strings.LastIndexByte(text, '\n')], "\n") {
			switch line {
			case fmt.Sprint("line ", at):
				at++
			case fmt.Sprint("last ", at), fmt.Sprint("last ", at-1): // the trap may come between echo and counting
				at, ends = 0, ends+1
			default:
				t.Fatalf("as %s: line %d is %q, not number %d", user, n, line, at)
			}
		}
		if ends != i+1 {
			t.Errorf("as %s: the meter said its last word %d times", user, ends)
		}
	}
	b.stop()
}

// TestCrashForgedByAccount: root signals nothing because an account that gosv ran as once has written so.
func TestCrashForgedByAccount(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	const program = "[program:p]\ncommand = child sleep\nstartsecs = 0\nstopwaitsecs = 1\n"
	b := newBox(t, "user = nobody\n", program)
	b.strays = true // the old p
	b.ofNobody()
	b.start()
	b.reaches("p", "RUNNING")
	file := b.ledger()
	b.kill9()
	other := stranger(t)
	b.forge(func(r map[string]any) {
		if k, ok := r["p"].(map[string]any); ok && k["PID"] != nil {
			k["PID"] = other.Process.Pid
			k["Trace"].(map[string]any)["Born"] = json.Number(bornIn(t, other.Process.Pid))
		}
	})
	b.config("user = root\n", program)
	b.begin()
	if code := b.wait(); code == 0 {
		t.Errorf("exit status %d", code)
	}
	if isGone(other.Process.Pid) {
		t.Error("the stranger was killed")
	}
	if said := b.output(); !strings.Contains(said, "cannot be ended") || !strings.Contains(said, filepath.Dir(file)) {
		t.Errorf("it says %s", said)
	}
	os.RemoveAll(filepath.Dir(file))
	b.again()
	b.reaches("p", "RUNNING")
	b.stop()
}

// TestCrashFullBeforeTheStart: a full /run is no place for the notes, so they are made elsewhere. If all places are
// full, gosv starts all the same and says what that means; and when there is room again it takes notes.
func TestCrashFullBeforeTheStart(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\n")
	within, run := b.smallRun()
	fill(run)
	b.start(within...)
	p := b.reaches("p", "RUNNING")
	b.kill9()
	b.begin(within...)
	b.answers()
	b.still(p)
	b.stop()
	if out, err := exec.Command(within[0], append(within[1:], "mount", "-t", "tmpfs", "-o", "size=4m", "none", "/dev/shm")...).CombinedOutput(); err != nil {
		t.Skipf("no other /dev/shm: %v %s", err, out)
	}
	shm := strings.TrimSuffix(run, "run") + "dev/shm"
	fillers := []string{fill(run), fill(shm)}
	b.start(within...)
	b.until("it says so", func() bool { return b.count("WARN", "cannot note what becomes of programs") == 1 })
	p = b.reaches("p", "RUNNING")
	for _, f := range fillers {
		os.Remove(f)
	}
	b.until("it takes notes again", func() bool { return noted(run, p.Pid) || noted(shm, p.Pid) })
	b.kill9()
	b.begin(within...)
	b.answers()
	b.still(p)
	b.stop()
}

// TestCrashRootThenAccount: a gosv that is not root says that it can do nothing about programs that root's left; root's
// next one goes on with them.
func TestCrashRootThenAccount(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	b := newBox(t, "", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	b.ofNobody()
	b.start()
	p := b.reaches("p", "RUNNING")
	b.ledger() // or there is none
	b.kill9()
	for _, name := range []string{"s.sock", "d.log", "d.pid"} {
		os.Remove(b.path(name))
	}
	cmd := exec.Command(b.command(), "-n", "-c", b.path("s.conf"))
	cmd.Dir, cmd.Env = b.dir, []string{"PATH=" + b.dir + ":" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	b.run(cmd)
	b.answers()
	b.until("it says so", func() bool { return b.count("WARN", "only root can end them") == 1 })
	b.stop()
	b.again()
	b.still(p)
	b.stop()
}

// TestCrashFastCGI: the socket of a FastCGI group outlives gosv: who is started again after a crash listens on the
// same one as those that were adopted.
func TestCrashFastCGI(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `[fcgi-program:f]
socket = unix://%(here)s/f.sock
command = child sleep
process_name = f%(process_num)d
numprocs = 2
startsecs = 0
`)
	b.start()
	f0, f1 := b.reaches("f0", "RUNNING"), b.reaches("f1", "RUNNING")
	socket := func(pid int) string {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid))
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	was := socket(f1.Pid)
	b.kill9()
	syscall.Kill(f0.Pid, syscall.SIGKILL)
	b.again()
	b.until("f0 was started again", func() bool { p := b.one("f0"); return p.State == "RUNNING" && p.Pid != f0.Pid })
	if now := b.one("f1"); now.Pid != f1.Pid {
		t.Errorf("f1 was %+v and is %+v", f1, now)
	}
	b.do("restart", named{Name: "f:f1"})
	for _, name := range []string{"f0", "f1"} {
		if is := socket(b.one(name).Pid); is != was {
			t.Errorf("%s listens on %s, want %s", name, is, was)
		}
	}
	if n := b.count("Creating socket"); n != 1 {
		t.Errorf("the socket was made %d times", n)
	}
	b.do("stop", named{Name: "all"})
	b.until("it is closed", func() bool { return b.count("Closing socket") == 1 })
	b.stop()
}
