package logs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Adopt goes on reading a pipe that another daemon made for the child pid, where that
// stopped: what it had read and not written is written now, or what of it was not. fd is
// the reading end, which does not block, and is the sink's from then on, also when that
// fails; -1: it is gone. pipe is its inode.
func (s *Sink) Adopt(fd, pid int, pipe uint64) error {
	p := s.p
	r := newRun(s, fd)
	r.ino.Store(pipe)
	r.pid.Store(int32(pid))
	p.mu.Lock()
	pieces, held := p.salvage.take(pipe)
	p.mu.Unlock()
	f := s.file.Load()
	write := func(b []byte, st *stash) {
		if f == nil || len(b) == 0 {
			return
		}
		if f.special.Load() {
			st = nil
		}
		f.put(b, s, st)
	}
	r.kept = held != nil
	if r.kept && r.text != nil && r.text.lines != nil {
		r.text.lines.held, r.text.lines.part = held.Line, held.Part
	}
	for _, piece := range pieces { // whoever comes after us, should we be killed here, has to find how far we are
		out := r.goOn(piece, held)
		st := oldStash(piece.path)
		switch {
		case st == nil:
		case piece.dealt(held):
			st.base = len(piece.out) - len(out)
		case r.text == nil:
			st.base = len(piece.raw) - len(out)
		default:
			st.made(out, func(seq uint64) { r.keep(p.dir, seq) })
		}
		write(out, st)
		st.done()
		st.close()
	}
	if fd < 0 {
		write(r.end(), nil)
		if r.kept {
			os.Remove(heldName(p.dir, pipe))
		}
		r.kept = false
	}
	if fd < 0 {
		return nil
	}
	// What a busy time took is given back; a pipe that is too full for that counts as usual, and is made larger
	// again when it is read.
	n := sizeOf(fd)
	if n > pipeSize {
		resize(fd, pipeSize)
	}
	if n > 0 {
		r.size = int32(min(n, pipeSize))
	}
	p.mu.Lock()
	if r.kept && p.salvage != nil {
		p.salvage.inUse[heldName(p.dir, pipe)] = true
	}
	defer p.mu.Unlock()
	err := os.ErrClosed
	if !p.closing {
		err = p.watchRun(r)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	p.poll.wake()        // a pipe that has something already does not call
	if p.keeper != nil { // before the loop can find that the program has ended, and close fd
		p.keeper.Hold(fd, pipe)
	}
	return nil
}

// watchRun makes a run known to the loop. p.mu is held.
func (p *Pump) watchRun(r *run) error {
	if err := p.listen(r); err != nil {
		return err
	}
	for len(p.runs) <= int(r.fd) {
		p.runs = append(p.runs, nil)
	}
	p.runs[r.fd] = r
	r.s.runs = append(r.s.runs, r)
	r.s.latest = r
	return nil
}

// Keeper is told of pipes that it is to hold, so that what is in them outlives us and their
// programs both.
type Keeper interface {
	Hold(fd int, inode uint64)
	Drop(inode uint64)
}

// KeptBy names the keeper of the pipes. It is given those that there are, also if it was
// named before: it may be another process now.
func (p *Pump) KeptBy(k Keeper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keeper = k
	for _, r := range p.runs {
		if r != nil {
			k.Hold(int(r.fd), r.inode())
		}
	}
}
