package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// initRow is one documented behaviour of tini or dumb-init. It is tried with the original,
// where it is installed, with gosv under its name, and with gosv init.
type initRow struct {
	name              string
	tini              []string // its flags; nil: tini does not document it
	dumb              []string // the same of dumb-init
	env               []string
	cmd               []string
	do                func(t *testing.T, p *initProc) // while it runs
	code              int
	out               string // regular expressions for all that was written
	err               string
	ours              []string // flags for gosv init, when they are not the original's
	notInit, onlyInit bool     // not with gosv init, or only with it
	bare              bool     // without "--" before the command
	// What gosv does better than the original, so that only gosv is tried.
	onlyGosv bool
}

var none = []string{}

func initRows() []initRow {
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	return []initRow{
		{name: "exit 0", tini: none, dumb: none, cmd: sh("exit 0")},
		{name: "exit 255", tini: none, dumb: none, cmd: sh("exit 255"), code: 255},
		{name: "a signal is 128 and its number", tini: none, dumb: none, cmd: sh("kill -KILL $$"), code: 137},
		{name: "words after the command are its own", tini: none, dumb: none, cmd: []string{"echo", "-s", "--", "-x"}, out: `^-s -- -x\n$`},
		{name: "not found", tini: none, cmd: []string{"/nonexistent/command"}, code: 127, err: `/nonexistent/command`},
		{name: "not executable", tini: none, cmd: []string{"/etc/passwd"}, code: 126, err: `/etc/passwd`},
		{name: "a directory", tini: none, cmd: []string{"/etc"}, code: 126, err: `/etc`},
		{name: "not found in PATH", tini: none, env: []string{"PATH=/usr/bin:/bin"}, cmd: []string{"nosuchcommand"}, code: 127, err: `nosuchcommand`},
		{name: "the environment is the command's", tini: none, dumb: none, env: []string{"A=b c"}, cmd: sh(`echo "$A"`), out: "^b c\n$"},
		{name: "standard input is the command's", tini: none, dumb: none, cmd: []string{"cat"}, do: func(t *testing.T, p *initProc) {
			p.in.Write([]byte("through\n"))
			p.in.Close()
		}, out: "^through\n$"},
		{name: "in itself", tini: none, dumb: []string{"-c"}, cmd: []string{"gosv", "--", "gosv", "--", "echo", "hi"}, out: "^hi\n$"},
		{name: "TERM ends a command that does nothing about it", tini: none, dumb: none, cmd: sh("echo ready; exec sleep 1000"),
			do: readyThen(syscall.SIGTERM), code: 143},

		{name: "-e", tini: []string{"-e", "143"}, cmd: sh("exit 143"), code: 0},
		{name: "-e of a signal", tini: []string{"-e", "143"}, cmd: sh("kill -TERM $$"), code: 0},
		{name: "-e twice", tini: []string{"-e", "3", "-e", "4"}, cmd: sh("exit 4"), code: 0},
		{name: "-e of another code", tini: []string{"-e", "3"}, cmd: sh("exit 4"), code: 4},
		{name: "-e 256", tini: []string{"-e", "256"}, cmd: sh("exit 0"), code: 1, err: "."},
		{name: "--remap-exit", tini: []string{"--remap-exit", "143=0,3=4"}, cmd: sh("exit 3"), code: 4, onlyGosv: true},

		{name: "signals go to the command alone", tini: []string{"-s"}, dumb: []string{"-c"}, cmd: family("parent alone"), do: readyThen(syscall.SIGUSR1), code: 0,
			out: "(?s)^ready\nparent\n$"},
		{name: "-g: signals go to the group", tini: []string{"-s", "-g"}, dumb: none, cmd: family("all"), do: readyThen(syscall.SIGUSR1), code: 0,
			out: "(?s)^ready\n(parent\nchild\n|child\nparent\n)$"},
		{name: "TINI_KILL_PROCESS_GROUP", tini: []string{"-s"}, env: []string{"TINI_KILL_PROCESS_GROUP=1"}, cmd: family("all"), do: readyThen(syscall.SIGUSR1), code: 0,
			out: "(?s)^ready\n(parent\nchild\n|child\nparent\n)$"},
		{name: "DUMB_INIT_SETSID=0", dumb: none, env: []string{"DUMB_INIT_SETSID=0"}, ours: []string{"-c"}, cmd: family("parent alone"), do: readyThen(syscall.SIGUSR1), code: 0,
			out: "(?s)^ready\nparent\n$"},
		{name: "--single-child", dumb: []string{"--single-child"}, cmd: family("parent alone"), do: readyThen(syscall.SIGUSR1), code: 0, out: "(?s)^ready\nparent\n$"},
		{name: "the command leads a session", dumb: none, cmd: sh(`ps -o sid= -p $$ | tr -d ' '; echo $$`), out: `^(\d+)\n(\d+)\n$`, do: nil},
		{name: "what is left of the group is told to end", dumb: none, cmd: sh(`(trap 'echo told; exit' TERM; echo ready; while :; do sleep 0.05; done) & read x; exit 3`),
			do: func(t *testing.T, p *initProc) {
				p.wait(t, "ready\n")
				p.in.Write([]byte("\n"))
				p.wait(t, "told\n")
			}, code: 3},

		{name: "-r 15:2", dumb: []string{"-r", "15:2"}, cmd: traps("TERM", "INT"), do: readyThen(syscall.SIGTERM), out: "INT\n$"},
		{name: "--rewrite=15:10", dumb: []string{"--rewrite=15:10"}, cmd: traps("TERM", "USR1"), do: readyThen(syscall.SIGTERM), out: "USR1\n$"},
		{name: "--rewrite TERM=QUIT", dumb: []string{"--rewrite", "TERM=QUIT"}, cmd: traps("TERM", "QUIT"), do: readyThen(syscall.SIGTERM), out: "QUIT\n$", onlyGosv: true},
		{name: "several rewrites", dumb: []string{"-r", "1:2", "-r", "15:3"}, cmd: traps("INT", "QUIT", "TERM", "HUP"), do: readyThen(syscall.SIGTERM), out: "QUIT\n$"},
		{name: "a rewrite to 0 drops", dumb: []string{"-r", "1:0"}, cmd: traps("HUP", "TERM"), do: func(t *testing.T, p *initProc) {
			p.wait(t, "ready\n")
			p.signal(syscall.SIGHUP)
			p.signal(syscall.SIGTERM)
		}, out: "^ready\nTERM\n$"},
		{name: "a bad rewrite", dumb: []string{"-r", "x:y"}, cmd: sh("exit 0"), code: 1, err: "."},

		{name: "-s takes orphans", tini: []string{"-s"}, cmd: orphan(), out: `^reaped by init\n$`},
		{name: "TINI_SUBREAPER", tini: none, env: []string{"TINI_SUBREAPER="}, cmd: orphan(), out: `^reaped by init\n$`},
		{name: "without -s it warns", tini: none, cmd: sh("exit 0"), err: `^\[WARN .*PID 1`, notInit: true},
		{name: "gosv init takes orphans without being asked", tini: none, cmd: orphan(), out: `^reaped by init\n$`, err: `^$`, onlyInit: true},
		{name: "with -s it does not", tini: []string{"-s"}, cmd: sh("exit 0"), err: `^$`},
		{name: "TINI_VERBOSITY=3", tini: []string{"-s"}, env: []string{"TINI_VERBOSITY=3"}, cmd: sh("exit 0"), err: `(?s)^\[INFO .*pid .*\[DEBUG .*status 0\n$`, onlyGosv: true}, // the original writes these to stdout
		{name: "TINI_VERBOSITY=0 is silent", tini: none, env: []string{"TINI_VERBOSITY=0"}, cmd: sh("exit 0"), err: `^$`},
		{name: "-v", tini: []string{"-s", "-v"}, cmd: sh("exit 0"), err: `^\[INFO .*pid \d+\n$`, onlyGosv: true},
		{name: "-vvv", tini: []string{"-s", "-vvv"}, cmd: sh("exit 3"), code: 3, err: `(?s)^\[TRACE.*DEBUG.*exit status 3`, onlyGosv: true},
		{name: "-w", tini: []string{"-s", "-w"}, cmd: orphan(), err: `^\[WARN .*[Rr]eaped zombie .*pid`},
		{name: "--verbose", dumb: []string{"--verbose"}, cmd: sh("exit 0"), err: `(?i)pid`},
		{name: "DUMB_INIT_DEBUG=1", dumb: none, env: []string{"DUMB_INIT_DEBUG=1"}, ours: []string{"-v", "-v"}, cmd: sh("exit 0"), err: `(?i)pid`},
		{name: "DUMB_INIT_DEBUG=0", dumb: none, env: []string{"DUMB_INIT_DEBUG=0"}, cmd: sh("exit 0"), err: `^$`},
		{name: "no -- is needed", dumb: none, bare: true, cmd: []string{"sh", "-c", "exit 3", "-s"}, code: 3},
		{name: "-p", tini: []string{"-p", "SIGTERM"}, cmd: sh("exit 6"), code: 6},
		{name: "-p of no signal", tini: []string{"-p", "FOO"}, cmd: sh("exit 0"), code: 1, err: "FOO"},

		{name: "no command", tini: none, dumb: none, code: 1, err: `(?i)usage|no command`},
		{name: "an unknown flag", tini: []string{"-q"}, dumb: []string{"-q"}, cmd: sh("exit 0"), code: 1, err: `q`},
		{name: "-h", tini: []string{"-h"}, out: `(?i)usage`},
		{name: "--help", dumb: []string{"--help"}, out: `(?i)usage`, onlyGosv: true}, // the original writes it to stderr
		{name: "--version", tini: []string{"--version"}, out: `\d\.\d`},
		{name: "-V", dumb: []string{"-V"}, out: `\d\.\d`, onlyGosv: true},
		{name: "-l", tini: []string{"-l"}, out: `MIT`},
		{name: "the working directory is not held", dumb: none, cmd: []string{"/bin/sh", "-c", `echo ready; pwd; read x`}, do: func(t *testing.T, p *initProc) {
			p.wait(t, "ready\n")
			until(t, "it works in /", func() bool { dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.cmd.Process.Pid)); return dir == "/" })
			p.in.Write([]byte("\n"))
		}, out: "^ready\n/.+\n$"},

		{name: "TSTP stops both, CONT continues both", dumb: none, cmd: traps("TERM"), do: stopAndGoOn, out: "TERM\n$"},
		{name: "the same without a session", dumb: []string{"-c"}, cmd: traps("TERM"), do: stopAndGoOn, out: "TERM\n$"},
	}
}

// TestInit walks the rows.
func TestInit(t *testing.T) {
	for _, row := range initRows() {
		for _, tool := range []struct {
			name     string
			flags    []string
			original bool
		}{{"tini", row.tini, true}, {"dumb-init", row.dumb, true}, {"tini", row.tini, false}, {"dumb-init", row.dumb, false}} {
			if tool.flags == nil || tool.original && row.onlyInit || !tool.original && row.notInit {
				continue
			}
			who := [][]string{{"gosv-as", tool.name}}
			if !tool.original {
				ours := []string{"gosv", "init"}
				if tool.name == "dumb-init" {
					ours = append(ours, "--setsid")
				}
				who = [][]string{append(ours, row.ours...)}
			} else if path, err := exec.LookPath(tool.name); err == nil && !row.onlyGosv {
				who = append(who, []string{path})
			}
			for _, argv := range who {
				t.Run(row.name+"/"+strings.Join(argv, " "), func(t *testing.T) {
					t.Parallel()
					row.run(t, append(slices.Clone(argv), tool.flags...), argv[0] == "gosv")
				})
			}
		}
	}
}

func (row initRow) run(t *testing.T, argv []string, gosv bool) {
	if len(row.cmd) > 0 && !row.bare {
		argv = append(argv, "--")
	}
	argv = append(argv, row.cmd...)
	p := startInit(t, argv, row.env)
	if row.do != nil {
		row.do(t, p)
	}
	code, out, stderr := p.end(t)
	want := row.code
	if gosv && want == 1 {
		want = 2 // a wrong command line, as everywhere in gosv
	}
	if code != want {
		t.Errorf("%q exited with %d, want %d; it said %s", argv, code, want, stderr)
	}
	if !regexp.MustCompile(row.out).MatchString(out) {
		t.Errorf("%q wrote %q, want %q", argv, out, row.out)
	}
	if !regexp.MustCompile(row.err).MatchString(stderr) {
		t.Errorf("%q said %q, want %q", argv, stderr, row.err)
	}
	if row.name == "the command leads a session" {
		if sid, pid, _ := strings.Cut(strings.TrimSpace(out), "\n"); sid != pid {
			t.Errorf("the command is %s in session %s, want its own", pid, sid)
		}
	}
}

// family is a command that writes "parent" at USR1 and ends after its child, which writes "child"
// and ends if it gets USR1 too. A child that is not meant to get it is killed after a moment.
func family(who string) []string {
	end := "wait $!"
	if who != "all" {
		end = "sleep 0.2; kill -KILL $!"
	}
	return []string{"/bin/sh", "-c", `
		trap 'echo parent; ` + end + ` 2>/dev/null; exit 0' USR1
		sh -c 'trap "echo child; exit" USR1; echo ready; while :; do sleep 0.05; done' &
		while :; do wait; done`}
}

// traps is a command that writes the name of the first of these signals that it gets. It has
// no children: a shell whose child is stopped between vfork and exec is never seen as stopped.
func traps(names ...string) []string {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "trap 'echo %s; exit 0' %s\n", n, n)
	}
	return []string{"/bin/sh", "-c", b.String() + "echo ready; while :; do read x; done"}
}

// orphan is a command that leaves an orphan, and waits until the init has collected it.
func orphan() []string {
	return []string{"/bin/sh", "-c", `
		init=$PPID
		pid=$(sh -c 'sleep 0.1 >/dev/null 2>&1 & echo $!')
		while [ -e /proc/$pid ]; do
			read -r _ _ _ parent _ </proc/$pid/stat 2>/dev/null && [ "$parent" != "$init" ] && [ "$parent" = 1 ] && echo "lost to $parent"
			sleep 0.02
		done
		echo reaped by init`}
}

func readyThen(sig syscall.Signal) func(*testing.T, *initProc) {
	return func(t *testing.T, p *initProc) {
		p.wait(t, "ready\n")
		p.signal(sig)
	}
}

func stopAndGoOn(t *testing.T, p *initProc) {
	p.wait(t, "ready\n")
	child := p.child(t)
	p.signal(syscall.SIGTSTP)
	until(t, "both are stopped", func() bool { return procState(p.cmd.Process.Pid) == "T" && procState(child) == "T" })
	p.signal(syscall.SIGCONT)
	until(t, "both go on", func() bool { return procState(p.cmd.Process.Pid) != "T" && procState(child) != "T" })
	p.signal(syscall.SIGTERM)
}

// initProc is an init that a test has started.
type initProc struct {
	cmd  *exec.Cmd
	in   *os.File
	out  *bufio.Reader
	seen bytes.Buffer
	err  bytes.Buffer
}

func startInit(t *testing.T, argv, env []string) *initProc {
	t.Helper()
	p := &initProc{cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), env...)
	// In a group of its own, whose parent's group is another of the session: the kernel
	// ignores SIGTSTP in a group that nobody could continue, as ours is in the background.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stderr = &p.err
	p.cmd.WaitDelay = 10 * time.Second // what keeps stderr is not the test's matter
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stdin, p.in, p.out = w, in, ours, bufio.NewReader(r)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	in.Close()
	t.Cleanup(func() { p.cmd.Process.Kill(); r.Close(); ours.Close() })
	return p
}

// wait reads until a line was written.
func (p *initProc) wait(t *testing.T, line string) {
	t.Helper()
	p.read(t, line, func(s string) bool { return s == line })
}

// waitFor reads until a line matches.
func (p *initProc) waitFor(t *testing.T, pattern string) {
	t.Helper()
	p.read(t, pattern, regexp.MustCompile(pattern).MatchString)
}

func (p *initProc) read(t *testing.T, line string, is func(string) bool) {
	t.Helper()
	got := make(chan error, 1)
	go func() {
		for {
			s, err := p.out.ReadString('\n')
			p.seen.WriteString(s)
			if err != nil || is(s) {
				got <- err
				return
			}
		}
	}()
	select {
	case err := <-got:
		if err != nil {
			t.Fatalf("%q ended before %q: %v; it wrote %q and said %q", p.cmd.Args, line, err, p.seen.String(), p.err.String())
		}
	case <-time.After(patience):
		t.Fatalf("%q did not write %q", p.cmd.Args, line)
	}
}

func (p *initProc) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// end waits for the init, and returns all that was written.
func (p *initProc) end(t *testing.T) (code int, out, stderr string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		p.seen.ReadFrom(p.out)
		p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		p.cmd.Process.Kill()
		t.Fatalf("%q did not end", p.cmd.Args)
	}
	return p.cmd.ProcessState.ExitCode(), p.seen.String(), p.err.String()
}

// child is the pid of the command.
func (p *initProc) child(t *testing.T) int {
	t.Helper()
	var pid int
	until(t, "there is a command", func() bool {
		pid = 0
		for _, c := range childrenOf(p.cmd.Process.Pid) {
			pid = c
		}
		return pid != 0
	})
	return pid
}

// childrenOf are the children of a process, zombies too.
func childrenOf(pid int) (list []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		stat, _ := os.ReadFile(f)
		_, after, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			list = append(list, n)
		}
	}
	return list
}

// procState is the letter of a process's state, "" when there is none.
func procState(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	state, _, _ := strings.Cut(after, " ")
	return state
}

// until polls a condition, with a deadline.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("time is over, and it is not so that %s", what)
		}
	}
}
