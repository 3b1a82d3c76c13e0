package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The TestPain tests prove, with real processes, that gosv is free of what users of
// supervisors have suffered from; each says which pain that is, and fails where it is felt.
// This file holds what they have in common. GOSV_LONG=1 makes the numbers ten times larger, and GOSV_KEEP=1 keeps the folders of failed tests.

// long multiplies a count in the long run.
func long(n int) int {
	if os.Getenv("GOSV_LONG") != "" {
		return 10 * n
	}
	return n
}

// writeProgram writes a file that is to be executed. While it is open for writing nothing is forked:
// a child would have it open until its exec, and who executes it then finds a busy file.
func writeProgram(t testing.TB, name string, data []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	err := os.WriteFile(name, data, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
}

// own gives the box its own copies of gosv and child, first in the PATH of what it starts, for
// daemons of other users, who cannot reach the ones of the test.
func (b *box) own() {
	b.t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range []string{"child", "supervisord"} {
		writeProgram(b.t, b.path(name), self)
	}
}

// fds is how many descriptors a process has open.
func fds(pid int) int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(list)
}

// switches is how often a process's threads have been given a core, and how many there are:
// an idle process is given none.
func switches(pid int) (n, threads int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(name, "_ctxt_switches") {
				k, _ := strconv.Atoi(strings.TrimSpace(value))
				n += k
			}
		}
	}
	return n, len(files)
}

// idle waits until the daemon has done nothing at all for as long as d.
func (b *box) idle(d time.Duration) {
	b.t.Helper()
	pid := b.pid()
	since := time.Now()
	was, _ := switches(pid)
	b.until(fmt.Sprintf("the daemon does nothing for %v", d), func() bool {
		if now, _ := switches(pid); now != was {
			was, since = now, time.Now()
		}
		return time.Since(since) >= d
	})
}

// numbers is what seq 1 n writes.
func numbers(n int) []byte {
	var buf bytes.Buffer
	for i := 1; i <= n; i++ {
		buf.WriteString(strconv.Itoa(i))
		buf.WriteByte('\n')
	}
	return buf.Bytes()
}

// differ says where two texts part, "" if nowhere.
func differ(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d bytes, want %d; they part at %d: %q, want %q", len(got), len(want), i,
		got[max(0, i-20):min(len(got), i+40)], want[max(0, i-20):min(len(want), i+40)])
}

// busy keeps the machine's cores busy until the test ends.
func busy(t testing.TB) {
	for range 2 {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	}
}

func needsRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// needs skips a test where a command does not work.
func needs(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%v: %v %s", args, err, out)
	}
}

// gather reads everything from r, in the background.
type gather struct {
	buf  bytes.Buffer
	done chan struct{}
}

func gatherFrom(r io.Reader) *gather {
	g := &gather{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		io.Copy(&g.buf, r)
	}()
	return g
}

func (g *gather) all(t testing.TB) []byte {
	t.Helper()
	select {
	case <-g.done:
	case <-time.After(patience):
		t.Fatal("the other end was not closed")
	}
	return g.buf.Bytes()
}
