package logs

import "golang.org/x/sys/unix"

// Where a piece is between its pipe and its file.

// furnish makes the loop a room for pieces of n bytes at most, protected where that can be.
func (p *Pump) furnish(n int) {
	if p.stash == nil && p.dir != "" {
		p.stash, _ = newStash(p.dir)
	}
	p.buf = p.buffer(n)
}

// buffer is a buffer for pieces of n bytes at most. Without memory for it, it is that for the usual ones.
func (p *Pump) buffer(n int) []byte {
	if p.stash != nil {
		return p.stash.reserve(n)
	}
	return make([]byte, headroom+n)
}

// most is how large a piece of r may be.
func (p *Pump) most(r *run) int {
	most := len(p.buf) - headroom
	if f := r.s.file.Load(); r.text != nil || r.s.o.OnData != nil || f == nil || f.special.Load() {
		most = min(most, textMax)
	}
	if r.text != nil {
		most = min(most, r.text.most)
	}
	return most
}

// fetch reads up to n bytes of r to p.buf[headroom:], which is protected until write where
// they go to a file.
func (p *Pump) fetch(r *run, n int) (int, error) {
	n = min(n, p.most(r))
	if f := r.s.file.Load(); p.stash != nil && f != nil && !f.special.Load() {
		if there := pipeWaiting(int(r.fd)); there > 0 {
			return p.stash.read(r, min(n, there))
		}
	}
	return unix.Read(int(r.fd), p.buf[headroom:headroom+n])
}

// take is run.take for a piece of fetch.
func (p *Pump) take(r *run, n int) []byte {
	b := r.take(p.buf, n)
	if r.text != nil && p.stash != nil {
		if !p.stash.made(b, func(seq uint64) { r.keep(p.dir, seq) }) {
			r.text.most = max(n/2, textMin)
		}
	}
	return b
}
