package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// The disk is full: the program goes on, the loss is counted and told once, and it flows
// again by itself.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("gosv", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("NOT TESTED: a full disk, which takes a mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	name := filepath.Join(dir, "log")
	var n notes
	s := newSink(t, newPump(t), Options{Path: name, Report: n.report})
	w := attach(t, s)
	first := numbered(100 << 10)
	write(t, w, string(first))
	drained(t, s)
	filler := filepath.Join(dir, "filler")
	os.WriteFile(filler, make([]byte, 1<<20), 0o600)
	for range 20 {
		write(t, w, strings.Repeat("x", 4096))
		drained(t, s)
	}
	lost := s.Stats().Lost
	if lost == 0 {
		t.Fatal("nothing was lost on a full disk")
	}
	if got := n.all(); strings.Count(got, "\n") != 0 || !strings.HasPrefix(got, `WARN cannot write log "`+name+`": no space left on device; `) {
		t.Fatalf("reports: %s", got)
	}
	before := len(content(t, name))
	os.Remove(filler)
	write(t, w, "it flows again\n")
	drained(t, s)
	got := content(t, name)
	same(t, "new text", got[before:], "it flows again\n")
	same(t, "old text", got[:len(first)], string(first))
	if read := s.Stats().Bytes; read-s.Stats().Lost != int64(len(got)) {
		t.Errorf("%d read, %d lost, but %d bytes in the file", read, lost, len(got))
	}
	_, last, _ := strings.Cut(n.all(), "\n")
	same(t, "last report", last, fmt.Sprintf("INFO log %q is written again; %d bytes were lost", name, lost))
}

// A line of which only the beginning has room is not left in the file: what comes later would be taken for
// its end.
func TestDiskFullTearsNoLine(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("gosv", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("NOT TESTED: a full disk, which takes a mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	name, filler := filepath.Join(dir, "log"), filepath.Join(dir, "filler")
	var n notes
	s := newSink(t, newPump(t), Options{Path: name, Report: n.report})
	w := attach(t, s)
	write(t, w, "first\n")
	drained(t, s)
	os.WriteFile(filler, make([]byte, 1<<20), 0o600)
	for range 5 {
		write(t, w, strings.Repeat(strings.Repeat("x", 999)+"\n", 3))
		drained(t, s)
	}
	os.Remove(filler)
	write(t, w, "last\n")
	drained(t, s)
	for line := range strings.Lines(content(t, name)) {
		if line != "first\n" && line != "last\n" && len(line) != 1000 {
			t.Errorf("a line of %d bytes: %.50q", len(line), line)
		}
	}
	if st, got := s.Stats(), content(t, name); st.Bytes-st.Lost != int64(len(got)) || st.Lost == 0 {
		t.Errorf("%d read, %d lost, but %d bytes in the file", st.Bytes, st.Lost, len(got))
	}
}

// A file gets no more than writeMax in one call: see there why. A socket keeps the calls apart.
func TestWriteMax(t *testing.T) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(p[0], unix.SOL_SOCKET, unix.SO_SNDBUF, writeMax); err != nil { // which is doubled
		t.Fatal(err)
	}
	data := numbered(3*writeMax + 100)
	written := make(chan error, 1)
	go func() {
		n, err := writeAll(p[0], data, new(atomic.Int64))
		if err == nil && n != len(data) {
			err = fmt.Errorf("wrote %d of %d", n, len(data))
		}
		unix.Close(p[0])
		written <- err
	}()
	defer unix.Close(p[1])
	var got []byte
	for buf := make([]byte, len(data)); ; {
		n, err := unix.Read(p[1], buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if n > writeMax {
			t.Fatalf("one write of %d bytes", n)
		}
		got = append(got, buf[:n]...)
	}
	if err := <-written; err != nil || string(got) != string(data) {
		t.Fatalf("%d bytes, %v, not the %d that were written", len(got), err, len(data))
	}
}
