package logs

import (
	"sync/atomic"
	"time"
)

// run is one pipe: what one run of a process, and the children it leaves behind, write.
type run struct {
	s    *Sink
	text *text // nil where nobody looks at the bytes
	fd   int32
	pid  atomic.Int32  // 0: not known yet
	held bool          // not being read for now; guarded by p.mu, as the next two
	kept bool          // there is a file with what is held back; only the loop uses it
	calm bool          // and it says that nothing is
	ino  atomic.Uint64 // of the pipe, once somebody asked: the loop, or whoever tells a keeper
	late bool          // nobody has told the pid in time
	when time.Duration // it was held, on the pump's clock
	pace
}

// text is the state of the steps that look at a run's bytes. It belongs to the run and not
// to the sink: the pieces of two runs that overlap must not be taken for one text.
type text struct {
	ansi    *ansi
	capture *capture
	line    []byte // an incomplete line for syslog
	lines   *lines // makes of the bytes what the file is to have
	most    int    // how large a piece may be: what is made of it has to fit its stash
}

func newRun(s *Sink, fd int) *run {
	r := &run{s: s, fd: int32(fd)}
	r.size = pipeSize
	o := &s.o
	if o.StripANSI || o.Capture > 0 || o.Syslog || o.Line != nil {
		r.text = &text{most: textMax}
		if o.Line != nil {
			r.text.lines = &lines{write: o.Line}
		}
		if o.StripANSI {
			r.text.ansi = &ansi{}
		}
		if o.Capture > 0 {
			r.text.capture = &capture{max: o.Capture}
		}
	}
	return r
}

// needsPID says that the bytes have to wait until it is known whose they are.
func (r *run) needsPID() bool {
	return r.pid.Load() == 0 && !r.late && (r.s.o.OnData != nil || r.s.o.OnCapture != nil)
}

// headroom is the space before a piece in the buffer, for what an earlier piece held back:
// an ESC and part of a token.
const headroom = 64

// take does everything with the piece buf[headroom:headroom+n] but write it to the file,
// and returns what is to be written there.
func (r *run) take(buf []byte, n int) []byte {
	s := r.s
	o := &s.o
	lo, hi := headroom, headroom+n
	s.bytes.Add(int64(n))
	if o.Direct && o.OnData != nil {
		o.OnData(int(r.pid.Load()), buf[lo:hi])
	}
	if r.text == nil {
		return r.deal(buf[lo:hi])
	}
	if r.text.ansi != nil {
		lo, hi = r.text.ansi.strip(buf, lo, hi)
	}
	if r.text.capture == nil {
		return r.formatted(r.deal(buf[lo:hi]))
	}
	lo = r.text.capture.held(buf, lo)
	return r.formatted(r.scan(buf[lo:hi]))
}

// formatted is the last step: what the file is to have instead of b.
func (r *run) formatted(b []byte) []byte {
	if r.text.lines == nil {
		return b
	}
	return r.text.lines.take(b)
}

// flush is the line that r has begun and not ended, if it is held back.
func (r *run) flush() []byte {
	if r.text == nil || r.text.lines == nil {
		return nil
	}
	return r.text.lines.flush()
}

// end is take for what was held back when the pipe ends.
func (r *run) end() []byte {
	t := r.text
	if t == nil {
		return nil
	}
	var out []byte
	if t.ansi != nil {
		if b := t.ansi.end(); t.capture == nil {
			out = r.deal(b)
		} else if b != nil {
			var buf [headroom + 1]byte
			buf[headroom] = b[0]
			out = r.scan(buf[t.capture.held(buf[:], headroom):])
		}
	}
	if t.capture != nil {
		part, captured := t.capture.end()
		r.seen(part)
		if !captured {
			out = append(out, r.logged(part)...)
		}
	}
	if len(t.line) > 0 {
		s := r.s
		s.p.syslog.add(s.o.Name, t.line)
		t.line = nil
	}
	return append(r.formatted(out), r.flush()...)
}

// scan takes b apart at the capture tokens. What is not captured moves together at the
// beginning of b, which is returned.
func (r *run) scan(b []byte) []byte {
	c := r.text.capture
	out := b[:0]
	for rest := b; len(rest) > 0; {
		part, next, captured, ended := c.next(rest)
		r.seen(part)
		if ended {
			if data := c.take(); r.s.o.OnCapture != nil {
				r.s.o.OnCapture(int(r.pid.Load()), data)
			}
		}
		if !captured {
			out = append(out, part...)
		}
		rest = next
	}
	return r.logged(out)
}

// deal is for a piece without captures.
func (r *run) deal(b []byte) []byte {
	r.seen(b)
	return r.logged(b)
}

// seen shows a piece to OnData.
func (r *run) seen(b []byte) {
	if o := &r.s.o; o.OnData != nil && !o.Direct && len(b) > 0 {
		o.OnData(int(r.pid.Load()), b)
	}
}

// logged gives a piece to all that keep output but the file: the ring and followers where
// there is no regular file to follow, and syslog.
func (r *run) logged(b []byte) []byte {
	s := r.s
	if len(b) == 0 {
		return nil
	}
	s.mu.Lock()
	if t := s.tail; t != nil {
		if t.ring.max > 0 {
			t.ring.write(b)
		}
		t.live.push(b)
	}
	s.mu.Unlock()
	if s.o.Syslog {
		r.text.line = s.p.syslog.lines(s.o.Name, r.text.line, b)
	}
	return b
}
