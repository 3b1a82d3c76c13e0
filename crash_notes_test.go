package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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

// TestCrashNotesFull: the file system of the notes is full while programs are started again and
// gosv is killed and started, more than once: no program is there twice, and none is forgotten.
func TestCrashNotesFull(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\nautorestart = true\n")
	within, run := b.smallRun()
	b.start(within...)
	b.reaches("p", "RUNNING")
	for range 3 {
		fill(run)
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
