package ctl

import (
	"bufio"
	"encoding/json"
	"io"
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

// driver runs Supervisor's own Controller, one action a line, so that Python starts once.
const driver = `
import io, json, sys
from supervisor.supervisorctl import Controller
from supervisor.options import ClientOptions
for line in sys.stdin:
    options = ClientOptions()
    options.realize(['-c', sys.argv[1], line.strip()], doc='', progname='supervisorctl')
    out = io.StringIO()
    c = Controller(options, stdout=out)
    c.onecmd(' '.join(options.args))
    print(json.dumps([out.getvalue(), c.exitstatus]), flush=True)
`

// original is a Python supervisord in a directory of its own.
type original struct {
	dir, conf string
	daemon    *exec.Cmd
}

const originalConf = `[unix_http_server]
file=DIR/s
[supervisord]
logfile=DIR/main.log
pidfile=DIR/pid
childlogdir=DIR
identifier=gosvctltest
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://DIR/s
[program:cat]
command=/bin/cat
startsecs=0
priority=10
[program:manual]
command=/bin/cat
autostart=false
startsecs=0
[program:nofile]
command=/nonexistent/x
autostart=false
[program:noexec]
command=/etc/passwd
autostart=false
[program:quick]
command=/bin/false
autostart=false
startretries=0
[program:exited]
command=/bin/true
startsecs=0
autorestart=false
[program:words]
command=/bin/sh -c "printf 'one\ntwo\ngr\303\274n & <b>\n'; printf 'oops\n' >&2; exec sleep 1000"
startsecs=0
[program:nolog]
command=/bin/cat
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:g1]
command=/bin/cat
startsecs=0
[program:g2]
command=/bin/cat
startsecs=0
autostart=false
[group:grp]
programs=g1,g2
`

func startOriginal(t *testing.T, supervisord string) *original {
	t.Helper()
	o := &original{dir: t.TempDir()}
	o.conf = filepath.Join(o.dir, "supervisord.conf")
	o.write(t, originalConf)
	o.daemon = exec.Command(supervisord, "-c", o.conf)
	o.daemon.Dir = o.dir
	if err := o.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.daemon.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(20*time.Second, func() { o.daemon.Process.Kill() })
		defer timer.Stop()
		o.daemon.Wait()
	})
	deadline := time.Now().Add(60 * time.Second)
	for {
		s := runCtl(t, "supervisorctl", "", "-c", o.conf, "status", "words", "exited")
		if strings.Contains(s.out, "RUNNING") && strings.Contains(s.out, "EXITED") {
			return o
		}
		if time.Now().After(deadline) {
			t.Fatalf("supervisord does not come up: %v", s)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (o *original) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(o.conf, []byte(strings.ReplaceAll(text, "DIR", o.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAgainstSupervisor runs supervisorctl and ours through the same actions, each against
// a real supervisord of its own, and compares texts and exit codes.
func TestAgainstSupervisor(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: -short; the comparison with the real supervisord takes half a minute")
	}
	const supervisord, python = "/usr/bin/supervisord", "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import supervisor").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: Supervisor is not installed, so nothing is compared with it: %v %s", err, out)
	}
	var theirs, ours *original
	var starting sync.WaitGroup
	starting.Go(func() { theirs = startOriginal(t, supervisord) })
	starting.Go(func() { ours = startOriginal(t, supervisord) })
	starting.Wait()
	if theirs == nil || ours == nil {
		t.FailNow()
	}

	cmd := exec.Command(python, "-c", driver, theirs.conf)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	answers := json.NewDecoder(bufio.NewReader(stdout))

	edit := func(text string) func() {
		return func() { theirs.write(t, text); ours.write(t, text) }
	}
	// Where want is set, we differ on purpose: rc and beginning of the output.
	type wanted struct {
		exit int
		out  string
	}
	steps := []struct {
		action   string
		before   func()
		want     *wanted
		anyOrder bool // two that stop at the same moment: their lines come as it happens, from one supervisord too
	}{
		{action: "status"}, {action: "status all"}, {action: "status cat"}, {action: "status grp:*"}, {action: "status grp:"},
		{action: "status nope cat manual cat"}, {action: "status nope:*"}, {action: "status nope:x"}, {action: "status exited"},
		{action: "pid"}, {action: "pid all"}, {action: "pid cat nope manual"}, {action: "pid cat"}, {action: "pid grp:*"},
		{action: "version"}, {action: "version x"}, {action: "avail"}, {action: "avail x"}, {action: "reread"}, {action: "reread x"},
		{action: "help"}, {action: "help foo"}, {action: "help help"}, {action: "?status"}, {action: "!x"}, {action: "foo bar"}, {action: "exit"}, {action: "status-x"},
		{action: "help add"}, {action: "help avail"}, {action: "help clear"}, {action: "help exit"}, {action: "help fg"}, {action: "help maintail"},
		{action: "help open"}, {action: "help pid"}, {action: "help quit"}, {action: "help reload"}, {action: "help remove"}, {action: "help reread"},
		{action: "help restart"}, {action: "help shutdown"}, {action: "help signal"}, {action: "help start"}, {action: "help status"},
		{action: "help stop"}, {action: "help tail"}, {action: "help update"}, {action: "help version"},
		{action: "tail words"}, {action: "tail -4 words"}, {action: "tail -0 words"}, {action: "tail --4 words"}, {action: "tail words stderr"}, {action: "tail words x stderr"},
		{action: "tail nolog"}, {action: "tail nope"}, {action: "tail grp:*"}, {action: "tail words foo"}, {action: "tail words it's"}, {action: "tail -x words"}, {action: "tail"}, {action: "tail a b c d"}, {action: "tail -f"},
		{action: "maintail -1"}, {action: "maintail x"}, {action: "maintail -x"}, {action: "maintail -1 -2"},
		{action: "fg"}, {action: "fg a b"}, {action: "fg nope"}, {action: "fg manual"}, {action: "fg grp:*"},
		{action: "start"}, {action: "start cat"}, {action: "start nope"}, {action: "start grp:nope"}, {action: "start nope:*"}, {action: "start nofile"}, {action: "start noexec"}, {action: "start quick"},
		{action: "start cat nope nofile"}, {action: "start manual"}, {action: "start grp:*"}, {action: "start grp:*"},
		{action: "stop"}, {action: "stop manual"}, {action: "stop manual nope"}, {action: "stop nope:*"}, {action: "stop grp:*", anyOrder: true}, {action: "stop grp:*"},
		{action: "restart"}, {action: "restart manual"}, {action: "restart nope"}, {action: "restart cat manual"}, {action: "restart grp:*"}, {action: "stop grp:*", anyOrder: true},
		{action: "signal"}, {action: "signal HUP"}, {action: "signal CONT cat"}, {action: "signal FOO cat"}, {action: "signal FOO all"}, {action: "signal CONT exited"}, {action: "signal CONT nope nope:*"}, {action: "signal 18 all"},
		{action: "clear"}, {action: "clear words"}, {action: "clear nope"}, {action: "clear all"},
		{action: "clear grp:*", want: &wanted{0, "grp:g1: cleared\ngrp:g2: cleared\n"}},
		{action: "open"}, {action: "open ftp://x"}, {action: "open unix:///nonexistent/s"},
		{action: "add"}, {action: "add cat"}, {action: "add nope cat"}, {action: "remove"}, {action: "remove cat"}, {action: "remove nope"}, {action: "remove noexec"}, {action: "add noexec"},
		{action: "update"}, {action: "update nope"},
		{action: "reread", before: edit(strings.ReplaceAll(originalConf, "program:noexec", "program:fresh"))}, {action: "avail"},
		{action: "update fresh nope"}, {action: "update all"}, {action: "update"},
		{action: "reread", before: edit(strings.ReplaceAll(originalConf, "startsecs=0", "startsecs=soon"))},
		{action: "update", want: &wanted{1, "error: CANT_REREAD: invalid literal for int() with base 10: 'soon' in section 'program:g1' (file: "}},
		{action: "reload x"}, {action: "shutdown x"}, {action: "shutdown"},
	}
	begin := time.Now()
	for _, step := range steps {
		if step.before != nil {
			step.before()
		}
		var got outcome
		var running sync.WaitGroup
		running.Go(func() { got = runCtl(t, "supervisorctl", "", "-c", ours.conf, step.action) })
		var want outcome
		_, err := io.WriteString(stdin, step.action+"\n")
		if err == nil {
			err = answers.Decode(&[]any{&want.out, &want.exit})
		}
		running.Wait()
		if err != nil {
			t.Fatalf("%s: supervisorctl: %v", step.action, err)
		}
		if step.want != nil {
			if got.exit != step.want.exit || !strings.HasPrefix(got.out, step.want.out) {
				t.Errorf("%s: %v\nwant rc %d and %q", step.action, got, step.want.exit, step.want.out)
			}
			continue
		}
		got.out, want.out = normal(got.out, ours.dir), normal(want.out, theirs.dir)
		if step.anyOrder {
			got.out, want.out = sortedLines(got.out), sortedLines(want.out)
		}
		if got != want {
			t.Errorf("%s: ours\n%v\ntheirs\n%v", step.action, got, want)
		}
	}
	t.Logf("%d actions compared in %v", len(steps), time.Since(begin).Round(time.Millisecond))
}

func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

// TestFlagsAgainstSupervisor compares complaints about the command line.
func TestFlagsAgainstSupervisor(t *testing.T) {
	t.Parallel()
	const supervisorctl = "/usr/bin/supervisorctl"
	if _, err := os.Stat(supervisorctl); err != nil {
		t.Skipf("SKIPPED: Supervisor is not installed, so nothing is compared with it: %v", err)
	}
	conf := filepath.Join(t.TempDir(), "s.conf")
	if err := os.WriteFile(conf, []byte("[supervisord]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-v"}, {"--foo"}, {"-c"}, {"--configuration"}, {"--h=x"}, {"--interactive=1"},
		{"-s", "foo", "status"}, {"-s", "it's"}, {"--ser", "unix:"}, {"-s", "http://x", "-s", "http://y"}, {"-i", "-i"},
		{"-c", "/nonexistent/x"}, {"-c", conf, "status"},
		{"-s", "unix:///nonexistent/s", "-c", conf}, {"-s", "unix:///nonexistent/s", "status"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var out, errout strings.Builder
			cmd := exec.Command(supervisorctl, args...)
			cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errout, t.TempDir()
			cmd.Run()
			want := outcome{out.String(), errout.String(), cmd.ProcessState.ExitCode()}
			if got := runCtl(t, supervisorctl, "", args...); got != want {
				t.Errorf("ours\n%v\ntheirs\n%v", got, want)
			}
		})
	}
}

// normal is an output without what differs from run to run.
func normal(out, dir string) string {
	for _, r := range []struct{ re, to string }{
		{`pid \d+, uptime \d+:\d\d:\d\d`, "pid N, uptime T"},
		{`(?m)^[1-9]\d*$`, "N"},
		{`[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`, "DATE"},
		{regexp.QuoteMeta(dir), "DIR"},
	} {
		out = regexp.MustCompile(r.re).ReplaceAllString(out, r.to)
	}
	return out
}
