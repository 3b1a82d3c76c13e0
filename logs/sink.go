package logs

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what happens to one stream. What is left out costs nothing.
type Options struct {
	Name      string // of the process, for syslog lines and messages
	Stream    string // "stdout" or "stderr"
	Files     *Files
	Path      string // "" for no file
	MaxBytes  int64
	Backups   int
	Inherit   bool // the child writes the file by itself; of the other options only the names, Path and Report count
	Direct    bool // OnData sees all bytes before anything else is done; used for the listener protocol
	StripANSI bool
	Line      Line                       // how the file has the lines; nil: the bytes go there as they come
	Capture   int64                      // bytes kept between capture tokens; 0: no capturing
	OnCapture func(pid int, data []byte) // a finished capture; data is the callee's
	OnData    func(pid int, data []byte) // each piece read, after StripANSI and without capture tokens; must not block nor keep data
	Syslog    bool                       // each line to syslog as "name line"
	Ring      int                        // bytes kept in memory, for tail where no regular file is
	Report    func(level, text string)   // remarks for the main log: "WARN", "INFO"; must not block
	Quiet     time.Duration              // least time between two reports of one fault; 0: a minute
	Owner     any                        // whose it is, for Frozen.Sinks
}

// Sink is one stream of one process.
type Sink struct {
	p    *Pump
	o    Options
	file atomic.Pointer[File] // nil: none, or closed

	bytes, lost atomic.Int64

	// Guarded by p.mu.
	runs   []*run // those whose pipe is open; more than one while a grandchild holds an old one
	latest *run   // of the last Attach, whose pid SetPID sets; nil once it has ended
	closed bool

	mu   sync.Mutex // guards tail
	tail *tail      // nil until somebody needs it
}

// tail is what of a stream is at hand without a regular file.
type tail struct {
	ring ring
	live followers
}

// Stats are a sink's counters.
type Stats struct {
	Bytes int64 // read from the child
	Lost  int64 // not written to the file because it failed
}

// Sink makes a sink. The file is opened now, so that a bad path fails the start.
func (p *Pump) Sink(o Options) (*Sink, error) {
	s := &Sink{p: p, o: o}
	if o.Inherit {
		f, err := s.inherited()
		if err != nil {
			return nil, err
		}
		return s, f.Close()
	}
	if err := s.openFile(); err != nil {
		return nil, err
	}
	s.remember()
	return s, nil
}

// remember makes the ring of a stream without a regular file.
func (s *Sink) remember() {
	if s.o.Ring == 0 || s.regular() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tail == nil {
		s.tail = &tail{}
	}
	s.tail.ring.max = s.o.Ring
}

// SinkLater is Sink for a pipe that there is already, where the file cannot be opened: that is tried again by the
// next Attach, and until then what comes is kept nowhere.
func (p *Pump) SinkLater(o Options) *Sink { return &Sink{p: p, o: o} }

// regular says whether there is a file that can be read back.
func (s *Sink) regular() bool {
	f := s.file.Load()
	return f != nil && !f.special.Load()
}

// openFile shares the file of the path, if there is one.
func (s *Sink) openFile() error {
	if s.o.Path == "" {
		return nil
	}
	f, same, err := s.o.Files.open(s.o.Path, s.o.MaxBytes, s.o.Backups)
	if err != nil {
		return err
	}
	if !same {
		s.report("WARN", otherLimits(s.o.Path, f))
	}
	if !s.file.CompareAndSwap(nil, f) {
		return f.Close()
	}
	return nil
}

// Attach makes a pipe for a run, reads from it until its last writer is gone, and returns
// the end to write to, which the caller closes. pid tells later which run it is.
// When the sink was closed by Close or the file is gone, it opens the file first.
func (s *Sink) Attach() (w *os.File, err error) { return s.attach(false) }

// AttachNew is Attach for a sink that was made just now: its file need not be looked at again,
// unless another sink had it open already.
func (s *Sink) AttachNew() (w *os.File, err error) { return s.attach(true) }

func (s *Sink) attach(fresh bool) (w *os.File, err error) {
	p := s.p
	p.mu.Lock()
	again := s.closed
	s.closed = false
	f := s.file.Load()
	p.mu.Unlock()
	switch {
	case s.o.Inherit:
		return s.inherited()
	case f == nil:
		if err := s.openFile(); err != nil {
			return nil, err
		}
		s.remember()
	case again: // the file is still open for an old run
		f.reown(s.o.MaxBytes, s.o.Backups)
	case !fresh || f.shared():
		f.refresh()
	}
	return p.attach(s)
}

// SetPID names the child that writes now; it is what OnData and OnCapture are given.
func (s *Sink) SetPID(pid int) {
	p := s.p
	p.mu.Lock()
	r := s.latest
	waits := false
	if r != nil {
		r.pid.Store(int32(pid))
		waits = r.held
	}
	p.mu.Unlock()
	if waits {
		p.kick()
	}
}

// Drain calls done, from the pump, when everything that was in the pipe at the call has been
// dealt with, or has not been for a second (a disk that hangs). After Pump.Close, done
// is called by a goroutine. Without a pipe done is called at once.
func (s *Sink) Drain(done func()) {
	if s.o.Inherit {
		done()
		return
	}
	s.p.drain(s, done)
}

// Reopen is File's, also when no run is going on. What a child has open it keeps.
func (s *Sink) Reopen() error {
	if s.o.Inherit {
		return nil
	}
	return s.withFile((*File).Reopen)
}

// Clear is File's, also when no run is going on; and the ring is emptied.
func (s *Sink) Clear() error {
	s.mu.Lock()
	if s.tail != nil {
		s.tail.ring = ring{max: s.tail.ring.max}
	}
	s.mu.Unlock()
	if s.o.Inherit {
		return s.truncate()
	}
	return s.withFile((*File).Clear)
}

func (s *Sink) withFile(do func(*File) error) error {
	if f := s.file.Load(); f != nil {
		return do(f)
	}
	if s.o.Path == "" {
		return nil
	}
	f, err := s.o.Files.Open(s.o.Path, s.o.MaxBytes, s.o.Backups)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

// Close ends the sink: its pipes are read on until they end, then its file is closed.
func (s *Sink) Close() {
	p := s.p
	p.mu.Lock()
	first, last := !s.closed, len(s.runs) == 0
	s.closed = true
	p.mu.Unlock()
	if !first {
		return
	}
	if f := s.file.Load(); f != nil {
		f.disown()
	}
	if last {
		s.release()
	}
}

// release closes the file and ends the followers, unless the sink is in use again.
func (s *Sink) release() {
	s.p.mu.Lock()
	if !s.closed || len(s.runs) > 0 {
		s.p.mu.Unlock()
		return
	}
	f := s.file.Swap(nil)
	s.p.mu.Unlock()
	if f != nil {
		s.report("WARN", f.fault.rest(f.name))
		f.release(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tail != nil {
		s.tail.live.end()
	}
}

// Stats are the counters of now.
func (s *Sink) Stats() Stats { return Stats{Bytes: s.bytes.Load(), Lost: s.lost.Load()} }

// Follow returns the last n bytes of the stream (n < 0: all of the current file) and a
// follower that has everything from there on: no gap, no repeat, also over rotation and Clear.
// With a regular file it is the file that is followed, with what others write to it. After
// Close there is only the history.
func (s *Sink) Follow(n int64) (history []byte, l *Follower, err error) {
	if s.o.Inherit {
		return s.watch(n)
	}
	regular := false
	err = s.withFile(func(f *File) (err error) {
		if regular = !f.special.Load(); regular {
			history, l, err = f.Follow(n)
		}
		return err
	})
	if err != nil || regular {
		return history, l, err
	}
	l = newFollower(func(*Follower) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.tail == nil {
			return
		}
		s.tail.live.sweep()
		if s.tail.ring.max == 0 && s.tail.live == nil {
			s.tail = nil
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tail == nil {
		s.tail = &tail{}
	}
	s.tail.live = append(s.tail.live, l)
	return s.tail.ring.last(n), l, nil
}

// lose counts n bytes that f did not take. s is nil where f was written to directly.
func (s *Sink) lose(f *File, err error, n int) {
	if s == nil {
		f.lose(err, n)
		return
	}
	s.lost.Add(int64(n))
	s.report("WARN", f.fault.failed(f.name, err, int64(n), s.o.Quiet))
}

// flows says that f was written to, in case that is news.
func (s *Sink) flows(f *File) {
	if s == nil {
		f.flows()
		return
	}
	s.report("INFO", f.fault.flows(f.name))
}

func (s *Sink) report(level, text string) {
	if s != nil && s.o.Report != nil && text != "" {
		s.o.Report(level, text)
	}
}

func otherLimits(path string, f *File) string {
	return fmt.Sprintf("log %q is shared and keeps the limits it was first opened with: maxbytes %d, backups %d",
		path, f.maxSize.Load(), f.backups.Load())
}
