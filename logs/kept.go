package logs

import (
	"errors"
	"fmt"
	"time"
)

// What of the logs goes over to another version of this program (an upgrade) is plain data:
// numbers of descriptors, which stay open, and what was begun with the bytes that came.

// Frozen is what a Pump and its Files know.
type Frozen struct {
	Files  []KeptFile
	Syslog [][]byte `json:",omitempty"` // messages that wait to be sent
	Unsent int      `json:",omitempty"` // of them, how many were lost and not told of

	Sinks []*Sink `json:"-"` // whose pipes are open
}

// KeptFile is one log file.
type KeptFile struct {
	Name    string
	Names   []string `json:",omitempty"`
	Own     int      // number of the inherited descriptor that is meant, or -1
	FD      int      // -1: not open
	Dev     uint64
	Ino     uint64
	MaxSize int64
	Backups int64
	Size    int64
	Retry   int64     `json:",omitempty"`
	Unable  time.Time // of the last report of a failed rotation
	Special bool      `json:",omitempty"`
	Moved   bool      `json:",omitempty"`
	Shifted bool      `json:",omitempty"`
	Again   bool      `json:",omitempty"`
	Back    bool      `json:",omitempty"` // it has a backlog
	Hung    bool      `json:",omitempty"`
	Owed    []byte    `json:",omitempty"` // the backlog
	Fault   KeptFault
}

// KeptFault is what was lost of a file, and what was said about it.
type KeptFault struct {
	Lost, Rows, Named int64 `json:",omitempty"`
	Said              time.Time
	Told, On          bool `json:",omitempty"`
}

// KeptSink is one stream of a process.
type KeptSink struct {
	File        string    `json:",omitempty"` // name of its KeptFile
	Runs        []KeptRun `json:",omitempty"`
	Latest      int       // index of the run that SetPID means; -1: none
	Closed      bool      `json:",omitempty"`
	Bytes, Lost int64
	Ring        []byte `json:",omitempty"`
}

// KeptRun is one pipe.
type KeptRun struct {
	FD, PID int
	Size    int  // of the pipe
	Late    bool `json:",omitempty"`
	Kept    bool `json:",omitempty"` // what it holds back is in a file too

	Inside   bool   `json:",omitempty"` // an escape sequence
	Esc      bool   `json:",omitempty"`
	On       bool   `json:",omitempty"` // capturing
	Captured []byte `json:",omitempty"`
	Hold     int    `json:",omitempty"` // begun token
	Line     []byte `json:",omitempty"` // for syslog
	Begun    []byte `json:",omitempty"` // line for the file
	Part     Part   `json:",omitempty"`
}

// Freeze stops the loop and everything that writes to the files, so that nothing changes any
// more until Thaw, which has to follow also an error. What waits in pipes stays there. A
// file that hangs in a write is the error: nobody could tell how much of it was written.
func (p *Pump) Freeze(fs *Files, wait time.Duration) (*Frozen, error) {
	until := time.Now().Add(wait)
	stopped := make(chan struct{})
	p.mu.Lock()
	p.pausing = stopped
	p.mu.Unlock()
	p.kick()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-stopped:
	case <-t.C:
		return nil, errors.New("the outputs of the programs do not come to rest")
	}
	p.turn.Lock()
	hanging := p.hanging
	p.turn.Unlock()
	if hanging > 0 {
		return nil, errors.New("the disk of a log hangs")
	}
	x := &Frozen{}
	fs.mu.Lock()
	list := make([]*File, 0, len(fs.byName))
	for name, f := range fs.byName {
		if name == f.name {
			list = append(list, f)
		}
	}
	fs.mu.Unlock()
	for _, f := range list {
		if b := f.back.Load(); b != nil && !b.pause(time.Until(until)) {
			return nil, fmt.Errorf("the log %q hangs in a write", f.name)
		}
	}
	for _, f := range list {
		x.Files = append(x.Files, f.kept())
	}
	if !p.syslog.pause(time.Until(until)) {
		return nil, errors.New("syslog hangs")
	}
	p.syslog.mu.Lock()
	x.Syslog, x.Unsent = p.syslog.queue, p.syslog.lost
	p.syslog.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[*Sink]bool{}
	for _, r := range p.runs {
		if r != nil && !seen[r.s] {
			seen[r.s] = true
			x.Sinks = append(x.Sinks, r.s)
		}
	}
	return x, nil
}

// Thaw goes on after a Freeze, or begins with what was handed over.
func (p *Pump) Thaw(fs *Files) {
	fs.mu.Lock()
	list := make([]*File, 0, len(fs.byName))
	for _, f := range fs.byName {
		list = append(list, f)
	}
	fs.mu.Unlock()
	for _, f := range list {
		if b := f.back.Load(); b != nil {
			b.goOn()
		}
	}
	p.syslog.goOn()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pausing = nil
	p.unpause()
}

// unpause starts the loop again. p.mu is held.
func (p *Pump) unpause() {
	if !p.paused {
		return
	}
	p.paused = false
	p.poll.rouse()
	p.turn.Lock()
	term := p.term
	p.turn.Unlock()
	go p.loop(term)
	p.poll.wake() // somebody may have rung while nobody listened
}

// mayStand says that Freeze waits for nothing but the loop to stop. p.mu is held.
func (p *Pump) mayStand() bool {
	return p.pausing != nil && !p.closing && len(p.asked)+len(p.drains) == 0
}

// stand is the loop at rest. p.mu is held.
func (p *Pump) stand() {
	select {
	case <-p.pausing:
	default:
		close(p.pausing)
	}
	p.kicked = false
	p.paused = true
	p.poll.hush()
	p.stash.close()
	p.stash = nil
}

// Owner is Options.Owner.
func (s *Sink) Owner() any { return s.o.Owner }

// Kept is the sink while its Pump is frozen.
func (s *Sink) Kept() KeptSink {
	k := KeptSink{Latest: -1, Bytes: s.bytes.Load(), Lost: s.lost.Load()}
	if f := s.file.Load(); f != nil {
		k.File = f.name
	}
	s.p.mu.Lock()
	k.Closed = s.closed
	for i, r := range s.runs {
		if r == s.latest {
			k.Latest = i
		}
		k.Runs = append(k.Runs, r.plain())
	}
	s.p.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tail != nil && s.tail.ring.max > 0 {
		k.Ring = s.tail.ring.last(-1)
	}
	return k
}

func (r *run) plain() KeptRun {
	k := KeptRun{FD: int(r.fd), PID: int(r.pid.Load()), Size: int(r.size), Late: r.late, Kept: r.kept}
	t := r.text
	if t == nil {
		return k
	}
	if t.ansi != nil {
		k.Inside, k.Esc = t.ansi.inside, t.ansi.esc
	}
	if c := t.capture; c != nil {
		k.On, k.Captured, k.Hold = c.on, c.data, c.hold
	}
	if t.lines != nil {
		k.Begun, k.Part = t.lines.held, t.lines.part
	}
	k.Line = t.line
	return k
}

func (f *File) kept() KeptFile {
	f.files.mu.Lock()
	k := KeptFile{Name: f.name, Names: append([]string(nil), f.names...), Own: f.own, MaxSize: f.maxSize.Load(), Backups: f.backups.Load()}
	f.files.mu.Unlock()
	f.mu.Lock()
	k.FD, k.Size, k.Retry, k.Unable = f.fd, f.size, f.retry, f.unable
	k.Dev, k.Ino = f.id.dev, f.id.ino
	k.Special, k.Moved, k.Shifted, k.Again = f.special.Load(), f.moved, f.shifted, f.again.Load()
	f.mu.Unlock()
	if b := f.back.Load(); b != nil {
		b.mu.Lock()
		k.Back, k.Hung, k.Owed = true, b.hung, b.buf
		b.mu.Unlock()
	}
	x := &f.fault
	x.mu.Lock()
	defer x.mu.Unlock()
	k.Fault = KeptFault{x.lost, x.rows, x.named, x.said, x.told, x.on}
	return k
}

// FDs are the descriptors that go over with the files.
func (x *Frozen) FDs() (list []int) {
	for _, f := range x.Files {
		if f.FD >= 0 {
			list = append(list, f.FD)
		}
	}
	return list
}

// FDs are those of the pipes.
func (k *KeptSink) FDs() (list []int) {
	for _, r := range k.Runs {
		list = append(list, r.FD)
	}
	return list
}
