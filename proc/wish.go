package proc

import (
	"context"

	"gosv/proc/state"
)

// Do carries out op and hands each process's result to each as soon as it is known, from
// Do's own goroutine. See the interface in request.go.
func (m *Manager) Do(ctx context.Context, op Op, each func(Result)) error {
	var unfit map[*process]*Fault
	var targets []*process
	if op.Kind == Start || op.Kind == Restart {
		var err error
		if targets, err = ask(ctx, m, func() ([]*process, error) { return m.choose(op) }); err != nil {
			return err
		}
		unfit = m.unfit(targets)
	}
	o, err := ask(ctx, m, func() (*operation, error) { return m.begin(op, targets, unfit) })
	if err != nil {
		return err
	}
	return m.follow(ctx, o, each)
}

// follow hands over the results of an operation until it is done. When ctx is done only
// the waiting ends.
func (m *Manager) follow(ctx context.Context, o *operation, each func(Result)) error {
	for {
		select {
		case r, ok := <-o.results:
			if !ok {
				return nil
			}
			each(r)
		case <-ctx.Done():
			m.post(func() { m.forget(o) })
			return ctx.Err()
		case <-m.done:
			return drain(o, each)
		}
	}
}

// drain hands over what was known when the loop ended.
func drain(o *operation, each func(Result)) error {
	for {
		select {
		case r, ok := <-o.results:
			if !ok {
				return nil
			}
			each(r)
		default:
			return ErrClosed
		}
	}
}

func (m *Manager) choose(op Op) ([]*process, error) {
	if m.Mood() < MoodRunning {
		return nil, &Fault{Reason: ShutdownState}
	}
	return m.meant(op)
}

// unfit looks up the commands of processes that are to be started, and says which cannot
// be. It is called outside of the loop, for it asks the file system.
func (m *Manager) unfit(targets []*process) map[*process]*Fault {
	var unfit map[*process]*Fault
	for _, p := range targets {
		if _, _, err := lookup(p.conf, m.Environ); err != nil {
			if unfit == nil {
				unfit = map[*process]*Fault{}
			}
			unfit[p] = &Fault{err.reason, err.text}
		}
	}
	return unfit
}

// begin starts an operation: everything that can be done at once is, first all signals and
// launches, then the remarks about those that take their time.
func (m *Manager) begin(op Op, targets []*process, unfit map[*process]*Fault) (*operation, error) {
	if targets == nil {
		var err error
		if targets, err = m.choose(op); err != nil {
			return nil, err
		}
	}
	if m.Mood() < MoodRunning {
		return nil, &Fault{Reason: ShutdownState}
	}
	o := &operation{Op: op, targets: targets, results: make(chan Result, 2*len(targets)), pending: len(targets)}
	if len(targets) == 0 {
		close(o.results)
		return o, nil
	}
	for _, p := range targets {
		switch op.Kind {
		case Start:
			m.wishStart(o, p, unfit[p])
		case Stop:
			m.wishStop(o, p)
		case Restart:
			m.wishRestart(o, p, unfit[p])
		case Signal:
			m.wishSignal(o, p)
		}
	}
	for _, p := range targets {
		m.reportStop(p)
	}
	return o, nil
}

func (m *Manager) wishStart(o *operation, p *process, unfit *Fault) {
	name := p.name()
	switch {
	case p.group.gone:
		o.finish(p, "started", &Fault{BadName, name})
	case unfit != nil:
		o.finish(p, "started", unfit)
	case p.m.State.Up():
		o.finish(p, "started", &Fault{AlreadyStarted, name})
	case p.m.State == state.Stopping:
		m.log.say(LevelWarn, "process '%s' already running", p.conf.Name)
		if o.Wait {
			o.finish(p, "started", &Fault{AbnormalTermination, name})
		} else {
			o.finish(p, "started", nil)
		}
	case p.group.leaving:
		o.finish(p, "started", &Fault{Busy, name})
	default:
		m.start(o, p, o.Wait)
	}
}

func (m *Manager) start(o *operation, p *process, wait bool) {
	w := &waiter{op: o, p: p, await: awaitLaunched}
	if wait {
		w.await = awaitRunning
	}
	m.wait(w)
	m.step(p, state.Event{Kind: state.Start})
}

func (m *Manager) wishStop(o *operation, p *process) {
	if !p.wanted(Stop) {
		o.finish(p, "stopped", &Fault{NotRunning, p.name()})
		return
	}
	m.stop(o, p, &waiter{op: o, p: p}, state.Stop)
}

// stop makes w wait for the end that ev brings about, or answers at once.
func (m *Manager) stop(o *operation, p *process, w *waiter, ev state.Kind) {
	m.wait(w)
	m.step(p, state.Event{Kind: ev})
	if o.Wait || !m.unwait(w) {
		return
	}
	if o.Kind != Restart {
		o.finish(p, "stopped", nil)
		return
	}
	if w.await == awaitStopped {
		o.emit(p, "stopped", nil)
	}
	o.finish(p, "started", w.refuse)
}

// wishRestart is Supervisor's stop and start as one wish, with no gap for anything to fall
// into. One whose command cannot be run is only stopped, as it is there.
func (m *Manager) wishRestart(o *operation, p *process, unfit *Fault) {
	if p.m.State.Down() && !p.m.Again {
		if o.Process != "" {
			o.emit(p, "stopped", &Fault{NotRunning, p.name()})
		}
		m.wishStart(o, p, unfit)
		return
	}
	if p.group.leaving {
		unfit = &Fault{Busy, p.name()}
	}
	if unfit != nil {
		m.stop(o, p, &waiter{op: o, p: p, refuse: unfit}, state.Stop)
		return
	}
	m.stop(o, p, &waiter{op: o, p: p, again: true}, state.Restart)
}

func (m *Manager) wishSignal(o *operation, p *process) {
	switch {
	case !p.m.State.Signallable():
		o.finish(p, "signalled", &Fault{NotRunning, p.name()})
	case p.m.Child == state.Launching:
		m.wait(&waiter{op: o, p: p, await: awaitSignal})
	default:
		o.finish(p, "signalled", m.sendSignal(p, o.Signal))
	}
}
