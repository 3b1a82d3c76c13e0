package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// soon waits for cond; the machine may be very busy.
func soon(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func newPump(t testing.TB) *Pump {
	t.Helper()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// newFrozen makes a pump whose loop begins with Thaw.
func newFrozen(t testing.TB) *Pump {
	t.Helper()
	p, err := NewFrozenPump("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// newSink makes a sink that is closed at the end, before its pump.
func newSink(t testing.TB, p *Pump, o Options) *Sink {
	t.Helper()
	if o.Files == nil {
		o.Files = &Files{}
	}
	s, err := p.Sink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newClosable makes a pump with one sink, which the test closes itself.
func newClosable(t testing.TB, o Options) (*Pump, *Sink) {
	t.Helper()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Sink(o)
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

func attach(t testing.TB, s *Sink) *os.File {
	t.Helper()
	w, err := s.Attach()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func write(t testing.TB, w *os.File, text string) {
	t.Helper()
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func drained(t testing.TB, s *Sink) {
	t.Helper()
	done := make(chan struct{})
	s.Drain(func() { close(done) })
	select {
	case <-done:
	case <-time.After(40 * time.Second):
		t.Fatal("Drain never called done")
	}
}

// say writes to a new run of s, ends it and waits until all is read.
func say(t testing.TB, s *Sink, pieces ...string) {
	t.Helper()
	w := attach(t, s)
	s.SetPID(1)
	for _, p := range pieces {
		write(t, w, p)
		drained(t, s)
	}
	w.Close()
	atRest(t, s)
}

// atRest waits until all pipes of s have ended and their last bytes are written.
func atRest(t testing.TB, s *Sink) {
	t.Helper()
	soon(t, "the end of the pipes", func() bool {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		return len(s.runs) == 0
	})
	drained(t, s)
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func logName(t testing.TB) string { return filepath.Join(t.TempDir(), "log") }

// notes collects reports and callbacks.
type notes struct {
	mu  sync.Mutex
	got []string
}

func (n *notes) report(level, text string) { n.add(level + " " + text) }

func (n *notes) data(pid int, b []byte) { n.add(fmt.Sprintf("%d %s", pid, b)) }

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, s)
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.got, "\n")
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		if len(got) > 300 || len(want) > 300 {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			t.Fatalf("%s: %d bytes, want %d; they differ at %d", what, len(got), len(want), at)
		}
		t.Fatalf("%s = %q, want %q", what, got, want)
	}
}

// numbered is n bytes that are different everywhere.
func numbered(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of something that a program says\n", i)
	}
	return b.Bytes()[:n]
}
