package proc

import (
	"syscall"
	"time"

	"gosv/proc/state"
)

// operation is an Op under way. results has room for all there can be, so the loop never
// waits for whoever reads them.
type operation struct {
	Op
	targets []*process
	results chan Result
	pending int // targets without a last result
}

func (o *operation) emit(p *process, did string, err *Fault) {
	r := Result{Group: p.conf.Group, Process: p.conf.Name, Did: did}
	if err != nil {
		r.Err = err
	}
	o.results <- r
}

// finish is a target's last result.
func (o *operation) finish(p *process, did string, err *Fault) {
	o.emit(p, did, err)
	o.close(1)
}

func (o *operation) close(n int) {
	if o.pending -= n; o.pending == 0 {
		close(o.results)
	}
}

// await says what a waiter waits for.
type await uint8

const (
	awaitStopped  await = iota // a state at rest
	awaitRunning               // RUNNING, or that it will not come to that
	awaitLaunched              // a child, or none
	awaitSignal                // a child, to be sent a signal
)

// waiter waits for one process on behalf of an operation.
type waiter struct {
	next   *waiter
	op     *operation
	p      *process
	await  await
	again  bool     // a restart: once it is stopped, go on to awaitRunning
	refuse *Fault   // a restart that stays stopped, and why
	report deadline // when to say again that we wait for it to stop
}

func (m *Manager) wait(w *waiter) {
	at := &w.p.waiters
	for *at != nil {
		at = &(*at).next
	}
	*at = w
}

// hear tells p's waiters which state it entered.
func (m *Manager) hear(p *process, s state.State) {
	m.waiters(p, func(w *waiter) bool { return w.heard(m, s) })
}

// waiters offers each of p's waiters to done and drops those that are.
func (m *Manager) waiters(p *process, done func(*waiter) bool) {
	for at := &p.waiters; *at != nil; {
		if w := *at; done(w) {
			m.disarm(&w.report)
			*at = w.next
		} else {
			at = &w.next
		}
	}
}

// unwait drops w and says whether it was still waiting.
func (m *Manager) unwait(w *waiter) bool {
	found := false
	m.waiters(w.p, func(x *waiter) bool {
		found = found || x == w
		return x == w
	})
	return found
}

// heard says whether w is done once its process has entered s.
func (w *waiter) heard(m *Manager, s state.State) bool {
	p, name := w.p, w.p.name()
	if w.await == awaitStopped {
		switch {
		case !s.Down():
			return false
		case w.again:
			m.disarm(&w.report)
			w.op.emit(p, "stopped", nil)
			w.again, w.await = false, awaitRunning
			return false
		case w.refuse != nil:
			w.op.emit(p, "stopped", nil)
			w.op.finish(p, "started", w.refuse)
			return true
		}
		w.op.finish(p, "stopped", nil)
		return true
	}
	if w.await == awaitSignal {
		if s == state.Backoff || s.Down() {
			w.op.finish(p, "signalled", &Fault{NotRunning, name})
			return true
		}
		return false
	}
	switch s {
	case state.Starting:
		return false
	case state.Running:
		w.op.finish(p, "started", nil)
	case state.Backoff:
		w.op.finish(p, "started", &Fault{SpawnError, name})
	default:
		w.op.finish(p, "started", &Fault{AbnormalTermination, name})
	}
	return true
}

// begun tells p's waiters that it has a child.
func (m *Manager) begun(p *process) {
	p.life.Begun++
	m.waiters(p, func(w *waiter) bool {
		switch w.await {
		case awaitLaunched:
			w.op.finish(p, "started", nil)
		case awaitSignal:
			w.op.finish(p, "signalled", m.sendSignal(p, w.op.Signal))
		default:
			return false
		}
		return true
	})
}

// settle ends the waiting for a start that will not come: the process is at rest, and no
// step that leads out of there is under way.
func (m *Manager) settle(p *process) {
	if p.waiters == nil || !p.m.State.Down() {
		return
	}
	m.waiters(p, func(w *waiter) bool {
		w.op.finish(p, "started", &Fault{AbnormalTermination, p.name()})
		return true
	})
}

// failStops tells those who wait for p to stop that it cannot be told to.
func (m *Manager) failStops(p *process, why *Fault) {
	m.waiters(p, func(w *waiter) bool {
		if w.await == awaitStopped {
			w.op.finish(p, "stopped", why)
			return true
		}
		return false
	})
}

// sendSignal sends a signal that somebody asked for; it changes no state.
func (m *Manager) sendSignal(p *process, sig syscall.Signal) *Fault {
	m.log.say(LevelDebug, "sending %s (pid %d) sig %s", p.conf.Name, p.pid, signalName(sig))
	if err := m.signal(p, sig, false); err != nil {
		f := &Fault{Failed, "unknown problem sending sig " + p.conf.Name + ": " + err.Error()}
		m.log.say(LevelCritical, "%s", f.Text)
		return f
	}
	return nil
}

// reportEvery is how often Supervisor says that it waits for a process to stop.
const reportEvery = 2 * time.Second

// reportStop says that p does not stop at once, unless another waiter does so already.
func (m *Manager) reportStop(p *process) {
	var first *waiter
	for w := p.waiters; w != nil; w = w.next {
		if w.report.armed() {
			return
		}
		if first == nil && w.await == awaitStopped {
			first = w
		}
	}
	if first != nil && p.m.State == state.Stopping {
		first.report.owner = first
		first.elapsed(m)
	}
}

func (w *waiter) elapsed(m *Manager) {
	m.log.say(LevelInfo, "waiting for %s to stop", w.p.conf.Name)
	m.arm(&w.report, reportEvery)
}

// forget ends the waiting of an operation that nobody waits for any more.
func (m *Manager) forget(o *operation) {
	for _, p := range o.targets {
		m.waiters(p, func(w *waiter) bool { return w.op == o })
		m.reportStop(p)
	}
}
