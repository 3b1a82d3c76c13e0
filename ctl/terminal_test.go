package ctl

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// onTerminal is ctl running on a terminal of its own.
type onTerminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex // guards seen
	seen bytes.Buffer
	news chan struct{}
	done chan error
}

// startTerminal runs the test binary as argv0 with args.
func startTerminal(t *testing.T, argv0 string, args ...string) *onTerminal {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), "CTL_TEST_ARGV0="+argv0, "TERM=xterm", "LANG=C.UTF-8", "LC_ALL=")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	term := &onTerminal{t: t, tty: tty, cmd: cmd, news: make(chan struct{}, 1), done: make(chan error, 1)}
	go func() {
		for buf := make([]byte, 4096); ; {
			n, err := tty.Read(buf)
			term.mu.Lock()
			term.seen.Write(buf[:n])
			term.mu.Unlock()
			select {
			case term.news <- struct{}{}:
			default:
			}
			if err != nil {
				term.done <- cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
	})
	return term
}

func (o *onTerminal) send(text string) {
	o.t.Helper()
	if _, err := io.WriteString(o.tty, text); err != nil {
		o.t.Fatal(err)
	}
}

// expect waits for text and forgets what came before it.
func (o *onTerminal) expect(text string) {
	o.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		o.mu.Lock()
		i := bytes.Index(o.seen.Bytes(), []byte(text))
		if i >= 0 {
			o.seen.Next(i + len(text))
		}
		left := o.seen.String()
		o.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-o.news:
		case <-deadline:
			o.t.Fatalf("no %q on the terminal, but %q", text, left)
		}
	}
}

// end waits for the end and is the exit code.
func (o *onTerminal) end() int {
	o.t.Helper()
	select {
	case <-o.done:
		return o.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		o.t.Fatal("it does not end")
		return -1
	}
}
