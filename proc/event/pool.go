package event

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// defaultBuffer is Supervisor's default for buffer_size.
const defaultBuffer = 10

// Options say which pool it is and whom it calls. Log, Violated, Stdout and the write
// functions of the processes are called without a lock held, one at a time, from
// whichever goroutine brought the news; they may call the pool and the bus, and should
// not take long.
type Options struct {
	Name       string                   // of the [eventlistener:x]
	Server     string                   // the daemon's identifier
	Processes  []string                 // names, in the order in which they are offered events
	Types      []Type                   // events=
	BufferSize int                      // events; below 1: Supervisor's default, 10
	Handler    Handler                  // result_handler=; nil: DefaultHandler
	ByteLen    bool                     // len of the header counts bytes, not characters
	Bus        *Bus                     // where the events come from
	Log        func(level, text string) // lines for the main log: "ERRO", "WARN", "DEBG"; nil: none
	Stdout     io.Writer                // where a handler prints; nil: nowhere
	Violated   func(process string)     // a process is deaf until it is restarted; may be nil
}

// Pool is one event listener group: a buffer of events that its processes share. All
// methods may be called from any goroutine, and none waits.
//
// For each process the owner calls, in this order: Output as it writes, from its start
// on; Running; Stopping, if it is told to stop; Gone when its run has ended, however
// early, and before the next one starts. Without a call to Running nothing is sent.
type Pool struct {
	o      Options
	cancel func()

	mu      sync.Mutex // guards everything below; never held while calling out
	members []*member
	buffer  []*entry // oldest first
	serial  uint64   // of the next event accepted
	stats   Stats
	outbox  []func() // calls to make, in order
	working bool     // somebody is making them, and sends what can be sent
	news    uint64   // counts what may make another try to send worthwhile
	closed  bool
	paused  bool          // nothing is sent
	rest    chan struct{} // closed when working is over; nil: nobody waits for that
	flood   flood
}

// entry is an event of this pool; it keeps both serials when it is returned.
type entry struct {
	ev                 Event
	serial, poolSerial uint64
}

// member is one process of the pool.
type member struct {
	Listener
	run     int                // counts runs, so that news of an old one is known
	running bool               // in state RUNNING
	write   func([]byte) error // to its standard input
	sent    *entry             // what it works on; nil unless Busy
	failed  uint64             // the news at which its write failed; no second try at the same
}

// Stats are a pool's counters.
type Stats struct {
	Buffered   int    // events waiting now
	Accepted   uint64 // events taken from the bus
	Processed  uint64
	Rejected   uint64 // results that sent an event back, and deaths that did
	Overflowed uint64 // events dropped because the buffer was full
	Deaf       int    // processes that broke the protocol and get no events until they start again
}

// NewPool makes a pool and subscribes it.
func NewPool(o Options) *Pool {
	if o.BufferSize < 1 {
		o.BufferSize = defaultBuffer
	}
	p := &Pool{o: o}
	for _, name := range o.Processes {
		p.members = append(p.members, &member{Listener: Listener{Name: name, Handle: o.Handler}})
	}
	p.news = 1
	p.cancel = o.Bus.subscribe(o.Types, &subscriber{accept: p.accept, after: p.work})
	return p
}

// Running says that process is RUNNING and that write reaches its standard input. write
// takes a whole event or, when it returns an error, nothing of it; it does not wait.
func (p *Pool) Running(process string, write func([]byte) error) {
	p.update(process, func(m *member) { m.running, m.write = true, write })
}

// Stopping says that process was told to stop: it is sent nothing more, but the result it
// owes still counts.
func (p *Pool) Stopping(process string) {
	p.update(process, func(m *member) { m.running = false })
}

// Gone says that the run of process has ended. An event it had not dealt with goes back
// to the head of the buffer. Calling it for a process at rest does nothing.
func (p *Pool) Gone(process string) {
	p.update(process, func(m *member) {
		m.run++
		m.running, m.write = false, nil
		m.Listener = Listener{Name: m.Name, Handle: m.Handle}
		p.giveBack(m)
	})
}

// Output takes in what process wrote to its standard output. data is not kept.
func (p *Pool) Output(process string, data []byte) {
	p.update(process, func(m *member) {
		for _, s := range m.Feed(data) {
			switch s.Do {
			case Log:
				p.log(s.Level, "%s", s.Text)
			case Print:
				p.print(s.Text)
			case Done:
				m.sent = nil
				p.stats.Processed++
			case Return:
				p.giveBack(m)
			case Violated:
				if f := p.o.Violated; f != nil {
					p.outbox = append(p.outbox, func() { f(process) })
				}
			}
		}
	})
}

// Stats returns the counters.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Buffered = len(p.buffer)
	for _, m := range p.members {
		if m.State() == Unknown {
			s.Deaf++
		}
	}
	return s
}

// Close ends the subscription; what is in the buffer is lost.
func (p *Pool) Close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	p.buffer = nil
	p.endFlood()
	p.mu.Unlock()
	p.work()
}

// accept is called by the bus.
func (p *Pool) accept(serial uint64, ev Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.stats.Accepted++
	p.makeRoom()
	p.buffer = append(p.buffer, &entry{ev, serial, take(&p.serial)})
}

// update changes what is known of one process, then does what follows from it.
func (p *Pool) update(process string, change func(*member)) {
	p.mu.Lock()
	i := slices.IndexFunc(p.members, func(m *member) bool { return m.Name == process })
	if i < 0 || p.closed {
		p.mu.Unlock()
		return
	}
	change(p.members[i])
	p.mu.Unlock()
	p.work()
}

// work makes the calls that are due and sends what can be sent, until nothing is left to
// do. When it is busy already, in another goroutine or further up in this one, that one
// goes on with it, so all calls are made in order.
func (p *Pool) work() {
	p.mu.Lock() // and no deferred Unlock: it would hide the panic of a function called
	p.news++
	if !p.working {
		p.working = true
		for p.call() || p.send() {
		}
		p.working = false
		if p.rest != nil {
			close(p.rest)
			p.rest = nil
		}
	}
	p.mu.Unlock()
}

// call makes the next call, if there is one. It lets go of the lock meanwhile.
func (p *Pool) call() bool {
	if len(p.outbox) == 0 {
		p.outbox = nil
		return false
	}
	f := p.outbox[0]
	p.outbox[0] = nil
	p.outbox = p.outbox[1:]
	p.mu.Unlock()
	f()
	p.mu.Lock()
	return true
}

// send offers the oldest event to the processes in order, as Supervisor's dispatch. It
// lets go of the lock while writing. It reports false when nothing can be sent.
func (p *Pool) send() bool {
	m := p.free()
	if m == nil || len(p.buffer) == 0 {
		return false
	}
	e := p.buffer[0]
	p.buffer[0] = nil
	p.buffer = p.buffer[1:]
	envelope := p.envelope(e)
	for ; m != nil; m = p.free() {
		run, news, write := m.run, p.news, m.write
		m.Sent(e.ev)
		m.sent = e
		p.mu.Unlock()
		err := write(envelope)
		if err == nil && p.o.Log != nil {
			p.o.Log("DEBG", fmt.Sprintf("event %d sent to listener %s", e.serial, m.Name))
		}
		p.mu.Lock()
		if err == nil || m.run != run || m.sent != e {
			return true // sent, or it died or spoke meanwhile and the event was taken care of
		}
		m.Unsent()
		m.sent, m.failed = nil, news
		p.log("DEBG", "epipe occurred while sending event %d to listener %s, listener state unchanged", e.serial, m.Name)
	}
	p.rebuffer(e)
	return true
}

// free finds the first process that may be sent an event.
func (p *Pool) free() *member {
	if p.paused {
		return nil
	}
	for _, m := range p.members {
		if m.running && m.State() == Ready && m.failed != p.news {
			return m
		}
	}
	return nil
}

func (p *Pool) envelope(e *entry) []byte {
	payload := e.ev.Payload()
	h := Header{
		Server: p.o.Server, Serial: e.serial,
		Pool: p.o.Name, PoolSerial: e.poolSerial,
		Type: e.ev.Type, ByteLen: p.o.ByteLen,
	}
	return h.Append(make([]byte, 0, 160+len(h.Server)+len(h.Pool)+len(payload)), payload)
}

// giveBack returns what m owes a result for. Only this pool gets it: Supervisor gave it
// to every pool that had a process of the same priority.
func (p *Pool) giveBack(m *member) {
	if m.sent == nil {
		return
	}
	e := m.sent
	m.sent = nil
	p.stats.Rejected++
	p.rebuffer(e)
}

// rebuffer puts e at the head of the buffer. The rule for a full buffer comes first, as
// in Supervisor: it drops the oldest of those that waited.
func (p *Pool) rebuffer(e *entry) {
	if p.closed {
		return
	}
	p.log("DEBG", "rebuffering event %d for pool %s (buf size=%d, max=%d)", e.serial, p.o.Name, len(p.buffer), p.o.BufferSize)
	p.makeRoom()
	p.buffer = slices.Insert(p.buffer, 0, e)
}

// makeRoom drops the oldest event if the buffer is full.
func (p *Pool) makeRoom() {
	if len(p.buffer) < p.o.BufferSize {
		return
	}
	dropped := p.buffer[0].serial
	p.buffer[0] = nil
	p.buffer = p.buffer[1:]
	p.stats.Overflowed++
	p.noteDropped(dropped)
}

func (p *Pool) log(level, format string, args ...any) {
	if f := p.o.Log; f != nil {
		text := fmt.Sprintf(format, args...)
		p.outbox = append(p.outbox, func() { f(level, text) })
	}
}

func (p *Pool) print(text string) {
	if w := p.o.Stdout; w != nil {
		// There is nowhere to report a failure to: Supervisor's print had the same fate.
		p.outbox = append(p.outbox, func() { io.WriteString(w, text) })
	}
}
