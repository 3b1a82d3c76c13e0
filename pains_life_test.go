package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
