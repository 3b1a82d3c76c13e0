package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc/event"
)

// How the parts of the daemon come to rest, what of them goes over, and how they go on.

// until waits for done, which is asked now and then, d at most.
func until(d time.Duration, done func() bool) bool {
	end := time.Now().Add(d)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(end) {
			return false
		}
		<-tick.C
	}
	return true
}

// rest is the target's goroutine having nothing in hand. t.mu is held.
func (t *target) rest() {
	t.busy = false
	if t.rested != nil {
		close(t.rested)
		t.rested = nil
	}
}

// hold keeps lines in the queue from here on; false: the place hangs.
func (t *target) hold(d time.Duration) bool {
	t.flush(d / 2)
	t.mu.Lock()
	t.held = true
	if !t.busy {
		t.mu.Unlock()
		return true
	}
	rested := make(chan struct{})
	t.rested = rested
	t.mu.Unlock()
	t.wake()
	timer := time.NewTimer(d / 2)
	defer timer.Stop()
	select {
	case <-rested:
		return true
	case <-timer.C:
		return false
	}
}

// goOn is the end of hold.
func (t *target) goOn() {
	t.mu.Lock()
	t.held = false
	t.mu.Unlock()
	t.wake()
}

func (t *target) kept() keptTarget {
	t.mu.Lock()
	defer t.mu.Unlock()
	return keptTarget{slices.Clone(t.queue), t.lost}
}

// targets are those of the main log, standard output included where only handlers of
// listeners use it, and of the audit log.
func (d *Daemon) targets() []*target {
	l := d.main
	list := slices.Clone(l.targets)
	if l.out != nil && !slices.Contains(list, l.out) {
		list = append(list, l.out)
	}
	if d.audit != nil && d.audit.target != nil {
		list = append(list, d.audit.target)
	}
	return list
}

func (d *Daemon) holdLogs() error {
	for _, t := range d.targets() {
		if !t.hold(2 * time.Second) {
			return errors.New("the main log or the audit log hangs")
		}
	}
	return nil
}

func (d *Daemon) logOn() {
	for _, t := range d.targets() {
		t.goOn()
	}
}

func (d *Daemon) keptLogs() (list []keptTarget) {
	for _, t := range d.targets() {
		list = append(list, t.kept())
	}
	return list
}

// resumeLogs puts what an earlier version owed before what has come since.
func (d *Daemon) resumeLogs(list []keptTarget) {
	for i, t := range d.targets() {
		if i < len(list) {
			t.mu.Lock()
			t.queue = append(slices.Clone(list[i].Queue), t.queue...)
			t.lost += list[i].Lost
			t.mu.Unlock()
			t.wake()
		}
	}
}

// keptOutputs is where all output goes, while the pump is frozen; left are the processes
// whose groups are gone and whose pipes are still open.
func (o *outputs) keptOutputs(sinks []*logs.Sink) (list []keptOutput, left []*conf.Group) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[*output]bool{}
	keep := func(out *output, gone bool) {
		if seen[out] {
			return
		}
		seen[out] = true
		k := keptOutput{Group: out.conf.Group, Name: out.conf.Name, Left: gone, Paths: [2]string{out.stdout.path, out.stderr.path}}
		for i, st := range out.streams() {
			if s := st.sink.Load(); s != nil {
				x := s.Kept()
				k.Sinks[i] = &x
			}
		}
		list = append(list, k)
		if gone {
			left = append(left, &conf.Group{Name: out.conf.Group, Processes: []*conf.Process{out.conf}})
		}
	}
	for _, out := range o.byID {
		keep(out, false)
	}
	for _, s := range sinks {
		if st, ok := s.Owner().(*stream); ok {
			keep(st.out, true)
		}
	}
	return list, left
}

// fds are those of its pipes.
func (k *keptOutput) fds() (list []int) {
	for _, s := range k.Sinks {
		if s != nil {
			list = append(list, s.FDs()...)
		}
	}
	return list
}

// resume remembers what an earlier version had, for the records that will ask, and goes on
// with what nobody will ask for.
func (o *outputs) resume(k *kept) error {
	o.kept = map[procID]*keptOutput{}
	var gone []*keptOutput
	for i := range k.Outputs {
		if x := &k.Outputs[i]; x.Left {
			gone = append(gone, x)
		} else {
			o.kept[procID{x.Group, x.Name}] = x
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, groups, err := conf.Unpack(k.Left)
	if err != nil {
		return err
	}
	for i, x := range gone {
		if i < len(groups) && len(groups[i].Processes) == 1 {
			out := newOutput(o, groups[i].Processes[0])
			out.closed.Store(true)
			out.resume(x)
		}
	}
	return nil
}

// handedOver is what an earlier version had for p.
func (o *outputs) handedOver(p *conf.Process) *keptOutput {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := procID{p.Group, p.Name}
	k := o.kept[id]
	delete(o.kept, id)
	return k
}

func (out *output) resume(k *keptOutput) {
	for i, st := range out.streams() {
		st.path = k.Paths[i]
	}
	for i, st := range out.streams() {
		if k.Sinks[i] == nil {
			continue
		}
		sink, err := out.all.pump.ResumeSink(out.sinkOptions(st), *k.Sinks[i])
		if err != nil {
			out.all.d.log.Error(fmt.Sprintf("cannot go on with the %s of '%s': %v", st.name, out.conf.Name, err))
			continue
		}
		st.sink.Store(sink)
	}
}

// hold lets all pools rest: no event is on its way to a listener's standard input then.
func (ps *pools) hold(d time.Duration) error {
	for _, p := range ps.list() {
		p.Pause()
		if !until(d, func() bool { return p.under.Load() == 0 }) {
			return fmt.Errorf("an event does not reach the listeners of %s", p.conf.Name)
		}
	}
	return nil
}

func (ps *pools) goOn() {
	for _, p := range ps.list() {
		p.GoOn()
	}
}

func (ps *pools) list() (list []*pool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.active {
		list = append(list, p)
	}
	return list
}

func (ps *pools) keptPools() map[string]event.KeptPool {
	m := map[string]event.KeptPool{}
	for _, p := range ps.list() {
		m[p.conf.Name] = p.Kept()
	}
	return m
}

// resume opens the pools of the active groups as they were. They rest until goOn.
func (ps *pools) resume(groups []*conf.Group, m map[string]event.KeptPool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, g := range groups {
		if g.Kind != conf.EventListener {
			continue
		}
		p := ps.open(g)
		p.Resume(m[g.Name], p.feed)
		ps.active[g.Name] = p
	}
}

// clock publishes the ticks.
type clock struct {
	event.Ticks
	stop  context.CancelFunc
	ended chan struct{}
}

func (c *clock) start(ctx context.Context, bus *event.Bus) {
	ctx, c.stop = context.WithCancel(ctx)
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		c.Run(ctx, bus)
	}()
}

func (c *clock) halt() {
	c.stop()
	<-c.ended
}
