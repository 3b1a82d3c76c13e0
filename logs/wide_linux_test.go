package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Busy pipes become as large as there is memory for; beyond wideMax the next ones stay smaller, and all of it is given
// back when it is calm.
func TestWide(t *testing.T) {
	t.Parallel()
	p, err := NewFrozenPump(memory(t))
	if err != nil {
		t.Fatal(err)
	}
	most := wideMax
	if os.Geteuid() != 0 {
		most /= 2
	}
	s := newSink(t, p, Options{Files: &Files{}, Path: filepath.Join(t.TempDir(), "log")})
	for range most/widePipe + 2 {
		defer attach(t, s).Close()
	}
	for i, r := range s.runs {
		p.grow(r)
		want := widePipe
		if i >= most/widePipe {
			want = halfPipe
		}
		if got := sizeOf(int(r.fd)); got != want && !(os.Geteuid() != 0 && r.fixed) {
			t.Fatalf("pipe %d has %d bytes, not %d", i, got, want)
		}
	}
	last := s.runs[len(s.runs)-1]
	if p.grow(last); !last.fixed {
		t.Error("a pipe beyond the bound is asked to grow again and again")
	}
	if !p.calm(idleBefore) || sizeOf(int(last.fd)) != pipeSize || last.fixed {
		t.Errorf("%d bytes, fixed %v", sizeOf(int(last.fd)), last.fixed)
	}
	p.Thaw(&Files{})
	p.Close()
}

// A stash has memory for usual pieces, for large ones while it is told so, and never more than there is.
func TestReserve(t *testing.T) {
	t.Parallel()
	st, err := newStash(memory(t))
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	has := func() int64 {
		var x unix.Stat_t
		if err := unix.Fstat(int(st.file.Fd()), &x); err != nil {
			t.Fatal(err)
		}
		return x.Blocks * 512
	}
	before := has()
	for range 2 {
		large := st.reserve(bufMax)
		if len(large) != headroom+bufMax || has() < bufMax {
			t.Fatalf("room for %d bytes, %d of memory", len(large), has())
		}
		clear(large)
		if usual := st.reserve(bufSize); len(usual) != headroom+bufSize || has() > before+int64(os.Getpagesize()) {
			t.Fatalf("room for %d bytes, %d of memory, %d before", len(usual), has(), before)
		}
	}
	if !st.room() {
		t.Fatal("no room for what is made of a piece")
	}
	clear(st.out)
	st.reserve(bufMax)
	st.reserve(bufSize)
	clear(st.out)
	limit := &Pump{stash: st, dir: t.TempDir()}
	st.file.Close()
	if st.file, err = os.Open(st.path); err != nil { // what reserves nothing, as where there is no memory any more
		t.Fatal(err)
	}
	if b := limit.buffer(bufMax); len(b) != headroom+bufSize {
		t.Fatalf("room for %d bytes where there is memory for %d", len(b), bufSize)
	}
}

// Pieces that somebody looks at, and those for what is no file, stay as small as they were.
func TestMost(t *testing.T) {
	t.Parallel()
	p := &Pump{buf: make([]byte, headroom+bufMax)}
	plain, special := &File{}, &File{}
	special.special.Store(true)
	for _, c := range []struct {
		name string
		o    Options
		f    *File
		want int
	}{
		{"a file", Options{}, plain, bufMax},
		{"a FIFO", Options{}, special, textMax},
		{"no file", Options{}, nil, textMax},
		{"events", Options{OnData: func(int, []byte) {}}, plain, textMax},
		{"a format", Options{Line: Plain}, plain, textMax},
		{"captures", Options{Capture: 1}, plain, textMax},
	} {
		s := &Sink{p: p, o: c.o}
		s.file.Store(c.f)
		if got := p.most(newRun(s, -1)); got != c.want {
			t.Errorf("%s: %d bytes, not %d", c.name, got, c.want)
		}
	}
}

// Lines that become so much longer that a large piece of them does not fit a stash are taken in smaller ones.
func TestShortLines(t *testing.T) {
	t.Parallel()
	p, err := NewFrozenPump(memory(t))
	if err != nil {
		t.Fatal(err)
	}
	p.furnish(bufMax)
	s := newSink(t, p, Options{Path: logName(t), Line: Label{Program: "p", Group: "p", Stream: "stdout"}.JSON()})
	w := attach(t, s)
	r := s.runs[0]
	resize(int(r.fd), widePipe)
	write(t, w, strings.Repeat("short\n", widePipe/6))
	for _, want := range []int{256 << 10, 128 << 10, 64 << 10, 32 << 10, 32 << 10} {
		n, err := p.fetch(r, bufMax)
		if err != nil || n != want {
			t.Fatal(n, err)
		}
		p.take(r, n)
		if got := p.stash.note().Phase == stashOutput; got != (n == 32<<10) {
			t.Errorf("a piece of %d bytes: protected %v", n, got)
		}
	}
	w.Close()
	p.Thaw(&Files{})
	p.Close()
}

// Nothing of a file is lost before its disk has taken nothing at all for patience; and what takes anything, though
// slowly, does not hang.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	f := &File{name: "log", own: -1}
	p.begin(f, &lane{lost: make(chan struct{})}, nil)
	p.turn.Lock()
	p.seen = p.writes
	p.turn.Unlock()
	p.watch()
	b := f.back.Load()
	if b == nil || b.loses(true) {
		t.Fatal("no backlog, or it loses at once")
	}
	if b.empty() || b.ring() != p {
		t.Error("the pump does not hear when it flows again")
	}
	b.guard()
	if !b.loses(true) {
		t.Error("what takes nothing does not hang")
	}
	b.add(make([]byte, backlogMax), &Sink{p: p})
	if b.add([]byte("lost"), &Sink{p: p}); b.done == 0 {
		t.Error("nothing is lost")
	}
	if b.guard(); !b.loses(true) {
		t.Error("what loses seems to take something")
	}
	f.taken.Add(1)
	if b.loses(true) {
		t.Error("what takes something hangs")
	}
	if b.guard(); !b.loses(true) {
		t.Error("what takes nothing more does not hang")
	}
	f.taken.Add(1)
	if b.guard(); b.loses(true) {
		t.Error("what takes something hangs")
	}
	b.mu.Lock()
	b.running = false // the timers end
	b.mu.Unlock()
	p.turn.Lock()
	p.hanging--
	p.turn.Unlock()
}

// Memory for stashes may be full, or become so at any time: what is written to is reserved, or not used.
func TestLittleMemory(t *testing.T) {
	for _, kib := range []int{64, 100, 250, 1300, 2300} {
		t.Run(fmt.Sprint(kib), func(t *testing.T) {
			t.Parallel()
			dir, mem := t.TempDir(), t.TempDir()
			if err := unix.Mount("gosv", mem, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
				t.Skipf("NOT TESTED: little memory, which takes a mount: %v", err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(mem, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			p, err := NewPumpIn(mem)
			if err != nil {
				t.Fatal(err)
			}
			p.Settled()
			plain := newSink(t, p, Options{Path: filepath.Join(dir, "plain")})
			lines := newSink(t, p, Options{Path: filepath.Join(dir, "lines"), Line: Plain})
			fill := filepath.Join(mem, "fill")
			for round := range 2 {
				stop := make(chan struct{})
				sent := []func() blocks{flow(t, plain, stop), flow(t, lines, stop)}
				before := plain.Stats().Bytes + lines.Stats().Bytes
				more := func() bool { return plain.Stats().Bytes+lines.Stats().Bytes > before+(8<<20) }
				soon(t, "a busy pump", more)
				if round == 0 {
					os.WriteFile(fill, make([]byte, 4<<20), 0o600) // all there is
				} else {
					os.Remove(fill)
				}
				before = plain.Stats().Bytes + lines.Stats().Bytes
				soon(t, "more", more)
				close(stop)
				for i, s := range []*Sink{plain, lines} {
					want := sent[i]()
					complete(t, s, want, s.o.Path)
					s.bytes.Store(0)
					os.Truncate(s.o.Path, 0)
				}
				soon(t, "a calm pump", func() bool { return stashes(mem) <= 1 })
			}
			p.Close()
			if n := stashes(mem); n > 0 {
				t.Errorf("%d stashes are left", n)
			}
		})
	}
}

// A pipe that a killed daemon had made larger is as any other: small again, or as busy as it has to be for large pieces.
func TestWideAdopted(t *testing.T) {
	t.Parallel()
	for _, waiting := range []int{0, widePipe} {
		k := newKilled(t)
		if _, ok := resize(k.r, widePipe); !ok {
			t.Skip("no pipe is larger than usual")
		}
		k.say(string(numbered(waiting)))
		p, s := k.pump(k.dir)
		if err := s.Adopt(k.r, 1, k.ino); err != nil {
			t.Fatal(err)
		}
		p.Settled()
		if got := sizeOf(k.r); waiting == 0 && got != pipeSize {
			t.Errorf("the pipe has %d bytes", got)
		}
		w := os.NewFile(uintptr(k.w), "the program")
		block, written := string(numbered(512<<10)), waiting
		soon(t, "a lane", func() bool {
			write(t, w, block)
			written += len(block)
			return stashes(k.dir) == 1+laneRooms
		})
		w.Close()
		atRest(t, s)
		soon(t, "the pump to be calm", func() bool { return stashes(k.dir) == 1 })
		if got := s.Stats(); got.Bytes != int64(written) || got.Lost != 0 || len(content(t, k.log)) != written {
			t.Errorf("%+v, but %d bytes were written", got, written)
		}
		s.Close()
		p.Close()
	}
}
