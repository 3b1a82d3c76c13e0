package logs

import (
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Pump reads the pipes of all sinks in one goroutine. Close ends it after the last bytes.
//
// Being the loop is a role: when a write to a file hangs, the goroutine that hangs in it
// keeps that file, and a new one takes over everything else. When the write returns, the
// old goroutine writes what has gathered for that file meanwhile and ends.
type Pump struct {
	poll   *poller
	start  time.Time // of the pump's clock
	syslog syslog
	ended  chan struct{} // closed when there is no loop any more

	mu      sync.Mutex // guards what follows, the parts of Sink and run that say so; never held over file work
	runs    []*run     // by descriptor
	asked   []*drain   // not seen by the loop yet
	kicked  bool       // the loop has been woken and has not looked yet
	closing bool
	closed  bool
	pausing chan struct{} // Freeze: closed when the loop has stopped; nil: it may run
	paused  bool          // it has

	turn     sync.Mutex // guards what follows: who is the loop, and where it is
	term     int        // the loop is the goroutine of this term
	writing  *File      // what is being written to, if anything
	by       *lane      // who does; nil: the loop
	using    *stash     // what it writes out of; nil: it is not protected
	writes   int        // counted, to tell one write from the next
	seen     int        // writes when watch last looked
	watching bool       // watch is about to look
	hanging  int        // goroutines that hang in a file
	watcher  *time.Timer

	dir     string   // for what a later pump may have to know; "" for none
	keeper  Keeper   // nil: there is none; guarded by mu
	salvage *salvage // what an earlier one left; guarded by mu
	roomy   bool     // what it left is gone, so there may be room for a stash; guarded by mu

	// The loop's own.
	stash  *stash // nil: pieces are not protected
	buf    []byte // in it, where there is one
	lane   *lane  // nil: the loop writes by itself
	held   []*run // pipes that are not read for now
	drains []*drain
	hot    []*run            // pipes that are read after each pause; see rest
	grown  []*run            // pipes that were made larger
	big    bool              // pipes are larger than usual
	wide   bool              // and the buffer is
	looked time.Duration     // when calm was last asked
	owing  map[*backlog]bool // of the files that sinks have written to and that may not have taken all
}

const (
	// watchEvery is how often a busy pump looks whether a write hangs. One that hangs holds up
	// the others for twice that at most.
	watchEvery = 250 * time.Millisecond
	// hangingMax bounds the threads that hanging disks may cost.
	hangingMax = 32
	// pidWait is how long output waits for SetPID where somebody asks whose it is.
	pidWait = time.Second
	// drainWait is how long Drain waits for a file that hangs.
	drainWait = time.Second
)

// NewPump starts the loop.
func NewPump() (*Pump, error) { return NewPumpIn("") }

// NewPumpIn is NewPump with a directory in memory, which is nobody else's. What has been
// read and not been written when the program is killed is found there by the next one: see
// Sink.Adopt and Settled.
func NewPumpIn(dir string) (*Pump, error) {
	p, err := NewFrozenPump(dir)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		p.salvage = readSalvage(dir)
	}
	p.paused = false
	go p.loop(0)
	return p, nil
}

// Close reads what is in the pipes, closes them and ends the loop. Files that hang get a
// second to take what they were given.
func (p *Pump) Close() {
	p.mu.Lock()
	p.closing = true
	p.unpause()
	p.mu.Unlock()
	p.kick()
	<-p.ended
}

// attach makes a pipe for s. It is known to the loop at once: nothing has to be woken.
func (p *Pump) attach(s *Sink) (*os.File, error) {
	fd, w, err := newPipe()
	if err != nil {
		return nil, err
	}
	fd, w = aside(fd), lasting(w)
	r := newRun(s, fd)
	p.mu.Lock()
	if p.closing {
		err = os.ErrClosed
	} else {
		err = p.watchRun(r)
	}
	keeper := p.keeper
	p.mu.Unlock()
	if err != nil {
		unix.Close(fd)
		unix.Close(w)
		return nil, err
	}
	if keeper != nil { // nobody writes yet, so fd is open
		keeper.Hold(fd, r.inode())
	}
	return os.NewFile(uintptr(w), s.o.Stream), nil
}

// kick makes the loop look at what it was asked and at the pipes it holds.
func (p *Pump) kick() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.kicked && !p.closed {
		p.kicked = true
		p.poll.wake()
	}
}

func (p *Pump) now() time.Duration { return time.Since(p.start) }

// loop is the pump while its term lasts.
func (p *Pump) loop(term int) {
	p.furnish(bufSize)
	p.wide = false // it was, if an earlier term was busy
	p.poll.again()
	var list []ready
	var work []*run
	for {
		list = p.poll.wait(list[:0], p.timeout())
		if p.isLost() && !p.abandon(term) {
			return
		}
		now := p.now()
		var asked []*drain
		var closing bool
		p.mu.Lock()
		if p.lane != nil && p.mayStand() {
			p.mu.Unlock()
			if !p.closeLane(term) {
				return
			}
			p.mu.Lock()
		}
		if p.mayStand() {
			p.stand()
			p.mu.Unlock()
			return
		}
		work = work[:0]
		for _, e := range list {
			if r := p.runs[e.fd]; r != nil && !r.held {
				if e.data && p.mustWait(r) {
					p.hold(r, now)
				} else {
					work = append(work, r)
				}
			}
		}
		for _, r := range slices.Backward(p.hot) { // hold takes it out of the list
			if p.mustWait(r) {
				p.hold(r, now)
			} else {
				work = append(work, r)
			}
		}
		asked, p.asked = p.asked, nil
		closing, p.kicked = p.closing, false
		roomy := p.roomy
		p.roomy = false
		p.mu.Unlock()
		if roomy && p.stash == nil {
			p.furnish(len(p.buf) - headroom)
		}
		p.drains = append(p.drains, asked...)
		if closing {
			p.finish(term)
			return
		}
		gather, full := false, false
		for _, r := range work {
			n, ok := p.read(term, r)
			if !ok {
				return
			}
			if n < 0 || n == 0 && !r.rests {
				continue
			}
			if r.calls && !r.rests {
				p.called(r, n, now)
			}
			g, busy := r.note(n, p.most(r), now)
			gather = gather || g
			full = full || !g && n >= smallRead
			if busy {
				p.grow(r)
			}
			if r.rests != (r.hot >= hotReads) {
				p.rest(r)
				gather = gather || r.rests // or the loop would run on
			}
			if r.calls && !r.rests {
				p.poll.more(int(r.fd))
			}
		}
		if len(p.drains) > 0 && !p.drained(term) {
			return
		}
		if len(p.held) > 0 {
			p.resume(p.now())
		}
		if p.big && !p.wide {
			p.buf, p.wide = p.buffer(bufMax), true
			if p.lane == nil {
				p.openLane()
			}
		}
		if p.big && now-p.looked >= idleBefore {
			p.looked = now
			if p.calm(now) {
				if !p.closeLane(term) {
					return
				}
				p.buf, p.wide = p.buffer(bufSize), false
			}
		}
		if gather && !full {
			pause()
		}
	}
}

// timeout is how long the loop may wait: for ever when nothing is going on.
func (p *Pump) timeout() time.Duration {
	if len(p.hot) > 0 {
		return 0
	}
	d := time.Duration(-1)
	if p.big {
		d = idleBefore
	}
	now := p.now()
	sooner := func(until time.Duration) {
		if left := max(0, until-now); d < 0 || left < d {
			d = left
		}
	}
	for _, w := range p.drains {
		sooner(w.until)
	}
	for _, r := range p.held {
		if r.needsPID() {
			sooner(r.when + pidWait)
		}
	}
	return d
}

// read reads r once and passes on what came; n is 0 when nothing was there and -1 at the
// end. ok is false when this goroutine is not the loop any more.
func (p *Pump) read(term int, r *run) (n int, ok bool) {
	// What has a state of its own is written at once, and so are small pieces: to wake the
	// lane's goroutine for them costs more than their copy.
	f := r.s.file.Load()
	alone := p.lane == nil || r.text != nil || r.rests && !r.turns || f != nil && f.special.Load()
	if alone && !p.settle(term) {
		return 0, false
	}
	n, err := p.fetch(r, len(p.buf))
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return 0, true
	case n > 0 && err == nil:
		b := p.take(r, n)
		if alone || f == nil {
			return n, p.write(term, r.s, b)
		}
		return n, p.pass(term, r.s, f, b)
	}
	if !p.settle(term) {
		return -1, false // the next loop finds the end again
	}
	p.forget(r)
	ok = p.write(term, r.s, r.end())
	r.s.release()
	return -1, ok
}

// forget closes a pipe that has ended.
func (p *Pump) forget(r *run) {
	s := r.s
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs[r.fd] = nil
	for i := range s.runs {
		if s.runs[i] == r {
			s.runs = append(s.runs[:i], s.runs[i+1:]...)
			break
		}
	}
	if len(s.runs) == 0 {
		s.runs = nil
	}
	if s.latest == r {
		s.latest = nil
	}
	p.poll.del(int(r.fd))
	if r.kept {
		os.Remove(heldName(p.dir, r.inode()))
	}
	if p.keeper != nil {
		p.keeper.Drop(r.inode())
	}
	unix.Close(int(r.fd))
	if r.size > pipeSize {
		p.grown = without(p.grown, r)
	}
	if r.rests {
		p.hot = without(p.hot, r)
	}
}

func without(list []*run, r *run) []*run {
	for i := range list {
		if list[i] == r {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// finish is the end of the loop: what is in the pipes is read, and what files owe is waited
// for.
func (p *Pump) finish(term int) {
	if !p.closeLane(term) {
		return
	}
	p.mu.Lock()
	var left []*run
	for _, r := range p.runs {
		if r != nil {
			left = append(left, r)
		}
	}
	p.mu.Unlock()
	for _, r := range left {
		for n := pipeWaiting(int(r.fd)); n > 0; {
			k, err := p.fetch(r, n)
			if err != nil || k <= 0 {
				break
			}
			n -= k
			if !p.write(term, r.s, p.take(r, k)) {
				return // the next loop goes on with what is left
			}
		}
		p.forget(r)
		ok := p.write(term, r.s, r.end())
		r.s.release()
		if !ok {
			return
		}
	}
	until := time.Now().Add(patience)
	for b := range p.owing {
		b.settle(time.Until(until))
	}
	p.syslog.settle(time.Until(until))
	p.mu.Lock()
	p.closed = true
	p.stash.close()
	asked := append(p.drains, p.asked...)
	p.asked, p.drains = nil, nil
	p.poll.close()
	p.mu.Unlock()
	for _, d := range asked {
		d.done()
	}
	p.turn.Lock()
	p.watcher.Stop()
	p.turn.Unlock()
	close(p.ended)
}
