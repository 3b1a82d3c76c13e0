package proc

import (
	"slices"
	"syscall"
	"time"

	"gosv/proc/state"
)

// reap collects all that have died. Signals are sent by the same goroutine, so a pid is
// either alive or a zombie of ours when it is signalled, and never somebody else's.
// It returns the last of them that is a process of ours, or nil.
func (m *Manager) reap() (last *process) {
	for {
		pid, status, ok := m.Kernel.Reap()
		if !ok {
			return last
		}
		if p := m.live[pid]; p != nil {
			m.exited(p, status)
			last = p
		} else if c := m.helpers[pid]; c != nil {
			c <- status
			delete(m.helpers, pid)
		} else if nth := m.gate.died(); nth > 0 { // perhaps its launch has not answered yet
			m.early[pid] = early{status, nth}
		} else {
			m.orphan(pid, status)
		}
	}
}

// sayRing says that children have died, as the original does when it is done with them.
func (m *Manager) sayRing() {
	m.log.say(LevelDebug, "received SIGCHLD indicating a child quit")
}

// early is one that was reaped while forks were under way and no record had its pid.
type early struct {
	status syscall.WaitStatus
	nth    int // gate.died
}

// orphans are the early dead that turned out to be nobody's.
func (m *Manager) orphans() {
	if len(m.early) > 0 {
		m.sayRing()
	}
	for pid, dead := range m.early {
		if exitStatus(dead.status) != forkExecGaveUp {
			m.orphan(pid, dead.status)
		}
	}
	clear(m.early)
}

// forkExecGaveUp is the exit status of syscall.ForkExec's own child when exec fails.
// ForkExec collects it, unless our wait comes first; it is no orphan worth a line.
const forkExecGaveUp = 253

func (m *Manager) orphan(pid int, status syscall.WaitStatus) {
	m.log.say(LevelInfo, "reaped unknown pid %d (%s)", pid, statusText(status))
}

// exited is p's child having been reaped. From now on its pid is never signalled; the
// machine hears of it when the last output has been read.
func (m *Manager) exited(p *process, status syscall.WaitStatus) {
	delete(m.live, p.pid)
	p.status, p.stop = status, time.Now()
	p.life.ended(status, p.expected(status))
	p.closeStdin()
	// A child that stayed past startsecs was RUNNING, even if nobody came by to say so.
	due := p.due.armed() && p.due.at <= m.now()
	m.disarm(&p.due)
	p.dead = true
	if due && p.m.State == state.Starting {
		m.step(p, state.Event{Kind: state.Elapsed})
	}
	m.note(p)
	if m.Noted != nil && p.trace.Foreign {
		m.Noted(p.pid)
	}
	run := p.run
	rest := func() { p.out.Exited(func() { m.post(func() { m.drained(p, run) }) }) }
	if p.conf.KillEscaped {
		m.sweep(p, rest)
		return
	}
	rest()
}

// drained is the last output of p's child having been read.
func (m *Manager) drained(p *process, run uint32) {
	if !p.dead || p.run != run {
		return
	}
	p.dead = false
	m.step(p, state.Event{Kind: state.ChildExited, Expected: p.expected(p.status), Pause: p.pause()})
	p.pid, p.trace, p.whole = 0, trace{}, false
	if p.rings {
		p.rings = false
		m.sayRing()
	}
	m.release(p)
}

// pace is the least time between two starts of a program that ends by itself and is started
// again by itself. Supervisor has it from its loop, which comes round once a second; without it
// one with startsecs=0 that ends at once would be started thousands of times a second.
const pace = time.Second

// pause is how long p, whose child has ended, must wait before it may be started again by
// itself. Whoever kills it may do that as often as he likes.
func (p *process) pause() time.Duration {
	if s := p.status; s.Signaled() && slices.Contains([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, s.Signal()) {
		return 0
	}
	return min(pace, pace-time.Since(p.start)) // its start may be in the future, by a clock that was set
}

// sweep kills what p's child has left behind, and then goes on.
func (m *Manager) sweep(p *process, then func()) {
	mark, pipes, name := m.mark+"."+p.name(), p.trace.Pipes, p.conf.Name
	m.tasks.Go(func() {
		n := m.Kernel.Sweep(mark, pipes)
		m.post(func() {
			if n > 0 {
				m.log.say(LevelInfo, "killed %d processes that %s left behind (kill_escaped)", n, name)
			}
			then()
		})
	})
}
