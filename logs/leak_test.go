package logs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func openFDs(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("NOT TESTED: descriptors, which takes /proc: %v", err)
	}
	return len(d)
}

// It counts descriptors and goroutines of the whole process, so it has one for itself.
func TestLeaks(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLeaksAlone$", "-test.v")
	cmd.Env = append(os.Environ(), "LOGS_TEST_ALONE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "leak_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func TestLeaksAlone(t *testing.T) {
	if os.Getenv("LOGS_TEST_ALONE") == "" {
		t.Skip("run by TestLeaks")
	}
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	if r, w, err := os.Pipe(); err == nil { // wakes the Go runtime's own poller, which keeps two
		r.Close()
		w.Close()
	}
	before := openFDs(t)
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	files := &Files{}
	s, err := p.Sink(Options{Files: files, Path: filepath.Join(dir, "log"), MaxBytes: 10000, Backups: 2, Ring: 10})
	if err != nil {
		t.Fatal(err)
	}
	during := 0
	for i := range 10000 {
		w, err := s.Attach()
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			fmt.Fprintln(w, "some output")
		}
		w.Close()
		if i%10 == 0 {
			s.Reopen()
			_, f, err := s.Follow(0)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		if i%100 == 0 {
			s.Clear()
			drained(t, s)
			s.Close()
		}
		if i == 1000 {
			atRest(t, s)
			during = openFDs(t)
		}
	}
	atRest(t, s)
	if after := openFDs(t); after > during+1 {
		t.Errorf("%d descriptors after 10000 runs, %d after 1000", after, during)
	}
	s.Close()
	p.Close()
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors at the end, %d at the beginning", after, before)
	}
	if len(files.byName) != 0 {
		t.Errorf("files left: %v", files.byName)
	}
	sinkCost(t)
}

// sinkCost tells what an idle sink takes: its pipe open, its file closed until the first byte.
func sinkCost(t *testing.T) {
	const n = 2000
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dir := t.TempDir()
	files := &Files{}
	names := make([]string, n)
	for i := range names {
		names[i] = filepath.Join(dir, fmt.Sprintf("program-%04d-stdout.log", i))
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	sinks := make([]*Sink, n)
	writers := make([]*os.File, n)
	fds, before := openFDs(t), heap()
	for i := range sinks {
		if sinks[i], err = p.Sink(Options{Files: files, Path: names[i], MaxBytes: 50 << 20, Backups: 10, Ring: 64 << 10, Name: "x"}); err != nil {
			t.Fatal(err)
		}
		if writers[i], err = sinks[i].Attach(); err != nil {
			t.Fatal(err)
		}
	}
	if got := openFDs(t) - fds; got != 2*n {
		t.Errorf("%d descriptors for %d sinks and their writers, want two each", got, n)
	}
	// The children's ends are the launcher's, for a moment only.
	held := make([]uintptr, 0, n)
	for _, w := range writers {
		held = append(held, w.Fd())
	}
	runtime.KeepAlive(held)
	with := heap()
	for i := range writers {
		sinks[i].SetPID(i + 1)
	}
	for _, w := range writers {
		w.Close()
	}
	writers = nil
	for _, s := range sinks {
		atRest(t, s)
	}
	// Files and sinks alone, all runs over.
	rest := heap()
	t.Logf("%d idle sinks: %d bytes of heap each with a run (and the launcher's *os.File), %d without", n, (with-before)/n, (rest-before)/n)
	if each := (with - before) / n; each > 1500 {
		t.Errorf("an idle sink takes %d bytes of heap", each)
	}
	for _, s := range sinks {
		s.Close()
	}
}
