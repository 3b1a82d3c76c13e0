package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The pieces of a lane have rising numbers, also when one of its rooms is not protected.
func TestLaneSequence(t *testing.T) {
	t.Parallel()
	dir := memory(t)
	l := &lane{jobs: make(chan job, 9), free: make(chan room, 9), lost: make(chan struct{})}
	for range laneRooms {
		st, err := newStash(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer st.close()
		l.spare = append(l.spare, room{st, st.buf})
	}
	p := &Pump{dir: dir, lane: l, buf: make([]byte, bufMax)}
	last := uint64(0)
	for range 9 {
		if p.stash != nil {
			p.stash.note().Seq++ // as read does
			if seq := p.stash.seq(); seq <= last {
				t.Fatalf("%d comes after %d", seq, last)
			}
			last = p.stash.seq()
		}
		p.pass(0, nil, nil, nil)
		l.free <- (<-l.jobs).room
	}
}

// What hung, and is found to be a FIFO when it flows again, gets all that waits.
func TestHangsAndIsSpecial(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	name := filepath.Join(t.TempDir(), "log")
	s := newSink(t, p, Options{Path: name})
	w := attach(t, s)
	f := s.file.Load()
	f.mu.Lock()
	write(t, w, "one\n")
	soon(t, "a backlog", func() bool { return f.back.Load() != nil })
	write(t, w, "two\n")
	os.Remove(name)
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := f.openLate(); err != nil { // as refresh does, at the next start of the program
		t.Fatal(err)
	}
	f.mu.Unlock()
	arrived(t, r, len("one\ntwo\n"))
}

// arrived is what comes out of a FIFO that does not block, n bytes.
func arrived(t *testing.T, r *os.File, n int) string {
	t.Helper()
	var got strings.Builder
	soon(t, "the text", func() bool {
		b := make([]byte, 100)
		k, _ := unix.Read(int(r.Fd()), b)
		got.Write(b[:max(0, k)])
		return got.Len() == n
	})
	return got.String()
}

// A goroutine that is not given a processor while it adds to a backlog does not hang, and the backlog
// is not replaced.
func TestNoHangWithBacklog(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	f := &File{name: "log", own: -1}
	b := newBacklog(f, chunkOfHung)
	b.running = true
	f.back.Store(b)
	p.begin(f, nil, nil)
	for range 3 {
		p.watch()
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if f.back.Load() != b || p.hanging != 0 || p.term != 0 {
		t.Errorf("backlog replaced: %v, %d hang, term %d", f.back.Load() != b, p.hanging, p.term)
	}
	p.writing = nil
}

// What a lane has of a file comes before what is read when the file has become special.
func TestLaneBeforeSpecial(t *testing.T) {
	t.Parallel()
	p, err := NewFrozenPump("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p.furnish(bufMax)
	p.openLane()
	other, s := newSink(t, p, Options{Path: filepath.Join(dir, "other")}), newSink(t, p, Options{Path: filepath.Join(dir, "log")})
	read := func(s *Sink, w *os.File, text string) {
		write(t, w, text)
		if n, ok := p.read(0, s.runs[0]); n != len(text) || !ok {
			t.Fatal(n, ok)
		}
	}
	wo, w := attach(t, other), attach(t, s)
	f, g := s.file.Load(), other.file.Load()
	g.mu.Lock()
	read(other, wo, "other\n")
	read(s, w, "one\n")
	if err := unix.Mkfifo(f.name+".new", 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(f.name+".new", os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	os.Rename(f.name+".new", f.name)
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, g.mu.Unlock)
	read(s, w, "two\n")
	same(t, "the text", arrived(t, r, len("one\ntwo\n")), "one\ntwo\n")
	w.Close()
	wo.Close()
	p.Thaw(&Files{})
	p.Close()
}
