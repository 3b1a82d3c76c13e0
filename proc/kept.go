package proc

import (
	"cmp"
	"context"
	"os"
	"slices"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/proc/state"
)

// Kept is one process as one manager leaves it to the next: over an upgrade, or after a
// daemon that was killed. It is plain data, and durations stand in for moments of a
// monotonic clock that the next manager does not share.
type Kept struct {
	Group, Name string
	Machine     state.Machine
	PID         int `json:",omitempty"` // 0: no child
	Status      int `json:",omitempty"` // wait status of the last run
	Start, Stop time.Time
	Exit        int             `json:",omitempty"`
	SpawnErr    string          `json:",omitempty"`
	Due         *time.Duration  `json:",omitempty"` // left of what the machine armed; nil: nothing is armed
	Restarts    []time.Duration `json:",omitempty"` // how long ago it was started again by itself
	Life        Life
	Stdin       int    // our end of its standard input; -1: none
	Unread      []byte `json:",omitempty"` // waits to be written there
	Turn        int    `json:",omitempty"` // of those whose launch has not begun: in which order
	Socket      string `json:",omitempty"` // fcgi: the URL of the socket that its run has
	Whole       bool   `json:",omitempty"` // it is stopped with its process group, whatever the options say
	Trace       trace  // how its child is told from others

	// Only in a ledger.
	At   time.Time         // when that was
	Dead bool              `json:",omitempty"` // PID was reaped, Status is how it ended
	Logs map[string]string `json:",omitempty"` // Heir.Logs
}

// KeptSocket is a FastCGI socket that is open.
type KeptSocket struct {
	Group, URL string
	FD         int
}

// Frozen is all that a manager knows.
type Frozen struct {
	Groups    []*conf.Group `json:"-"` // the active ones, in the order in which they were added
	Processes []Kept
	Sockets   []KeptSocket `json:",omitempty"`
	Mark      string       `json:",omitempty"` // what those with kill_escaped are marked with

	Age time.Duration `json:"-"` // how long ago that was; Resume lets timers run on from then
}

// Freeze calls f, from the loop, with all that the manager knows, at a moment when no launch
// is under way and no last output is being read. While f runs nothing is decided, signalled
// or reaped. If f returns at all, whatever it returns, everything goes on as before. A
// manager that is shutting down or updating refuses, and when ctx is done first nothing
// happens. f may take everything over for good, by exec or by ending the context of Run:
// after it has returned, a Run whose context is done does nothing more.
func (m *Manager) Freeze(ctx context.Context, f func(Frozen) error) error {
	result := make(chan error, 1)
	want := &freezing{do: func() { result <- f(m.frozen()) }}
	err := tell(ctx, m, func() error {
		switch {
		case m.Mood() < MoodRunning || m.closing != nil || m.verdict != nil:
			return &Fault{Reason: ShutdownState}
		case m.updating || m.freezing != nil:
			return &Fault{Busy, "another change is under way"}
		}
		m.freezing = want
		return nil
	})
	if err != nil {
		return err
	}
	over := func() error {
		select {
		case err := <-result: // f was the end of Run
			return err
		default:
			return ErrClosed
		}
	}
	select {
	case err := <-result:
		return err
	case <-m.done:
		return over()
	case <-ctx.Done():
	}
	m.post(func() {
		if m.freezing == want {
			m.freezing = nil
			result <- ctx.Err()
		}
	})
	select {
	case err := <-result: // it may have begun meanwhile
		return err
	case <-m.done:
		return over()
	}
}

// freezing is a Freeze that waits for its moment.
type freezing struct{ do func() }

// freezeNow carries out a Freeze if its moment has come, and says whether it has.
func (m *Manager) freezeNow() bool {
	if m.freezing == nil || m.inFlight > 0 || len(m.opening) > 0 || m.closing != nil || m.updating {
		return false
	}
	ready := true
	for _, g := range m.order {
		for _, p := range g.procs {
			if p.dead {
				return false
			}
			if p.stdin.writing > 0 {
				p.stdin.file.SetWriteDeadline(time.Unix(1, 0)) // its goroutine tells how far it got
				ready = false
			}
		}
	}
	if !ready {
		return false
	}
	do := m.freezing.do
	do()
	m.freezing = nil
	for _, g := range m.order {
		for _, p := range g.procs {
			m.feedOn(p)
		}
	}
	return true
}

// Expect returns the wait status of a child that is no process: one that f, called by Freeze,
// has started. It must be called by f. The channel is closed when Run ends first.
func (m *Manager) Expect(pid int) <-chan syscall.WaitStatus {
	c := make(chan syscall.WaitStatus, 1)
	if m.helpers == nil {
		m.helpers = map[int]chan syscall.WaitStatus{}
	}
	m.helpers[pid] = c
	return c
}

// KillExpected ends a child of Expect, with its process group, unless it was reaped.
func (m *Manager) KillExpected(pid int) {
	m.post(func() {
		if m.helpers[pid] != nil {
			m.Kernel.Signal(pid, syscall.SIGKILL, true)
		}
	})
}

func (m *Manager) frozen() Frozen {
	all := Frozen{Mark: m.mark}
	now := m.now()
	for _, g := range m.order {
		all.Groups = append(all.Groups, g.conf)
		for url, s := range g.sockets {
			if s.file != nil {
				all.Sockets = append(all.Sockets, KeptSocket{g.conf.Name, url, int(s.file.Fd())})
			}
		}
		for _, p := range g.procs {
			k := Kept{
				Group: p.conf.Group, Name: p.conf.Name, Machine: p.m, PID: p.pid, Status: int(p.status),
				Start: p.start, Stop: p.stop, Exit: p.exit, SpawnErr: p.err, Life: p.life,
				Stdin: p.stdin.fd, Unread: p.stdin.pending, Trace: p.trace, Whole: p.whole,
			}
			if p.due.armed() {
				left := p.due.at - now
				k.Due = &left
			}
			for _, at := range p.restarts {
				k.Restarts = append(k.Restarts, now-at)
			}
			if p.socket != nil {
				k.Socket = p.socket.conf.URL
			}
			if p.m.Child == state.Launching {
				k.Turn = slices.IndexFunc(m.queue, func(j job) bool { return j.p == p })
			}
			all.Processes = append(all.Processes, k)
		}
	}
	return all
}

// Resume makes a new manager go on where another was frozen. It is called before Run, which
// then reaps who has died in between. No event tells of it: nothing has happened.
func (m *Manager) Resume(f Frozen) {
	if f.Mark != "" {
		m.mark = f.Mark
	}
	for _, c := range f.Groups {
		g := m.newGroup(c)
		m.groups[c.Name] = g
		m.order = append(m.order, g)
		for _, p := range g.procs {
			if p.conf.Socket != nil {
				g.socket(p.conf.Socket)
			}
		}
	}
	for _, k := range f.Sockets {
		if g := m.groups[k.Group]; g != nil && g.sockets[k.URL] != nil {
			g.sockets[k.URL].file = os.NewFile(uintptr(k.FD), k.URL)
		} else {
			closeFD(k.FD)
		}
	}
	for i := range f.Processes {
		k := &f.Processes[i]
		if p, err := m.find(k.Group, k.Name); err == nil {
			m.resume(p, k, f.Age)
		} else {
			closeFD(k.Stdin)
		}
	}
	for _, j := range f.queue() {
		if p, err := m.find(j.Group, j.Name); err == nil { // decided and not begun
			if p.socket != nil {
				p.socket.users--
			}
			m.launch(p)
		}
	}
	for _, g := range m.order {
		for _, s := range g.sockets {
			if s.users == 0 && s.file != nil {
				m.queue = append(m.queue, job{socket: s})
			}
		}
	}
}

// queue is the processes that wait to be launched, in order.
func (f *Frozen) queue() []*Kept {
	var list []*Kept
	for i := range f.Processes {
		if k := &f.Processes[i]; k.Machine.Child == state.Launching {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, func(a, b *Kept) int { return cmp.Compare(a.Turn, b.Turn) })
	return list
}

// resume gives a new record what is known of its process.
func (m *Manager) resume(p *process, k *Kept, age time.Duration) {
	var gone error
	if k.Machine.Child == state.Live && k.Trace.Foreign {
		if gone = m.adopt(k, true); gone != nil && gone != syscall.ESRCH {
			m.strand(k, gone)
		}
	}
	p.m, p.pid, p.status = k.Machine, k.PID, syscall.WaitStatus(k.Status)
	p.start, p.stop, p.exit, p.err, p.life = k.Start, k.Stop, k.Exit, k.SpawnErr, k.Life
	p.stdin = stdin{fd: k.Stdin, pending: k.Unread}
	p.trace, p.whole = k.Trace, k.Whole
	if !p.m.State.Down() {
		p.group.busy++
	}
	for _, ago := range k.Restarts {
		p.restarts = append(p.restarts, m.now()-ago-age)
	}
	if k.Socket != "" && p.group.sockets[k.Socket] != nil {
		p.socket = p.group.sockets[k.Socket]
		p.socket.users++
	}
	if p.m.Child == state.Live {
		p.run++
		m.live[p.pid] = p
		if gone != nil {
			m.post(func() { m.exited(p, unknownStatus) })
		}
	}
	if k.Due != nil {
		m.arm(&p.due, *k.Due-age)
	}
	m.feedOn(p)
}
