package logs

import "time"

// mustWait says that r is not to be read now: nobody knows yet whose output it is, or its
// file has more than enough.
func (p *Pump) mustWait(r *run) bool {
	if r.needsPID() {
		return true
	}
	f := r.s.file.Load()
	if f == nil {
		return false
	}
	b := f.back.Load()
	return b != nil && b.full()
}

// hold leaves r alone until resume. p.mu is held.
func (p *Pump) hold(r *run, now time.Duration) {
	r.held, r.when = true, now
	if r.rests {
		r.rests = false
		p.hot = without(p.hot, r)
	}
	p.poll.del(int(r.fd))
	p.held = append(p.held, r)
}

// resume reads those again that need not wait any more.
func (p *Pump) resume(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.held[:0]
	for _, r := range p.held {
		r.late = now-r.when >= pidWait
		if p.mustWait(r) || p.listen(r) != nil {
			kept = append(kept, r)
			continue
		}
		r.held = false
	}
	clear(p.held[len(kept):])
	if p.held = kept; len(kept) == 0 {
		p.held = nil
	}
}
