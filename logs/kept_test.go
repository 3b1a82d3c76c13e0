package logs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kept is everything of a pump with one sink, as plain data that has been written and read.
type kept struct {
	Frozen   *Frozen
	Sink     KeptSink
	Follower KeptFollower
}

// handOver freezes p and goes on with another pump and other Files, as another process would.
func handOver(t testing.TB, p *Pump, o Options, s *Sink, l *Follower) (*Pump, Options, *Sink, *Follower) {
	t.Helper()
	x, err := p.Freeze(o.Files, 40*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	k := kept{Frozen: x, Sink: s.Kept()}
	if l != nil {
		k.Follower = l.Leave()
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	k = kept{}
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	// Here both live in one process, and the old one is taken apart.
	own := func(fd *int) {
		if *fd >= 0 {
			dup, err := unix.FcntlInt(uintptr(*fd), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(*fd)
			*fd = dup
		}
	}
	for i := range k.Frozen.Files {
		own(&k.Frozen.Files[i].FD)
	}
	p.watcher.Stop()
	p.mu.Lock()
	p.closed = true // or who wakes it writes into whatever has the number of its bell by then
	p.poll.close()
	p.mu.Unlock()
	for i := range k.Sink.Runs {
		own(&k.Sink.Runs[i].FD)
	}
	q, err := NewFrozenPump(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	q.syslog.addr = p.syslog.addr
	o.Files = &Files{Overflow: o.Files.Overflow}
	o.Files.Resume(k.Frozen.Files)
	q.Resume(k.Frozen)
	next, err := q.ResumeSink(o, k.Sink)
	if err != nil {
		t.Fatal(err)
	}
	o.Files.Settle()
	if l != nil {
		if l, err = next.FollowOn(k.Follower); err != nil {
			t.Fatal(err)
		}
	}
	q.Thaw(o.Files)
	return q, o, next, l
}

// However a stream is cut, and wherever it is handed over, file, captures, followers and
// events get the same bytes.
func TestHandOverKeepsEveryByte(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			without := streamed(t, seed, false)
			with := streamed(t, seed, true)
			for what, text := range without {
				same(t, what, with[what], text)
			}
		})
	}
}

func streamed(t *testing.T, seed uint64, upgrades bool) map[string]string {
	r := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	var seen, captures, followed strings.Builder
	o := Options{
		Name: "p", Stream: "stdout", Files: &Files{}, Path: filepath.Join(dir, "log"), MaxBytes: 3000, Backups: 200,
		OnData: func(_ int, b []byte) { seen.Write(b) },
	}
	if r.IntN(2) == 0 {
		o.StripANSI = true
	}
	if r.IntN(2) == 0 {
		o.Capture = 1 << 20 // what is dropped of a larger one depends on the pieces
		o.OnCapture = func(_ int, b []byte) { fmt.Fprintf(&captures, "%q\n", b) }
	}
	if r.IntN(2) == 0 {
		o.Line = joined // a drain ends a line, and when it comes is not the matter
	}
	p, s := newClosable(t, o)
	_, l, err := s.Follow(-1)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Attach()
	if err != nil {
		t.Fatal(err)
	}
	s.SetPID(7)
	pieces := []string{"line\n", "half ", "\x1b", "[31m", "red\x1b[0m", captureBegin, captureEnd, captureBegin[:9], captureBegin[9:], "\n", strings.Repeat("x", 700) + "\n"}
	choice := rand.New(rand.NewPCG(seed, 2))
	for i := range 120 {
		write(t, w, fmt.Sprintf("%d%s", i, pieces[r.IntN(len(pieces))]))
		if n := choice.IntN(3); n == 0 {
			drained(t, s)
		}
		if upgrades && choice.IntN(4) == 0 {
			p, o, s, l = handOver(t, p, o, s, l)
		}
	}
	w.Close()
	atRest(t, s)
	data, lost := l.Take()
	followed.Write(data)
	if lost != 0 {
		t.Errorf("%d bytes were lost to the follower", lost)
	}
	l.Close()
	stats := s.Stats()
	s.Close()
	p.Close()
	var file strings.Builder
	for i := 200; i >= 0; i-- {
		name := o.Path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", o.Path, i)
		}
		b, err := os.ReadFile(name)
		if err == nil {
			file.Write(b)
		}
	}
	got := map[string]string{"captures": captures.String(), "follower": followed.String(), "counted": fmt.Sprint(stats)}
	if o.Line == nil { // a drain ends a line, so there the file depends on when it comes
		got["file"] = file.String()
		got["events"] = seen.String()
	}
	return got
}

// What a FIFO has not taken yet goes over, and comes out once, in order.
func TestHandOverOfABacklog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Name: "p", Stream: "stdout", Files: &Files{}, Path: name}
	p, s := newClosable(t, o)
	w, err := s.Attach()
	if err != nil {
		t.Fatal(err)
	}
	s.SetPID(1)
	var want strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&want, "line %d\n", i)
	}
	go func() {
		w.WriteString(want.String())
		w.Close()
	}()
	p, o, s, _ = handOver(t, p, o, s, nil)
	r, err := os.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got strings.Builder
	buf := make([]byte, 4096)
	for i := 0; got.Len() < want.Len(); i++ {
		if i%20 == 3 {
			p, o, s, _ = handOver(t, p, o, s, nil)
		}
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	if got.String() != want.String() {
		t.Errorf("%d bytes came, which are not the %d that were written", got.Len(), want.Len())
	}
	atRest(t, s)
	s.Close()
	p.Close()
}

// A pump that is frozen and thawed again goes on as if nothing had been.
func TestThawAfterAllInVain(t *testing.T) {
	p := newPump(t)
	fs := &Files{}
	name := logName(t)
	s := newSink(t, p, Options{Name: "p", Files: fs, Path: name})
	w := attach(t, s)
	for i := range 50 {
		write(t, w, fmt.Sprintln(i))
		if _, err := p.Freeze(fs, 40*time.Second); err != nil {
			t.Fatal(err)
		}
		write(t, w, fmt.Sprintln(i))
		p.Thaw(fs)
	}
	w.Close()
	atRest(t, s)
	if lines := strings.Count(content(t, name), "\n"); lines != 100 {
		t.Errorf("%d lines, want 100", lines)
	}
}

// A log that its program writes by itself is followed on without a lost byte.
func TestHandOverOfAWatcher(t *testing.T) {
	name := logName(t)
	o := Options{Name: "p", Stream: "stdout", Files: &Files{}, Path: name, Inherit: true}
	p, s := newClosable(t, o)
	w, err := s.Attach()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, l, err := s.Follow(-1)
	if err != nil {
		t.Fatal(err)
	}
	var want, got strings.Builder
	for i := range 60 {
		text := fmt.Sprintln("line", i)
		want.WriteString(text)
		write(t, w, text)
		if i%7 == 0 {
			p, o, s, l = handOver(t, p, o, s, l)
		}
	}
	soon(t, "the follower", func() bool {
		data, _ := l.Take()
		got.Write(data)
		return got.Len() >= want.Len()
	})
	same(t, "followed", got.String(), want.String())
	l.Close()
	s.Close()
	p.Close()
}

// So is one that has another name by then, whether there is a new one already or not.
func TestHandOverOfARenamedWatcher(t *testing.T) {
	name := logName(t)
	o := Options{Name: "p", Stream: "stdout", Files: &Files{}, Path: name, Inherit: true}
	p, s := newClosable(t, o)
	w := attach(t, s)
	_, l, err := s.Follow(0)
	if err != nil {
		t.Fatal(err)
	}
	want, got := "", ""
	comes := func(w *os.File, text string) {
		t.Helper()
		for range 3 { // the first may be there when it begins to look, the others have to be told of
			want += text
			write(t, w, text)
			soon(t, text, func() bool {
				data, _ := l.Take()
				got += string(data)
				return len(got) >= len(want)
			})
		}
	}
	comes(w, "1\n")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	p, o, s, l = handOver(t, p, o, s, l)
	comes(w, "2\n")
	again := attach(t, s)
	comes(again, "3\n")
	p, o, s, l = handOver(t, p, o, s, l)
	comes(w, "4\n")
	comes(again, "5\n")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	p, _, s, l = handOver(t, p, o, s, l)
	comes(again, "6\n")
	same(t, "followed", got, want)
	l.Close()
	s.Close()
	p.Close()
}

// What a follower reads by itself is no child's, and stays whose it was if nobody can follow on.
func TestHandOverOfAWatcherInVain(t *testing.T) {
	name := logName(t)
	s := inheriting(t, name)
	_, l, err := s.Follow(0)
	if err != nil {
		t.Fatal(err)
	}
	k := l.Leave()
	if len(k.FDs()) != 1 {
		t.Fatalf("%+v goes over", k)
	}
	os.RemoveAll(filepath.Dir(name))
	if _, err := s.FollowOn(k); err == nil {
		t.Error("a log whose directory is not there is followed")
	}
	for _, fd := range k.FDs() {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %#x, %v", fd, flags, err)
		}
		unix.Close(fd)
	}
}

// A stream has a ring on the other side where it had one: not where its log could not be opened, and is regular
// perhaps when it can.
func TestHandOverOfRings(t *testing.T) {
	for name, tt := range map[string]struct{ path, want string }{
		"no file":                   {"", "before\nafter\n"},
		"a device":                  {"/dev/null", "before\nafter\n"},
		"a log that was not opened": {t.TempDir(), ""},
	} {
		o := Options{Name: "p", Stream: "stdout", Files: &Files{}, Path: tt.path, Ring: 100}
		p, err := NewPump()
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Sink(o)
		if err != nil {
			s = p.SinkLater(o)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		unix.SetNonblock(fd, true)
		if err := s.Adopt(fd, 1, 1); err != nil {
			t.Fatal(err)
		}
		write(t, w, "before\n")
		drained(t, s)
		p, o, s, _ = handOver(t, p, o, s, nil)
		write(t, w, "after\n")
		w.Close()
		atRest(t, s)
		if tt.want == "" { // now it can be
			if err := os.Remove(tt.path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/dev/null", tt.path); err != nil {
				t.Fatal(err)
			}
		}
		history, l, err := s.Follow(-1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, string(history), tt.want)
		l.Close()
		s.Close()
		p.Close()
	}
}
