package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
