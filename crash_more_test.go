package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
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

// ledger is the file with what a daemon of this box has written down.
func (b *box) ledger() string {
	b.t.Helper()
	for _, pattern := range []string{"/run/gosv/*/ledger", "/dev/shm/gosv*/*/ledger"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte(b.path("s.conf"))) {
				return f
			}
		}
	}
	b.t.Skip("no file system in memory for the ledger")
	return ""
}

// forge changes the records of the ledger.
func (b *box) forge(change func(record map[string]any)) {
	b.t.Helper()
	file := b.ledger()
	text, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		d := json.NewDecoder(bytes.NewReader(line[9:]))
		d.UseNumber()
		var r map[string]any
		if err := d.Decode(&r); err != nil {
			b.t.Fatal(err)
		}
		change(r)
		again, err := json.Marshal(r)
		if err != nil {
			b.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%08x %s\n", crc32.ChecksumIEEE(again), again)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// stranger is a process that has nothing to do with any daemon.
func stranger(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// bornIn is the clock tick in which a process began.
func bornIn(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[19]
}

// TestCrashStrangerIsNotSignalled: a process that has got the pid of one of ours, as the notes have it, is
// neither adopted nor signalled.
func TestCrashStrangerIsNotSignalled(t *testing.T) {
	for _, policy := range []string{"adopt", "kill"} {
		t.Run(policy, func(t *testing.T) {
			b := newBox(t, "on_crash = "+policy+"\n", "[program:p]\ncommand = child sleep\nstartsecs = 0\nstopasgroup = true\nkill_escaped = true\n")
			b.start()
			p := b.reaches("p", "RUNNING")
			born := bornIn(t, p.Pid)
			b.kill9()
			syscall.Kill(p.Pid, syscall.SIGKILL)
			b.until("p is dead", func() bool { return isGone(p.Pid) })
			other := stranger(t)
			for bornIn(t, other.Process.Pid) == born { // no real one can have its pid so soon
				other = stranger(t)
			}
			b.forge(func(r map[string]any) {
				if k, ok := r["p"].(map[string]any); ok && k["PID"] != nil {
					k["PID"] = other.Process.Pid
				}
			})
			b.again()
			b.until("p was started again", func() bool {
				now := b.one("p")
				return now.State == "RUNNING" && now.Pid != other.Process.Pid && now.Pid != p.Pid
			})
			b.do("restart", named{Name: "p"})
			b.stop()
			if isGone(other.Process.Pid) {
				t.Error("the stranger was killed")
			}
		})
	}
}

// TestCrashBadNotes: notes that nobody can trust are not used, and nothing breaks.
func TestCrashBadNotes(t *testing.T) {
	for _, bad := range []struct {
		name, says string
		spoil      func(t *testing.T, b *box, file string)
	}{
		{"garbled", "cannot be read", func(t *testing.T, b *box, file string) {
			text, _ := os.ReadFile(file)
			at := bytes.LastIndexByte(text[:len(text)-1], '\n')
			text[at+20] ^= 1
			os.WriteFile(file, text, 0o600)
		}},
		{"truncated", "cannot be read", func(t *testing.T, b *box, file string) {
			st, _ := os.Stat(file)
			os.Truncate(file, st.Size()-5)
		}},
		{"empty", "", func(t *testing.T, b *box, file string) { os.Truncate(file, 0) }},
		{"noise", "", func(t *testing.T, b *box, file string) {
			os.WriteFile(file, bytes.Repeat([]byte("\xff\x00{}\n"), 1000), 0o600)
		}},
		{"huge", "more than", func(t *testing.T, b *box, file string) { os.Truncate(file, 1<<40) }},
		{"another's", "others could have written it", func(t *testing.T, b *box, file string) {
			needsRoot(t)
			os.Chown(file, 65534, 65534)
		}},
		{"open to all", "others could have written it", func(t *testing.T, b *box, file string) { os.Chmod(file, 0o666) }},
		{"a link", "is not used", func(t *testing.T, b *box, file string) {
			text, _ := os.ReadFile(file)
			os.WriteFile(b.path("elsewhere"), text, 0o600)
			os.Remove(file)
			os.Symlink(b.path("elsewhere"), file)
		}},
		{"a directory", "is not used", func(t *testing.T, b *box, file string) {
			os.Remove(file)
			os.Mkdir(file, 0o700)
		}},
		{"another boot", "", func(t *testing.T, b *box, file string) {
			b.forge(func(r map[string]any) {
				if h, ok := r["h"].(map[string]any); ok {
					h["Boot"] = "another"
				}
			})
		}},
		{"a later version", "version 1000", func(t *testing.T, b *box, file string) {
			b.forge(func(r map[string]any) {
				if h, ok := r["h"].(map[string]any); ok {
					h["Version"] = 1000
				}
			})
		}},
	} {
		t.Run(bad.name, func(t *testing.T) {
			b := newBox(t, "", "[program:p]\ncommand = child sleep\nstartsecs = 0\n")
			b.strays = true // the old p: nobody knows it any more
			b.start()
			b.reaches("p", "RUNNING")
			file := b.ledger()
			b.kill9()
			bad.spoil(t, b, file)
			b.again()
			b.reaches("p", "RUNNING")
			if bad.says != "" { // lines of the main log come a little behind
				b.until("the log says "+bad.says, func() bool { return b.count(bad.says) > 0 })
			}
			b.stop()
			os.RemoveAll(filepath.Dir(file))
		})
	}
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

// TestCrashNotesFull: the file system of the notes is full while programs are started again and
// gosv is killed and started, more than once: no program is there twice, and none is forgotten.
func TestCrashNotesFull(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\nautorestart = true\n")
	within, run := b.smallRun()
	filler := run + "/filler"
	b.start(within...)
	b.reaches("p", "RUNNING")
	for range 3 {
		os.WriteFile(filler, make([]byte, 8<<20), 0o600) // as much as there is room for
		for range 100 {
			b.do("restart", named{Name: "p"})
		}
		p := b.one("p")
		b.kill9()
		b.begin(within...)
		b.answers()
		b.still(p)
		b.processes(1)
	}
	if strings.Contains(b.output(), "cannot note") {
		t.Errorf("it could not note something:\n%s", b.output())
	}
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
