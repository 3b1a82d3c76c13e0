package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// ctl ends in time and says what is so, whatever the daemon does.
func TestPain12Ctl(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:stuck]
command = child stubborn
startsecs = 0
stopwaitsecs = 1000
stdout_logfile = %(here)s/stuck.log
[program:p]
process_name = p%(process_num)d
numprocs = 5
command = sleep 1000
startsecs = 0
`)
	// Each ends long before ctl would give up by itself, or, with a timeout, because of it.
	bounded := func(what, timeout string, code int, text string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "supervisorctl", append([]string{"-c", b.path("s.conf"), "--timeout", timeout}, args...)...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); ctx.Err() != nil || got != code && code >= 0 || got == 0 && code < 0 || !strings.Contains(string(out), text) {
			t.Errorf("%s, %v: exit status %d, want %d; %q, want %q; %v", what, args, got, code, out, text, ctx.Err())
		}
	}
	bounded("no daemon", "1000", 4, "no such file", "status")
	bounded("no daemon", "1000", 7, "no such file", "stop", "p:*")
	b.start()
	b.until("it ignores signals", func() bool { return b.read("stuck.log") != "" })

	b.signal(syscall.SIGSTOP)
	for _, args := range [][]string{{"status"}, {"stop", "stuck"}, {"pid"}, {"tail", "stuck"}, {"reread"}, {"shutdown"}} {
		bounded("a daemon that hangs", "0.3", -1, "no answer from unix://"+b.path("s.sock")+" within 300ms", args...)
	}
	b.signal(syscall.SIGCONT)

	bounded("a process that does not stop", "1", 1, "", "stop", "stuck")
	if p := b.one("stuck"); p.State != "STOPPING" {
		t.Errorf("stuck is %s", p.State)
	}
	bounded("a process that is stopping", "1000", 0, "stuck: ERROR (not running)", "stop", "stuck")
	bounded("a process that is stopping", "1000", 7, "stuck: ERROR (abnormal termination)", "start", "stuck")
	bounded("a process that is stopping", "1000", 0, "STOPPING", "status", "stuck")

	// Five hundred at once, some of them ctl itself.
	var wg sync.WaitGroup
	failed := make(chan error, 1000)
	for i := range 500 {
		wg.Go(func() {
			if _, ok, err := b.ask("status", nil); err != nil || !json.Valid(ok) {
				failed <- fmt.Errorf("client %d: %v", i, err)
			}
		})
	}
	for range 10 {
		wg.Go(func() {
			if out, code := b.ctl("status", "p:*"); code != 0 || strings.Count(out, "RUNNING") != 5 {
				failed <- fmt.Errorf("ctl: %d %s", code, out)
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if out, code := b.ctl("signal", "KILL", "stuck"); code != 0 {
		t.Errorf("signal: %d %s", code, out)
	}
	b.reaches("stuck", "STOPPED")
}

// A stale socket is replaced, one of a living daemon is not; the message says which file was
// looked for.
func TestPain13Socket(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\n")
	if out, code := b.ctl("status"); code != 4 || !strings.Contains(out, b.path("s.sock")+" no such file") {
		t.Errorf("no socket: %d %q", code, out)
	}
	b.start()
	b.reaches("p", "RUNNING")
	b.strays = true
	b.cmd.Process.Kill()
	b.wait()
	for _, name := range []string{"s.sock", "d.pid"} {
		if _, err := os.Lstat(b.path(name)); err != nil {
			t.Fatalf("kill -9 has left no %s: %v", name, err)
		}
	}
	if out, code := b.ctl("status"); code != 4 || !strings.Contains(out, b.path("s.sock")+" refused connection") {
		t.Errorf("a stale socket: %d %q", code, out)
	}
	b.start()
	b.reaches("p", "RUNNING")
	if out, code := b.ctl("status"); code != 0 || !strings.Contains(out, "RUNNING") {
		t.Errorf("the stale socket was replaced: %d %q", code, out)
	}
	b.stop()
}

// A second daemon on the same configuration refuses at once and does no harm; of two that
// start at the same moment, one lives.
func TestPain14Twice(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		b := newBox(t, "", "[program:p]\ncommand = sh -c 'echo run >> %(here)s/runs; exec sleep 1000'\nstartsecs = 0\n")
		if stale {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.path("s.sock"), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}
		var list []*exec.Cmd
		var ends []chan struct{}
		for range 4 {
			list = append(list, b.begin())
			ends = append(ends, b.dead)
		}
		alive := -1
		b.until("one is left", func() bool {
			n := 0
			for i, end := range ends {
				select {
				case <-end:
					if code := list[i].ProcessState.ExitCode(); code != 2 {
						t.Fatalf("exit status %d, want 2\n%s", code, b.output())
					}
				default:
					n, alive = n+1, i
				}
			}
			return n == 1
		})
		b.cmd, b.dead = list[alive], ends[alive]
		b.answers()
		b.reaches("p", "RUNNING")
		if got := b.pid(); got != b.cmd.Process.Pid {
			t.Errorf("the pidfile has %d, want %d", got, b.cmd.Process.Pid)
		}
		out, err := exec.Command("supervisord", "-n", "-c", b.path("s.conf")).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "Another program is already listening") {
			t.Errorf("%v: %s", err, out)
		}
		b.until("the program has run", func() bool { return b.read("runs") != "" })
		if got := b.read("runs"); got != "run\n" {
			t.Errorf("the program ran: %q", got)
		}
		b.processes(1)
		b.stop()
	}
}

// Events that a slow listener cannot take are lost by the number, in few lines; with a buffer
// that is large enough none is.
func TestPain16Events(t *testing.T) {
	t.Parallel()
	n := long(1500)
	listener := fmt.Sprintf(`sh -c 'while [ ! -e %%(here)s/go ]; do sleep 0.02; done; exec child listen %%(here)s/%%(program_name)s.got'
directory = %%(here)s
events = REMOTE_COMMUNICATION
startsecs = 0
`)
	b := newBox(t, "", "[eventlistener:small]\ncommand = "+listener+
		"[eventlistener:large]\ncommand = "+listener+fmt.Sprintf("buffer_size = %d\n", n+10)).start()
	b.all("RUNNING")
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := json.NewDecoder(c)
	for i := range n {
		fmt.Fprintf(c, `{"id":1,"m":"supervisor.sendRemoteCommEvent","p":["n","%d"]}`+"\n", i)
		var reply struct{ Ok json.RawMessage }
		if err := d.Decode(&reply); err != nil || string(reply.Ok) != "true" {
			t.Fatalf("%v %s", err, reply.Ok)
		}
	}
	b.write("go", "")
	b.until("the large one has all", func() bool { return strings.Count(b.read("large.got"), "\n") == n })
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "REMOTE_COMMUNICATION type:n %d\n", i)
	}
	if d := differ([]byte(b.read("large.got")), []byte(want.String())); d != "" {
		t.Error(d)
	}
	b.until("the small one has the last", func() bool { return strings.HasSuffix(b.read("small.got"), fmt.Sprintf(" %d\n", n-1)) })
	if got := strings.Count(b.read("small.got"), "\n"); got != 10 {
		t.Errorf("the small buffer kept %d events, want 10", got)
	}
	b.stop()
	if got := b.count("pool small event buffer overflowed"); got == 0 || got > 20 {
		t.Errorf("%d lines about it", got)
	}
	lost := 0
	for line := range strings.Lines(b.read("d.log")) {
		if _, rest, ok := strings.Cut(line, "pool small event buffer overflowed, discarding event "); ok {
			var serial, more int
			fmt.Sscanf(rest, "%d and %d before it", &serial, &more)
			lost += 1 + more
		}
	}
	if lost != n-10 {
		t.Errorf("the log says that %d events were lost, want %d", lost, n-10)
	}
}

// What is in the configuration is what the program gets: quotes, percent signs, hashes, commas,
// comments; a key that does not exist is told with its line and never stops anything.
func TestPain21Values(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:p]
command = child args "two words" 'it"s' a\ b 100%% x#y ""   ; a comment
environment = A="x,y",B='%%d',C="a#b",D="k=v",E=plain,F="50%%",G="semi;colon",H="quote's"
stratsecs = 1
startsecs = 0
`).start()
	b.until("it has said what it got", func() bool { out, _ := b.ctl("tail", "p"); return strings.Contains(out, "end\n") })
	out, _ := b.ctl("tail", "p")
	want := "two words\nit\"s\na b\n100%\nx#y\n\nA=x,y\nB=%d\nC=a#b\nD=k=v\nE=plain\nF=50%\nG=semi;colon\nH=quote's\nend\n\n"
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	check, _ := exec.Command("gosv", "conf", "check", b.path("s.conf")).CombinedOutput()
	if !strings.Contains(string(check), "s.conf:14: [program:p] stratsecs: unknown option (did you mean startsecs?)") &&
		!strings.Contains(string(check), "did you mean startsecs") {
		t.Errorf("check: %s", check)
	}
	b.stop()
}

// The log of a healthy day has nothing that looks like trouble.
func TestPain23QuietLog(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	text := `
[program:p]
command = child traps
exitcodes = 0,7
startsecs = 0
[program:job]
command = sh -c '(sleep 0.01 &); exit 0'
startsecs = 0
autorestart = false
[program:orphans]
command = sh -c 'sleep 0.01 & exit 0'
startsecs = 0
autorestart = false
`
	user := ""
	if os.Getuid() == 0 {
		user = "user = root\n"
	}
	b.config(user, text)
	b.write("s.conf", strings.Replace(b.read("s.conf"), "file = %(here)s/s.sock\n", "file = %(here)s/s.sock\nusername = u\npassword = p\n", 1))
	b.write("s.conf", strings.Replace(b.read("s.conf"), "[supervisorctl]\n", "[supervisorctl]\nusername = u\npassword = p\n", 1))
	b.begin()
	b.until("it is up", func() bool { out, _ := b.ctl("tail", "p"); return strings.Contains(out, "ready") })
	b.ctl("restart", "p")
	b.until("it is up", func() bool { out, _ := b.ctl("tail", "p"); return strings.Count(out, "ready") == 2 })
	b.signal(syscall.SIGUSR2)
	b.ctl("clear", "all")
	b.ctl("shutdown")
	b.wait()
	for line := range strings.Lines(b.read("d.log")) {
		if f := strings.Fields(line); len(f) < 3 || f[2] != "INFO" && f[2] != "DEBG" {
			t.Errorf("not a line for a healthy day: %s", line)
		}
	}
	if out, _ := filepath.Glob(b.path("*.log.*")); len(out) > 0 {
		t.Errorf("files: %v", out)
	}
}
