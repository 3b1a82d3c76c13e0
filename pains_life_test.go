package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A program that forks, and whose children ignore the stop signal, leaves nothing behind when
// it is stopped as a group, when the daemon ends or reloads. (What survives kill -9 of the
// daemon needs a process that outlives it; that is not proved here.)
func TestPain02Orphans(t *testing.T) {
	t.Parallel()
	tree := `command = sh -c 'trap "" TERM HUP INT; for i in 1 2 3; do (sleep 1000 & sleep 1000 & wait) & done; echo up; wait'
startsecs = 0
stopwaitsecs = 1
stopasgroup = true
killasgroup = true
stdout_logfile = %(here)s/tree.log
`
	for _, end := range []struct {
		name string
		do   func(b *box)
	}{
		{"stop", func(b *box) { b.do("stop", named{Name: "tree"}) }},
		{"restart", func(b *box) { b.do("restart", named{Name: "tree"}); b.do("stop", named{Name: "tree"}) }},
		{"shutdown", func(b *box) { b.ctl("shutdown"); b.wait() }},
		{"SIGTERM", func(b *box) { b.stop() }},
		{"SIGHUP", func(b *box) {
			b.write("s.conf", strings.ReplaceAll(b.read("s.conf"), "[program:tree]", "[program:none]\ncommand = true\nautostart = false\n[program:tree]\nautostart = false"))
			b.signal(syscall.SIGHUP)
			b.until("it has begun again", func() bool { return b.count("supervisord started with pid") == 2 })
		}},
		{"update", func(b *box) {
			text := b.read("s.conf")
			b.write("s.conf", text[:strings.Index(text, "[program:tree]")])
			if out, code := b.ctl("update"); code != 0 || !strings.Contains(out, "tree: removed process group") {
				b.t.Errorf("update: %d %s", code, out)
			}
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, "", "[program:tree]\n"+tree).start()
			b.until("ten processes", func() bool { return len(b.marked()) >= 10 })
			end.do(b)
			b.until("none is left", func() bool { return len(b.marked()) == 0 })
		})
	}
}

// As PID 1: orphans are reaped, no exit of a managed child is lost to that, and every one is
// started again exactly once.
func TestPain03PID1(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "--pid", "--fork", "--mount-proc", "true")
	const programs = 12
	var text strings.Builder
	for i := range programs {
		fmt.Fprintf(&text, "[program:code%d]\ncommand = sh -c 'echo run >> code%d.runs; sleep 0.%d; exit %d'\ndirectory = %%(here)s\nstartsecs = 0\nautorestart = true\n", i, i, 10+i, i)
	}
	b := newBox(t, "", text.String()+`
[program:orphans]
command = sh -c 'while :; do for i in 1 2 3 4 5 6 7 8; do (sleep 0.02 & sh -c "exit 9" &); done; echo o >> orphans.runs; sleep 0.03; done'
directory = %(here)s
startsecs = 0
`)
	b.begin("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
	t.Cleanup(func() { // unshare itself ignores signals
		if pid := childOf(b.cmd.Process.Pid); pid > 0 {
			syscall.Kill(pid, syscall.SIGTERM)
		}
	})
	b.answers()
	if got := strings.TrimSpace(b.read("d.pid")); got != "1" {
		t.Errorf("pidfile has %q, want 1", got)
	}
	// On a busy machine a round takes a second; what must not take long is one round.
	rounds := long(20)
	for i := range rounds {
		b.until("orphans have come and gone", func() bool { return strings.Count(b.read("orphans.runs"), "o") > i })
	}
	for i := range programs {
		b.until("each has run a few times", func() bool { return strings.Count(b.read(fmt.Sprintf("code%d.runs", i)), "run") >= 3 })
	}
	b.do("stop", named{Name: "all"})
	for i := range programs {
		name := fmt.Sprintf("code%d", i)
		var runs, exits, other, stops, spawned int
		b.until("each start of "+name+" has its end", func() bool {
			spawned = b.count(fmt.Sprintf("spawned: '%s'", name))
			exits = b.count(fmt.Sprintf("exited: %s (exit status %d;", name, i))
			other = b.count("exited: "+name+" (") - exits
			stops = b.count("stopped: "+name+" (") - b.count("stopped: "+name+" (not spawned)")
			return spawned == exits+stops+other
		})
		// A run that was stopped may have been before its first line.
		if runs = strings.Count(b.read(name+".runs"), "run"); other != 0 || runs > spawned || runs < exits || runs < 3 {
			t.Errorf("%s: %d starts, %d ran, %d exits with its code, %d with another, %d stops", name, spawned, runs, exits, other, stops)
		}
	}
	b.until("the orphans are reaped", func() bool { return b.count("reaped unknown pid", "exit status 9") >= rounds*8-8 })
	inner := childOf(b.cmd.Process.Pid)
	b.until("no zombie is left", func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/root/proc/[0-9]*/stat", inner))
		if len(stats) == 0 {
			t.Fatal("cannot see its processes")
		}
		for _, f := range stats {
			if stat, err := os.ReadFile(f); err == nil && strings.Contains(string(stat), ") Z ") {
				return false
			}
		}
		return true
	})
	syscall.Kill(inner, syscall.SIGTERM)
	if code := b.wait(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}

// childOf is the only child of a process.
func childOf(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	child, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return child
}

// docker stop: each of the signals ends the daemon with status 0, whatever state its programs
// are in, and not later than the slowest of them.
func TestPain07StopSignal(t *testing.T) {
	t.Parallel()
	const sections = `
[program:running]
command = sleep 1000
startsecs = 0
stopwaitsecs = 1000
[program:starting]
command = sleep 1000
startsecs = 1000
stopwaitsecs = 1000
[program:backoff]
command = false
startretries = 1000
[program:fatal]
command = %(here)s/nothing
startretries = 0
[program:stopping]
command = child stubborn
startsecs = 0
stopwaitsecs = 1
[program:exited]
command = true
startsecs = 0
autorestart = false
[program:storm]
command = sh -c 'kill -KILL $$'
startsecs = 0
autorestart = true
[program:grandchild]
command = sh -c 'trap "" TERM INT QUIT HUP; sleep 3 & exec sleep 1000'
startsecs = 0
stopsignal = KILL
stopwaitsecs = 1000
[eventlistener:listener]
command = cat
stopwaitsecs = 1000
events = PROCESS_STATE
buffer_size = 5000
`
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		for _, when := range []string{"at once", "up", "stopping", "reload", "twice"} {
			t.Run(sig.String()+" "+when, func(t *testing.T) {
				t.Parallel()
				b := newBox(t, "", sections)
				b.strays = true // the grandchild's sleep
				b.start()
				if when != "at once" {
					b.reaches("stopping", "RUNNING")
					b.until("it ignores signals", func() bool {
						out, _ := b.ctl("tail", "stopping")
						return strings.Contains(out, "ignoring")
					})
				}
				switch when {
				case "stopping":
					go b.ask("stop", named{Name: "stopping"})
					b.reaches("stopping", "STOPPING")
				case "reload":
					b.signal(syscall.SIGHUP)
				}
				b.signal(sig)
				if when == "twice" {
					b.signal(sig)
				}
				if code := b.wait(); code != 0 { // long before stopwaitsecs: only one of them is waited for
					t.Errorf("exit status %d, want 0\n%s", code, b.output())
				}
				for _, name := range []string{"s.sock", "d.pid"} {
					if _, err := os.Lstat(b.path(name)); err == nil {
						t.Errorf("%s is still there", name)
					}
				}
			})
		}
	}
}

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
	b := newBox(t, "minprocs = 1\n", `
[program:forks]
command = sh -c '(while sleep 1000 & do :; done) 2> why; echo > full; exec sleep 1000'
directory = %(here)s
startsecs = 0
stopasgroup = true
killasgroup = true
`)
	b.own()
	if err := os.Chmod(b.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range long(12) { // without these threads one in four starts ended gosv
		account := strconv.Itoa(20000 + (os.Getpid()+i)%40000) // one that has no process yet
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

// At shutdown the last group goes first, and is gone before the next one is told.
func TestPain20ShutdownOrder(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	var text strings.Builder
	for i, name := range []string{"db", "cache", "web"} {
		fmt.Fprintf(&text, `[program:%s]
command = sh -c 'trap "echo %[1]s told >> order; sleep 0.3; echo %[1]s gone >> order; exit 0" TERM; echo ready; while :; do sleep 0.05; done'
directory = %%(here)s
priority = %[2]d
startsecs = 0
stopwaitsecs = 60
stdout_logfile = %%(here)s/%[1]s.log
`, name, 10*(i+1))
	}
	b.config("", text.String())
	b.start()
	b.until("all are ready", func() bool {
		return b.read("db.log") != "" && b.read("cache.log") != "" && b.read("web.log") != ""
	})
	b.stop()
	if got, want := b.read("order"), "web told\nweb gone\ncache told\ncache gone\ndb told\ndb gone\n"; got != want {
		t.Errorf("order:\n%swant:\n%s", got, want)
	}
}

// Short programs that do what they should are not FATAL, and no state lies: after a storm
// of starts, stops and kills, what status says is what /proc has.
func TestPain22TrueStates(t *testing.T) {
	t.Parallel()
	const n = 8
	b := newBox(t, "", fmt.Sprintf(`
[program:short]
command = true
startsecs = 0
autorestart = unexpected
[program:p]
process_name = p%%(process_num)d
numprocs = %d
command = sleep 1000
startsecs = 0
autorestart = true
stopwaitsecs = 1
`, n)).start()
	if p := b.reaches("short", "EXITED", "FATAL", "BACKOFF"); p.State != "EXITED" {
		t.Errorf("short is %s", p.State)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range long(250) {
		name := fmt.Sprintf("p:p%d", random.IntN(n))
		switch random.IntN(6) {
		case 0:
			b.ask("start", named{Name: name, Nowait: true})
		case 1:
			b.ask("stop", named{Name: name, Nowait: true})
		case 2:
			b.ask("restart", named{Name: name, Nowait: true})
		default:
			for _, p := range b.status() {
				if "p:"+p.Name == name && p.Pid > 0 {
					syscall.Kill(p.Pid, syscall.SIGKILL)
				}
			}
		}
	}
	// The last operations may be under way, and the last deaths not be seen yet.
	var list []process
	var marked []int
	var spawned, ended int
	agree := func() bool {
		var pids []int
		list = b.status()
		for _, p := range list {
			if !slices.Contains([]string{"RUNNING", "STOPPED", "EXITED"}, p.State) || (p.State == "RUNNING") != (p.Pid != 0) {
				return false
			}
			if p.Pid != 0 {
				pids = append(pids, p.Pid)
			}
		}
		slices.Sort(pids)
		marked = b.marked()
		slices.Sort(marked)
		spawned, ended = b.count("spawned: 'p"), b.count("exited: p")+b.count("stopped: p", "(terminated")
		return slices.Equal(pids, marked) && spawned == ended+len(pids)
	}
	for end := time.Now().Add(patience); !agree(); time.Sleep(20 * time.Millisecond) { // between two looks of a poll with a deadline
		if time.Now().After(end) {
			t.Fatalf("alive are %v, there were %d starts and %d ends, and status says %+v", marked, spawned, ended, list)
		}
	}
	b.stop()
}

// stop returns as soon as the process is dead, never waits the grace out for nothing, and
// nothing shortens the grace; a process that is stopping can be killed.
func TestPain24StopTime(t *testing.T) {
	b := newBox(t, "", `
[program:slow]
command = sh -c 'trap "sleep 0.3; date +%%s.%%N > gone; exit 0" TERM; echo ready; while :; do sleep 0.02; done'
directory = %(here)s
startsecs = 0
stdout_logfile = %(here)s/slow.log
[program:tree]
command = sh -c '(trap "sleep 0.2; exit 0" TERM; while :; do sleep 0.02; done) & wait'
stopasgroup = true
startsecs = 0
[program:stubborn]
command = child stubborn
startsecs = 0
stopwaitsecs = 1
stdout_logfile = %(here)s/stubborn.log
[program:forever]
command = child stubborn
startsecs = 0
stopwaitsecs = 1000
stdout_logfile = %(here)s/forever.log
[program:storm]
command = sh -c 'sleep 0.05; kill -KILL $$'
startsecs = 0
autorestart = true
`).start()
	best := time.Hour
	for i := range 50 { // on a busy machine most of them are late, whoever waits for them
		b.until("it is ready", func() bool { return strings.HasSuffix(b.read("slow.log"), "ready\n") })
		b.do("stop", named{Name: "slow"})
		best = min(best, b.since("gone"))
		b.ask("clear", named{Name: "slow"})
		b.do("start", named{Name: "slow"})
		if i >= 2 && best < 20*time.Millisecond || i >= 10 && best < 50*time.Millisecond {
			break
		}
	}
	if best > 50*time.Millisecond { // a slow machine: how late is a parent that only waits?
		own := time.Hour
		for range 10 {
			if err := exec.Command("sh", "-c", "date +%s.%N > "+b.path("gone")).Run(); err != nil {
				t.Fatal(err)
			}
			own = min(own, b.since("gone"))
		}
		if best > 10*own {
			t.Errorf("stop returned %v after the death, at best; want less than 50ms, or 10 times what a parent needs, %v", best, own)
		}
	}
	b.until("it ignores signals", func() bool { return b.read("stubborn.log") != "" && b.read("forever.log") != "" })
	begin := time.Now()
	b.do("stop", named{Name: "stubborn"})
	if took := time.Since(begin); took < time.Second {
		t.Errorf("stop of a stubborn one took %v, want a second", took)
	}
	done := make(chan error)
	go func() { _, _, err := b.ask("stop", named{Name: "forever"}); done <- err }()
	b.reaches("forever", "STOPPING")
	if out, code := b.ctl("signal", "KILL", "forever"); code != 0 || out != "forever: signalled\n" {
		t.Errorf("signal KILL: %d %s", code, out)
	}
	if err := <-done; err != nil { // there is no answer after our patience, long before stopwaitsecs
		t.Errorf("stop: %v", err)
	}
	b.stop()
}

// since is how long ago the time is that "date +%s.%N" has written to a file.
func (b *box) since(name string) time.Duration {
	b.t.Helper()
	now := time.Now()
	sec, frac, _ := strings.Cut(strings.TrimSpace(b.read(name)), ".")
	s, err := strconv.ParseInt(sec, 10, 64)
	ns, wrong := strconv.ParseInt(frac, 10, 64)
	if err != nil || wrong != nil {
		b.t.Fatalf("%s: no time but %q", name, b.read(name))
	}
	return now.Sub(time.Unix(s, ns))
}

// Kill -9 storms: each death is recorded, each program started again exactly once, with
// neither a zombie nor a second process.
func TestKillStorm(t *testing.T) {
	t.Parallel()
	const n = 10
	rounds := long(100)
	b := newBox(t, "", fmt.Sprintf(`
[program:p]
process_name = p%%(process_num)d
numprocs = %d
command = sleep 1000
startsecs = 0
autorestart = true
`, n)).start()
	b.all("RUNNING")
	kills := 0
	dead := map[string]int{} // the last of each: pids come round
	for kills < n*rounds {
		for _, p := range b.status() {
			if p.State == "RUNNING" && dead[p.Name] != p.Pid && kills < n*rounds {
				dead[p.Name] = p.Pid
				syscall.Kill(p.Pid, syscall.SIGKILL)
				kills++
			}
		}
	}
	b.until("each has been started again", func() bool {
		for _, p := range b.status() {
			if p.State != "RUNNING" || dead[p.Name] == p.Pid {
				return false
			}
		}
		return true
	})
	b.logged(kills+n, "spawned: 'p")
	b.logged(kills, "exited: p", "(terminated by SIGKILL; not expected)")
	b.logged(kills+n, "success: p")
	b.processes(n)
	if z := zombies(b.pid()); z != 0 {
		t.Errorf("%d zombies", z)
	}
	b.stop()
}

// zombies is how many children of a process nobody has collected.
func zombies(pid int) int {
	n := 0
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	mine := regexp.MustCompile(fmt.Sprintf(`\) Z %d `, pid))
	for _, f := range files {
		if stat, err := os.ReadFile(f); err == nil && mine.Match(stat) {
			n++
		}
	}
	return n
}
