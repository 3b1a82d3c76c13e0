package logs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// listened says whether the latest pipe of s is waited for: it calls, or epoll watches it.
func listened(t *testing.T, s *Sink) bool {
	s.p.mu.Lock()
	fd := s.latest.fd
	s.p.mu.Unlock()
	return calling(t, fd) || polled(t, s, fd)
}

// calling says whether the kernel sends a signal for fd.
func calling(t *testing.T, fd int32) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_ASYNC != 0
}

func polled(t *testing.T, s *Sink, fd int32) bool {
	for line := range strings.Lines(content(t, fmt.Sprintf("/proc/self/fdinfo/%d", s.p.poll.ep))) {
		var n int32
		if k, _ := fmt.Sscanf(line, "tfd: %d", &n); k == 1 && n == fd {
			return true
		}
	}
	return false
}

// TestRest takes a busy pipe out of epoll: what is written is read all the same, once it is quiet
// it is watched again, and its end is seen.
func TestRest(t *testing.T) {
	for _, ends := range []bool{false, true} {
		p := newFrozen(t)
		path, files := logName(t), &Files{}
		s := newSink(t, p, Options{Files: files, Path: path})
		w := attach(t, s)
		if !listened(t, s) {
			t.Fatal("a new pipe is not listened to")
		}
		s.latest.hot = hotReads // nothing runs yet
		p.rest(s.latest)
		if listened(t, s) {
			t.Fatal("a pipe at rest is listened to")
		}
		write(t, w, "one\n")
		if ends {
			w.Close()
		}
		p.Thaw(files)
		soon(t, "what a pipe at rest has", func() bool { return content(t, path) == "one\n" })
		if ends {
			atRest(t, s)
			continue
		}
		soon(t, "the end of the rest", func() bool { return listened(t, s) })
		write(t, w, "two\n")
		soon(t, "what comes later", func() bool { return content(t, path) == "one\ntwo\n" })
	}
}

// TestTurns: many large pipes are read in turn and not watched; all of each comes, also what is little, of them
// and of others; and one that has fallen silent is watched again.
func TestTurns(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	sink := func() *Sink { return newSink(t, p, Options{Path: logName(t)}) }
	stop := make(chan struct{})
	var busy [turnsMin + 2]*Sink
	var sent [len(busy)]func() blocks
	for i := range busy {
		busy[i] = sink()
		sent[i] = flow(t, busy[i], stop)
	}
	one, other := sink(), sink()
	w, quiet := attach(t, one), attach(t, other)
	defer w.Close()
	defer quiet.Close()
	block, written := string(numbered(64<<10)), make(chan int, 1)
	silent := make(chan struct{})
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-silent:
				written <- n
				return
			default:
				w.WriteString(block)
			}
		}
	}()
	soon(t, "many pipes to be read in turn", func() bool {
		n := 0
		for _, s := range busy {
			if !listened(t, s) {
				n++
			}
		}
		return n >= turnsMin && !listened(t, one)
	})
	close(silent)
	want := strings.Repeat(block, <-written) + "the end\n"
	write(t, quiet, "a line\n")
	soon(t, "the line of another program", func() bool { return content(t, other.o.Path) == "a line\n" })
	soon(t, "a silent pipe to be watched", func() bool { return listened(t, one) })
	write(t, w, "the end\n")
	soon(t, "what it says then", func() bool { st, err := os.Stat(one.o.Path); return err == nil && st.Size() == int64(len(want)) })
	same(t, "the log", content(t, one.o.Path), want)
	close(stop)
	for i, s := range busy {
		want := sent[i]()
		complete(t, s, want, s.o.Path)
	}
}
