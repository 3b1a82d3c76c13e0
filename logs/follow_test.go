package logs

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// rest takes until the stream ends.
func rest(f *Follower) (data []byte, lost int64) {
	for range f.Ready() {
		d, n := f.Take()
		data, lost = append(data, d...), lost+n
	}
	d, n := f.Take()
	return append(data, d...), lost + n
}

// Followers come at any time, while the file rotates: history and the rest are the end of
// the stream, each byte once.
func TestFollowRotation(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name, MaxBytes: 5000, Backups: 1})
	w := attach(t, s)
	all := numbered(300 << 10)
	var wait sync.WaitGroup
	for i, left := 0, all; len(left) > 0; i++ {
		n := min(len(left), 1+i*37%2000)
		if _, err := w.Write(left[:n]); err != nil {
			t.Fatal(err)
		}
		left = left[n:]
		if i%20 != 0 {
			continue
		}
		history, f, err := s.Follow([]int64{-1, 0, 100, 100000}[i/20%4])
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			live, lost := rest(f)
			if got := append(history, live...); lost != 0 || !bytes.HasSuffix(all, got) || len(live) == 0 {
				t.Errorf("history of %d and %d more bytes, %d lost, are not the end of the stream", len(history), len(live), lost)
			}
		})
	}
	w.Close()
	s.Close()
	wait.Wait()
}

func TestFollowHistory(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name, Ring: 100})
	history := func(n int64) string {
		t.Helper()
		h, f, err := s.Follow(n)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if _, open := <-f.Ready(); open {
			t.Error("Ready is open after Close")
		}
		return string(h)
	}
	same(t, "of nothing", history(-1), "")
	say(t, s, "0123456789")
	same(t, "all", history(-1), "0123456789")
	same(t, "3", history(3), "789")
	same(t, "0", history(0), "")
	same(t, "100", history(100), "0123456789")
	os.Rename(name, name+".moved") // the file that is written counts
	same(t, "after a rename", history(3), "789")
	s.Clear()
	same(t, "after Clear", history(-1), "")
	os.Remove(name)
	same(t, "without a file", history(-1), "")
	say(t, s, "more")
	s.Close()
	same(t, "after Close", history(3), "ore")
	say(t, s, "")
	if n := len(s.file.Load().live); n != 0 {
		t.Errorf("%d followers left", n)
	}
}

func TestFollowGoesOnAfterClear(t *testing.T) {
	t.Parallel()
	s := newSink(t, newPump(t), Options{Path: logName(t)})
	w := attach(t, s)
	write(t, w, "one")
	drained(t, s)
	history, f, err := s.Follow(-1)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, "two")
	drained(t, s)
	s.Clear()
	write(t, w, "three")
	drained(t, s)
	w.Close()
	s.Close()
	live, lost := rest(f)
	same(t, "history", string(history), "one")
	same(t, "live", fmt.Sprint(string(live), lost), "twothree0")
}

// A follower that does not read loses its own bytes, counted; the program and the others
// lose nothing.
func TestSlowFollower(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"file", "ring"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := Options{Ring: 10}
			if kind == "file" {
				o.Path = logName(t)
			}
			s := newSink(t, newPump(t), o)
			_, slow, err := s.Follow(0)
			if err != nil {
				t.Fatal(err)
			}
			_, fast, _ := s.Follow(0)
			all := numbered(5 << 20)
			var got []byte
			w := attach(t, s)
			for left := all; len(left) > 0; left = left[64<<10:] {
				w.Write(left[:64<<10])
				drained(t, s)
				d, lost := fast.Take()
				if got = append(got, d...); lost != 0 {
					t.Errorf("the fast reader lost %d bytes", lost)
				}
			}
			w.Close()
			s.Close()
			if !bytes.Equal(got, all) {
				t.Errorf("the fast reader has %d bytes, want %d, or they differ", len(got), len(all))
			}
			d, lost := rest(slow)
			if len(d) > followMax || len(d) < followMax/3 || int64(len(d))+lost != int64(len(all)) || !bytes.HasSuffix(all, d) {
				t.Errorf("the slow reader has %d bytes and lost %d of %d", len(d), lost, len(all))
			}
			slow.Close()
		})
	}
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	files := &Files{}
	f := openLog(t, files, logName(t), 0, 0)
	_, l, err := f.Follow(0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("x"))
	f.Close()
	d, _ := rest(l)
	same(t, "the last bytes", string(d), "x")
	l.Close()
	l.Close()
}

// Follow of a captured stream is what the file has.
func TestFollowLeavesCaptureOut(t *testing.T) {
	t.Parallel()
	s := newSink(t, newPump(t), Options{Capture: 100, Ring: 100})
	_, f, _ := s.Follow(-1)
	say(t, s, "A"+captureBegin+"x"+captureEnd+"B")
	s.Close()
	d, _ := rest(f)
	same(t, "followed", string(d), "AB")
	if strings.Contains(string(d), "x") {
		t.Error("captured text is followed")
	}
}
