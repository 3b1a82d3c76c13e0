package proc

import (
	"container/heap"
	"time"
)

// deadline is a moment somebody waits for. It is part of who waits, so arming allocates
// nothing. Moments are times since the manager's birth on the monotonic clock: no clock
// that is set can move them.
type deadline struct {
	at    time.Duration
	index int // in the heap plus one; 0: not armed
	owner interface{ elapsed(*Manager) }
}

func (d *deadline) armed() bool { return d.index > 0 }

// deadlines is a heap of all that is armed.
type deadlines []*deadline

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].at < h[j].at }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}
func (h *deadlines) Push(x any) {
	d := x.(*deadline)
	*h = append(*h, d)
	d.index = len(*h)
}
func (h *deadlines) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	d.index = 0
	return d
}

func (m *Manager) now() time.Duration { return time.Since(m.birth) }

// arm makes d's owner hear of it after delay, in place of what was armed before.
func (m *Manager) arm(d *deadline, delay time.Duration) {
	d.at = m.now() + delay
	if d.armed() {
		heap.Fix(&m.due, d.index-1)
	} else {
		heap.Push(&m.due, d)
	}
}

func (m *Manager) disarm(d *deadline) {
	if d.armed() {
		heap.Remove(&m.due, d.index-1)
	}
}

// setTimer lets the one timer run to the earliest deadline, and no timer when there is none.
func (m *Manager) setTimer() {
	if len(m.due) == 0 {
		if m.timerAt >= 0 {
			m.timer.Stop()
			m.timerAt = -1
		}
		return
	}
	if at := m.due[0].at; at != m.timerAt {
		m.timer.Reset(at - m.now())
		m.timerAt = at
	}
}

// fire tells everyone whose moment has come. The dead are collected first, so that a child
// that died before the moment counts as dead.
func (m *Manager) fire() {
	m.timerAt = -1
	m.reap()
	now := m.now()
	for len(m.due) > 0 && m.due[0].at <= now {
		heap.Pop(&m.due).(*deadline).owner.elapsed(m)
	}
}
