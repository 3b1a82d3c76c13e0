package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pid1 begins a command as PID 1 of a new PID namespace, where that is allowed.
func pid1(t *testing.T) []string {
	t.Helper()
	argv := []string{"unshare", "--pid", "--fork", "--mount-proc"}
	if os.Getuid() != 0 || exec.Command(argv[0], append(argv[1:], "true")...).Run() != nil {
		t.Skip("PID namespaces need root and unshare")
	}
	return argv
}

// TestInitPID1 is an init where it belongs.
func TestInitPID1(t *testing.T) {
	for _, row := range []struct {
		name   string
		argv   []string // after the names
		script string
		signal syscall.Signal // sent to PID 1 from outside when ready was written
		code   int
		out    string
	}{
		{name: "no warning", script: "exit 4", code: 4},
		{name: "it is PID 1", script: `echo $PPID`, out: "1\n"},
		{name: "TERM has its default effect", script: `echo ready; exec sleep 1000`, signal: syscall.SIGTERM, code: 143, out: "ready\n"},
		{name: "orphans are collected", script: `for i in 1 2 3 4 5; do sh -c 'sleep 0.05 >/dev/null & sleep 0.01 >/dev/null &'; done
			while ps -eo comm= | grep -q sleep; do true; done; ps -eo stat= | grep -c Z`, out: "0\n"},
		{name: "group", argv: []string{"-g"}, script: `trap 'wait; exit 9' TERM; sh -c 'trap "echo told; exit" TERM; echo ready; while :; do sleep 0.02; done' & while :; do wait; done`, signal: syscall.SIGTERM, code: 9, out: "ready\ntold\n"},
		{name: "rewrite", argv: []string{"--rewrite", "TERM=QUIT"}, script: `trap 'echo QUIT; exit 3' QUIT; echo ready; while :; do sleep 0.02; done`, signal: syscall.SIGTERM, code: 3, out: "ready\nQUIT\n"},
		{name: "remap", argv: []string{"--remap-exit", "143=0"}, script: `echo ready; exec sleep 1000`, signal: syscall.SIGTERM, code: 0, out: "ready\n"},
		{name: "all are gone with it", argv: []string{"--setsid"}, script: `sleep 1000 >/dev/null 2>&1 & exit 5`, code: 5},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			argv := append(append(pid1(t), "gosv", "init"), row.argv...)
			p := startInit(t, append(argv, "--", "/bin/sh", "-c", row.script), nil)
			if row.signal != 0 {
				p.wait(t, "ready\n")
				syscall.Kill(p.child(t), row.signal) // unshare's child
			}
			code, out, stderr := p.end(t)
			if strings.Contains(row.out, "0\n") {
				code = 0 // grep's
			}
			if code != row.code || out != row.out || strings.Contains(stderr, "PID 1") {
				t.Errorf("exit status %d, wrote %q, said %q; want %d, %q", code, out, stderr, row.code, row.out)
			}
		})
	}
}

// TestTenThousandOrphans: all orphans of a crowd are collected, and no zombie is left, by the
// init and by the daemon as PID 1.
func TestTenThousandOrphans(t *testing.T) {
	n := "10000"
	if testing.Short() {
		n = "500"
	}
	ns := pid1(t)
	for _, who := range []string{"init", "daemon"} {
		t.Run(who, func(t *testing.T) {
			dir := t.TempDir()
			// The middle process leaves its children, which wait for the end of a pipe, so that all
			// end at once. The children of PID 1 are then the command and those not yet collected.
			script := `
		mkfifo ` + dir + `/hold
		exec 9<>` + dir + `/hold
		sh -c 'i=0; while [ $i -lt ` + n + ` ]; do (exec <` + dir + `/hold 9>&- >/dev/null 2>&1; read x) & i=$((i+1)); done; exit 0'
		count() { cat /proc/1/task/*/children | wc -w; }
		until [ "$(count)" -gt ` + n + ` ]; do sleep 0.05; done
		echo all are there
		exec 9>&-
		until [ "$(count)" -le 1 ]; do sleep 0.05; done
		echo all are gone`
			argv := []string{"gosv", "--", "/bin/sh", "-c", script}
			if who == "daemon" {
				writeConf(t, dir+"/script", script)
				argv = []string{"gosv", "daemon", "-c", writeConf(t, dir+"/s.toml", `
[unix_http_server]
file = "`+dir+`/s.sock"
[supervisord]
logfile = "`+dir+`/d.log"
silent = true
pidfile = "none"
exit_on = "main=mother"
[program.mother]
command = ["/bin/sh", "`+dir+`/script"]
autorestart = false
startsecs = 0
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
`)}
			}
			p := startInit(t, append(ns[:len(ns):len(ns)], argv...), nil)
			p.wait(t, "all are there\n")
			if code, out, stderr := p.end(t); code != 0 || !strings.HasSuffix(out, "all are gone\n") {
				t.Errorf("exit status %d, wrote %q, said %q", code, out, stderr)
			}
		})
	}
}

// TestDaemonPID1: the daemon as PID 1 stays in the foreground by itself, collects the orphans
// of its programs, and ends with 0 at TERM.
func TestDaemonPID1(t *testing.T) {
	t.Parallel()
	unshare := pid1(t)
	dir := t.TempDir()
	file := writeConf(t, dir+"/s.toml", `
[unix_http_server]
file = "`+dir+`/s.sock"
[supervisord]
logfile = "none"
pidfile = "none"
[program.mother]
command = ["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.05 &) ; done; while ps -eo comm= | grep -q sleep; do :; done; ps -eo stat= | grep -c Z; echo done; exec sleep 1000"]
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
`)
	p := startInit(t, append(unshare, "gosv", "daemon", "-c", file), nil)
	p.wait(t, "done\n")
	syscall.Kill(p.child(t), syscall.SIGTERM)
	code, out, stderr := p.end(t)
	if code != 0 || !strings.Contains(out, "\n0\ndone\n") {
		t.Errorf("exit status %d, %q, %q; want 0 zombies and status 0", code, out, stderr)
	}
}

// TestStalledReader: nobody reads the container's standard output for a while. The daemon
// answers all the time; after that every line is whole, and drop says how many are missing,
// while with block none is.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	ns := pid1(t)
	for _, overflow := range []string{"block", "drop"} {
		t.Run(overflow, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := writeConf(t, dir+"/s.toml", `
[unix_http_server]
file = "`+dir+`/s.sock"
metrics = true
[supervisord]
logfile = "none"
pidfile = "none"
log_format = "json"
log_overflow = "`+overflow+`"
[program.count]
command = ["seq", "1000000000"]
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
startsecs = 0
`)
			p := startInit(t, append(ns[:len(ns):len(ns)], "gosv", "daemon", "-c", file), nil)
			figure := func(name string) int {
				out, _ := exec.Command("get", "unix://"+dir+"/s.sock", "/metrics").Output()
				_, after, _ := strings.Cut(string(out), name+`{program="count",group="count",process="count",stream="stdout"} `)
				n, _ := strconv.Atoi(strings.SplitN(after, "\n", 2)[0])
				return n
			}
			// A MiB is kept; a line of some digits is 6 bytes here and 100 as JSON.
			until(t, "more is written than is kept", func() bool { return figure("gosv_process_log_bytes_total") > 40_000 })
			if overflow == "drop" {
				until(t, "something is lost", func() bool { return figure("gosv_process_log_lost_bytes_total") > 0 })
			}
			if out, err := exec.Command("gosv", "ctl", "-c", file, "stop", "count").CombinedOutput(); err != nil {
				t.Errorf("ctl stop: %v\n%s", err, out)
			}
			// Read up to the line that comes after all that was kept.
			go exec.Command("gosv", "ctl", "-c", file, "shutdown").Run()
			_, out, stderr := p.end(t)
			last, missing, said := 0, 0, false
			for line := range strings.Lines(out) {
				var l struct{ Program, Log string }
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%v: %q", err, line)
				}
				said = said || strings.Contains(l.Log, "lines) were lost")
				// The last one may be half of a number, with which seq was stopped.
				if n, err := strconv.Atoi(l.Log); err == nil && l.Program == "count" && n > last {
					missing += n - last - 1
					last = n
				}
			}
			if last < 1000 || missing > 0 && overflow == "block" || said != (overflow == "drop") {
				t.Errorf("%d lines, %d missing, said so: %v\n%s", last, missing, said, stderr)
			}
		})
	}
}
