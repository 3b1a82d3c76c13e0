package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A child's failure, a full disk, no descriptors, no processes, a missing folder: the daemon
// lives, says what is wrong, and goes on when it is over.
func TestPain15Faults(t *testing.T) {
	t.Parallel()
	b := newBox(t, "logfile = /dev/full\n", `
[program:exec]
command = %(here)s/noformat
startsecs = 0
startretries = 0
autorestart = false
stderr_logfile = %(here)s/exec.err
[program:cwd]
command = sleep 1
directory = %(here)s/missing
startretries = 0
stderr_logfile = %(here)s/cwd.err
[program:nofile]
command = %(here)s/nothing
startretries = 0
[program:noexec]
command = %(here)s/s.conf
startretries = 0
[program:nolog]
command = sleep 1000
autostart = false
stdout_logfile = %(here)s/logs/x.log
[program:good]
command = sleep 1000
startsecs = 0
`)
	b.write("noformat", "\x01\x02\x03")
	if err := os.Chmod(b.path("noformat"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.path("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.start()
	if err := os.Remove(b.path("logs")); err != nil {
		t.Fatal(err)
	}
	b.write("logs", "a file where the folder was")
	if out, code := b.ctl("start", "nolog"); code != 7 || out != "nolog: ERROR (spawn error)\n" {
		t.Errorf("start nolog: %d %s", code, out)
	}
	for name, want := range map[string]string{
		"cwd":    "Exited too quickly",
		"nofile": "can't find command",
		"noexec": "is not executable",
		"nolog":  "unknown error making dispatchers for 'nolog': ENOTDIR",
	} {
		if p := b.reaches(name, "FATAL", "BACKOFF"); !strings.Contains(p.Spawnerr, want) {
			t.Errorf("%s: %q, want %q", name, p.Spawnerr, want)
		}
	}
	if p := b.reaches("exec", "EXITED"); p.Exitstatus != 127 {
		t.Errorf("exec: exit status %d, want 127", p.Exitstatus)
	}
	if got, want := b.read("exec.err"), "couldn't exec "+b.path("noformat")+": ENOEXEC\nsupervisor: child process was not spawned\n"; !strings.HasSuffix(got, want) {
		t.Errorf("exec's log: %q, want %q", got, want)
	}
	if got, want := b.read("cwd.err"), "supervisor: couldn't chdir to "+b.path("missing")+": ENOENT\n"; !strings.HasPrefix(got, want) {
		t.Errorf("cwd's log: %q, want %q", got, want)
	}
	b.reaches("good", "RUNNING")
	b.stop()
}

// Out of descriptors or processes: starts fail with a clear text, and work again later.
func TestPain15Limits(t *testing.T) {
	t.Parallel()
	needs(t, "prlimit", "--version")
	t.Run("descriptors", func(t *testing.T) {
		t.Parallel()
		b := newBox(t, "minfds = 20\n", `
[program:p]
process_name = p%(process_num)02d
numprocs = 60
command = sleep 1000
startsecs = 0
startretries = 0
`)
		b.start("prlimit", "--nofile=100:100")
		b.someFail("too many open files")
		b.until("ctl works", func() bool { _, code := b.ctl("stop", "all"); return code == 0 })
		b.do("start", named{Name: "p:p59"})
		b.stop()
	})
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		needsRoot(t)
		needs(t, "setpriv", "--version")
		b := newBox(t, "minprocs = 1\n", `
[program:p]
process_name = p%(process_num)02d
numprocs = 40
command = sleep 1000
startsecs = 0
startretries = 0
`)
		b.own()
		if err := os.Chmod(b.dir, 0o777); err != nil {
			t.Fatal(err)
		}
		// A uid of its own, so that nobody else's processes count, not even those of another run of the tests.
		own := strconv.Itoa(20000 + os.Getpid()%40000)
		b.start("setpriv", "--reuid="+own, "--regid="+own, "--clear-groups", "--inh-caps=-all", "prlimit", "--nproc=30:30")
		b.someFail("Too many processes in process table")
		// Not even a thread can be made now: Go's runtime would end the daemon for want of one.
		var clients sync.WaitGroup
		for i := range 40 {
			clients.Go(func() {
				b.ask("status", nil)
				b.ask("start", named{Name: fmt.Sprintf("p:p%02d", i), Nowait: true})
				b.ask("tail", map[string]any{"bytes": 100})
				b.ask("reread", nil)
			})
		}
		clients.Wait()
		b.do("stop", named{Name: "all"})
		b.do("start", named{Name: "p:p39"})
		b.stop()
	})
}

// A program that forks until it fails takes the last process of its account, as soon as it is started:
// Go's runtime ends a program that then needs another thread, so gosv has made its threads before.
func TestPain15Threads(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "setpriv", "--version")
	needs(t, "prlimit", "--version")
	b, _ := upgradable(t, "minprocs = 1\n", `
[program:forks]
command = sh -c '(while sleep 1000 & do :; done) 2> why; echo > full; exec sleep 1000'
directory = %(here)s
startsecs = 0
stopasgroup = true
killasgroup = true
`)
	if err := os.Chmod(b.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range long(10) { // it takes luck: gosv must need a thread in the moment when there is none
		account := strconv.Itoa(20000 + (os.Getpid()+1+i)%40000) // one that has no process yet
		for _, name := range []string{"full", "why", "s.sock", "d.log", "d.pid"} {
			os.Remove(b.path(name))
		}
		b.start("setpriv", "--reuid="+account, "--regid="+account, "--clear-groups", "--inh-caps=-all", "prlimit", "--nproc=40:40")
		b.until("no process is left", func() bool { return b.ended() || b.read("full") != "" })
		if b.ended() {
			t.Fatalf("it ended with %v:\n%s", b.cmd.ProcessState, last(b.output(), 2000))
		}
		if why := b.read("why"); !strings.Contains(strings.ToLower(why), "fork") {
			t.Fatalf("not what is to be tested: the program says %q", why)
		}
		var clients sync.WaitGroup
		for range 20 {
			clients.Go(func() { b.ask("status", nil) })
		}
		clients.Wait()
		b.do("stop", named{Name: "forks"})
		b.stop()
	}
}

// someFail waits until all were tried to start; some must run, and the others say why they do not.
func (b *box) someFail(why string) {
	b.t.Helper()
	b.until("all have been tried", func() bool {
		return !slices.ContainsFunc(b.status(), func(p process) bool { return p.State != "RUNNING" && p.State != "FATAL" })
	})
	var running, failed int
	for _, p := range b.status() {
		switch {
		case p.State == "RUNNING":
			running++
		case p.Spawnerr == why+" to spawn '"+p.Name+"'":
			failed++
		default:
			b.t.Errorf("%s: %s %q", p.Name, p.State, p.Spawnerr)
		}
	}
	if running == 0 || failed == 0 {
		b.t.Errorf("%d run, %d failed", running, failed)
	}
}

// A program with a user has exactly that user's groups, and not root's; and its umask.
func TestPain17Privileges(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "setpriv", "--version")
	b := newBox(t, "", `
[program:who]
command = sh -c 'id; grep -E "^(Cap(Eff|Prm)|Groups)" /proc/self/status; umask; echo "HOME=$HOME"'
user = nobody
umask = 027
startsecs = 0
autorestart = false
stdout_logfile = %(here)s/who.log
[program:same]
command = sh -c 'id -G'
startsecs = 0
autorestart = false
stdout_logfile = %(here)s/same.log
`)
	b.start("setpriv", "--groups=0,4,27")
	b.all("EXITED")
	want, err := exec.Command("id", "nobody").Output()
	if err != nil {
		t.Skip(err)
	}
	got := b.read("who.log")
	if !strings.HasPrefix(got, string(want)) {
		t.Errorf("id says %q, want %q", got, want)
	}
	for _, line := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "\n0027\n", "HOME=" + os.Getenv("HOME")} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is not in %q", line, got)
		}
	}
	if got := b.read("same.log"); got != "0 4 27\n" {
		t.Errorf("without user= the groups are %q, want the daemon's", got)
	}
}
