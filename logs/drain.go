package logs

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// drain is a wish to be told when what is in a sink's pipes has been dealt with.
type drain struct {
	s     *Sink
	done  func()
	until time.Duration // on the pump's clock
	left  []portion     // of the pipes, once the loop has looked
	read  bool
	cut   bool // lines without an end have been written
}

// portion is what was in a pipe and has not been read yet.
type portion struct {
	r *run
	n int
}

func (p *Pump) drain(s *Sink, done func()) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.asked = append(p.asked, &drain{s: s, done: done, until: p.now() + drainWait})
	}
	p.mu.Unlock()
	if closed {
		go done()
		return
	}
	p.kick()
}

// drained reads for those who drain, and tells those whose bytes have been dealt with.
// It is false when this goroutine is not the loop any more.
func (p *Pump) drained(term int) bool {
	if !p.settle(term) {
		return false
	}
	for i := 0; i < len(p.drains); {
		d := p.drains[i]
		if !d.read {
			d.read = true
			p.mu.Lock()
			for _, r := range d.s.runs {
				if n := pipeWaiting(int(r.fd)); n > 0 {
					d.left = append(d.left, portion{r, n})
				}
			}
			p.mu.Unlock()
		}
		for j := range d.left {
			for part := &d.left[j]; part.n > 0; {
				p.mu.Lock()
				gone := p.runs[part.r.fd] != part.r
				wait := !gone && p.mustWait(part.r)
				p.mu.Unlock()
				if wait {
					break
				}
				if gone {
					part.n = 0
					break
				}
				n, err := p.fetch(part.r, part.n)
				if err == unix.EINTR {
					continue
				}
				if err != nil || n <= 0 { // the loop finds the end of a pipe by itself
					part.n = 0
					break
				}
				part.n -= n
				if !p.write(term, part.r.s, p.take(part.r, n)) {
					return false
				}
			}
		}
		if !d.cut && d.taken() {
			d.cut = true
			if !p.cut(term, d.s) {
				return false
			}
		}
		if !d.over() && p.now() < d.until {
			i++
			continue
		}
		p.drains = append(p.drains[:i], p.drains[i+1:]...)
		d.done()
	}
	return true
}

// cut writes the lines of s that have no end yet: their program is dead. What a child that
// it has left behind may still add is another line.
func (p *Pump) cut(term int, s *Sink) bool {
	if s.o.Line == nil {
		return true
	}
	p.mu.Lock()
	runs := slices.Clone(s.runs)
	p.mu.Unlock()
	for _, r := range runs {
		if !p.write(term, s, r.flush()) {
			return false
		}
	}
	return true
}

// taken says that everything was read.
func (d *drain) taken() bool {
	for _, part := range d.left {
		if part.n > 0 {
			return false
		}
	}
	return true
}

// over says that everything was read, and that the file has taken it.
func (d *drain) over() bool {
	if !d.taken() {
		return false
	}
	if f := d.s.file.Load(); f != nil {
		if b := f.back.Load(); b != nil {
			return b.empty()
		}
	}
	return true
}
