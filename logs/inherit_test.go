package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func inheriting(t *testing.T, name string) *Sink {
	return newSink(t, newPump(t), Options{Name: "p", Stream: "stdout", Path: name, Inherit: true})
}

// What a program gets is the file, for appending, and no pipe.
func TestInherit(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := inheriting(t, name)
	same(t, "before the first run", content(t, name), "")
	first, second := attach(t, s), attach(t, s)
	flags, err := unix.FcntlInt(first.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_APPEND == 0 || flags&unix.O_ACCMODE != unix.O_WRONLY {
		t.Errorf("flags %#o, %v, want O_WRONLY|O_APPEND", flags, err)
	}
	write(t, first, "one\n")
	write(t, second, "two\n")
	write(t, first, "three\n")
	same(t, "log", content(t, name), "one\ntwo\nthree\n")
	called := false
	s.Drain(func() { called = true })
	if !called {
		t.Error("Drain waits, and there is nothing to wait for")
	}
	if err := s.Clear(); err != nil {
		t.Error(err)
	}
	write(t, first, "four\n")
	same(t, "log after Clear", content(t, name), "four\n")
	if err := s.Reopen(); err != nil {
		t.Error(err)
	}
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("Stats = %+v", got)
	}
}

func TestInheritRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		fifo:                         `for p to write it by itself: not a regular file`,
		"/dev/null":                  `for p to write it by itself: not a regular file`,
		filepath.Join(dir, "no/log"): `no such file or directory`,
	} {
		_, err := newPump(t).Sink(Options{Name: "p", Path: path, Inherit: true})
		if err == nil || !strings.Contains(err.Error(), `cannot open log "`+path+`"`) || !strings.Contains(err.Error(), want) {
			t.Errorf("Sink(%s) = %v, want %q", path, err, want)
		}
	}
}

// A follower gets each byte once, also when the file is emptied, and when it was renamed
// and a restart makes a new one.
func TestInheritFollow(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := inheriting(t, name)
	w := attach(t, s)
	write(t, w, "old\nhistory\n")
	history, f, err := s.Follow(8)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	same(t, "history", string(history), "history\n")
	var got []byte
	until := func(want string) {
		t.Helper()
		soon(t, want, func() bool {
			data, lost := f.Take()
			if got = append(got, data...); lost > 0 {
				t.Fatalf("%d bytes were lost", lost)
			}
			return bytes.HasSuffix(got, []byte(want))
		})
	}
	write(t, w, "live\n")
	until("live\n")
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "1\n")
	until("1\n")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, w, "still the old file\n")
	until("still the old file\n")
	again := attach(t, s)
	write(t, again, "the new file\n")
	until("the new file\n")
	write(t, w, "the old file once more\n")
	until("the old file once more\n")
	write(t, again, "and the new one\n")
	until("and the new one\n")
	same(t, "all", string(got), "live\n1\nstill the old file\nthe new file\nthe old file once more\nand the new one\n")
	s.Close()
	for range f.Ready() {
	}
	_, late, err := s.Follow(0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	for range late.Ready() {
	}
}

// A file that grows as fast as it can, and many followers who come in the midst.
func TestInheritFollowBusy(t *testing.T) {
	t.Parallel()
	s := inheriting(t, logName(t))
	w := attach(t, s)
	all := numbered(200 << 10)
	half := len(all) / 2
	followers := map[*Follower][]byte{}
	for i, left := 0, all; len(left) > 0; i++ {
		n := min(len(left), 1+i*37%2000)
		write(t, w, string(left[:n]))
		left = left[n:]
		if i%40 == 0 && len(left) > half {
			history, f, err := s.Follow(-1)
			if err != nil {
				t.Fatal(err)
			}
			followers[f] = history
		}
	}
	for f, got := range followers {
		soon(t, "the end", func() bool {
			data, lost := f.Take()
			got = append(got, data...)
			return lost > 0 || len(got) >= len(all)
		})
		if !bytes.Equal(got, all) {
			t.Errorf("%d bytes, not what was written", len(got))
		}
		f.Close()
	}
}
