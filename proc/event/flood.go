package event

import "time"

// floodQuiet is the least time between two log lines about a full buffer.
const floodQuiet = time.Second

// flood counts dropped events that were not logged one by one: Supervisor logged each,
// and a busy hour of PROCESS_LOG events filled the main log with nothing else.
type flood struct {
	timer  *time.Timer // runs while the log is kept quiet; nil: the next drop is logged at once
	unsaid uint64
	last   uint64 // serial of the last unsaid one
}

func (p *Pool) noteDropped(serial uint64) {
	if p.flood.timer == nil {
		p.log("ERRO", "pool %s event buffer overflowed, discarding event %d", p.o.Name, serial)
		p.flood.timer = time.AfterFunc(floodQuiet, p.quietOver)
		return
	}
	p.flood.unsaid++
	p.flood.last = serial
}

// quietOver is called by the timer.
func (p *Pool) quietOver() {
	p.mu.Lock()
	switch {
	case p.closed:
	case p.flood.unsaid == 0:
		p.flood.timer = nil
	default:
		p.sayUnsaid()
		p.flood.timer.Reset(floodQuiet)
	}
	p.mu.Unlock()
	p.work()
}

func (p *Pool) endFlood() {
	if p.flood.timer != nil {
		p.flood.timer.Stop()
	}
	p.sayUnsaid()
}

func (p *Pool) sayUnsaid() {
	switch n := p.flood.unsaid; n {
	case 0:
	case 1:
		p.log("ERRO", "pool %s event buffer overflowed, discarding event %d", p.o.Name, p.flood.last)
	default:
		p.log("ERRO", "pool %s event buffer overflowed, discarding event %d and %d before it", p.o.Name, p.flood.last, n-1)
	}
	p.flood.unsaid = 0
}
