package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// background is the command that starts a daemon in the background.
func (b *box) background() *exec.Cmd {
	cmd := exec.Command(b.command(), "-c", b.path("s.conf"))
	cmd.Dir = b.dir
	return cmd
}

// TestCrashInTheMidst: killed while programs start, stop and wait to be started again, each is there
// once, in a state that fits.
func TestCrashInTheMidst(t *testing.T) {
	b := newBox(t, "", `[program:starting]
command = child sleep
startsecs = 1000
[program:stopping]
command = child stubborn
startsecs = 0
stopwaitsecs = 3
stdout_logfile = %(here)s/stopping.log
[program:backoff]
command = sh -c 'exit 3'
startretries = 1000000
[program:restarting]
command = sh -c 'kill -KILL $$'
startsecs = 0
autorestart = true
stdout_logfile = NONE
[program:many]
command = child sleep
startsecs = 0
numprocs = 30
process_name = many%(process_num)d
stdout_logfile = NONE
stderr_logfile = NONE
[program:listener]
command = child listen %(here)s/heard
events = PROCESS_STATE
`)
	b.write("s.conf", strings.Replace(b.read("s.conf"), "[program:listener]", "[eventlistener:listener]", 1))
	b.start()
	b.kill9() // with luck while the thirty are started
	b.again()
	b.reaches("many29", "RUNNING")
	starting, stopping := b.reaches("starting", "STARTING"), b.reaches("stopping", "RUNNING")
	b.until("it ignores signals", func() bool { return b.read("stopping.log") != "" })
	b.reaches("backoff", "BACKOFF")
	b.do("stop", named{"stopping", true})
	b.kill9()
	b.again()
	if p := b.one("starting"); p.State != "STARTING" || p.Pid != starting.Pid {
		t.Errorf("starting was %v and is %v", starting, p)
	}
	b.reaches("backoff", "BACKOFF", "STARTING")
	b.reaches("stopping", "STOPPED")
	if !isGone(stopping.Pid) {
		t.Errorf("process %d still runs", stopping.Pid)
	}
	for range long(4) {
		b.kill9()
		b.again()
	}
	b.all("RUNNING", "listener")
	b.until("each that stays is there once", func() bool {
		counts := map[string]int{}
		for _, pid := range b.marked() {
			env, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
			for entry := range bytes.SplitSeq(env, []byte{0}) {
				if name, ok := bytes.CutPrefix(entry, []byte("SUPERVISOR_PROCESS_NAME=")); ok && !isGone(pid) {
					counts[string(name)]++
				}
			}
		}
		delete(counts, "backoff") // their ends may be a moment away
		delete(counts, "restarting")
		for _, n := range counts {
			if n != 1 {
				return false
			}
		}
		return len(counts) == 32 && counts["starting"] == 1 && counts["listener"] == 1
	})
	b.stop()
}

// TestCrashNewConfiguration: what the configuration says no more is stopped, what it says otherwise is
// restarted, as by update.
func TestCrashNewConfiguration(t *testing.T) {
	const stays = "[program:stays]\ncommand = child sleep\nstartsecs = 0\n"
	b := newBox(t, "", stays+"[program:goes]\ncommand = child traps\nstartsecs = 0\nstopsignal = INT\n[program:changes]\ncommand = sleep 1000\nstartsecs = 0\n")
	b.start()
	was := pids(b)
	b.until("all run", func() bool { was = pids(b); return was["stays"]*was["goes"]*was["changes"] != 0 })
	b.kill9()
	b.config("", stays+"[program:changes]\ncommand = sleep 2000\nstartsecs = 0\n[program:comes]\ncommand = child sleep\nstartsecs = 0\n")
	b.again()
	b.until("it is as configured", func() bool {
		now := pids(b)
		_, goes := now["goes"]
		return now["stays"] == was["stays"] && !goes && now["comes"] != 0 && now["changes"] != 0 && now["changes"] != was["changes"] && isGone(was["changes"])
	})
	if !isGone(was["goes"]) {
		t.Errorf("goes still runs")
	}
	b.stop()
}

// TestCrashFirstAnswer: after kill -9 the first client already sees the groups of the configuration as it
// is now, also where a program has to be stopped first; and what is wrong with programs is in the log.
func TestCrashFirstAnswer(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:stays]\ncommand = child sleep\nstartsecs = 0\n[program:goes]\ncommand = child stubborn\nstopwaitsecs = 1\nstartsecs = 0\nstdout_logfile = %(here)s/goes.log\n")
	b.start()
	stays := b.reaches("stays", "RUNNING")
	b.until("it ignores signals", func() bool { return b.read("goes.log") != "" })
	b.kill9()
	b.config("", "[program:stays]\ncommand = child sleep\nstartsecs = 0\n[program:comes]\ncommand = /none/such\nautostart = false\n")
	b.again()
	var names []string
	for _, p := range b.status() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "comes stays" {
		t.Errorf("the first client sees %s", got)
	}
	if now := b.one("stays"); now.Pid != stays.Pid {
		t.Errorf("stays was %+v and is %+v", stays, now)
	}
	b.until("the log says that there is no such program", func() bool { return b.count("s.conf", "/none/such") == 1 })
	b.stop()
}

// TestCrashKillPolicy: with on_crash = kill, survivors and their process groups are gone before they are
// started again.
func TestCrashKillPolicy(t *testing.T) {
	b := newBox(t, "on_crash = kill\n", "[program:p]\ncommand = sh -c 'sleep 1000 & echo $! >> %(here)s/children; wait'\nstartsecs = 0\nautorestart = false\n")
	b.start()
	p := b.reaches("p", "RUNNING")
	b.until("its child is there", func() bool { return strings.HasSuffix(b.read("children"), "\n") })
	child, _ := strconv.Atoi(strings.TrimSpace(b.read("children")))
	b.kill9()
	b.again()
	b.until("there is another one", func() bool { now := b.one("p"); return now.State == "RUNNING" && now.Pid != p.Pid })
	if !isGone(p.Pid) {
		t.Errorf("the old one still runs: %d", p.Pid)
	}
	b.until("its child is dead, which was killed with it", func() bool { return isGone(child) })
	b.until("its child is there", func() bool { return strings.Count(b.read("children"), "\n") == 2 })
	b.strays = true
	b.stop()
}

// TestCrashSecondDaemon: a second daemon with the same configuration does not start, and harms nothing.
func TestCrashSecondDaemon(t *testing.T) {
	b := newBox(t, "", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	b.start()
	p := b.reaches("p", "RUNNING")
	out, err := b.background().CombinedOutput()
	if err == nil || !strings.Contains(string(out), "already") {
		t.Errorf("%v: %s", err, out)
	}
	b.still(p)
	b.stop()
}

// TestCrashAfterReload: a reload that has changed the identifier, then kill -9: nothing is doubled.
func TestCrashAfterReload(t *testing.T) {
	const program = "[program:p]\ncommand = child sleep\nstartsecs = 0\n"
	b := newBox(t, "identifier = one\n", program)
	b.start()
	b.reaches("p", "RUNNING")
	b.config("identifier = two\n", program)
	b.signal(syscall.SIGHUP)
	b.until("it has started anew", func() bool { return b.count("received SIGHUP") == 1 && b.count("success: p") == 2 })
	p := b.reaches("p", "RUNNING")
	b.kill9()
	b.again()
	b.still(p)
	b.processes(1)
	b.stop()
}

// TestCrashOtherName: after kill -9 gosv is started with the same configuration by another name, and then
// by a name that leads to another file than before: nothing is doubled.
func TestCrashOtherName(t *testing.T) {
	b := newBox(t, "", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
	text := strings.ReplaceAll(b.read("s.conf"), "%(here)s", b.dir) // else another name is another configuration
	b.write("s.conf", text)
	if err := os.Symlink(b.dir, b.path("current")); err != nil {
		t.Fatal(err)
	}
	b.start()
	p := b.reaches("p", "RUNNING")
	start := func(file string) {
		t.Helper()
		b.kill9()
		cmd := exec.Command(b.command(), "-n", "-c", file)
		cmd.Dir = b.dir
		cmd.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH"))
		b.run(cmd)
		b.answers()
		b.still(p)
		b.processes(1)
	}
	start(b.path("current/s.conf"))
	start("s.conf")
	start("current/s.conf")
	os.Mkdir(b.path("release"), 0o755)
	b.write("release/s.conf", text)
	os.Remove(b.path("current"))
	if err := os.Symlink(b.path("release"), b.path("current")); err != nil {
		t.Fatal(err)
	}
	start("current/s.conf")
	b.stop()
}

// TestCrashFewDescriptors: a daemon that had just enough descriptors for its programs needs more to
// adopt them. Those that there are none for are ended: none goes on without the daemon's knowing.
func TestCrashFewDescriptors(t *testing.T) {
	t.Parallel()
	limit := []string{"prlimit", "--nofile=256:256", "--"}
	needs(t, "prlimit", "--nofile=256:256", "true")
	b := newBox(t, "minfds = 100", `[program:p]
process_name = p%(process_num)02d
numprocs = 60
command = sleep 1000
startsecs = 0
autorestart = false
`)
	b.start(limit...)
	b.all("RUNNING")
	b.ledger() // or there is nothing to test
	before := pids(b)
	b.kill9()
	b.begin(limit...)
	b.answers()
	adopted, ended := 0, 0
	now := pids(b)
	for name, pid := range before {
		switch {
		case isGone(pid): // status may not say so yet
			ended++
		case now[name] == pid:
			adopted++
		default:
			t.Errorf("%s (pid %d) runs, and the daemon has %d", name, pid, now[name])
		}
	}
	if adopted == 0 || ended == 0 {
		t.Errorf("%d were adopted and %d ended: not what is to be tested", adopted, ended)
	}
	b.stop()
	for name, pid := range before {
		if !isGone(pid) {
			t.Errorf("%s (pid %d) still runs", name, pid)
		}
	}
}

// TestCrashThenNoLog: a program whose log cannot be opened any more goes on, also over an upgrade, and does
// not hang in a pipe that nobody reads.
func TestCrashThenNoLog(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "", `[program:p]
command = bash %(here)s/p.sh
stdout_logfile = %(here)s/p.log
stdout_logfile_maxbytes = 0
`)
	b.write("p.sh", "for ((i = 0; ; i++)); do printf '%0999d\\n' $i; echo $i > "+b.path("wrote")+"; done\n")
	b.start()
	p := b.reaches("p", "RUNNING")
	b.until("it writes", func() bool { return b.read("wrote") != "" })
	b.kill9()
	os.Remove(b.path("p.log"))
	if err := os.Mkdir(b.path("p.log"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.again()
	b.still(p)
	wrote := func() (n int) { // the file is empty for a moment each time
		b.until("it says how far it is", func() bool { k, _ := fmt.Sscan(b.read("wrote"), &n); return k == 1 })
		return n
	}
	from := wrote()
	b.until("it goes on", func() bool { return wrote() > from+1000 })
	b.upgrade()
	b.still(p)
	from = wrote()
	b.until("it goes on after an upgrade", func() bool { return wrote() > from+1000 })
	if b.count("ERRO", "cannot go on with the log of the stdout of 'p'", "lost until it is started again") != 1 {
		t.Errorf("nothing says so:\n%s", b.tail("d.log"))
	}
	os.Remove(b.path("p.log"))
	b.do("restart", named{Name: "p"})
	b.until("there is a log again", func() bool { return b.read("p.log") != "" })
	b.stop()
}
