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
	r.ino = pipe
	r.pid.Store(int32(pid))
	p.mu.Lock()
	piece, held := p.salvage.take(pipe)
	p.mu.Unlock()
	out := r.goOn(piece, held)
	if r.kept = held != nil; fd < 0 {
		out = append(out[:len(out):len(out)], r.end()...)
		r.kept = false
	}
	if f := s.file.Load(); f != nil && len(out) > 0 {
		f.put(out, s, nil)
	}
	if fd < 0 {
		return nil
	}
	if n := sizeOf(fd); n > 0 {
		r.size = int32(n)
	}
	p.mu.Lock()
	err := os.ErrClosed
	if !p.closing {
		err = p.watchRun(r)
	}
	keeper := p.keeper
	p.mu.Unlock()
	if err != nil {
		unix.Close(fd)
	} else if keeper != nil {
		keeper.Hold(fd, pipe)
	}
	return err
}

// watchRun makes a run known to the loop. p.mu is held.
func (p *Pump) watchRun(r *run) error {
	if err := p.poll.add(int(r.fd)); err != nil {
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
