package daemon

import (
	"context"
	"errors"
	"os"
	"sync"

	"gosv/conf"
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
	stdin map[string]chan []byte // by process: envelopes on their way to the manager
	stop  context.CancelFunc
	sent  sync.WaitGroup
}

func newPools(d *Daemon) *pools {
	return &pools{d: d, prepared: map[string]*conf.Group{}, active: map[string]*pool{}}
}

// prepare remembers a listener group that is about to be added.
func (ps *pools) prepare(g *conf.Group) {
	if g.Kind != conf.EventListener {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.prepared[g.Name] = g
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
		p.Running(ev.Process, p.writer(ev.Process))
	case event.ProcessStateStopping:
		p.Stopping(ev.Process)
	case event.ProcessStateBackoff, event.ProcessStateExited, event.ProcessStateStopped:
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
	p := &pool{stdin: map[string]chan []byte{}, stop: cancel}
	names := make([]string, len(g.Processes))
	for i, proc := range g.Processes {
		c := make(chan []byte, 1)
		names[i], p.stdin[proc.Name] = proc.Name, c
		p.sent.Add(1)
		go func() {
			defer p.sent.Done()
			ps.feed(ctx, p, proc, c)
		}()
	}
	handler, _ := event.HandlerByName(g.Listener.ResultHandler) // conf told of an unknown one
	p.Pool = event.NewPool(event.Options{
		Name: g.Name, Server: ps.d.config().Supervisord.Identifier, Types: types,
		BufferSize: g.Listener.BufferSize, Processes: names, Bus: ps.d.bus,
		Handler: handler, Stdout: os.Stdout, Log: ps.d.report,
	})
	return p
}

// writer queues an envelope for a listener. At most one is under way to each.
func (p *pool) writer(process string) func([]byte) error {
	c := p.stdin[process]
	return func(data []byte) error {
		select {
		case c <- data:
			return nil
		default:
			return errors.New("the last event is still on its way")
		}
	}
}

// feed passes envelopes to the manager, which writes them to the listener's stdin.
func (ps *pools) feed(ctx context.Context, p *pool, proc *conf.Process, c <-chan []byte) {
	for {
		select {
		case <-ctx.Done():
			return
		case data := <-c:
			if err := ps.d.mgr.Stdin(ctx, proc.Group, proc.Name, data); err != nil && ctx.Err() == nil {
				p.Gone(proc.Name) // its pipe is closed: the event goes back to the buffer
			}
		}
	}
}

func (p *pool) shut() {
	p.Close()
	p.stop()
	p.sent.Wait()
}
