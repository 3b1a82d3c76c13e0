package logs

import (
	"time"

	"golang.org/x/sys/unix"
)

// NewFrozenPump makes a pump whose loop begins with Thaw. dir is NewPumpIn's; nothing in it
// is for this pump, which is told everything.
func NewFrozenPump(dir string) (*Pump, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	p := &Pump{poll: poll, start: time.Now(), ended: make(chan struct{}), dir: dir, paused: true}
	p.watcher = time.AfterFunc(time.Hour, p.watch)
	p.watcher.Stop()
	return p, nil
}

// Resume takes over files that are open, before anybody opens one. Who opens them by name
// finds them; Settle closes those that nobody wanted.
func (fs *Files) Resume(list []KeptFile) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byName == nil {
		fs.byName, fs.byID, fs.byOwn = map[string]*File{}, map[fileID]*File{}, map[fileID]*File{}
	}
	for _, k := range list {
		f := &File{files: fs, name: k.Name, names: k.Names, own: k.Own, fd: k.FD, users: 1, owners: 1}
		f.id = fileID{k.Dev, k.Ino}
		id := f.id
		f.is.Store(&id)
		f.maxSize.Store(k.MaxSize)
		f.backups.Store(k.Backups)
		f.size, f.retry, f.unable, f.moved, f.shifted = k.Size, k.Retry, k.Unable, k.Moved, k.Shifted
		f.special.Store(k.Special)
		f.again.Store(k.Again)
		f.fault.lost, f.fault.rows, f.fault.named = k.Fault.Lost, k.Fault.Rows, k.Fault.Named
		f.fault.said, f.fault.told, f.fault.on = k.Fault.Said, k.Fault.Told, k.Fault.On
		if k.Back {
			chunk := 0
			var st unix.Stat_t
			if k.FD >= 0 && unix.Fstat(k.FD, &st) == nil {
				chunk = chunkOf(k.FD, &st)
			}
			b := newBacklog(f, chunk)
			b.buf, b.hung, b.pausing = k.Owed, k.Hung, true
			b.added = int64(len(k.Owed))
			if len(k.Owed) > 0 {
				b.parts = []part{{nil, len(k.Owed)}}
			}
			f.back.Store(b)
		}
		fs.resumed = append(fs.resumed, f)
		for _, name := range append(f.names, f.name) {
			fs.byName[name] = f
		}
		switch {
		case f.own >= 0:
			fs.byOwn[f.id] = f
		case !k.Special:
			fs.byID[f.id] = f
		}
	}
}

// Settle gives up the shares of Resume, when all that will be used has been opened.
func (fs *Files) Settle() {
	fs.mu.Lock()
	list := fs.resumed
	fs.resumed = nil
	fs.mu.Unlock()
	for _, f := range list {
		f.disown()
		f.release(0)
	}
}

// Resume takes over messages to syslog.
func (p *Pump) Resume(x *Frozen) {
	l := &p.syslog
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pausing = true
	l.queue, l.lost = x.Syslog, x.Unsent
	for _, msg := range l.queue {
		l.size += len(msg)
	}
}

// ResumeSink is Sink for a stream that goes on. Its pipes are read from Thaw on.
func (p *Pump) ResumeSink(o Options, k KeptSink) (*Sink, error) {
	s := &Sink{p: p, o: o}
	s.bytes.Store(k.Bytes)
	s.lost.Store(k.Lost)
	if k.File != "" && o.Files != nil {
		if f, _ := o.Files.share(k.File, fileID{}, o.MaxBytes, o.Backups, -1); f != nil {
			s.file.Store(f)
		} else if err := s.openFile(); err != nil {
			return nil, err
		}
	}
	if o.Path == "" || s.file.Load() != nil { // else the child has it, or it could not be opened (SinkLater)
		s.remember()
	}
	if s.tail != nil {
		s.tail.ring.write(k.Ring)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.closed = k.Closed
	if f := s.file.Load(); f != nil && k.Closed {
		f.disown()
	}
	for i, x := range k.Runs {
		r := newRun(s, x.FD)
		r.resume(x)
		if err := p.listen(r); err != nil {
			return nil, err
		}
		for len(p.runs) <= x.FD {
			p.runs = append(p.runs, nil)
		}
		p.runs[x.FD] = r
		s.runs = append(s.runs, r)
		if i == k.Latest {
			s.latest = r
		}
		if r.size > pipeSize {
			p.grown = append(p.grown, r)
			p.big = true
		}
	}
	return s, nil
}

func (r *run) resume(k KeptRun) {
	r.pid.Store(int32(k.PID))
	r.late, r.kept = k.Late, k.Kept
	r.size = max(pipeSize, int32(k.Size))
	t := r.text
	if t == nil {
		return
	}
	if t.ansi != nil {
		t.ansi.inside, t.ansi.esc = k.Inside, k.Esc
	}
	if t.capture != nil {
		t.capture.on, t.capture.data = k.On, k.Captured
		if k.Hold < len(t.capture.token()) {
			t.capture.hold = k.Hold
		}
	}
	if t.lines != nil {
		t.lines.held, t.lines.part = k.Begun, k.Part
	}
	t.line = k.Line
}

// mayPause says that the writer has to stop.
func (b *backlog) mayPause() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pausing
}

// putBack returns to the front what the writer has taken and not written; n is how much of
// parts was.
func (b *backlog) putBack(data []byte, parts []part, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var left []part
	for _, p := range parts {
		k := min(p.n, n)
		n -= k
		if p.n > k {
			left = append(left, part{p.s, p.n - k})
		}
	}
	b.buf = append(append(make([]byte, 0, len(data)+len(b.buf)), data...), b.buf...)
	b.parts = append(left, b.parts...)
	b.flight = 0
}

// stand is the writer at rest. b.mu is held.
func (b *backlog) stand() {
	b.running = false
	if b.stood != nil {
		close(b.stood)
		b.stood = nil
	}
}

// pause stops the writer and says whether it has, within d.
func (b *backlog) pause(d time.Duration) bool {
	b.mu.Lock()
	b.pausing = true
	if !b.running {
		b.mu.Unlock()
		return true
	}
	stood := make(chan struct{})
	b.stood = stood
	if b.bell >= 0 {
		unix.Write(b.bell, []byte{0})
	}
	b.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-stood:
		return true
	case <-t.C:
		return false
	}
}

// goOn is the end of pause.
func (b *backlog) goOn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pausing = false
	if len(b.buf) > 0 && !b.running {
		b.running = true
		go b.run()
	}
}

// putBack returns messages to the front of the queue if the sender has to stop.
func (l *syslog) putBack(list [][]byte, lost int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pausing {
		return false
	}
	l.queue = append(append([][]byte(nil), list...), l.queue...)
	l.lost += lost
	for _, msg := range list {
		l.size += len(msg)
	}
	return true
}

// pause stops the sender and says whether it has, within d. It never sends for longer than
// its own limits.
func (l *syslog) pause(d time.Duration) bool {
	l.mu.Lock()
	l.pausing = true
	if !l.running {
		l.mu.Unlock()
		return true
	}
	c := make(chan struct{})
	l.stood = c
	l.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

func (l *syslog) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pausing = false
	if len(l.queue) > 0 && !l.running {
		l.running = true
		go l.run()
	}
}
