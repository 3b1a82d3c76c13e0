package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// killed is a pump's state as a daemon leaves it that is killed at some moment: nothing of it is
// closed or removed.
type killed struct {
	t    *testing.T
	dir  string // in memory
	log  string
	r, w int // the pipe
	ino  uint64
	st   *stash
}

func newKilled(t *testing.T) *killed {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gosv-test-")
	if err != nil {
		t.Skipf("no file system in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	k := &killed{t: t, dir: dir, log: filepath.Join(t.TempDir(), "log")}
	if k.r, k.w, err = newPipe(); err != nil {
		t.Fatal(err)
	}
	k.w = lasting(k.w)
	if k.st, err = newStash(dir); err != nil {
		t.Skipf("no stash: %v", err)
	}
	return k
}

func (k *killed) options(line Line) Options {
	return Options{Name: "p", Stream: "stdout", Files: &Files{}, Path: k.log, Line: line}
}

// run is the run of the pipe under the daemon that is killed.
func (k *killed) run(line Line) *run {
	r := newRun(&Sink{o: k.options(line), p: &Pump{dir: k.dir}}, k.r)
	k.ino = r.inode()
	return r
}

// say is what the program writes.
func (k *killed) say(text string) {
	if n, err := unix.Write(k.w, []byte(text)); n != len(text) || err != nil {
		k.t.Fatal(n, err)
	}
}

// append is what the daemon had written to the log.
func (k *killed) append(text string) {
	f, err := os.OpenFile(k.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		k.t.Fatal(err)
	}
	f.WriteString(text)
	f.Close()
}

func (k *killed) logID() (fileID, int64) {
	var st unix.Stat_t
	if err := unix.Stat(k.log, &st); err != nil {
		k.t.Fatal(err)
	}
	return idOf(&st), st.Size
}

// twice is a pump that goes on and is killed as soon as it has everything.
func (k *killed) twice(line Line) {
	k.t.Helper()
	p, err := NewFrozenPump(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	p.salvage = readSalvage(k.dir)
	s, err := p.Sink(k.options(line))
	if err != nil {
		k.t.Fatal(err)
	}
	fd, err := unix.FcntlInt(uintptr(k.r), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := s.Adopt(fd, 1, k.ino); err != nil {
		k.t.Fatal(err)
	}
	unix.Close(fd)
}

// next is a pump that goes on, until the program ends; it returns the log then.
func (k *killed) next(line Line) string {
	k.t.Helper()
	p, err := NewPumpIn(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	s, err := p.Sink(k.options(line))
	if err != nil {
		k.t.Fatal(err)
	}
	if err := s.Adopt(k.r, 1, k.ino); err != nil {
		k.t.Fatal(err)
	}
	p.Settled()
	k.say("end\n")
	unix.Close(k.w)
	done := make(chan struct{})
	s.Drain(func() { close(done) })
	<-done
	s.Close()
	p.Close()
	text, _ := os.ReadFile(k.log)
	if left, _ := filepath.Glob(k.dir + "/*"); len(left) > 0 {
		k.t.Errorf("left in memory: %v", left)
	}
	return string(text)
}

// TestSalvage: whatever a daemon was doing with a piece of output when it was killed, the log has each
// byte once.
func TestSalvage(t *testing.T) {
	long := strings.Repeat("0123456789abcdef\n", 3000)
	large := strings.Repeat("0123456789abcdef\n", 50000)
	for _, text := range []string{"x", "line\n", "line 1\nline 2\nline 3\n", long, large} {
		for _, c := range []struct {
			name string
			do   func(k *killed, r *run)
		}{
			{"before the read", func(k *killed, r *run) {
				k.st.read(r, len(text)) // then as if it had not been
				piece := k.st.buf[headroom:][:len(text)]
				copy(piece[len(text)-int(k.st.note().MarkLen):], k.st.note().Mark[:k.st.note().MarkLen])
				k.say(text)
				k.st.phase(stashReading)
			}},
			{"in the read", func(k *killed, r *run) {
				k.st.read(r, len(text))
				k.st.phase(stashReading)
			}},
			{"after the read", func(k *killed, r *run) { k.st.read(r, len(text)) }},
			{"before the write", func(k *killed, r *run) {
				k.st.read(r, len(text))
				id, size := k.logID()
				k.st.at(id, size, 0)
			}},
			{"in the write", func(k *killed, r *run) {
				k.st.read(r, len(text))
				id, size := k.logID()
				k.st.at(id, size, 0)
				k.append(text[:len(text)/2])
			}},
			{"after the write", func(k *killed, r *run) {
				k.st.read(r, len(text))
				id, size := k.logID()
				k.st.at(id, size, 0)
				k.append(text)
			}},
			{"after the first of two writes and a rotation", func(k *killed, r *run) {
				k.st.read(r, len(text))
				id, size := k.logID()
				k.st.at(id, size, 0)
				k.append(text[:len(text)/2])
				old, _ := os.ReadFile(k.log)
				os.Rename(k.log, k.log+".1")
				k.append("")
				defer func() {
					k.t.Cleanup(func() {
						now, _ := os.ReadFile(k.log)
						if got := string(old) + string(now); got != "before\n"+text+"end\n" {
							k.t.Errorf("the two logs have %d bytes: %.100q", len(got), got)
						}
					})
				}()
			}},
			{"all done", func(k *killed, r *run) {
				k.st.read(r, len(text))
				k.append(text)
				k.st.done()
			}},
		} {
			for _, again := range []int{0, 1, 2} {
				t.Run(fmt.Sprint(c.name, " ", again), func(t *testing.T) {
					k := newKilled(t)
					k.append("before\n")
					if len(text) > pipeSize {
						resize(k.w, widePipe)
						k.st.reserve(bufMax)
					}
					k.say(text)
					c.do(k, k.run(nil))
					for range again {
						k.twice(nil)
					}
					got := k.next(nil)
					if strings.Contains(c.name, "rotation") {
						return // its own check
					}
					if want := "before\n" + text + "end\n"; got != want {
						t.Errorf("the log has %d bytes, want %d: %.100q", len(got), len(want), got)
					}
				})
			}
		}
	}
}

// TestSalvageLines: the same for a log with a format, whose begun line is held back.
func TestSalvageLines(t *testing.T) {
	for _, c := range []struct {
		name string
		stop int
	}{{"raw", 0}, {"held back", 1}, {"made", 2}, {"written", 3}, {"done", 4}} {
		for _, again := range []int{0, 1, 2} {
			t.Run(fmt.Sprint(c.name, " ", again), func(t *testing.T) {
				k := newKilled(t)
				r := k.run(Plain)
				k.append("")
				deal := func(text string, stop int) {
					k.say(text)
					n, err := k.st.read(r, len(text))
					if err != nil || n != len(text) {
						t.Fatal(n, err)
					}
					if stop == 0 {
						return
					}
					b := r.take(k.st.buf, n)
					k.st.made(b, func(seq uint64) {
						r.keep(k.dir, seq)
					})
					if stop == 1 {
						k.st.phase(stashRaw)
						return
					}
					if stop == 2 {
						return
					}
					id, size := k.logID()
					k.st.at(id, size, 0)
					k.append(string(b))
					if stop == 3 {
						return
					}
					k.st.done()
				}
				deal("one\ntw", 4)
				deal("o\nthree\nfo", c.stop)
				for range again {
					k.twice(Plain)
				}
				k.say("ur\n")
				if got, want := k.next(Plain), "one\ntwo\nthree\nfour\nend\n"; got != want {
					t.Errorf("the log is %q, want %q", got, want)
				}
			})
		}
	}
}

// TestSalvageSizes: what was made of a piece is found also in a stash of a version whose pieces were smaller, and in
// one that had room for large pieces.
func TestSalvageSizes(t *testing.T) {
	for _, n := range []int{bufSize, 256 << 10, bufMax} {
		for _, again := range []int{0, 1} {
			t.Run(fmt.Sprint(n, " ", again), func(t *testing.T) {
				k := newKilled(t)
				r := k.run(Plain)
				k.append("")
				k.say("one\ntwo\nthr")
				got, err := k.st.read(r, 11)
				if err != nil || got != 11 {
					t.Fatal(got, err)
				}
				k.st.made(r.take(k.st.buf, got), func(seq uint64) { r.keep(k.dir, seq) })
				mem, err := os.ReadFile(k.st.path)
				if err != nil {
					t.Fatal(err)
				}
				mem = append(mem[:stashHead+headroom+n:stashHead+headroom+n], mem[stashSize:]...)
				os.Remove(k.st.path)
				if err := os.WriteFile(k.st.path, mem, 0o600); err != nil {
					t.Fatal(err)
				}
				for range again {
					k.twice(Plain)
				}
				k.say("ee\n")
				if got, want := k.next(Plain), "one\ntwo\nthree\nend\n"; got != want {
					t.Errorf("the log is %q, want %q", got, want)
				}
			})
		}
	}
}

// pump is one with its stashes in dir, whose loop runs, and a sink of it.
func (k *killed) pump(dir string) (*Pump, *Sink) {
	k.t.Helper()
	p, err := NewPumpIn(dir)
	if err != nil {
		k.t.Fatal(err)
	}
	s, err := p.Sink(k.options(nil))
	if err != nil {
		k.t.Fatal(err)
	}
	asked := make(chan struct{})
	s.Drain(func() { close(asked) })
	<-asked
	return p, s
}

// TestSalvageOwnPid: a daemon that has the pid of the killed one, as in a container, does not take its own
// stash for the one that was left.
func TestSalvageOwnPid(t *testing.T) {
	k := newKilled(t)
	k.append("before\n")
	k.say("text\n")
	k.st.read(k.run(nil), 5)
	p, s := k.pump(k.dir) // it has its stash
	if err := s.Adopt(k.r, 1, k.ino); err != nil {
		t.Fatal(err)
	}
	p.Settled()
	if left, _ := filepath.Glob(k.dir + "/piece-*"); len(left) != 1 || left[0] == k.st.path {
		t.Errorf("the stashes are %v, want that of the new pump alone (not %s)", left, k.st.path)
	}
	unix.Close(k.w)
	s.Close()
	p.Close()
	if text, _ := os.ReadFile(k.log); string(text) != "before\ntext\n" {
		t.Errorf("the log is %q", text)
	}
}

// TestSalvageTwo: where a disk hung, two stashes have pieces of a pipe; both are written, in the order in
// which they were read.
func TestSalvageTwo(t *testing.T) {
	for range 5 { // the names are random
		k := newKilled(t)
		k.append("")
		later, err := newStash(k.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			st   *stash
			text string
		}{{k.st, "first\n"}, {later, "second\n"}} {
			k.say(x.text)
			if n, err := x.st.read(k.run(nil), len(x.text)); n != len(x.text) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got, want := k.next(nil), "first\nsecond\nend\n"; got != want {
			t.Errorf("the log is %q, want %q", got, want)
		}
	}
}

// TestStashLater: where there is no room for a stash until what an earlier daemon left is gone, there is one
// after that.
func TestStashLater(t *testing.T) {
	k := newKilled(t)
	dir := filepath.Join(k.dir, "later")
	p, s := k.pump(dir) // it has no stash
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.Settled()
	asked := make(chan struct{})
	s.Drain(func() { close(asked) })
	<-asked
	if made, _ := filepath.Glob(dir + "/piece-*"); len(made) != 1 {
		t.Errorf("the stashes are %v, want one", made)
	}
	s.Close()
	p.Close()
}

// TestUnwritten: what is missing in a file that begins to be written somewhere.
func TestUnwritten(t *testing.T) {
	for _, c := range []struct{ tail, b, want string }{
		{"", "abc", "abc"}, {"a", "abc", "bc"}, {"abc", "abc", ""}, {"abcother", "abc", ""},
		{"otherabc", "abc", ""}, {"abother", "abc", "c"}, {"other", "abc", "abc"},
	} {
		if got := unwritten([]byte(c.tail), []byte(c.b)); !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("unwritten(%q, %q) = %q, want %q", c.tail, c.b, got, c.want)
		}
	}
}

// FuzzStash: a stash that anybody could have left is never trusted beyond its size.
func FuzzStash(f *testing.F) {
	whole := make([]byte, stashSize)
	whole[0] = stashRaw
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, head []byte) {
		mem := make([]byte, stashSize+stashOut)
		copy(mem, head)
		if p := parseStash(mem); p != nil {
			r := newRun(&Sink{o: Options{Line: Plain}, p: &Pump{}}, -1)
			r.goOn(p, nil)
		}
		parseStash(mem[:min(len(head), len(mem))])
	})
}

// inodes is a keeper that looks at what it is given.
type inodes struct {
	t *testing.T
	n int
}

func (k *inodes) Hold(fd int, inode uint64) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Ino != inode {
		k.t.Errorf("descriptor %d for the pipe %d is %d: %v", fd, inode, st.Ino, err)
	}
	k.n++
}

func (k *inodes) Drop(uint64) {}

// TestAdoptedIsHeld: the keeper is given the pipe also of a program that has ended, which the loop closes at once.
func TestAdoptedIsHeld(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	p, s := k.pump(k.dir)
	defer p.Close()
	keeper := &inodes{t: t}
	p.KeptBy(keeper)
	const pipes = 1000
	for range pipes {
		r, w, err := newPipe()
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(w)
		run := newRun(s, r)
		if err := s.Adopt(r, 1, run.inode()); err != nil {
			t.Fatal(err)
		}
	}
	if keeper.n != pipes {
		t.Errorf("%d of %d pipes", keeper.n, pipes)
	}
}
