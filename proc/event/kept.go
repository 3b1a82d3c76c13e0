package event

import (
	"slices"
)

// What of a pool goes over to another version of this program is plain data.

// KeptEvent is an event; its type is a name, since numbers may change.
type KeptEvent struct {
	Type     string
	Process  string `json:",omitempty"`
	Group    string `json:",omitempty"`
	From     string `json:",omitempty"`
	Tries    int    `json:",omitempty"`
	PID      int    `json:",omitempty"`
	Expected bool   `json:",omitempty"`
	When     int64  `json:",omitempty"`
	Kind     []byte `json:",omitempty"`
	Data     []byte `json:",omitempty"`

	Serial, PoolSerial uint64
}

// KeptMember is one process of a pool.
type KeptMember struct {
	Name    string
	Running bool
	State   ListenerState
	Input   []byte     `json:",omitempty"`
	Length  int        `json:",omitempty"`
	Gathers bool       `json:",omitempty"`
	Sent    *KeptEvent `json:",omitempty"` // what it works on
}

// KeptPool is a pool.
type KeptPool struct {
	Serial  uint64
	Stats   Stats
	Buffer  []KeptEvent `json:",omitempty"`
	Members []KeptMember
}

func keep(e *entry) KeptEvent {
	return KeptEvent{
		Type: e.ev.Type.String(), Process: e.ev.Process, Group: e.ev.Group, From: e.ev.From, Tries: e.ev.Tries,
		PID: e.ev.PID, Expected: e.ev.Expected, When: e.ev.When, Kind: []byte(e.ev.Kind), Data: e.ev.Data,
		Serial: e.serial, PoolSerial: e.poolSerial,
	}
}

// entry is false for a type that this version does not know.
func (k *KeptEvent) entry() (*entry, bool) {
	t, ok := Parse(k.Type)
	return &entry{Event{
		Type: t, Process: k.Process, Group: k.Group, From: k.From, Tries: k.Tries, PID: k.PID,
		Expected: k.Expected, When: k.When, Kind: string(k.Kind), Data: k.Data,
	}, k.Serial, k.PoolSerial}, ok
}

// Pause keeps the pool from sending until GoOn. Events are taken and results are heard. What
// was being sent when it returns has been.
func (p *Pool) Pause() {
	p.mu.Lock()
	p.paused = true
	var rest chan struct{}
	if p.working {
		if p.rest == nil {
			p.rest = make(chan struct{})
		}
		rest = p.rest
	}
	p.mu.Unlock()
	if rest != nil {
		<-rest
	}
}

// GoOn is the end of Pause.
func (p *Pool) GoOn() {
	p.mu.Lock()
	p.paused = false
	p.mu.Unlock()
	p.work()
}

// Kept is the pool while it is paused and nobody publishes or feeds it.
func (p *Pool) Kept() KeptPool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := KeptPool{Serial: p.serial, Stats: p.stats}
	for _, e := range p.buffer {
		k.Buffer = append(k.Buffer, keep(e))
	}
	for _, m := range p.members {
		x := KeptMember{Name: m.Name, Running: m.running, State: m.state, Input: m.input, Length: m.length, Gathers: m.gathers}
		if m.sent != nil {
			sent := keep(m.sent)
			x.Sent = &sent
		}
		k.Members = append(k.Members, x)
	}
	return k
}

// Resume makes a new pool go on where another was; it stays paused until GoOn. write gives
// the way to a process that is RUNNING.
func (p *Pool) Resume(k KeptPool, write func(process string) func([]byte) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	p.serial, p.stats = k.Serial, k.Stats
	p.buffer = nil
	for i := range k.Buffer {
		if e, ok := k.Buffer[i].entry(); ok {
			p.buffer = append(p.buffer, e)
		}
	}
	for _, x := range k.Members {
		i := slices.IndexFunc(p.members, func(m *member) bool { return m.Name == x.Name })
		if i < 0 {
			continue
		}
		m := p.members[i]
		m.state, m.input, m.length, m.gathers = x.State, x.Input, x.Length, x.Gathers
		if x.Sent != nil {
			m.sent, _ = x.Sent.entry()
			m.event = m.sent.ev
		}
		if m.running = x.Running; m.running {
			m.write = write(x.Name)
		}
	}
}

// Serial is the number of the next event that somebody wants.
func (b *Bus) Serial() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.serial
}

// Resume goes on with a number that another bus has come to.
func (b *Bus) Resume(serial uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial = serial
}
