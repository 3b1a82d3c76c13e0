package logs

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// backlogMax is how much a file that blocks may owe before its programs have to wait.
	backlogMax = 1 << 20
	// ownRoom is what of the daemon's own lines is kept beyond that, so that programs cannot
	// crowd out the lines that say what they have lost.
	ownRoom = 64 << 10
	// patience is how long a file may take nothing at all. Then the programs come first:
	// what does not fit the backlog is lost, counted and reported, until it flows again.
	patience = time.Second
)

var (
	errBlocked = errors.New("it takes nothing")
	errSlow    = errors.New("it is not read fast enough")
	errPausing = errors.New("it is being handed over")
)

// backlog holds what a file has not taken yet that may block for ever: a FIFO or a
// terminal that nobody reads, a socket, a disk that hangs. A goroutine of its own writes
// it and ends when it is empty.
type backlog struct {
	f        *File
	overflow Overflow
	chunk    int // how much may be written at once after poll(2) said that something may be

	mu      sync.Mutex // guards what follows
	buf     []byte
	parts   []part        // who wrote how much of buf
	own     int           // bytes of Write in buf
	flight  int           // bytes that the writer has taken out of buf and not written yet
	added   int64         // bytes over all
	done    int64         // of them written or lost
	running bool          // there is a writer
	hung    bool          // nothing was taken for patience
	looked  int64         // what the disk had taken at the last look
	inside  bool          // the writer is in write(2)
	over    bool          // a disk that hung flows again: write directly
	pausing bool          // Freeze: the writer puts back what it has not written, and ends
	stood   chan struct{} // closed when it has; nil: nobody waits for that
	closing bool          // nobody uses the file any more; the writer closes it
	bell    int           // wakes a writer that waits for good; -1: none does
	pump    *Pump         // to be rung when there is room or nothing left, if heed
	heed    bool
	waiters []waiter
}

type part struct {
	s *Sink // nil: Write
	n int
}

type waiter struct {
	at int64 // of done
	c  chan struct{}
}

func newBacklog(f *File, chunk int) *backlog {
	b := &backlog{f: f, chunk: chunk, bell: -1, looked: f.taken.Load()}
	if f.own >= 0 && f.files != nil {
		b.overflow = f.files.Overflow
	}
	return b
}

// chunkOf is what a write takes without blocking once poll(2) allows it: a page of a pipe,
// less of a terminal, anything of a file and of devices such as /dev/null.
func chunkOf(fd int, st *unix.Stat_t) int {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK:
		return 4 << 10
	case unix.S_IFCHR:
		if _, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
			return 512
		}
	}
	return 64 << 10
}

// chunkOfHung is for a file that may be found to be anything when it flows again.
const chunkOfHung = 512

// add takes data over, or loses it. It is false when the file may be written directly
// again. at is where data ends, for wait.
func (b *backlog) add(data []byte, s *Sink) (at int64, ok bool) {
	b.mu.Lock()
	if b.over {
		b.mu.Unlock()
		return 0, false
	}
	b.added += int64(len(data))
	at = b.added
	if s != nil {
		b.pump = s.p
	}
	if b.loses(s != nil) && !b.room(s != nil, len(data)) {
		b.done += int64(len(data))
		b.mu.Unlock()
		why := errBlocked
		if b.overflow == Drop {
			why = errSlow
			b.f.fault.count(data)
		}
		s.lose(b.f, why, len(data))
		return at, true
	}
	b.buf = append(b.buf, data...)
	if s == nil {
		b.own += len(data)
	}
	if n := len(b.parts); n > 0 && b.parts[n-1].s == s {
		b.parts[n-1].n += len(data)
	} else {
		b.parts = append(b.parts, part{s, len(data)})
	}
	if !b.running && !b.pausing {
		b.running = true
		go b.run() // ends when buf is empty; finish and wait are its waits
	}
	b.mu.Unlock()
	return at, true
}

// room says whether n more bytes are kept. What is not full yet takes any: one piece of many
// short lines may be more than backlogMax when each has a time and a name. b.mu is held.
func (b *backlog) room(program bool, n int) bool {
	return len(b.buf)+b.flight < backlogMax || !program && b.own+n <= ownRoom
}

// loses says whether what does not fit is lost at once. Only programs can be made to wait,
// and those wait in full. b.mu is held.
func (b *backlog) loses(program bool) bool {
	switch {
	case b.overflow == Drop:
		return true
	case b.overflow == Block && program:
		return false
	}
	if b.hung && !b.f.special.Load() {
		b.look()
	}
	return b.hung
}

// full says that sinks should leave their data in the pipes; the pump is rung when not.
func (b *backlog) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := !b.loses(true) && len(b.buf)+b.flight >= backlogMax
	b.heed = b.heed || full
	return full
}

// empty says that everything was written or lost; the pump is rung when so.
func (b *backlog) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heed = b.heed || b.running
	return !b.running
}

// run is the writer.
func (b *backlog) run() {
	var data []byte
	var parts []part
	for {
		b.mu.Lock()
		if len(b.buf) == 0 {
			break
		}
		if b.pausing {
			b.stand()
			b.mu.Unlock()
			return
		}
		data, b.buf = b.buf, data[:0]
		parts, b.parts = b.parts, parts[:0]
		b.own = 0
		b.flight = len(data)
		b.mu.Unlock()
		b.write(data, parts)
	}
	b.buf, b.parts = nil, nil // a burst's memory is not kept
	b.stand()
	b.hung = false
	closing := b.closing
	if !b.f.special.Load() {
		b.over = true
		b.f.back.CompareAndSwap(b, nil)
	}
	ring := b.ring()
	b.mu.Unlock()
	if closing {
		b.f.shut()
	}
	ring.kick()
}

// write gives data to the file.
func (b *backlog) write(data []byte, parts []part) {
	f, s := b.f, speaker(parts)
	n, err := 0, error(nil)
	if f.special.Load() {
		n, err = b.writeSpecial(data)
	} else {
		for n < len(data) && err == nil {
			if b.mayPause() {
				err = errPausing
				break
			}
			var k int
			var failed error
			f.mu.Lock()
			if k, err = f.append(data[n : n+f.cut(data[n:])]); err == nil {
				failed = f.rotateIfDue()
			}
			f.mu.Unlock()
			n += k
			b.progress(k)
			if failed != nil {
				s.report("WARN", failed.Error())
			}
		}
	}
	if err == nil {
		if s != nil { // else what was lost waits for one that can say so
			s.flows(f)
		}
		return
	}
	if err == errPausing {
		b.putBack(data[n:], parts, n)
		return
	}
	for _, p := range parts { // each sink loses what of its own was not written
		k := min(p.n, n)
		n -= k
		if p.n > k {
			p.s.lose(f, err, p.n-k)
		}
	}
	b.progress(b.flight)
}

// speaker is the last sink among parts, which can say what happened to the file; nil when all
// is the daemon's own.
func speaker(parts []part) *Sink {
	for i := len(parts) - 1; i >= 0; i-- {
		if s := parts[i].s; s != nil {
			return s
		}
	}
	return nil
}

func (b *backlog) writeSpecial(data []byte) (n int, err error) {
	f := b.f
	f.mu.Lock()
	f.live.push(data)
	if f.fd < 0 || f.again.Swap(false) {
		err = f.open()
	}
	fd := f.fd
	f.mu.Unlock()
	if err != nil {
		return 0, cannotOpen(f.name, err)
	}
	late := time.AfterFunc(time.Hour, b.stuck)
	defer late.Stop()
	for n < len(data) {
		if !b.writable(fd) {
			if b.mayPause() {
				return n, errPausing
			}
			return n, errBlocked
		}
		if b.mayPause() {
			return n, errPausing
		}
		k, err := b.writeChunk(fd, data[n:min(len(data), n+b.chunk)], late)
		if k > 0 {
			n += k
			b.progress(k)
		}
		if err != nil && err != unix.EINTR && err != unix.EAGAIN {
			if err != unix.EPIPE { // a terminal that hung up, say
				f.again.Store(true)
			}
			return n, err
		}
	}
	return n, nil
}

// writeChunk is write(2). It may block although poll(2) said that something may be written:
// a terminal that has room for less than the chunk takes that, and waits for its reader. It
// may be somebody else's too, so it cannot be made not to block; late sees to it that nobody
// waits for it.
func (b *backlog) writeChunk(fd int, data []byte, late *time.Timer) (int, error) {
	b.mu.Lock()
	b.inside = true
	b.mu.Unlock()
	late.Reset(patience)
	n, err := unix.Write(fd, data)
	late.Stop()
	b.mu.Lock()
	b.inside = false
	b.mu.Unlock()
	return n, err
}

// stuck is the timer of a write that lasts.
func (b *backlog) stuck() {
	b.mu.Lock()
	var ring *Pump
	if b.inside {
		b.hung = true
		ring = b.ring()
	}
	b.mu.Unlock()
	ring.kick()
}

// guard looks whether a disk that seems to hang takes anything at all. It looks until it has not, or there is no
// writer any more.
func (b *backlog) guard() {
	b.mu.Lock()
	var ring *Pump
	if b.running && !b.f.special.Load() && b.look() {
		b.hung = true
		ring = b.ring()
	}
	b.mu.Unlock()
	ring.kick()
}

// look says whether the disk has taken nothing since the last look; else guard looks again. b.mu is held.
func (b *backlog) look() bool {
	taken := b.f.taken.Load()
	if taken == b.looked {
		return true
	}
	b.hung, b.looked = false, taken
	time.AfterFunc(patience, b.guard)
	return false
}

// writable waits until fd takes something, without waking up now and then: nobody may read
// a FIFO for days. It gives up only when nobody uses the file any more.
func (b *backlog) writable(fd int) bool {
	set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	end := time.Now().Add(patience) // a signal ends poll(2), and does not begin it anew
	for {
		wait := -1
		if len(set) == 1 {
			wait = int(max(0, time.Until(end)+time.Millisecond-1) / time.Millisecond)
		}
		n, err := unix.Poll(set, wait)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || set[0].Revents != 0:
			return true // write says what is wrong
		case n > 0: // finish or Freeze has rung
			if b.mayPause() {
				return false
			}
			set, end = set[:1], time.Now().Add(patience)
			continue
		}
		end = time.Now().Add(patience) // should there be no pipe
		r, w, err := newPipe()
		b.mu.Lock()
		b.hung = true
		closing := b.closing
		if err == nil && !closing {
			b.bell = w
			set = append(set, unix.PollFd{Fd: int32(r), Events: unix.POLLIN})
		}
		ring := b.ring()
		b.mu.Unlock()
		ring.kick()
		if err == nil {
			defer func() {
				b.mu.Lock()
				b.bell = -1
				b.mu.Unlock()
				unix.Close(r)
				unix.Close(w)
			}()
		}
		if closing || b.mayPause() {
			return false
		}
	}
}
