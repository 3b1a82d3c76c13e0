package logs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// fdOf is the latest pipe of s.
func fdOf(s *Sink) int32 {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return s.latest.fd
}

// calls says whether the latest pipe of s calls, and that epoll does not watch it as well.
func callsOnly(t *testing.T, s *Sink) bool {
	fd := fdOf(s)
	a, b := calling(t, fd), polled(t, s, fd)
	if a && b {
		t.Fatal("a pipe calls and is watched")
	}
	return a
}

// TestCalls: what is written to a pipe that epoll has never seen arrives, before and after it was busy, and its end
// is seen.
func TestCalls(t *testing.T) {
	p := newPump(t)
	path := logName(t)
	s := newSink(t, p, Options{Path: path})
	w := attach(t, s)
	var want strings.Builder
	for turn := range 3 {
		soon(t, "the pipe to call", func() bool { return callsOnly(t, s) })
		for i := range 5 {
			fmt.Fprintf(&want, "turn %d, line %d\n", turn, i)
			write(t, w, fmt.Sprintf("turn %d, line %d\n", turn, i))
			soon(t, "a line", func() bool { return content(t, path) == want.String() })
		}
		for end := time.Now().Add(40 * time.Second); callsOnly(t, s) || polled(t, s, fdOf(s)); {
			if time.Now().After(end) {
				t.Fatal("a busy pipe does not rest")
			}
			many := strings.Repeat("many lines\n", 500)
			want.WriteString(many)
			write(t, w, many)
		}
	}
	write(t, w, "the last\n")
	w.Close()
	atRest(t, s)
	same(t, "the log", content(t, path), want.String()+"the last\n")
}

// TestCallsAtTheEnd: a pipe to which nobody has written.
func TestCallsAtTheEnd(t *testing.T) {
	s := newSink(t, newPump(t), Options{Path: logName(t)})
	w := attach(t, s)
	if !callsOnly(t, s) {
		t.Fatal("a new pipe does not call")
	}
	w.Close()
	atRest(t, s)
}

// TestCallsOnce: what was written and the end are one call, for neither has come alone.
func TestCallsOnce(t *testing.T) {
	p := newFrozen(t)
	s := newSink(t, p, Options{Path: logName(t)})
	w := attach(t, s)
	write(t, w, "a line\n")
	w.Close()
	s.latest.last = -time.Hour // long enough not to be worth a pause
	p.poll.hush()              // what has called has been heard
	p.Thaw(&Files{})
	atRest(t, s)
	same(t, "the log", content(t, s.o.Path), "a line\n")
}

// TestCallsMax: beyond that pipes are watched, until others have ended.
func TestCallsMax(t *testing.T) {
	p := newPump(t)
	var sinks [callsMax + 3]*Sink
	var ends [len(sinks)]*os.File
	for i := range sinks {
		sinks[i] = newSink(t, p, Options{Path: logName(t)})
		ends[i] = attach(t, sinks[i])
		if fd := fdOf(sinks[i]); callsOnly(t, sinks[i]) != (i < callsMax) || polled(t, sinks[i], fd) != (i >= callsMax) {
			t.Fatalf("pipe %d calls or is watched", i)
		}
	}
	for i, w := range ends {
		write(t, w, fmt.Sprint(i))
	}
	for i, s := range sinks {
		soon(t, "what was written", func() bool { return content(t, s.o.Path) == fmt.Sprint(i) })
	}
	ends[0].Close()
	atRest(t, sinks[0])
	attach(t, sinks[0])
	if !callsOnly(t, sinks[0]) {
		t.Error("a pipe is watched though one has ended that called")
	}
}

// TestCallsVain: a pipe that calls again and again, with little, is watched.
func TestCallsVain(t *testing.T) {
	s := newSink(t, newPump(t), Options{Path: logName(t)})
	w := attach(t, s)
	n := 0
	soon(t, "the pipe to be watched", func() bool {
		write(t, w, "x")
		n++
		soon(t, "it to be read", func() bool { return s.Stats().Bytes >= int64(n) })
		time.Sleep(2 * callGap)
		return polled(t, s, fdOf(s))
	})
	write(t, w, "end")
	soon(t, "what comes then", func() bool { return content(t, s.o.Path) == strings.Repeat("x", n)+"end" })
}

// TestCallsOfText: where the bytes are looked at it matters whose they are.
func TestCallsOfText(t *testing.T) {
	p := newPump(t)
	for name, o := range map[string]Options{
		"ansi":   {StripANSI: true},
		"events": {OnData: func(int, []byte) {}},
	} {
		s := newSink(t, p, o)
		attach(t, s)
		if callsOnly(t, s) {
			t.Error(name)
		}
	}
}

// TestCallsFrozen: while the pump is frozen nobody is called, for another program may be in our place by then.
// What was written meanwhile is read afterwards.
func TestCallsFrozen(t *testing.T) {
	p := newPump(t)
	files := &Files{}
	s := newSink(t, p, Options{Files: files, Path: logName(t)})
	w := attach(t, s)
	write(t, w, "one\n")
	soon(t, "a line", func() bool { return content(t, s.o.Path) == "one\n" })
	if _, err := p.Freeze(files, 40*time.Second); err != nil {
		t.Fatal(err)
	}
	if calling(t, fdOf(s)) {
		t.Error("a pipe of a frozen pump calls")
	}
	write(t, w, "two\n")
	p.Thaw(files)
	soon(t, "what came meanwhile", func() bool { return content(t, s.o.Path) == "one\ntwo\n" })
	soon(t, "the pipe to call", func() bool { return callsOnly(t, s) })
	write(t, w, "three\n")
	soon(t, "what comes then", func() bool { return content(t, s.o.Path) == "one\ntwo\nthree\n" })
}

// TestCallsNotHeard: another loop takes over when one that has been called hangs in a write before it has read.
func TestCallsNotHeard(t *testing.T) {
	p := newFrozen(t)
	s := newSink(t, p, Options{Path: logName(t)})
	write(t, attach(t, s), "called\n")
	soon(t, "the call", func() bool { return p.poll.caller.rang.Load() })
	if list := p.poll.wait(nil, 0); len(list) != 1 { // as the one that hangs
		t.Fatalf("%d pipes have called", len(list))
	}
	p.Thaw(&Files{})
	soon(t, "what was written", func() bool { return content(t, s.o.Path) == "called\n" })
}

// TestNoCalls: where the kernel sends no signals all are watched.
func TestNoCalls(t *testing.T) {
	p := newPump(t)
	<-p.poll.caller.known
	p.poll.caller.mu.Lock()
	p.poll.caller.works = false
	p.poll.caller.mu.Unlock()
	s := newSink(t, p, Options{Path: logName(t)})
	w := attach(t, s)
	if callsOnly(t, s) || !polled(t, s, fdOf(s)) {
		t.Fatal("a pipe is not watched")
	}
	write(t, w, "a line\n")
	soon(t, "the line", func() bool { return content(t, s.o.Path) == "a line\n" })
}

// dropped counts how often each pipe has ended.
type dropped map[uint64]int

func (d dropped) Hold(int, uint64)  {}
func (d dropped) Drop(inode uint64) { d[inode]++ }

// TestCallsEndOnce: a pipe whose end comes just before it calls again is closed once. A second time its number may be
// somebody else's.
func TestCallsEndOnce(t *testing.T) {
	p := newFrozen(t)
	drops := dropped{}
	p.KeptBy(drops)
	s := newSink(t, p, Options{Path: logName(t)})
	w := attach(t, s)
	r := s.latest
	// Another pipe is read in the same turn of the loop, after the one whose rest is over in it.
	other := newSink(t, p, Options{OnData: func(int, []byte) {
		calls(int(r.fd), false) // as if it did not yet
		w.Close()
	}})
	write(t, attach(t, other), "something\n")
	other.SetPID(1)
	for _, x := range []*run{other.latest, r} { // the last one is read first
		x.hot = hotReads
		p.rest(x)
	}
	r.missed = misses - 1
	p.Thaw(&Files{})
	atRest(t, s)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := drops[r.inode()]; n != 1 {
		t.Errorf("a pipe was closed %d times", n)
	}
}
