package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSinkFile(t *testing.T) {
	t.Parallel()
	p, name := newPump(t), logName(t)
	s := newSink(t, p, Options{Path: name})
	same(t, "the new file", content(t, name), "")
	say(t, s, "one\n", "two\n")
	say(t, s, "three")
	same(t, "file", content(t, name), "one\ntwo\nthree")
	if got, want := s.Stats(), (Stats{Bytes: 13}); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

func TestSinkBadPath(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	_, err := p.Sink(Options{Files: &Files{}, Path: "/nope/log"})
	same(t, "error", err.Error(), `cannot open log "/nope/log": no such file or directory`)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is not ErrNotExist")
	}
}

// Nobody wants it, but the program must not block.
func TestSinkDiscards(t *testing.T) {
	t.Parallel()
	s := newSink(t, newPump(t), Options{})
	w := attach(t, s)
	if _, err := w.Write(make([]byte, 3<<20)); err != nil {
		t.Fatal(err)
	}
	drained(t, s)
	if got := s.Stats().Bytes; got != 3<<20 {
		t.Errorf("%d bytes read, want %d", got, 3<<20)
	}
}

// users.md calls it output lost at the end of a program.
func TestLastWords(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	files := &Files{}
	dir := t.TempDir()
	want := ""
	s := newSink(t, p, Options{Files: files, Path: filepath.Join(dir, "log")})
	for range 1000 {
		w, err := s.Attach()
		if err != nil {
			t.Fatal(err)
		}
		write(t, w, "last words\n")
		w.Close()
		drained(t, s)
		want += "last words\n"
	}
	same(t, "log", content(t, filepath.Join(dir, "log")), want)
}

// A grandchild keeps the pipe: its output is still logged, also beside the next run, and
// each run has its own pid and its own text.
func TestGrandchild(t *testing.T) {
	t.Parallel()
	var seen notes
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name, OnData: seen.data, Capture: 100,
		OnCapture: func(pid int, b []byte) { seen.data(-pid, b) }})
	old := attach(t, s)
	s.SetPID(10)
	write(t, old, "old <!--XSUPER")
	drained(t, s)
	fresh := attach(t, s)
	s.SetPID(20)
	write(t, fresh, "new ")
	drained(t, s)
	write(t, old, "VISOR:BEGIN-->talk<!--XSUPERVISOR:END-->")
	drained(t, s)
	s.Close() // it is read on
	write(t, old, "bye")
	old.Close()
	soon(t, "old data", func() bool { return strings.HasSuffix(seen.all(), "10 bye") })
	fresh.Close()
	atRest(t, s)
	same(t, "log", content(t, name), "old new bye")
	same(t, "callbacks", seen.all(), "10 old \n20 new \n10 talk\n-10 talk\n10 bye")
}

// Output that comes before the launcher has told the pid waits for it.
func TestOutputBeforePID(t *testing.T) {
	t.Parallel()
	var seen notes
	s := newSink(t, newPump(t), Options{OnData: seen.data})
	w := attach(t, s)
	write(t, w, "early")
	w.Close()
	soon(t, "the loop to see it", func() bool {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		return s.latest != nil && s.latest.held
	})
	s.SetPID(7)
	soon(t, "the data", func() bool { return seen.all() == "7 early" })

	w = attach(t, s) // nobody tells
	write(t, w, "anonymous")
	soon(t, "the data without a pid", func() bool { return strings.HasSuffix(seen.all(), "\n0 anonymous") })
}

func TestDirect(t *testing.T) {
	t.Parallel()
	var seen notes
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name, Direct: true, StripANSI: true, OnData: seen.data})
	say(t, s, "\x1b[1mREADY\n")
	same(t, "OnData", seen.all(), "1 \x1b[1mREADY\n")
	same(t, "log", content(t, name), "READY\n")
}

func TestDrainAlwaysAnswers(t *testing.T) {
	t.Parallel()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	s := newSink(t, p, Options{})
	drained(t, s) // nothing attached
	w := attach(t, s)
	drained(t, s) // nothing in it
	write(t, w, "x")
	s.Close()
	drained(t, s)
	nested := make(chan struct{})
	s.Drain(func() { s.Drain(func() { close(nested) }) })
	<-nested
	p.Close()
	drained(t, s)
	if _, err := s.Attach(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Attach after Pump.Close: %v, want %v", err, os.ErrClosed)
	}
}

// A grandchild that writes for ever must not keep Drain from ending.
func TestDrainBesideFlood(t *testing.T) {
	t.Parallel()
	s := newSink(t, newPump(t), Options{})
	w := attach(t, s)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 64<<10)
		for {
			select {
			case <-stop:
				return
			default:
				w.Write(b)
			}
		}
	}()
	for range 20 {
		drained(t, s)
	}
	close(stop)
	<-ended
}

func TestPumpCloseReadsTheRest(t *testing.T) {
	t.Parallel()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	name := logName(t)
	s := newSink(t, p, Options{Path: name, Capture: 10})
	w := attach(t, s)
	write(t, w, "still in the pipe<!--X")
	p.Close()
	same(t, "log", content(t, name), "still in the pipe<!--X")
	p.Close() // once more is no harm
}

func TestSinkAfterClose(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name})
	say(t, s, "first\n")
	s.Close()
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	same(t, "after Clear", content(t, name), "")
	os.Rename(name, name+".old")
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	same(t, "after Reopen", content(t, name), "")
	say(t, s, "second\n")
	same(t, "after Attach", content(t, name), "second\n")
}

// Supervisor opens the log at each start of the child; so does Attach when it is gone.
func TestAttachFindsRemovedFile(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name})
	say(t, s, "first\n")
	os.Remove(name)
	say(t, s, "second\n")
	same(t, "log", content(t, name), "second\n")
	os.Rename(name, name+".moved")
	os.WriteFile(name, []byte("theirs\n"), 0o600)
	say(t, s, "third\n")
	same(t, "log", content(t, name), "theirs\nthird\n")
}

// The same for the first run of a sink that shares the file of another one.
func TestAttachNewFindsRemovedFile(t *testing.T) {
	t.Parallel()
	p, name, files := newPump(t), logName(t), &Files{}
	first := attach(t, newSink(t, p, Options{Files: files, Path: name}))
	write(t, first, "first\n")
	soon(t, "the first line", func() bool { return content(t, name) == "first\n" })
	os.Remove(name)
	s := newSink(t, p, Options{Files: files, Path: name})
	w, err := s.AttachNew()
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, "second\n")
	w.Close()
	drained(t, s)
	same(t, "log", content(t, name), "second\n")
}

func TestOneWarningForOtherLimits(t *testing.T) {
	t.Parallel()
	p, name, files := newPump(t), logName(t), &Files{}
	var n notes
	first := newSink(t, p, Options{Files: files, Path: name, MaxBytes: 100, Backups: 3, Report: n.report})
	newSink(t, p, Options{Files: files, Path: name, MaxBytes: 100, Backups: 3, Report: n.report})
	same(t, "reports", n.all(), "")
	newSink(t, p, Options{Files: files, Path: name, MaxBytes: 5, Report: n.report})
	same(t, "reports", n.all(), `WARN log "`+name+`" is shared and keeps the limits it was first opened with: maxbytes 100, backups 3`)
	_ = first
}

// A changed configuration brings a new sink while a grandchild still holds the old one.
func TestLimitsOfAClosedSinkDoNotBind(t *testing.T) {
	t.Parallel()
	p, name, files := newPump(t), logName(t), &Files{}
	var n notes
	old := newSink(t, p, Options{Files: files, Path: name, MaxBytes: 100, Report: n.report})
	w := attach(t, old)
	old.Close()
	s := newSink(t, p, Options{Files: files, Path: name, MaxBytes: 10, Backups: 1, Report: n.report})
	write(t, w, "0123456789")
	drained(t, old)
	say(t, s, "abc")
	same(t, "reports", n.all(), "")
	same(t, "backup", content(t, name+".1"), "0123456789")
	same(t, "log", content(t, name), "abc")
}

func TestRing(t *testing.T) {
	t.Parallel()
	s := newSink(t, newPump(t), Options{Ring: 10})
	for _, test := range []struct {
		say  string
		n    int64
		want string
	}{
		{"abc", -1, "abc"},
		{"defghij", 4, "ghij"},
		{"kl", -1, "cdefghijkl"},
		{"mnopqrstuvwxyz", 3, "xyz"},
		{"0", 100, "rstuvwxyz0"},
		{"", 0, ""},
	} {
		say(t, s, test.say)
		got, f, err := s.Follow(test.n)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		same(t, "ring after "+test.say, string(got), test.want)
	}
	s.Clear()
	got, f, _ := s.Follow(-1)
	f.Close()
	same(t, "ring after Clear", string(got), "")
}

func TestIdlePumpHasNothingToDo(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	s := newSink(t, p, Options{Path: logName(t)})
	w := attach(t, s)
	big := make([]byte, 64<<10)
	for range 200 {
		w.Write(big)
	}
	drained(t, s)
	soon(t, "the pump to calm down", func() bool {
		p.turn.Lock()
		defer p.turn.Unlock()
		return !p.watching
	})
	// timeout is the loop's own; it is read here only after Close has joined the loop.
	soon(t, "larger pipes to be given back", func() bool { return pipeSizeOf(s) == pipeSize })
	w.Close()
	p.Close()
	if d := p.timeout(); d != -1 {
		t.Errorf("an idle pump would wake up in %v", d)
	}
}
