package proc

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gosv/proc/event"
)

// Manager owns all processes. Make one with New, then call Run.
type Manager struct {
	Options
	log  logger
	mark string       // what those with kill_escaped are marked with
	mood atomic.Int32 // the Mood; may be read at any time

	draining atomic.Bool // likewise

	known atomic.Pointer[[]Info] // what Known says; nil: something may have changed

	requests chan func()   // what others want of the loop
	down     chan struct{} // 1-buffered: the mood has fallen
	done     chan struct{} // closed when Run has returned
	tasks    sync.WaitGroup

	mailMu sync.Mutex // guards mail
	mail   []func()   // what others have to tell the loop; posting never blocks
	bell   chan struct{}

	// All below belongs to the loop.
	birth    time.Time
	due      deadlines
	timer    *time.Timer
	timerAt  time.Duration // what the timer runs to; -1: it does not run
	groups   map[string]*group
	order    []*group   // in the order of adding
	priority []*group   // order, sorted by priority; nil: to be made anew
	sorted   []*process // all, sorted by (group, name); nil: to be made anew
	live     map[int]*process
	early    map[int]early // reaped before their launch has answered
	gate     gate          // shared with the launchers
	queue    []job         // for the launcher, in the order of decision
	unwanted bool          // some in there may be overtaken by a stop
	jobs     chan job
	inFlight int              // launches handed to the launchers and not answered
	opening  []job            // what was handed to them and opens or closes a socket: one for each
	handed   int              // counts launches, in the order of decision
	heard    int              // how many of them have been dealt with
	ahead    map[int]launched // answers that came before those of earlier launches
	slow     deadline         // when those will not be waited for any more
	launcher *launcher        // what the launchers are made of
	extra    int              // how many there are more than Launchers
	sent     int              // counts jobs that were handed over
	replies  int              // of these, the answered ones
	before   int              // replies when hang was armed
	hang     deadline         // when it is looked whether all launchers hang
	unnoted  deadline         // when the ledger is to be written anew
	updating bool
	freezing *freezing                       // not nil: a Freeze waits for its moment
	helpers  map[int]chan syscall.WaitStatus // by pid: children that are no processes
	ending   ending
	closing  *closing // not nil: everything is being stopped
	verdict  *Verdict // not nil: why everything ends by itself
}

// New makes a manager that knows no groups yet.
func New(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Publish == nil {
		o.Publish = func(event.Event) {}
	}
	o.Environ = once(o.Environ)
	m := &Manager{
		Options:  o,
		log:      logger{o.Log},
		requests: make(chan func()),
		down:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		bell:     make(chan struct{}, 1),
		birth:    time.Now(),
		timer:    time.NewTimer(time.Hour),
		timerAt:  -1,
		groups:   map[string]*group{},
		live:     map[int]*process{},
		early:    map[int]early{},
		ahead:    map[int]launched{},
		jobs:     make(chan job, 16),
	}
	if m.mark = o.Ledger.Mark(); m.mark == "" {
		m.mark = fmt.Sprintf("%016x", rand.Uint64())
	}
	m.slow.owner = overdue{}
	m.hang.owner = hanging{}
	m.unnoted.owner = unnoted{}
	m.timer.Stop()
	m.mood.Store(int32(MoodRunning))
	return m
}

// Run is the loop. It returns nil when Shutdown has stopped everything, or the context's
// error at once when ctx is done; children that are left then are left alone. It may be
// called once.
func (m *Manager) Run(ctx context.Context) error {
	m.launcher = &launcher{Options: m.Options, log: m.log, mark: m.mark, jobs: m.jobs, answer: m.answered, post: m.post, done: m.done, gate: &m.gate}
	for range max(1, m.Launchers) {
		m.tasks.Go(m.launcher.run)
	}
	err := m.loop(ctx)
	m.known.Store(nil)
	for _, c := range m.helpers {
		close(c)
	}
	m.timer.Stop()
	close(m.done)
	close(m.jobs)
	m.closeStdins()
	m.closeAll(m.ended(err == nil && m.inFlight > 0))
	return err
}

// ended waits until all goroutines have ended, and says whether they have: launches that giveUp has dealt with
// may hang for ever, and are left to the end of this process. Whatever had to be done has been.
func (m *Manager) ended(gaveUp bool) bool {
	all := make(chan struct{})
	go func() {
		m.tasks.Wait()
		close(all)
	}()
	var late <-chan time.Time
	if gaveUp {
		late = time.After(slowLaunch / 5)
	}
	select {
	case <-all:
		if gaveUp { // what they answered nobody has heard
			m.inFlight = 0
			m.disarm(&m.hang)
		}
		return true
	case <-late:
		m.log.say(LevelWarn, "not waiting for launches that hang: %d", m.inFlight)
		return false
	}
}

func (m *Manager) loop(ctx context.Context) error {
	m.reap()
	m.readMail() // what was left before Run comes before everything
	for {
		m.dropUnwanted()
		if m.closing != nil && m.closeNext() {
			return nil
		}
		if m.freezeNow() && ctx.Err() != nil {
			return ctx.Err()
		}
		m.setTimer()
		var jobs chan<- job
		var next job
		at := m.nextJob()
		if at >= 0 {
			jobs, next = m.jobs, m.queue[at]
			next.nth = m.handed
		}
		select {
		case f := <-m.requests:
			m.known.Store(nil)
			f()
		case <-m.bell:
			m.known.Store(nil)
			m.readMail()
		case jobs <- next:
			m.known.Store(nil)
			m.handedOver(at)
		case <-m.Kernel.Died():
			m.known.Store(nil)
			if last := m.reap(); last != nil {
				last.rings = true // the original's line comes behind what happened to its child
			} else if len(m.early) == 0 { // else it is said when they turn out to be whose
				m.sayRing()
			}
		case <-m.timer.C:
			m.known.Store(nil)
			m.fire()
		case <-m.down:
			m.known.Store(nil)
			m.beginEnding()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post leaves a message for the loop and never blocks, also when the loop itself calls it.
func (m *Manager) post(f func()) {
	m.mailMu.Lock()
	m.mail = append(m.mail, f)
	m.mailMu.Unlock()
	ring(m.bell)
}

func (m *Manager) readMail() {
	m.mailMu.Lock()
	mail := m.mail
	m.mail = nil
	m.mailMu.Unlock()
	for _, f := range mail {
		f()
	}
}

// ring wakes whoever listens to a 1-buffered channel.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// ask runs f in the loop and returns its answer.
func ask[T any](ctx context.Context, m *Manager, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	reply := make(chan answer, 1)
	var none T
	select {
	case m.requests <- func() { v, err := f(); reply <- answer{v, err} }:
		a := <-reply // the loop has taken it, so it answers
		return a.value, a.err
	case <-m.done:
		return none, ErrClosed
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// tell is ask for what has no answer but an error.
func tell(ctx context.Context, m *Manager, f func() error) error {
	_, err := ask(ctx, m, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// Mood is the daemon's state; it may be asked at any time.
func (m *Manager) Mood() Mood { return Mood(m.mood.Load()) }

// closeStdins ends the goroutines that write to children.
func (m *Manager) closeStdins() {
	for _, g := range m.order {
		for _, p := range g.procs {
			p.closeStdin()
		}
	}
}

// closeAll gives back what the records hold, after the loop has ended. A launcher that has not may have a socket.
func (m *Manager) closeAll(ended bool) {
	for _, g := range m.order {
		for _, s := range g.sockets {
			if ended {
				s.close(m.log)
			}
		}
		g.close()
	}
	for _, j := range m.queue {
		if j.p == nil && ended {
			j.socket.close(m.log)
		}
	}
	m.queue = nil
}
