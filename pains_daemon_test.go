package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// With nothing to do the daemon does nothing: 200 programs, logs that rotated, a web page and
// ctl that asked, followers that left, children that closed their output.
func TestPain04Idle(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[inet_http_server]
port = 127.0.0.1:0
[program:p]
process_name = p%(process_num)03d
numprocs = 200
command = sleep 100000
startsecs = 0
[program:closed]
command = sh -c 'exec >&- 2>&-; exec sleep 100000'
startsecs = 0
[program:rotated]
command = sh -c 'seq 1 20000; exec sleep 100000'
startsecs = 0
stdout_logfile_maxbytes = 10KB
[program:blocked]
command = sh -c 'seq 1 1000000; exec sleep 100000'
startsecs = 0
stdout_logfile = %(here)s/fifo
[program:done]
command = true
startsecs = 0
autorestart = false
`)
	if err := syscall.Mkfifo(b.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(b.read("s.conf"), "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", freePort(t)), 1)
	b.write("s.conf", text)
	b.start()
	b.reaches("done", "EXITED")
	quiet := time.Second
	if os.Getenv("GOSV_LONG") != "" {
		quiet = 10 * time.Second
	}
	b.until("the FIFO was given up", func() bool { return b.count("cannot write log", "fifo") > 0 })
	for _, after := range []struct {
		name string
		do   func()
	}{
		{"the start", func() {}},
		{"ctl", func() {
			for range 3 {
				b.ctl("status")
			}
			b.ctl("restart", "closed")
			b.ctl("tail", "rotated")
			b.ctl("signal", "HUP", "closed") // ends it; it is started again
		}},
		{"a web request", func() {
			c, err := net.Dial("unix", b.path("s.sock"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if page, _ := io.ReadAll(c); !strings.Contains(string(page), "p:p199") && !strings.Contains(string(page), "p199") {
				t.Errorf("the page: %s", last(string(page), 300))
			}
		}},
		{"a follower left", func() {
			cmd := exec.Command("supervisorctl", "-c", b.path("s.conf"), "tail", "-f", "rotated")
			out, err := cmd.StdoutPipe()
			if err != nil || cmd.Start() != nil {
				t.Fatal(err)
			}
			io.ReadFull(out, make([]byte, 20))
			cmd.Process.Signal(syscall.SIGINT)
			cmd.Wait()
		}},
		{"an open connection", func() {
			c, err := net.Dial("unix", b.path("s.sock"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			fmt.Fprintln(c, `{"id":1,"m":"hello","p":{"protocol":1}}`)
			io.ReadFull(c, make([]byte, 10))
		}},
	} {
		after.do()
		begin := time.Now()
		b.idle(quiet)
		t.Logf("after %s it took %v to be quiet for %v", after.name, time.Since(begin).Round(time.Millisecond), quiet)
	}
	if _, threads := switches(b.pid()); threads >= 30 {
		t.Errorf("%d threads", threads)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := nextPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// portsTaken is how many ports these tests have taken, from a random one on.
var portsTaken = func() *atomic.Int64 { var n atomic.Int64; n.Store(rand.Int64N(20000)); return &n }()

// nextPort is a port for a server: none twice, and none of those that the kernel gives to clients or
// to who asks for any.
func nextPort() (int, error) {
	var err error
	for range 100 {
		port := 10000 + int(portsTaken.Add(1)%20000)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port, nil
		}
	}
	return 0, err
}

// Starts, stops, reloads, reopened logs, groups that come and go and clients that break off
// leave the number of open descriptors as it was; children have 0, 1 and 2 and no more.
func TestPain08Descriptors(t *testing.T) {
	t.Parallel()
	extra := "\n[program:extra]\ncommand = sleep 1000\nstartsecs = 0\n"
	b := newBox(t, "", "")
	sections := fmt.Sprintf(`
[program:p]
process_name = p%%(process_num)d
numprocs = 10
command = sleep 1000
startsecs = 0
[program:shim]
command = sleep 1000
umask = 077
startsecs = 0
[program:merged]
command = sleep 1000
redirect_stderr = true
startsecs = 0
stdout_logfile = %%(here)s/merged.log
[program:none]
command = sleep 1000
stdout_logfile = NONE
stderr_logfile = /dev/null
startsecs = 0
[eventlistener:l]
command = sleep 1000
events = TICK_60
startsecs = 0
[fcgi-program:f]
command = sleep 1000
socket = unix://%%(here)s/f.sock
startsecs = 0
[unix_http_server:m]
file = %%(here)s/m.sock
metrics = true
`)
	b.config("", sections)
	cmd := exec.Command("supervisord", "-n", "-c", b.path("s.conf"))
	cmd.Dir = b.dir
	inherited, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	cmd.ExtraFiles = []*os.File{inherited, inherited, inherited}
	b.out = b.path("out.txt")
	b.run(cmd)
	b.answers()
	b.all("RUNNING")
	pid := b.pid()
	children := func() {
		t.Helper()
		for _, p := range b.status() {
			dir := fmt.Sprintf("/proc/%d/fd", p.Pid)
			b.until(p.Name+" has come to its exec", func() bool {
				line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Pid))
				return string(line) == "sleep\x001000\x00"
			})
			// The loader may have a library open for a moment behind the exec.
			b.until(p.Name+" has the descriptors 0, 1 and 2 and no more", func() bool {
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, e := range entries {
					names = append(names, e.Name())
				}
				return slices.Equal(names, []string{"0", "1", "2"})
			})
		}
	}
	children()
	var base, baseGo int
	// One round of everything first: log files are opened at their first byte, for one.
	round := func(n int) {
		for range n {
			b.do("restart", named{Name: "all"})
			b.signal(syscall.SIGUSR2)
			for range 4 {
				b.do("stop", named{Name: "p:*"})
				b.do("start", named{Name: "p:*"})
			}
		}
	}
	round(1)
	update := func() {
		b.config("", sections+extra)
		b.do("update", nil)
		b.reaches("extra", "RUNNING")
		b.config("", sections)
		b.do("update", nil)
	}
	update()
	baseGo = goroutines(t, b) + 2
	aborted(t, b, 14) // HTTP is set up at its first connection, and takes one for good
	settled := func(what string) {
		t.Helper()
		b.until(fmt.Sprintf("after %s there are no more than %d descriptors", what, base), func() bool { return fds(pid) <= base })
		have := 0
		b.until(fmt.Sprintf("after %s there are no more than %d goroutines", what, baseGo), func() bool {
			if n := goroutines(t, b); n != have {
				have = n
				t.Logf("after %s there are %d goroutines, at first %d", what, n, baseGo)
			}
			return have <= baseGo
		})
	}
	base = fds(pid) + 14
	settled("the first clients that broke off")
	base = fds(pid)
	for range 100 {
		base = min(base, fds(pid))
	}
	round(long(15)) // 10 * 5 * 15 starts
	settled("starts and stops")

	for range long(15) {
		update()
	}
	settled("updates")

	aborted(t, b, long(250))
	settled("clients that broke off")

	for i := range long(8) {
		b.signal(syscall.SIGHUP)
		b.until("it has begun again", func() bool { return b.count("supervisord started with pid") == i+2 })
		b.answers()
		b.all("RUNNING")
	}
	round(1)
	settled("reloads")
	children()
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.wait()
}

// goroutines is how many the daemon has, of which one or two answer this.
func goroutines(t *testing.T, b *box) int {
	t.Helper()
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", b.path("m.sock")) }}}
	r, err := client.Get("http://x/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\ngo_goroutines ")
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	if err != nil {
		t.Fatalf("go_goroutines: %v", err)
	}
	return n
}

// aborted is clients that leave in the middle: before a byte, in a line, in an answer, in a
// stream, in a request that waits, in HTTP.
func aborted(t *testing.T, b *box, n int) {
	t.Helper()
	for i := range n {
		c, err := net.Dial("unix", b.path("s.sock"))
		if err != nil {
			t.Fatal(err)
		}
		switch i % 7 {
		case 0:
		case 1:
			fmt.Fprint(c, `{"id":1,"m":"sta`)
		case 2:
			fmt.Fprintln(c, `{"id":1,"m":"status"}`)
		case 3:
			fmt.Fprintln(c, `{"id":1,"m":"tail","p":{"name":"merged","follow":true}}`)
		case 4:
			fmt.Fprintln(c, `{"id":1,"m":"events"}`)
		case 5:
			fmt.Fprint(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml")
		case 6:
			fmt.Fprint(c, "GET /logtail/merged HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		if i%2 == 0 {
			c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
			io.CopyN(io.Discard, c, 10)
		}
		c.Close()
	}
}

// Two thousand programs under a soft limit of 1024 open files: the daemon raises its own.
func TestPain08ManyPrograms(t *testing.T) {
	t.Parallel()
	needs(t, "prlimit", "--nofile=1024:8000", "true")
	n := long(600)
	if n > 2000 {
		n = 2000
	}
	b := newBox(t, "", fmt.Sprintf(`
[program:p]
process_name = p%%(process_num)04d
numprocs = %d
command = sh -c 'ulimit -n; exec sleep 100000'
startsecs = 0
stderr_logfile = %%(here)s/%%(program_name)s%%(process_num)04d.err
`, n))
	b.start("prlimit", "--nofile=1024:20000", "--")
	b.all("RUNNING")
	if got := fds(b.pid()); got <= 1024 {
		t.Errorf("%d descriptors for %d programs: not what is to be tested", got, n)
	}
	var out string
	b.until("it has said its limit", func() bool { out, _ = b.ctl("tail", "p:p0000"); return out != "\n" && out != "" })
	if strings.TrimSpace(out) != "1024" {
		t.Errorf("a child's limit is %q, want the daemon's first one, 1024", out)
	}
	b.stop()
}
