package proc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gosv/conf"
	"gosv/proc/event"
	"gosv/proc/state"
)

// Shutdown begins to stop everything, in reverse order of the groups' priority; it
// returns at once. shutdown beats restarting, and neither can be taken back.
func (m *Manager) Shutdown(mood Mood) {
	for {
		old := m.mood.Load()
		if int32(mood) >= old {
			return
		}
		if m.mood.CompareAndSwap(old, int32(mood)) {
			ring(m.down)
			return
		}
	}
}

// Draining says that the end was asked for and has not begun: everything still runs, for
// Options.Drain. It may be asked at any time. Mood is MoodShutdown already.
func (m *Manager) Draining() bool { return m.draining.Load() }

// Force makes an end of the shutdown that is under way: everything left gets SIGKILL at
// once, whatever the order. It does nothing before Shutdown, and returns at once.
func (m *Manager) Force() {
	m.post(func() {
		if m.Mood() < MoodRunning {
			m.force("killing what is left, as asked")
		}
	})
}

// ending is what precedes and bounds the end of everything.
type ending struct {
	announced bool     // the event was published
	drain     deadline // when the end begins
	last      deadline // when what is left is killed
	forced    bool     // it was: what is still being launched is killed too
}

// drainOver and timeOver are the owners of ending's deadlines.
type (
	drainOver struct{}
	timeOver  struct{}
)

func (drainOver) elapsed(m *Manager) { m.beginClosing() }

func (timeOver) elapsed(m *Manager) {
	m.force(fmt.Sprintf("the time for stopping everything (%s seconds, shutdown_timeout) is nearly over: killing what is left",
		conf.Seconds(m.Timeout)))
}

// beginEnding is the mood having fallen, perhaps for the second time: from a restart to a
// shutdown. Only a shutdown that was asked for drains: when a program's end decided, the
// sooner everything starts again elsewhere the better.
func (m *Manager) beginEnding() {
	e := &m.ending
	if !e.announced {
		e.announced = true
		m.Publish(event.Event{Type: event.SupervisorStateChangeStopping})
	}
	if m.Mood() == MoodShutdown && m.Timeout > 0 && !e.forced && !e.last.armed() {
		e.last.owner = timeOver{}
		m.arm(&e.last, m.Timeout-min(killEarly, m.Timeout/10))
	}
	m.giveUp()
	if m.closing != nil || m.draining.Load() {
		return
	}
	busy := slices.ContainsFunc(m.order, func(g *group) bool { return g.busy > 0 })
	if m.Mood() != MoodShutdown || m.Drain <= 0 || m.verdict != nil || !busy {
		m.beginClosing()
		return
	}
	m.draining.Store(true)
	m.log.say(LevelInfo, "draining for %s seconds (drain_secs)", conf.Seconds(m.Drain))
	e.drain.owner = drainOver{}
	m.arm(&e.drain, m.Drain)
}

// killEarly is how long before the end of Options.Timeout what is left is killed, so that
// it can be reaped and told of within it; less when the whole is short.
const killEarly = time.Second

// force kills everything that is left.
func (m *Manager) force(why string) {
	e := &m.ending
	if e.forced {
		return
	}
	e.forced = true
	m.disarm(&e.last)
	m.beginClosing()
	if names := m.notDown(); len(names) > 0 {
		m.log.say(LevelWarn, "%s: %s", why, strings.Join(names, ", "))
	}
	for _, g := range slices.Backward(m.byPriority()) {
		g.told = true
		for _, p := range slices.Backward(g.byPriority) {
			if p.m.State.Up() || p.m.Again {
				m.step(p, state.Event{Kind: state.Shutdown})
			}
			m.killNow(p)
		}
	}
}

// killNow does not wait for stopwaitsecs to be over.
func (m *Manager) killNow(p *process) {
	if p.m.State == state.Stopping && p.m.Child == state.Live && !p.dead {
		m.step(p, state.Event{Kind: state.Elapsed})
	}
}

// closing is the end of everything under way: priority after priority, the last one first.
type closing struct {
	groups []*group // not yet at rest, or not yet looked at
	report deadline // when to say again who does not die
}

// dieEvery is how often supervisord says whom it waits for at the end.
const dieEvery = 3 * time.Second

// beginClosing begins to stop everything. What waits in BACKOFF, or has not been forked
// yet, rests at once wherever it is; nothing starts any more.
func (m *Manager) beginClosing() {
	if m.closing != nil {
		return
	}
	m.closing = &closing{groups: slices.Clone(m.byPriority())}
	m.closing.report.owner = m.closing
	m.Ledger.add(&ledgerRecord{Closing: true})
	m.draining.Store(false)
	m.disarm(&m.ending.drain)
	for _, g := range m.order {
		for _, p := range g.procs {
			if p.m.State == state.Backoff {
				m.step(p, state.Event{Kind: state.Shutdown})
			}
		}
	}
	queued := slices.Clone(m.queue)
	for _, j := range queued {
		if j.p != nil {
			m.step(j.p, state.Event{Kind: state.Shutdown})
		}
	}
	m.dropUnwanted()
	m.giveUp()
	m.closeNext()
	m.closing.elapsed(m)
}

// closeNext tells the last groups to stop, and those before them when these are at rest; it
// says whether all are.
func (m *Manager) closeNext() bool {
	c := m.closing
	for len(c.groups) > 0 {
		last := len(c.groups) - 1
		if !c.groups[last].told {
			m.tellLevel(c.groups)
		}
		if c.groups[last].busy > 0 {
			return false
		}
		c.groups = c.groups[:last]
	}
	m.disarm(&c.report)
	m.disarm(&m.ending.last)
	return true
}

// tellLevel tells the last group to stop, and with it all of its priority: they were not
// ordered, so their times to stop need not add up.
func (m *Manager) tellLevel(groups []*group) {
	priority := groups[len(groups)-1].conf.Priority
	for _, g := range slices.Backward(groups) {
		if g.conf.Priority != priority {
			return
		}
		g.told = true
		for _, p := range slices.Backward(g.byPriority) {
			if p.m.State.Up() || p.m.Again {
				m.step(p, state.Event{Kind: state.Shutdown})
			}
		}
	}
}

// elapsed names everyone who is not at rest.
func (c *closing) elapsed(m *Manager) {
	if names := m.notDown(); len(names) > 0 {
		m.log.say(LevelInfo, "waiting for %s to die", strings.Join(names, ", "))
		m.arm(&c.report, dieEvery)
	}
}

// notDown is the processes that are not at rest, in the order in which their groups were added.
func (m *Manager) notDown() []string {
	var names []string
	for _, g := range m.order {
		for _, p := range g.procs {
			if !p.m.State.Down() {
				names = append(names, p.conf.Name)
			}
		}
	}
	return names
}
