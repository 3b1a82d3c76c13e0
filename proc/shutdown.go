package proc

import (
	"slices"
	"strings"
	"time"

	"gosv/proc/event"
	"gosv/proc/state"
)

// Shutdown begins to stop everything, in reverse group order, as supervisord does; it
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

// closing is the end of everything under way: group after group, the last one first.
type closing struct {
	groups []*group // not yet at rest, or not yet looked at
	report deadline // when to say again who does not die
}

// dieEvery is how often supervisord says whom it waits for at the end.
const dieEvery = 3 * time.Second

// beginClosing is the mood having fallen. What waits in BACKOFF, or has not been forked
// yet, rests at once wherever it is; nothing starts any more.
func (m *Manager) beginClosing() {
	if m.closing != nil {
		return
	}
	m.closing = &closing{groups: slices.Clone(m.byPriority())}
	m.closing.report.owner = m.closing
	m.Publish(event.Event{Type: event.SupervisorStateChangeStopping})
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
	m.closeNext()
	m.closing.elapsed(m)
}

// closeNext tells the last group to stop, and the one before it when that is at rest; it
// says whether all are.
func (m *Manager) closeNext() bool {
	c := m.closing
	for len(c.groups) > 0 {
		g := c.groups[len(c.groups)-1]
		if !g.told {
			g.told = true
			for _, p := range slices.Backward(g.byPriority) {
				if p.m.State.Up() || p.m.Again {
					m.step(p, state.Event{Kind: state.Shutdown})
				}
			}
		}
		if g.busy > 0 {
			return false
		}
		c.groups = c.groups[:len(c.groups)-1]
	}
	m.disarm(&c.report)
	return true
}

// elapsed names everyone who is not at rest, in the order in which their groups were added.
func (c *closing) elapsed(m *Manager) {
	var names []string
	for _, g := range m.order {
		for _, p := range g.procs {
			if !p.m.State.Down() {
				names = append(names, p.conf.Name)
			}
		}
	}
	if len(names) > 0 {
		m.log.say(LevelInfo, "waiting for %s to die", strings.Join(names, ", "))
		m.arm(&c.report, dieEvery)
	}
}
