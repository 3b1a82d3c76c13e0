package logs

import "time"

// write gives b to the sink's file. It is false when that took so long that another
// goroutine has become the loop: then the caller ends and touches nothing.
func (p *Pump) write(term int, s *Sink, b []byte) bool {
	f, st := s.file.Load(), p.stash
	if len(b) == 0 || f == nil {
		st.done()
		return true
	}
	if f.special.Load() { // never blocks
		f.put(b, s, nil)
		st.done()
		p.owe(f.back.Load())
		return true
	}
	return p.put(term, s, f, b, st)
}

// put is write for a regular file, out of st.
func (p *Pump) put(term int, s *Sink, f *File, b []byte, st *stash) bool {
	p.begin(f, nil, st)
	f.put(b, s, st)
	st.done()
	p.turn.Lock()
	if p.term == term {
		p.writing = nil
		p.turn.Unlock()
		return true
	}
	p.turn.Unlock()
	p.unhang(f, st)
	return false
}

// begin lets watch know of a write.
func (p *Pump) begin(f *File, by *lane, st *stash) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.writing, p.by, p.using = f, by, st
	p.writes++
	if !p.watching {
		p.watching = true
		p.seen = p.writes
		p.watcher.Reset(watchEvery)
	}
}

// unhang is the end of a goroutine whose place another one has taken: it writes what has
// gathered for f meanwhile.
func (p *Pump) unhang(f *File, st *stash) {
	st.close()
	f.back.Load().run()
	if f.again.Swap(false) {
		f.Reopen()
	}
	p.turn.Lock()
	p.hanging--
	p.turn.Unlock()
}

// owe remembers a backlog for Close, and forgets those that are empty.
func (p *Pump) owe(b *backlog) {
	if b == nil || p.owing[b] {
		return
	}
	if p.owing == nil {
		p.owing = map[*backlog]bool{}
	}
	for old := range p.owing {
		if old.empty() {
			delete(p.owing, old)
		}
	}
	p.owing[b] = true
}

// watch looks whether the loop has been in one write since it last looked. It runs only
// while there are writes: an idle pump has no timer.
func (p *Pump) watch() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.writing == nil {
		p.watching = false
		return
	}
	// With a backlog there is no write that could hang, but a goroutine that had no processor.
	if f := p.writing; p.writes == p.seen && p.hanging < hangingMax && f.back.Load() == nil {
		b := newBacklog(f, chunkOfHung)
		b.running, b.pump = true, p
		if !f.back.CompareAndSwap(nil, b) { // it has just been found to be special
			p.watcher.Reset(watchEvery)
			return
		}
		time.AfterFunc(patience, b.guard)
		p.hanging++
		p.writing = nil
		p.watching = false
		if l := p.by; l != nil {
			l.gone, l.owed = true, b
			close(l.lost)
			p.poll.wake()
			return
		}
		p.term++
		if p.stash == p.using {
			p.stash = nil // the old loop's, as long as it hangs
		}
		p.owe(b) // in the loop's place: the old one is in its write, the new one not there yet
		go p.loop(p.term)
		p.poll.wake() // the old loop may have heard what the new one has to know
		return
	}
	p.seen = p.writes
	p.watcher.Reset(watchEvery)
}
