package logs

import (
	"os"
	"time"
)

// Measured with one writer and a file: wake-ups are the cost, not the copy. 64 KiB writes
// through a 64 KiB pipe are limited by the two sides waiting for each other; a larger pipe
// makes them three times as fast. 100-byte writes cost a wake-up each; a pause of 200 us
// lets them gather, at a fifth of the CPU, and twice as fast once 1 MiB fits meanwhile. With many
// writers that wait for a processor what a turn of theirs moves counts: 1 MiB at once instead of 256 KiB
// is a tenth faster.
const (
	pipeSize = 64 << 10  // what the kernel makes
	widePipe = 1 << 20   // what it makes at most for those who are not root
	halfPipe = 256 << 10 // for busy pipes beyond wideMax
	wideMax  = 64 << 20  // of all that are larger than usual; see Pump.grow
	bufSize  = 64 << 10
	bufMax   = 1 << 20
	textMax  = 256 << 10 // of pieces that somebody looks at, or has to keep
	textMin  = 4 << 10   // where these become so much more that they do not fit a stash

	smallRead  = 16 << 10
	hotReads   = 16 // so many small reads, each soon after the last, make a pipe worth a pause
	hotGap     = 300 * time.Microsecond
	gatherFor  = 200 * time.Microsecond
	gathered   = 1 << 10     // a pause that gathers less was not worth it
	misses     = 8           // so many of those in a row end the pauses
	fullReads  = 4           // so many reads of half a pipe or more make it worth growing
	turnsMin   = 8           // so many large pipes are read in turn
	idleBefore = time.Second // what a busy time took is given back after this

	callGap    = time.Millisecond // two calls that are so close make a pipe worth a pause
	callMisses = 3                // as misses, after a call
	callsVain  = 32               // so many calls since a pause was worth it, and the pipe is watched
)

// pace is how busy a pipe is. Only the loop touches it.
type pace struct {
	last   time.Duration // of the last read, on the pump's clock
	size   int32         // of the pipe
	hot    uint8         // small reads in a row; hotReads: a pause follows each read
	missed uint8         // pauses in a row that gathered little
	full   uint8
	fixed  bool // the pipe cannot grow
	rests  bool // from being listened to, see Pump.rest
	turns  bool // it rests as one of many large pipes that are read in turn

	calls   bool  // rather than being watched, see Pump.listen
	watched bool  // it is, or has been
	vain    uint8 // calls since a pause was worth it
}

// note takes a read of n bytes into account, of buf at most. It says whether a pause would gather more, and
// whether the pipe is busy, see Pump.grow. Gaps say little on a busy machine, where either
// side may not get a core for a while; so only what was gathered ends the pauses, and a pipe
// that is found half full grows whatever its writes are like.
func (p *pace) note(n, buf int, now time.Duration) (gather, busy bool) {
	gap := now - p.last
	p.last = now
	gathering := p.hot >= hotReads
	switch {
	case gathering && n >= gathered:
		p.missed, p.vain = 0, 0
	case gathering:
		if p.missed++; p.missed >= misses {
			p.hot, p.missed, p.turns, gathering = 0, 0, false, false
		}
	case n < smallRead && gap <= hotGap:
		p.hot++
		gathering = p.hot >= hotReads
	default:
		p.hot = 0
	}
	if n < min(buf, int(p.size)/2) {
		if !gathering {
			p.full = 0
		}
		return gathering && !(p.turns && n >= smallRead), false
	}
	// The writer may be waiting already: no pause.
	if p.full++; p.full < fullReads {
		return false, false
	}
	p.full = 0
	return false, true
}

// listen waits for what comes next in r. p.mu is held. A pipe that has been watched once gains nothing by calling, see
// caller, and those where it matters whose output it is are watched, since a look at one that calls may read it.
func (p *Pump) listen(r *run) (err error) {
	r.calls, err = p.poll.add(int(r.fd), !r.watched && r.text == nil && r.s.o.OnData == nil)
	r.watched = r.watched || !r.calls
	return err
}

// called is for a pipe that has called and had n bytes. Where more is to be expected it is read after each pause from
// now on and does not call; one that calls again and again with less than that is watched, which costs less.
func (p *Pump) called(r *run, n int, now time.Duration) {
	if r.vain++; r.vain >= callsVain && p.poll.instead(int(r.fd)) == nil {
		r.calls, r.watched = false, true
	} else if n >= gathered || now-r.last <= callGap {
		r.hot, r.missed = hotReads, misses-callMisses
		r.turns = r.size >= widePipe && len(p.grown) >= turnsMin
	}
}

// rest takes a pipe that is read after each pause anyway out of epoll, or has it call no more, and goes back when
// that is over. As long as epoll watches it, each single write to it is told to epoll, which takes
// the writer a quarter of its time where writes are small. One of many large pipes rests too: of those there is
// always another one to be read.
func (p *Pump) rest(r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.rests {
		if p.listen(r) == nil {
			r.rests = false
			p.hot = without(p.hot, r)
		}
		return
	}
	r.rests = true
	p.poll.del(int(r.fd))
	p.hot = append(p.hot, r)
}

// grow makes a busy pipe larger, once, and has it read in turn with others if there are many.
func (p *Pump) grow(r *run) {
	if r.size < widePipe && !r.fixed {
		p.enlarge(r)
	} else if r.calls { // large writes: what they cost is the copy
		r.hot, r.watched = 0, true
	}
	if r.size >= widePipe && len(p.grown) >= turnsMin {
		r.hot, r.turns = hotReads, true
	}
}

// enlarge makes a busy pipe larger, and the buffer with it. The user's quota for pipes (64 MiB, but for
// root) may be used up; then the pipe stays as it is. We take half of it at most for pipes of the full
// size: whoever has used it up gets tiny pipes, whatever they are for.
func (p *Pump) enlarge(r *run) {
	size, most := widePipe, wideMax
	if os.Geteuid() != 0 {
		most /= 2
	}
	for _, x := range p.grown {
		most -= int(x.size)
	}
	if size > most {
		if size = halfPipe; int(r.size) >= size {
			r.fixed = true
			return
		}
	}
	got, ok := resize(int(r.fd), size)
	if !ok {
		r.fixed = true
		return
	}
	if r.size <= pipeSize {
		p.grown = append(p.grown, r)
	}
	r.size = int32(got)
	if !p.big {
		p.big = true
		p.looked = r.last
	}
}

// calm gives back what a busy time took, and says so.
func (p *Pump) calm(now time.Duration) bool {
	kept := p.grown[:0]
	for _, r := range p.grown {
		if now-r.last < idleBefore {
			kept = append(kept, r)
		} else if got, ok := resize(int(r.fd), pipeSize); ok {
			r.size, r.fixed = int32(got), false
		} else {
			kept = append(kept, r) // it is full and not being read: its file hangs
		}
	}
	clear(p.grown[len(kept):])
	if p.grown = kept; len(kept) > 0 {
		return false
	}
	p.grown = nil
	p.big = false
	return true
}
