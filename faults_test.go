package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The TestFault tests put gosv onto a machine in trouble; docs/operations.md has a row for each.

// The disk of the main log is full: everything goes on, standard output has each line, what is
// missing in the file is told to the byte when there is room again.
func TestFaultMainLogFull(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "logfile = %(here)s/small/d.log\nlogfile_maxbytes = 0\n", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\n").withMetrics()
	if err := os.Mkdir(b.path("small"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.start("unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=64k none small && exec "$@"`, "sh")
	small := fmt.Sprintf("/proc/%d/root%s/small", b.pid(), b.dir)
	first := b.reaches("p", "RUNNING").Pid
	text := func() string { data, _ := os.ReadFile(small + "/d.log"); return string(data) }
	b.until("the log is written", func() bool { return strings.Contains(text(), "spawned: 'p'") })
	os.WriteFile(small+"/filler", make([]byte, 1<<20), 0o600) // as much as there is room for
	for b.metric("gosv_log_lost_bytes_total") == 0 {
		b.do("restart", named{Name: "p"})
	}
	for range 10 {
		b.do("restart", named{Name: "p"})
	}
	says := regexp.MustCompile(`WARN cannot write log ".*/small/d.log": no space left on device; \d+ bytes lost so far`)
	b.until("it is said that the log is not written", func() bool { return says.MatchString(b.output()) })
	if p := b.one("p"); p.State != "RUNNING" || p.Pid == first {
		t.Errorf("p is %+v", p)
	}
	if err := os.Remove(small + "/filler"); err != nil {
		t.Fatal(err)
	}
	b.do("restart", named{Name: "p"})
	b.until("the log is written again", func() bool { return strings.Contains(text(), "is written again") })
	var lost int
	said := regexp.MustCompile(`is written again; (\d+) bytes were lost`).FindStringSubmatch(text())
	if said == nil {
		t.Fatalf("the log:\n%s", text())
	}
	fmt.Sscan(said[1], &lost)
	if counted := int(b.metric("gosv_log_lost_bytes_total")); counted != lost {
		t.Errorf("%d bytes are lost by the metrics, %d by the log", counted, lost)
	}
	b.until("both logs differ by what was lost", func() bool { return len(b.output())-len(text()) == lost })
	b.stop()
}

// A thousand programs die at once: each death is seen, each program is started again once,
// and status answers meanwhile.
func TestFaultThousandDie(t *testing.T) {
	const n = 1000
	b := newBox(t, "minfds = 4096\n", fmt.Sprintf(`
[program:p]
process_name = p%%(process_num)04d
numprocs = %d
command = sleep 100000
startsecs = 0
autorestart = true
stdout_logfile = NONE
stderr_logfile = NONE
`, n)).start()
	b.all("RUNNING")
	dead := map[int]bool{}
	for _, p := range b.status() {
		dead[p.Pid] = true
	}
	for pid := range dead {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	b.until("each runs again", func() bool {
		for _, p := range b.status() {
			if p.State != "RUNNING" || dead[p.Pid] {
				return false
			}
		}
		return true
	})
	b.logged(n, "exited: p", "terminated by SIGKILL")
	b.logged(2*n, "spawned: 'p")
	if got := zombies(b.pid()); got != 0 {
		t.Errorf("%d zombies", got)
	}
	b.stop()
}

// A program that writes as fast as it can: every byte is counted, the others lose nothing, and
// requests are answered.
func TestFaultFlood(t *testing.T) {
	t.Parallel()
	size := long(200_000_000)
	b := newBox(t, "", fmt.Sprintf(`
[program:flood]
command = head -c %d /dev/zero
startsecs = 0
autorestart = false
autostart = false
stdout_logfile = %%(here)s/flood.log
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 1
[program:quiet]
command = seq 1 100000
startsecs = 0
autorestart = false
autostart = false
stdout_logfile = %%(here)s/quiet.log
`, size)).withMetrics().start()
	begin := time.Now()
	b.do("start", named{Name: "flood"})
	b.do("start", named{Name: "quiet"})
	slowest := time.Duration(0)
	b.until("both have ended", func() bool {
		asked := time.Now()
		a, c := b.one("flood").State, b.one("quiet").State
		slowest = max(slowest, time.Since(asked)/2)
		return a == "EXITED" && c == "EXITED"
	})
	// 100 ms on a quiet machine. One that had to wait for the flood would have no answer here.
	t.Logf("%d MB in %v; the slowest answer took %v", size/1_000_000, time.Since(begin).Round(time.Millisecond), slowest)
	if got := b.metric(`gosv_process_log_bytes_total{program="flood",group="flood",process="flood",stream="stdout"}`); got != float64(size) {
		t.Errorf("%.0f bytes were read, want %d", got, size)
	}
	if got := b.metric(`gosv_process_log_lost_bytes_total{program="flood",group="flood",process="flood",stream="stdout"}`); got != 0 {
		t.Errorf("%.0f bytes were lost", got)
	}
	if d := differ([]byte(b.read("quiet.log")), numbers(100000)); d != "" {
		t.Error(d)
	}
	b.stop()
}

// SIGCHLD comes again and again, with and without a death behind it.
func TestFaultChildSignals(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:p]
process_name = p%(process_num)d
numprocs = 8
command = sh -c 'kill -KILL $$'
startsecs = 0
autorestart = true
[program:still]
command = sleep 1000
startsecs = 0
`).start()
	var storm sync.WaitGroup
	pid := b.pid()
	for range 4 {
		storm.Go(func() {
			for range long(5000) {
				syscall.Kill(pid, syscall.SIGCHLD)
			}
		})
	}
	storm.Wait()
	b.until("many have died", func() bool { return b.count("exited: p") >= 500 })
	b.do("stop", named{Name: "p:*"})
	b.until("each start has its end in the log", func() bool {
		return b.count("spawned: 'p") == b.count("exited: p", "terminated by SIGKILL")+b.count("stopped: p")-b.count("stopped: p", "(not spawned)")
	})
	if p := b.one("still"); p.State != "RUNNING" || !alive(p.Pid) {
		t.Errorf("still is %+v", p)
	}
	if n := zombies(pid); n != 0 {
		t.Errorf("%d zombies", n)
	}
	b.idle(time.Second)
	b.stop()
}

// A listener that hangs: its events wait and are counted, nobody else waits; when it goes on
// it gets them in order, and one that hangs for good is killed at the shutdown.
func TestFaultHangingListener(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[eventlistener:ear]
command = child listen %(here)s/ear.got
events = REMOTE_COMMUNICATION
buffer_size = 1000
startsecs = 0
stopwaitsecs = 1
[program:p]
command = sleep 1000
startsecs = 0
`).withMetrics().start()
	b.all("RUNNING")
	ear := b.one("ear").Pid
	b.do("supervisor.sendRemoteCommEvent", []string{"n", "0"})
	b.until("it hears", func() bool { return strings.Contains(b.read("ear.got"), "type:n 0") })
	syscall.Kill(ear, syscall.SIGSTOP)
	b.until("it hangs", func() bool { return procState(ear) == "T" })
	const n = 500
	want := "REMOTE_COMMUNICATION type:n 0\n"
	for i := range n {
		b.do("supervisor.sendRemoteCommEvent", []string{"n", fmt.Sprint(i + 1)})
		want += fmt.Sprintf("REMOTE_COMMUNICATION type:n %d\n", i+1)
	}
	b.do("restart", named{Name: "p"})
	if depth := b.metric(`gosv_pool_queue_depth{pool="ear"}`); depth < n-1 { // it may have asked for one
		t.Errorf("%v events wait, want %d", depth, n)
	}
	syscall.Kill(ear, syscall.SIGCONT)
	b.until("it has all", func() bool { return strings.Count(b.read("ear.got"), "\n") == n+1 })
	if d := differ([]byte(b.read("ear.got")), []byte(want)); d != "" {
		t.Error(d)
	}
	if lost := b.metric(`gosv_pool_events_lost_total{pool="ear"}`); lost != 0 {
		t.Errorf("%v events were lost", lost)
	}
	syscall.Kill(ear, syscall.SIGSTOP)
	b.stop()
}

// A folder that may not be written to: a program with a log there is not started, and says so;
// the pidfile is missed in the log; both work when the folder may be written again.
func TestFaultUnwritable(t *testing.T) {
	t.Parallel()
	needs(t, "setpriv", "--version")
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\nstartretries = 0\nstdout_logfile = %(here)s/logs/p.log\n[program:q]\ncommand = sleep 1000\nstartsecs = 0\n")
	b.write("s.conf", strings.Replace(b.read("s.conf"), "%(here)s/d.pid", "%(here)s/logs/d.pid", 1))
	if err := os.Mkdir(b.path("logs"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(b.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		b.own()
		b.start("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--")
	} else {
		b.start()
	}
	if p := b.reaches("p", "FATAL"); !strings.Contains(p.Spawnerr, "EACCES") {
		t.Errorf("p: %q", p.Spawnerr)
	}
	b.reaches("q", "RUNNING")
	b.until("the log says that there is no pidfile", func() bool { return b.count("could not write pidfile "+b.path("logs/d.pid")) == 1 })
	if err := os.Chmod(b.path("logs"), 0o777); err != nil {
		t.Fatal(err)
	}
	b.do("start", named{Name: "p"})
	b.reaches("p", "RUNNING")
	b.stop()
}

// The file system with the notes about programs is full from before the start, for a while, and gosv is killed later:
// the next one knows each program that was started meanwhile.
func TestFaultNotesFull(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\nautorestart = true\n")
	within, run := b.smallRun()
	filler := fill(run) // later on gosv has room of its own
	if out, err := exec.Command(within[0], append(within[1:], "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/dev/shm")...).CombinedOutput(); err != nil {
		t.Fatalf("no small /dev/shm, which would be taken instead: %v %s", err, out)
	}
	b.start(within...)
	b.reaches("p", "RUNNING")
	b.until("it says that it cannot note anything", func() bool {
		b.do("restart", named{Name: "p"})
		return strings.Contains(b.output(), "no space left on device")
	})
	b.do("restart", named{Name: "p"})
	if n := strings.Count(b.output(), "no space left on device"); n != 1 {
		t.Errorf("said %d times:\n%s", n, b.output())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p := b.one("p")
	b.until("the notes have it", func() bool { return noted(run, p.Pid) })
	b.kill9()
	b.begin(within...)
	b.answers()
	b.still(p)
	b.processes(1)
	b.stop()
}

// TestFaultsDoc: each row of the table of troubles names tests that exist, and each TestFault
// is in a row.
func TestFaultsDoc(t *testing.T) {
	text, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test\w+`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		tests[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	_, table, ok := strings.Cut(string(text), "| trouble | what you see | what becomes of it | test |\n|---|---|---|---|\n")
	if table, _, _ = strings.Cut(table, "\n\n"); !ok {
		t.Fatal("no table of troubles")
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		named := codeSpan.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(cells) != 4 || len(named) == 0 {
			t.Errorf("not a row with a test: %s", line)
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("there is no %s: %s", m[1], line)
			}
		}
	}
	own, err := exec.Command("grep", "-hoE", `^func TestFault\w+`, "faults_test.go", "pains_clock_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(own)) {
		name := strings.TrimSpace(strings.TrimPrefix(line, "func "))
		if name != "TestFaultsDoc" && !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s has no row", name)
		}
	}
}

// smallRun makes a mount namespace with a /run of 4 MiB of its own: what enters it, and that /run
// as it is called from outside.
func (b *box) smallRun() (within []string, run string) {
	b.t.Helper()
	hold := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=4m none /run && echo made > "+b.path("made")+" && exec sleep 100000")
	if err := hold.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { hold.Process.Kill(); hold.Wait() })
	b.until("the file system is there", func() bool { return b.read("made") != "" })
	return []string{"nsenter", "-m", "-t", fmt.Sprint(hold.Process.Pid), "--"}, fmt.Sprintf("/proc/%d/root/run", hold.Process.Pid)
}

// fill takes all the room that a file system has left, in a file that it names.
func fill(dir string) string {
	os.WriteFile(dir+"/filler", make([]byte, 8<<20), 0o600) // fails, which is what it is for
	return dir + "/filler"
}

// noted says whether the notes in a folder for them have a process.
func noted(base string, pid int) bool {
	files, _ := filepath.Glob(base + "/gosv/*/ledger")
	return slices.ContainsFunc(files, func(f string) bool {
		text, _ := os.ReadFile(f)
		return strings.Contains(string(text), fmt.Sprintf(`"PID":%d`, pid))
	})
}
