package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// console is a program on a terminal of its own, and what it has shown there.
type console struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	tty   *os.File
	ended chan struct{} // the terminal's other end is closed

	mu   sync.Mutex // guards seen
	seen bytes.Buffer
	from int // what expect has passed
}

// onTerminal starts a program of a side on a terminal, in the side's folder.
func (sd *side) onTerminal(t *testing.T, prog string, env []string, args ...string) *console {
	t.Helper()
	c := &console{t: t, name: prog, ended: make(chan struct{})}
	c.cmd = exec.Command(prog, args...)
	c.cmd.Dir, c.cmd.Env = sd.dir, append(append([]string{}, sd.env...), env...)
	tty, err := pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 50, Cols: 300})
	if err != nil {
		t.Fatal(err)
	}
	c.tty = tty
	go func() {
		defer close(c.ended)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			c.mu.Lock()
			c.seen.Write(buf[:n])
			c.mu.Unlock()
			if err != nil { // EIO: nobody has the other end any more
				return
			}
		}
	}()
	t.Cleanup(func() {
		c.cmd.Process.Kill() // other tests look at how programs end
		tty.Close()
		c.cmd.Wait()
	})
	return c
}

// expect waits until the text after the last match matches, as pexpect does.
func (c *console) expect(expr string) {
	c.t.Helper()
	re := regexp.MustCompile(expr)
	deadline := time.Now().Add(patience)
	for {
		c.mu.Lock()
		text := string(c.seen.Bytes()[c.from:])
		m := re.FindStringIndex(text)
		if m != nil {
			c.from += m[1]
		}
		c.mu.Unlock()
		if m != nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s does not show %q, but\n%s", c.name, expr, text)
		}
		time.Sleep(20 * time.Millisecond) // between two looks of a poll with a deadline
	}
}

// expectEnd waits for the program's end and returns its exit status.
func (c *console) expectEnd() int {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.t.Fatalf("%s does not end; it shows\n%s", c.name, c.seen.String())
	}
	c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

// send types on the terminal.
func (c *console) send(text string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(text); err != nil {
		c.t.Fatal(err)
	}
}
