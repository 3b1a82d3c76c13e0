package logs

// lane is a second goroutine of a busy pump: it writes pieces while the loop reads the next
// ones. Reading and writing are a copy each, so together they take two processors a little more than
// half the time. At any time one goroutine alone writes to regular files, in the order of reading: as
// long as there is a lane, it; else the loop. What needs all that was read to be in its
// file (the end of a pipe, Drain, Freeze) calls settle first.
//
// When a write hangs, the lane is lost: its goroutine keeps the file, as a loop does that hangs, and the
// loop writes what was still waiting.
type lane struct {
	jobs  chan job
	free  chan room     // what the loop has not got back yet
	lost  chan struct{} // closed when a write hangs
	gone  bool          // that it is; guarded by p.turn
	owed  *backlog      // of the file that hangs; set before lost is closed
	spare []room        // the loop's own
	seq   uint64        // of the last piece that had one; the loop's own too
}

// room is where a piece is between its pipe and its file.
type room struct {
	st  *stash // nil: it is not protected
	buf []byte
}

// job is a piece on its way: b goes to f.
type job struct {
	room
	s *Sink
	f *File
	b []byte
}

// laneRooms are the rooms beside the loop's: while it fills one, one waits and one is being
// written.
const laneRooms = 2

// openLane is for a pump that has become busy. Without memory for it there is none.
func (p *Pump) openLane() {
	l := &lane{jobs: make(chan job, laneRooms+1), free: make(chan room, laneRooms+1), lost: make(chan struct{})}
	for range laneRooms {
		var x room
		if p.stash != nil {
			st, err := newStash(p.dir)
			if err != nil {
				l.dismiss()
				return
			}
			x = room{st, st.reserve(bufMax)}
		} else {
			x.buf = make([]byte, headroom+bufMax)
		}
		l.spare = append(l.spare, x)
	}
	p.lane = l
	go p.drive(l)
}

// drive is the lane's goroutine.
func (p *Pump) drive(l *lane) {
	for j := range l.jobs {
		p.begin(j.f, l, j.st)
		j.f.put(j.b, j.s, j.st)
		j.st.done()
		p.turn.Lock()
		gone := l.gone
		if !gone {
			p.writing = nil
		}
		p.turn.Unlock()
		if gone {
			p.unhang(j.f, j.st)
			return
		}
		l.free <- j.room
	}
}

// pass gives the piece b to the lane, and the loop another room. It is false when this goroutine
// is not the loop any more.
func (p *Pump) pass(term int, s *Sink, f *File, b []byte) bool {
	l := p.lane
	l.seq = max(l.seq, p.stash.seq()) // not every room need have one
	l.jobs <- job{room{p.stash, p.buf}, s, f, b}
	var next room
	if n := len(l.spare); n > 0 {
		next, l.spare = l.spare[n-1], l.spare[:n-1]
	} else {
		select {
		case next = <-l.free:
		case <-l.lost:
			p.stash = nil
			p.furnish(bufMax)
			return p.abandon(term)
		}
	}
	p.stash, p.buf = next.st, next.buf
	p.stash.follow(l.seq)
	return true
}

// settle waits until the lane has written all that it was given. It is false when this
// goroutine is not the loop any more.
func (p *Pump) settle(term int) bool {
	for l := p.lane; l != nil && len(l.spare) < laneRooms; {
		select {
		case x := <-l.free:
			l.spare = append(l.spare, x)
		case <-l.lost:
			return p.abandon(term)
		}
	}
	return true
}

// closeLane is for a pump that has become calm, or stops.
func (p *Pump) closeLane(term int) bool {
	if !p.settle(term) {
		return false
	}
	if l := p.lane; l != nil {
		p.lane = nil
		close(l.jobs)
		l.dismiss()
	}
	return true
}

// dismiss gives back the rooms that are free.
func (l *lane) dismiss() {
	for {
		select {
		case x := <-l.free:
			l.spare = append(l.spare, x)
			continue
		default:
		}
		break
	}
	for _, x := range l.spare {
		x.st.close()
	}
	l.spare = nil
}

// isLost says that the lane hangs, and that the loop has not heard of it yet.
func (p *Pump) isLost() bool {
	if p.lane == nil {
		return false
	}
	select {
	case <-p.lane.lost:
		return true
	default:
		return false
	}
}

// abandon goes on without a lane that hangs: the loop writes what waits in it. Should that hang too,
// the next loop finds the rest in the lane.
func (p *Pump) abandon(term int) bool {
	l := p.lane
	p.owe(l.owed)
	for {
		select {
		case j := <-l.jobs:
			if !p.put(term, j.s, j.f, j.b, j.st) {
				return false
			}
			j.st.close()
			continue
		default:
		}
		break
	}
	p.lane = nil
	l.dismiss()
	p.buf, p.wide = p.buffer(bufSize), false // with the next large one comes another lane
	return true
}
