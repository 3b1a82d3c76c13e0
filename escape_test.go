package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// escaping is a program that leaves in every way there is: children in its own group, in
// other sessions, orphans of double forks, without environment or without its streams.
const escaping = `n=$1
sleep $n &
setsid sleep $n &
(setsid sh -c "sleep $n & sleep $n & wait" </dev/null >/dev/null 2>&1 &)
(setsid setsid sh -c "(sleep $n &) ; sleep $n" &)
env -i setsid sleep $n &
echo ready
case $2 in
ends) exit 0 ;;
esac
exec sleep $n
`

// sleeping are the processes that execute "sleep n".
func sleeping(n int) (pids []int) {
	want := []byte("sleep\x00" + strconv.Itoa(n) + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && bytes.Equal(text, want) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestKillEscaped(t *testing.T) {
	for _, as := range []struct {
		name   string
		prefix []string
	}{
		{"root", nil},
		{"nobody", []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}}, // whose control group is not writable
	} {
		t.Run(as.name, func(t *testing.T) {
			needsRoot(t)
			needs(t, "setpriv", "--version")
			n := 100_000_000 + 10*os.Getpid() + len(as.prefix)
			b := newBox(t, "", fmt.Sprintf(`[program:stopped]
command = sh %%(here)s/escaping.sh %d stays
kill_escaped = true
stdout_logfile = %%(here)s/stopped.log
stopwaitsecs = 5
[program:ends]
command = sh %%(here)s/escaping.sh %d ends
kill_escaped = true
startsecs = 0
autorestart = false
autostart = false
[program:other]
command = sh %%(here)s/escaping.sh %d stays
stopasgroup = true
`, n, n+1, n+2))
			b.strays = true
			t.Cleanup(func() { // other leaves some, and they have no mark
				for i := range 3 {
					for _, pid := range sleeping(n + i) {
						syscall.Kill(pid, syscall.SIGKILL)
					}
				}
			})
			b.write("escaping.sh", escaping)
			if as.prefix != nil {
				b.own()
				os.Chmod(b.dir, 0o777)
			}
			b.begin(as.prefix...)
			b.answers()
			b.until("all of it is there", func() bool { return len(sleeping(n)) == 8 && len(sleeping(n+2)) == 8 })
			env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", b.one("stopped").Pid))
			_, mark, _ := strings.Cut(string(env), "GOSV_ESCAPE_MARK=")
			mark, _, _ = strings.Cut(mark, ".")
			b.do("stop", named{Name: "stopped"})
			if left := sleeping(n); len(left) > 0 {
				t.Errorf("left after stop: %v", left)
			}
			if len(sleeping(n+2)) != 8 {
				t.Errorf("others were killed too")
			}
			b.do("start", named{Name: "ends", Nowait: true})
			b.reaches("ends", "EXITED")
			if left := sleeping(n + 1); len(left) > 0 {
				t.Errorf("left after the end: %v", left)
			}
			// A daemon that is killed leaves the mark to the next one.
			b.do("start", named{Name: "stopped", Nowait: true})
			b.until("all of it is there again", func() bool { return len(sleeping(n)) == 8 })
			b.kill9()
			b.begin(as.prefix...)
			b.answers()
			b.do("stop", named{Name: "stopped"})
			if left := sleeping(n); len(left) > 0 {
				t.Errorf("left after stop, the daemon having been killed: %v", left)
			}
			b.stop()
			out, err := exec.Command("find", "/sys/fs/cgroup", "-name", "gosv-"+mark).Output()
			if mark == "" || err != nil || len(out) > 0 {
				t.Errorf("the mark is %q, and of control groups is left: %s, %v", mark, out, err)
			}
		})
	}
}

// TestKillEscapedRunner: one that forks another and ends, again and again, is in no list of
// processes for long; its control group has it all the same. All of it have the writing end of a
// FIFO, which has no end as long as one of them lives. If each stays for a while after it has forked, each look at
// the processes finds some, and the newest has gone on.
func TestKillEscapedRunner(t *testing.T) {
	t.Run("ends", func(t *testing.T) { killRunner(t, "") })
	t.Run("stays", func(t *testing.T) { killRunner(t, "sleep 0.05\n") })
}

func killRunner(t *testing.T, then string) {
	needsRoot(t)
	b := newBox(t, "", `[program:runner]
command = sh %(here)s/runner.sh
directory = %(here)s
kill_escaped = true
startsecs = 0
`)
	b.write("runner.sh", "[ $1 ] || exec 3> alive\n[ -e over ] && exit\necho >> steps\nsh runner.sh again &\n[ $1 ] || exec sleep 1000\n"+then)
	if err := syscall.Mkfifo(b.path("alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(b.path("alive"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	t.Cleanup(func() { b.write("over", "") })
	b.start()
	b.until("it runs", func() bool { return len(b.read("steps")) > 20 })
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", b.one("runner").Pid))
	_, mark, _ := strings.Cut(string(env), "GOSV_ESCAPE_MARK=")
	mark, _, _ = strings.Cut(mark, ".")
	if out, _ := exec.Command("find", "/sys/fs/cgroup", "-path", "*gosv-"+mark+"/*", "-name", "cgroup.kill").Output(); len(out) == 0 {
		b.write("over", "")
		b.stop()
		t.Skip("there is no control group of version 2 (Linux 5.14) that may be written to")
	}
	b.do("stop", named{Name: "runner"})
	b.until("the log says that some were killed", func() bool { return b.count("killed", "processes that runner left behind") == 1 })
	alive.SetReadDeadline(time.Now().Add(patience)) // while one lives there is no end, however long one waits
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("it runs on: %v", err)
	}
	b.stop()
}
