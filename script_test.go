package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gosv/proc/testenv"
)

var update = flag.Bool("update", false, "refresh golden files")

// TestMain lets the test binary play gosv, its other names and the programs that the
// scripts supervise.
func TestMain(m *testing.M) {
	if strings.HasSuffix(os.Args[0], ".test") { // not what is played: it has the environment that it was given
		testenv.Plain()
	}
	self := func(name string) func() {
		return func() { os.Exit(run(append([]string{name}, os.Args[1:]...))) }
	}
	testscript.Main(marked{m}, map[string]func(){
		"gosv":                  self("gosv"),
		"pidproxy":              self(os.Args[0]),
		"supervisord":           self(os.Args[0]),
		"supervisorctl":         self(os.Args[0]),
		"echo_supervisord_conf": self("echo_supervisord_conf"),
		"gosv-exec":             self("gosv-exec"),
		"gosv-keeper":           self("gosv-keeper"),
		"gosv-windup":           self("gosv-windup"),
		"gosv-as":               func() { os.Exit(run(os.Args[1:])) }, // gosv-as NAME ARG...
		"get":                   get,
		"child":                 child,
		"jumpy":                 jumpy,
		"soaker":                soaker,
	})
}

// marked marks all that the tests start, and says at the end what they have left behind.
type marked struct{ *testing.M }

func (m marked) Run() int {
	mark := fmt.Sprintf("GOSV_TESTS=%d", os.Getpid())
	name, value, _ := strings.Cut(mark, "=")
	os.Setenv(name, value)
	code := m.M.Run()
	left := withEnv(mark)
	for end := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(end); left = withEnv(mark) {
		time.Sleep(20 * time.Millisecond) // between two looks of a poll with a deadline
	}
	for _, pid := range left {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		fmt.Printf("LEFT BEHIND by a test, and killed: %d %.200q\n", pid, strings.ReplaceAll(string(line), "\x00", " "))
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return code
}

// withEnv is the pids of all living processes that were started with a variable.
func withEnv(entry string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if env, err := os.ReadFile(f); err == nil && strings.Contains("\x00"+string(env), "\x00"+entry+"\x00") && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// patience is how long a test waits for what must come: a machine may be slow, and others be busy on it.
const patience = 3 * time.Minute

// TestScript runs testdata/script: one file, one behaviour, with real processes.
func TestScript(t *testing.T) {
	if testing.Short() {
		t.Skip("scripts with real processes: not in the short run")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			repo, err := os.Getwd()
			if err != nil {
				return err
			}
			e.Setenv("REPO", repo)
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, ".tmp"))
			e.Setenv("SOCK", filepath.Join(e.WorkDir, "s.sock"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "unshare":
				return os.Getuid() == 0 && exec.Command("unshare", "-m", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor": waitFor,
			"gone":    gone,
			"nochild": noChild,
		},
	})
}

// waitFor runs a command again and again until its output matches: waitfor REGEXP CMD ARGS...
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: waitfor REGEXP COMMAND [ARG...]")
	}
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		if re.MatchString(out) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q did not match after %v; the last output of %v was:\n%s%s", args[0], patience, args[1:], out, ts.ReadFile("stderr"))
		}
		time.Sleep(30 * time.Millisecond) // between two looks of a poll with a deadline
	}
}

// gone waits until the process whose pid is in a file no longer runs: gone FILE...
func gone(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(name)))
		ts.Check(err)
		deadline := time.Now().Add(patience)
		for alive(pid) != neg {
			if time.Now().After(deadline) {
				ts.Fatalf("process %d (%s): alive is %v", pid, name, alive(pid))
			}
			time.Sleep(20 * time.Millisecond) // as above
		}
	}
}

// noChild fails if a process that has the script's folder in its environment still lives:
// nochild MARK.
func noChild(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(patience)
	for {
		left := withEnv("GOSV_MARK=" + args[0])
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("still alive: %v", left)
		}
		time.Sleep(50 * time.Millisecond) // as above
	}
}

// alive says whether a pid runs; a zombie that its own parent has not collected does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// child is the program that the scripts supervise: child VERB [ARG]...
func child() {
	args := append(os.Args[1:], "", "")
	if f := os.Getenv("CHILD_PIDFILE"); f != "" {
		os.WriteFile(f, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	}
	switch args[0] {
	case "sleep": // until a signal ends it
		pause()
	case "stubborn": // ignores the usual signals
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
		fmt.Println("ignoring signals")
		pause()
	case "exit": // exit CODE [after DURATION]
		code, _ := strconv.Atoi(args[1])
		if d, err := time.ParseDuration(args[2]); err == nil {
			time.Sleep(d) // the program's own behaviour, not a test's waiting
		}
		os.Exit(code)
	case "say": // say TEXT, on both streams, then sleep
		fmt.Println(args[1])
		fmt.Fprintln(os.Stderr, "err:"+args[1])
		pause()
	case "env": // the environment, then sleep
		for _, e := range os.Environ() {
			fmt.Println(e)
		}
		pause()
	case "echo": // what comes on stdin goes to stdout
		buf := make([]byte, 4096)
		for {
			n, err := os.Stdin.Read(buf)
			if err != nil {
				return
			}
			os.Stdout.Write(buf[:n])
		}
	case "lines": // lines N: numbered, without a pause, then sleep
		n, _ := strconv.Atoi(args[1])
		for i := range n {
			fmt.Printf("line %08d\n", i)
		}
		pause()
	case "args": // its arguments and short-named environment, one a line
		for _, a := range os.Args[2:] {
			fmt.Println(a)
		}
		for c := 'A'; c <= 'H'; c++ {
			fmt.Printf("%c=%s\n", c, os.Getenv(string(c)))
		}
		fmt.Println("end")
		pause()
	case "listen": // listen FILE: an event listener that keeps "EVENTNAME PAYLOAD" lines
		f, err := os.Create(args[1])
		if err != nil {
			os.Exit(1)
		}
		in := bufio.NewReader(os.Stdin)
		for {
			fmt.Print("READY\n")
			header, err := in.ReadString('\n')
			if err != nil {
				return
			}
			var name string
			var n int
			for _, field := range strings.Fields(header) {
				fmt.Sscanf(field, "eventname:%s", &name)
				fmt.Sscanf(field, "len:%d", &n)
			}
			payload := make([]byte, n)
			if _, err := io.ReadFull(in, payload); err != nil {
				return
			}
			fmt.Fprintf(f, "%s %s\n", name, strings.ReplaceAll(string(payload), "\n", " "))
			fmt.Print("RESULT 2\nOK")
		}
	case "meter": // meter FILE: numbered lines for ever; FILE has their number and the slowest write
		f, err := os.Create(args[1])
		if err != nil {
			os.Exit(1)
		}
		slowest := time.Duration(0)
		for i := 0; ; i++ {
			begin := time.Now()
			if _, err := fmt.Printf(meterFormat, i); err != nil {
				os.Exit(1)
			}
			slowest = max(slowest, time.Since(begin))
			if i%8 == 7 {
				f.WriteAt(fmt.Appendf(nil, "%12d %15v\n", i+1, slowest.Round(time.Microsecond)), 0)
				time.Sleep(time.Millisecond) // the program's own behaviour: 0.5 MB/s at most
			}
		}
	case "traps": // exits 7 at SIGTERM, 8 at SIGINT
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		if <-c == syscall.SIGTERM {
			os.Exit(7)
		}
		os.Exit(8)
	default:
		fmt.Fprintf(os.Stderr, "child: no verb %q\n", args[0])
		os.Exit(2)
	}
}

// meterFormat makes lines of 64 bytes.
const meterFormat = "%063d\n"

// pause sleeps until a signal ends the process.
func pause() {
	for {
		time.Sleep(time.Hour) // the program's own behaviour
	}
}
