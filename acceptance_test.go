package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHUPStorm: many reloads at once, also while programs start and stop, end in one daemon
// with each program once; SIGTERM in the middle ends it.
func TestHUPStorm(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"calm", "SIGTERM"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, "", `
[program:p]
process_name = p%(process_num)d
numprocs = 10
command = sleep 1000
startsecs = 0
[program:slow]
command = sh -c 'trap "sleep 0.05; exit 0" TERM; while :; do sleep 0.01; done'
startsecs = 1
[program:backoff]
command = false
startretries = 1000
[eventlistener:l]
command = cat
events = EVENT
`).start()
			pid := b.pid()
			for i := range long(60) {
				starts := b.count("supervisord started with pid") // before the signal: a reload may be quick
				b.signal(syscall.SIGHUP)
				if i%5 == 0 {
					b.until("a reload has come about", func() bool { return b.count("supervisord started with pid") > starts || i == 0 })
				}
				if i%7 == 0 {
					go b.ask("restart", named{"p:*", true})
				}
			}
			if end == "SIGTERM" {
				b.stop()
				b.until("nothing is left", func() bool { return len(b.marked()) == 0 })
				return
			}
			b.until("calm", func() bool {
				parts, ok, err := b.ask("status", nil)
				return err == nil && len(parts) == 0 && strings.Count(string(ok), `"RUNNING"`) >= 11
			})
			if got := b.pid(); got != pid {
				t.Errorf("pid %d, was %d", got, pid)
			}
			b.until("each program is there once", func() bool {
				counts := map[string]int{}
				for _, p := range b.marked() {
					line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
					counts[strings.ReplaceAll(string(line), "\x00", " ")]++
				}
				return counts["sleep 1000 "] == 10 && counts["cat "] == 1
			})
			b.stop()
		})
	}
}

// TestBackground: without -n the command ends when the daemon is up or has failed, and lets
// go of everything: whoever reads its output gets an end of file.
func TestBackground(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:p]\ncommand = sleep 1000\nstartsecs = 0\n")
	run := func(argv ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = b.dir
		done := make(chan struct{})
		var out []byte
		go func() { out, _ = cmd.CombinedOutput(); close(done) }()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%v does not return", argv)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, argv := range [][]string{{"supervisord", "-c", "s.conf"}, {"gosv", "daemon", "-c", "s.conf"}} {
		out, code := run(argv...)
		if out != "" || code != 0 {
			t.Errorf("%v: exit status %d, %q", argv, code, out)
		}
		pid := b.pid() // there at once
		if p := b.one("p"); p.State != "RUNNING" && p.State != "STARTING" {
			t.Errorf("p is %s", p.State)
		}
		for fd := range 3 {
			if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); to != "/dev/null" {
				t.Errorf("descriptor %d is %s", fd, to)
			}
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(after); f[3] != fmt.Sprint(pid) {
			t.Errorf("session %s, want one of its own, %d", f[3], pid)
		}
		if out, code := run(argv...); code != 2 || !strings.Contains(out, "Another program is already listening") {
			t.Errorf("a second one: exit status %d, %q", code, out)
		}
		syscall.Kill(pid, syscall.SIGTERM)
		b.until("it has ended", func() bool { return !alive(pid) })
	}
	for _, row := range []struct{ config, want string }{
		{"[supervisord\n", "File contains no section headers"},
		{"[supervisord]\nlogfile = /nonexistent/x.log\n", "/nonexistent"},
		{"[supervisord]\nuser = no-such-user\n", "no-such-user"},
		{"[supervisord]\nminfds = 99999999\n", "minimum number of file descriptors"},
		{"[unix_http_server]\nfile = /nonexistent/s.sock\n[supervisord]\n", "Cannot open an HTTP server"},
		{"[inet_http_server]\nport = 1.2.3.4:9\n[supervisord]\n", "Cannot open an HTTP server"},
		{"[program:p]\ncommand = sleep\nstartsecs = soon\n[supervisord]\n", "startsecs"},
		{"", "does not include"},
	} {
		b.write("bad.conf", strings.Replace(row.config, "[supervisord]\n", "[supervisord]\npidfile = %(here)s/bad.pid\nlogfile = %(here)s/bad.log\n", 1))
		if strings.Contains(row.config, "logfile") {
			b.write("bad.conf", row.config)
		}
		out, code := run("supervisord", "-c", "bad.conf")
		if code == 0 || !strings.Contains(out, row.want) {
			t.Errorf("%q: exit status %d, %q, want %q", row.config, code, out, row.want)
		}
		if strings.Contains(out, "goroutine") {
			t.Errorf("%q: %s", row.config, out)
		}
		if _, err := os.Stat(b.path("bad.pid")); err == nil {
			t.Errorf("%q: a pidfile is left", row.config)
		}
	}
}

// TestTOMLTwin: the same daemon from INI and from what conf convert makes of it.
func TestTOMLTwin(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	var text strings.Builder
	for _, s := range inStates {
		fmt.Fprintf(&text, "[program:%s]\n%s", strings.ToLower(s.state), s.program)
	}
	b.config("", text.String()+`
[program:many]
process_name = %(program_name)s_%(process_num)02d
numprocs = 3
numprocs_start = 5
command = sh -c 'echo "$A,$B" %(process_num)d; exec sleep 1000'
environment = A="x,y",B="%%d"
startsecs = 0
stopsignal = QUIT
exitcodes = 0,2
umask = 027
stdout_logfile_maxbytes = 2MB
[group:g]
programs = many
priority = 5
[eventlistener:l]
command = cat
events = PROCESS_STATE,TICK_5
buffer_size = 50
`)
	rows := func() string {
		t.Helper()
		b.all("RUNNING", "many_05", "many_06", "many_07", "l")
		var all strings.Builder
		for _, p := range b.status() {
			fmt.Fprintln(&all, p.Group, p.Name, p.State)
		}
		out, _ := b.ctl("avail")
		all.WriteString(out)
		b.until("it has said its line", func() bool { out, _ = b.ctl("tail", "g:many_06"); return strings.Contains(out, " 6\n") })
		all.WriteString(out)
		return all.String()
	}
	b.start()
	want := rows()
	b.stop()
	if !strings.Contains(want, "x,y,%d 6\n") || !strings.Contains(want, "many_05") {
		t.Errorf("INI: %s", want)
	}
	toml, err := exec.Command("gosv", "conf", "convert", b.path("s.conf")).Output()
	if err != nil {
		t.Fatalf("convert: %v", err)
	}
	b.write("s.toml", string(toml))
	if out, err := exec.Command("gosv", "conf", "check", b.path("s.toml")).CombinedOutput(); err != nil {
		t.Errorf("check: %v %s", err, out)
	}
	ini := b.read("s.conf")
	b.write("s.conf", string(toml)) // known by its content too
	b.start()
	if got := rows(); got != want {
		t.Errorf("TOML:\n%swant\n%s", got, want)
	}
	b.stop()
	back, err := exec.Command("gosv", "conf", "convert", b.path("s.toml")).Output()
	if err != nil {
		t.Fatalf("convert back: %v", err)
	}
	b.write("s.conf", string(back))
	b.start()
	if got := rows(); got != want {
		t.Errorf("INI again:\n%swant\n%s\nwas\n%s", got, want, ini)
	}
	b.stop()
}

// TestBothEvents: a program that stays up past startsecs and exits 0 is RUNNING and then
// EXITED, for everyone who listens; one that is quicker never was RUNNING.
func TestBothEvents(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[eventlistener:l]
command = child listen %(here)s/events
events = PROCESS_STATE
buffer_size = 1000
startsecs = 0
[program:job]
command = sh -c 'while [ ! -e %(here)s/go ]; do sleep 0.02; done'
startsecs = 1
autostart = false
[program:quick]
command = true
startsecs = 100
startretries = 0
autostart = false
`).start()
	b.do("start", named{Name: "job"})
	if p := b.one("job"); p.State != "RUNNING" {
		t.Errorf("after start: %s", p.State)
	}
	b.write("go", "")
	b.reaches("job", "EXITED")
	b.ask("start", named{Name: "quick"})
	b.reaches("quick", "FATAL")
	b.until("the listener knows", func() bool {
		_, after, ok := strings.Cut(b.read("events"), "PROCESS_STATE_FATAL")
		return ok && strings.Contains(after, "\n")
	})
	var got []string
	for line := range strings.Lines(b.read("events")) {
		if f := strings.Fields(line); len(f) > 1 && (f[1] == "processname:job" || f[1] == "processname:quick") {
			got = append(got, strings.TrimPrefix(f[0], "PROCESS_STATE_")+" "+strings.TrimPrefix(f[1], "processname:"))
		}
	}
	want := "STARTING job,RUNNING job,EXITED job,STARTING quick,BACKOFF quick,FATAL quick"
	if strings.Join(got, ",") != want {
		t.Errorf("events: %v, want %s", got, want)
	}
	b.stop()
}
