package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// typist is a terminal with a program in it and somebody at the keys.
type typist struct {
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex // guards seen
	seen bytes.Buffer
	over chan struct{}
}

func onTerminal(t *testing.T, argv ...string) *typist {
	t.Helper()
	p := &typist{cmd: exec.Command(argv[0], argv[1:]...), over: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TERM=dumb", "PS1=prompt$ ")
	tty, err := pty.Start(p.cmd)
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	p.tty = tty
	go func() {
		defer close(p.over)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			p.mu.Lock()
			p.seen.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { p.cmd.Process.Kill(); tty.Close() })
	return p
}

func (p *typist) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.seen.String(), "\r\n", "\n")
}

// shows waits until the screen has the text.
func (p *typist) shows(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.screen(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q did not come on the screen, which is:\n%s", text, p.screen())
		}
	}
}

func (p *typist) types(keys string) { p.tty.Write([]byte(keys)) }

func (p *typist) exits(t *testing.T, code int) {
	t.Helper()
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%q did not end; the screen is:\n%s", p.cmd.Args, p.screen())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%q exited with %d, want %d; the screen is:\n%s", p.cmd.Args, got, code, p.screen())
	}
}

func TestInitTerminal(t *testing.T) {
	t.Run("the command's group is in the foreground", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "gosv", "init", "-s", "--", "sh", "-c", `set -- $(ps -o pgid=,tpgid= -p $$); [ $1 = $2 ] && [ $1 = $$ ] && echo foreground; read line; echo "got $line"`)
		p.shows(t, "foreground\n")
		p.types("hello\n")
		p.shows(t, "got hello\n")
		p.exits(t, 0)
	})
	t.Run("Ctrl-C reaches the command, once", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "gosv", "init", "-s", "-g", "--", "sh", "-c", `trap 'echo INT; n=$((n+1))' INT; trap 'echo $n; exit 9' QUIT; echo ready; while :; do sleep 0.05; done`)
		p.shows(t, "ready\n")
		p.types("\x03")
		p.shows(t, "INT\n")
		p.types("\x1c")
		p.shows(t, "1\n")
		p.exits(t, 9)
	})
	t.Run("a session of its own has the terminal", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "gosv", "init", "-s", "--setsid", "--", "sh", "-c", `trap 'echo INT >/dev/tty; exit 8' INT; trap 'echo lost; exit 1' HUP; set -- $(ps -o sid=,tpgid= -p $$); [ $1 = $$ ] && [ $2 = $$ ] && echo ready; while :; do sleep 0.05; done`)
		p.shows(t, "ready\n")
		p.types("\x03")
		p.shows(t, "INT\n")
		p.exits(t, 8)
	})
	t.Run("the terminal comes back", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "sh", "-c", `gosv init -s -- true; read line; echo "got $line"`)
		p.types("hello\n")
		p.shows(t, "got hello\n")
		p.exits(t, 0)
	})
	t.Run("a background init leaves the terminal alone", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "bash", "--norc", "--noprofile", "-i")
		p.shows(t, "prompt$ ") // before that, what is typed is shown twice
		p.types("gosv init -s -- sleep 1000 &\n")
		p.types("read x; echo got $x\n")
		p.types("hello\n")
		p.shows(t, "got hello\n")
		p.types("kill %1; wait %1; echo ended $?\n")
		p.shows(t, "ended 143\n")
	})
	t.Run("Ctrl-Z, fg and bg", func(t *testing.T) {
		t.Parallel()
		p := onTerminal(t, "bash", "--norc", "--noprofile", "-i")
		p.shows(t, "prompt$ ") // before that, what is typed is shown twice
		p.types("gosv init -s -- sh -c 'echo on; exec cat'\n")
		p.shows(t, "\non\n")
		p.types("one\n")
		p.shows(t, "one\none\n")
		p.types("\x1a")
		p.shows(t, "Stopped")
		p.types("echo still $((40+2))\n")
		p.shows(t, "still 42\n")
		p.types("fg; echo code $?\n")
		until(t, "fg has named the command", func() bool { return strings.Count(p.screen(), "exec cat'\n") == 3 })
		p.types("two\n")
		p.shows(t, "two\ntwo\n")
		p.types("\x04")
		p.shows(t, "code 0\n")
		p.types("exit 3\n")
		p.exits(t, 3)
	})
	t.Run("what cannot be executed", func(t *testing.T) {
		t.Parallel()
		file := t.TempDir() + "/script"
		if err := os.WriteFile(file, []byte("#!/nonexistent/interpreter\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := onTerminal(t, "gosv", "init", "-s", "--", file)
		p.shows(t, "cannot execute "+file)
		p.exits(t, 127)
	})
	t.Run("a script without a first line that says who runs it", func(t *testing.T) {
		t.Parallel()
		file := t.TempDir() + "/script"
		if err := os.WriteFile(file, []byte("echo \"ran with $1\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := onTerminal(t, "gosv", "init", "-s", "--", file, "x")
		p.shows(t, "ran with x\n")
		p.exits(t, 0)
		if out, err := exec.Command("gosv", "init", "-s", "--", file, "y").CombinedOutput(); err != nil || string(out) != "ran with y\n" {
			t.Errorf("without a terminal: %v, %q", err, out)
		}
	})
}
