package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/event"
)

// pools are the event listener pools. The manager knows them as groups like any other;
// what makes them pools happens here, driven by the events that the manager publishes.
type pools struct {
	d *Daemon

	mu       sync.Mutex // guards the maps
	prepared map[string]*conf.Group
	active   map[string]*pool
}

// pool is one [eventlistener:x] that is active.
type pool struct {
	*event.Pool
	ps   *pools
	conf *conf.Group
	stop context.CancelFunc // ends all feeds
	ctx  context.Context
	sent sync.WaitGroup
	runs map[string]context.CancelFunc // by process: ends the feed of its run; only observe uses it

	under atomic.Int32 // envelopes that were given to feeds and not to the manager yet
}

func newPools(d *Daemon) *pools {
	return &pools{d: d, prepared: map[string]*conf.Group{}, active: map[string]*pool{}}
}

// prepare remembers a listener group that is about to be added, and forgets one of that
// name which was not added after all.
func (ps *pools) prepare(g *conf.Group) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if g.Kind == conf.EventListener {
		ps.prepared[g.Name] = g
	} else {
		delete(ps.prepared, g.Name)
	}
}

// observe follows the life of the groups and processes of pools. It sees each event before
// the bus does, so that a pool hears of its own addition, as the original's do.
func (ps *pools) observe(ev event.Event) {
	switch ev.Type {
	case event.ProcessGroupAdded:
		ps.mu.Lock()
		g := ps.prepared[ev.Group]
		delete(ps.prepared, ev.Group)
		if g != nil {
			ps.active[ev.Group] = ps.open(g)
		}
		ps.mu.Unlock()
		return
	case event.ProcessGroupRemoved:
		ps.mu.Lock()
		p := ps.active[ev.Group]
		delete(ps.active, ev.Group)
		ps.mu.Unlock()
		if p != nil {
			p.shut()
		}
		return
	}
	p := ps.get(ev.Group)
	if p == nil {
		return
	}
	switch ev.Type {
	case event.ProcessStateRunning:
		p.Running(ev.Process, p.feed(ev.Process))
	case event.ProcessStateStopping:
		p.Stopping(ev.Process)
	case event.ProcessStateBackoff, event.ProcessStateExited, event.ProcessStateStopped:
		if end := p.runs[ev.Process]; end != nil {
			end()
			delete(p.runs, ev.Process)
		}
		p.Gone(ev.Process)
	}
}

func (ps *pools) get(group string) *pool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.active[group]
}

// output hands over what a listener wrote to its stdout.
func (ps *pools) output(p *conf.Process, data []byte) {
	if pool := ps.get(p.Group); pool != nil {
		pool.Output(p.Name, data)
	}
}

// figures are the counters of the active pools, sorted by name.
func (ps *pools) figures() []poolFigures {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	list := make([]poolFigures, 0, len(ps.active))
	for name, p := range ps.active {
		list = append(list, poolFigures{name, p.Stats()})
	}
	slices.SortFunc(list, func(a, b poolFigures) int { return strings.Compare(a.name, b.name) })
	return list
}

func (ps *pools) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.active {
		p.shut()
	}
	clear(ps.active)
}

func (ps *pools) open(g *conf.Group) *pool {
	types := make([]event.Type, 0, len(g.Listener.Events))
	for _, name := range g.Listener.Events {
		if t, ok := event.Parse(name); ok {
			types = append(types, t)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pool{ps: ps, conf: g, ctx: ctx, stop: cancel, runs: map[string]context.CancelFunc{}}
	names := make([]string, len(g.Processes))
	for i, proc := range g.Processes {
		names[i] = proc.Name
	}
	handler, _ := event.HandlerByName(g.Listener.ResultHandler) // conf told of an unknown one
	p.Pool = event.NewPool(event.Options{
		Name: g.Name, Server: ps.d.config().Supervisord.Identifier, Types: types,
		BufferSize: g.Listener.BufferSize, Processes: names, Bus: ps.d.bus,
		Handler: handler, Stdout: ps.d.main.stdout(), Log: ps.d.report, Violated: p.violated,
	})
	return p
}

// violated is a listener having broken the protocol. With restart_deaf it is killed: neither
// stopped, which would need somebody to start it, nor asked, since what it does makes no sense.
// That counts as a failed start or an unexpected exit, with all that keeps those from going
// round without end. The manager's loop may be the one that calls, so a goroutine asks it.
func (p *pool) violated(process string) {
	if !p.conf.Listener.RestartDeaf || p.ctx.Err() != nil {
		return
	}
	p.sent.Go(func() {
		p.ps.d.report("WARN", "killing "+process+", which is deaf, so that it starts again (restart_deaf)")
		op := proc.Op{Kind: proc.Signal, Group: p.conf.Name, Process: process, Signal: syscall.SIGKILL}
		err := p.ps.d.mgr.Do(p.ctx, op, func(proc.Result) {})
		if err != nil && p.ctx.Err() == nil {
			p.ps.d.report("DEBG", "cannot kill "+process+": "+err.Error())
		}
	})
}

// feed starts passing envelopes to the stdin of a listener that is RUNNING now, and returns
// what queues one for it. The manager's loop must not wait for itself, so a goroutine of the
// run asks it. At most one envelope is under way to each listener.
func (p *pool) feed(process string) func([]byte) error {
	ctx, end := context.WithCancel(p.ctx)
	p.runs[process] = end
	c := make(chan []byte, 1)
	p.sent.Go(func() {
		for {
			select {
			case <-ctx.Done():
				p.under.Add(-int32(len(c)))
				return
			case data := <-c:
				// One that cannot be written to has closed its stdin: it will end, or was told to,
				// and then the event goes back to the buffer.
				if err := p.ps.d.mgr.Stdin(ctx, p.conf.Name, process, data); err != nil && ctx.Err() == nil {
					p.ps.d.report("DEBG", "cannot send an event to "+process+": "+err.Error())
				}
				p.under.Add(-1)
			}
		}
	})
	return func(data []byte) error {
		p.under.Add(1)
		select {
		case c <- data:
			return nil
		default:
			p.under.Add(-1)
			return errors.New("the last event is still on its way")
		}
	}
}

func (p *pool) shut() {
	p.Close()
	p.stop()
	p.sent.Wait()
}
