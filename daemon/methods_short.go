package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
)

// shortMethods are those of the JSON protocol, with the types of package wire.
func shortMethods() []*method {
	streamOf := func(kind proc.Kind) func(context.Context, *call, wire.TargetIn) (wire.Count, error) {
		return func(ctx context.Context, c *call, in wire.TargetIn) (wire.Count, error) {
			return c.streamOp(ctx, in.Name, proc.Op{Kind: kind, Wait: !in.NoWait})
		}
	}
	return []*method{
		whileDown(short(wire.MethodHello, anyone, "Say who calls and learn who answers.", doHello)),
		whileDown(short(wire.MethodStatus, read, "Show processes.", doStatus)),
		short(wire.MethodStart, operate, "Start a process, a group or all that are not up.", streamOf(proc.Start)),
		short(wire.MethodStop, operate, "Stop a process, a group or all that are up.", streamOf(proc.Stop)),
		short(wire.MethodRestart, operate, "Stop and start a process, a group or all.", streamOf(proc.Restart)),
		short(wire.MethodSignal, operate, "Send a signal to a process, a group or all.", doSignal),
		whileDown(short(wire.MethodTail, read, "Read the end of a log, and what is written from then on.", doTail)),
		short(wire.MethodClear, operate, "Empty the logs of a process, a group or all, or the daemon's own.", doClear),
		short(wire.MethodStdin, operate, "Write to a process's standard input.",
			func(ctx context.Context, c *call, in wire.StdinIn) (bool, error) {
				return true, c.stdin(ctx, in.Name, in.Data)
			}),
		short(wire.MethodReread, admin, "Read the configuration anew and say what differs.",
			func(ctx context.Context, c *call, _ none) (*wire.Changes, error) { return c.changes(ctx) }),
		short(wire.MethodUpdate, admin, "Read the configuration anew and make it so.", doUpdate),
		short(wire.MethodAdd, admin, "Make a configured group active.",
			func(ctx context.Context, c *call, in wire.GroupIn) (bool, error) {
				return true, c.addGroup(ctx, in.Name)
			}),
		short(wire.MethodRemove, admin, "Make a stopped group inactive.",
			func(ctx context.Context, c *call, in wire.GroupIn) (bool, error) {
				return true, c.removeGroup(ctx, in.Name)
			}),
		short(wire.MethodAvail, read, "Show all configured processes.", doAvail),
		short(wire.MethodReload, admin, "Stop everything and start again from the configuration.",
			func(ctx context.Context, c *call, _ none) (bool, error) { return true, c.reload(ctx) }),
		short(wire.MethodShutdown, admin, "Stop everything and end the daemon.",
			func(_ context.Context, c *call, _ none) (bool, error) {
				c.sup.shutdown()
				return true, nil
			}),
		short(wire.MethodUpgrade, admin, "Put the version of the program that is on disk now in the place of this one. Nothing is stopped. If it cannot take over, nothing changes.",
			func(ctx context.Context, c *call, _ none) (wire.UpgradeOut, error) {
				defer c.endlessly()()
				return wire.UpgradeOut{}, upgradeFault(c.sup.upgrade(ctx)) // when all goes well the new version answers
			}),
		whileDown(short(wire.MethodEvents, read, "Send events as they happen.", doEvents)),
	}
}

// counting sends events of a stream and keeps its Count. The first failure to send ends it.
type counting struct {
	c     *call
	count wire.Count
	err   error
}

func (s *counting) send(v any, failed bool) {
	s.count.Count++
	if failed {
		s.count.Failed++
	}
	switch x := v.(type) {
	case wire.Result:
		s.c.note(x.Group, x.Name, x.Err)
	case wire.UpdateStep:
		s.c.note(x.Group, "", x.Err)
	}
	if s.err == nil {
		s.err = s.c.send(v)
	}
}

// end is what the method answers; err is what it failed with as a whole.
func (s *counting) end(err error) (wire.Count, error) {
	if err == nil {
		err = s.err
	}
	return s.count, err
}

// splitTarget splits what a request names; "all" is everything, group "" and name "".
func splitTarget(spec string) (group, name string, err error) {
	if spec == "all" {
		return "", "", nil
	}
	if group, name = splitNamespec(spec); group == "" {
		return "", "", fault(wire.BadName, spec)
	}
	return group, name, nil
}

// streamOp carries out op and sends each process's result as soon as it is known.
func (c *call) streamOp(ctx context.Context, spec string, op proc.Op) (wire.Count, error) {
	var err error
	if op.Group, op.Process, err = splitTarget(spec); err != nil {
		return wire.Count{}, err
	}
	s := &counting{c: c}
	err = c.mgr.Do(ctx, op, func(r proc.Result) {
		x := wire.Result{Name: r.Process, Group: r.Group, Did: r.Did}
		if r.Err != nil {
			name := namespec(r.Group, r.Process)
			if op.Process != "" {
				name = spec
			}
			x.Did, x.Err = "", named(r.Err, name)
		}
		s.send(x, r.Err != nil)
	})
	return s.end(namedOrNil(err, spec))
}

func doSignal(ctx context.Context, c *call, in wire.SignalIn) (wire.Count, error) {
	sig, bad := parseSignal(in.Signal)
	if bad == nil {
		return c.streamOp(ctx, in.Name, proc.Op{Kind: proc.Signal, Signal: sig})
	}
	group, name, err := splitTarget(in.Name)
	if err != nil {
		return wire.Count{}, err
	}
	s := &counting{c: c}
	if name != "" {
		if _, err := c.mgr.Process(ctx, group, name); err != nil {
			return wire.Count{}, named(err, in.Name)
		}
		s.send(wire.Result{Name: name, Group: group, Err: faultOf(bad)}, true)
		return s.end(nil)
	}
	ids, err := c.signallable(ctx, group)
	if err != nil {
		return wire.Count{}, named(err, in.Name)
	}
	for _, p := range ids {
		s.send(wire.Result{Name: p.name, Group: p.group, Err: faultOf(bad)}, true)
	}
	return s.end(nil)
}

func doClear(ctx context.Context, c *call, in wire.TargetIn) (wire.Count, error) {
	s := &counting{c: c}
	done := func(p procID, err error) {
		x := wire.Result{Name: p.name, Group: p.group, Did: "cleared"}
		if err != nil {
			x.Did, x.Err = "", faultOf(err)
		}
		s.send(x, err != nil)
	}
	if in.Name == "" {
		done(procID{}, c.clearMain())
		return s.end(nil)
	}
	group, name, err := splitTarget(in.Name)
	if err != nil {
		return wire.Count{}, err
	}
	if name == "" {
		return s.end(namedOrNil(c.clearMany(ctx, group, done), in.Name))
	}
	err = c.clear(ctx, group, name, in.Name)
	if err != nil && faultOf(err).Code == wire.BadName {
		return wire.Count{}, err
	}
	done(procID{group, name}, err)
	return s.end(nil)
}

func doHello(_ context.Context, c *call, in wire.HelloIn) (wire.HelloOut, error) {
	if c.login != nil && in.Username != "" {
		c.login(in.Username, in.Password)
	}
	return wire.HelloOut{
		Server: "gosv/" + Version, Protocol: wire.Version,
		API: APIVersion, Supervisor: SupervisorVersion,
		Identification: c.sup.config().Supervisord.Identifier,
		PID:            c.pid, State: moodName(c.mgr.Mood()),
	}, nil
}

func doStatus(ctx context.Context, c *call, in wire.NamesIn) ([]wire.Process, error) {
	all, err := c.processes(ctx)
	if err != nil {
		return nil, err
	}
	wanted := map[procID]bool{}
	for _, spec := range in.Names {
		group, name, err := splitTarget(spec)
		if err != nil {
			return nil, err
		}
		known := spec == "all"
		for i := range all {
			p := procID{all[i].Group, all[i].Name}
			if group != "" && p.group != group || name != "" && p.name != name {
				continue
			}
			wanted[p], known = true, true
		}
		if !known {
			return nil, fault(wire.BadName, spec)
		}
	}
	out := make([]wire.Process, 0, len(all))
	for i := range all {
		if len(in.Names) == 0 || wanted[procID{all[i].Group, all[i].Name}] {
			out = append(out, all[i].wire())
		}
	}
	return out, nil
}

func doUpdate(ctx context.Context, c *call, in wire.UpdateIn) (wire.Count, error) {
	_, plan, err := c.sup.reread(ctx)
	if err != nil {
		return wire.Count{}, rereadFault(err)
	}
	s := &counting{c: c}
	only := in.Groups
	if slices.Contains(only, "all") {
		only = nil
	}
	if only != nil {
		if only, err = c.knownGroups(ctx, plan, only, s); err != nil {
			return s.end(err)
		}
		if len(only) == 0 {
			return s.end(nil)
		}
	}
	return s.end(c.sup.update(ctx, plan, only, func(st proc.Step) {
		x := wire.UpdateStep{Group: st.Group, Did: st.Did}
		if st.Err != nil {
			x.Err = named(st.Err, st.Group)
		}
		s.send(x, st.Err != nil)
	}))
}

// knownGroups leaves out the names that are neither active nor about to be added, and
// sends a fault for each.
func (c *call) knownGroups(ctx context.Context, plan conf.Plan, names []string, s *counting) ([]string, error) {
	active, err := c.mgr.Groups(ctx)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, n := range names {
		if findGroup(active, n) == nil && findGroup(plan.Added, n) == nil {
			s.send(wire.UpdateStep{Group: n, Err: fault(wire.BadName, n)}, true)
			continue
		}
		known = append(known, n)
	}
	return known, nil
}

func doAvail(ctx context.Context, c *call, _ none) ([]wire.Avail, error) {
	active, err := c.mgr.Groups(ctx)
	if err != nil {
		return nil, err
	}
	list := []wire.Avail{}
	for _, g := range c.sup.config().Groups {
		inUse := findGroup(active, g.Name) != nil
		for _, p := range g.Processes {
			list = append(list, wire.Avail{
				Name: p.Name, Group: g.Name, InUse: inUse, Autostart: p.Autostart,
				GroupPriority: g.Priority, ProcessPriority: p.Priority,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b wire.Avail) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// eventsMax is how many events a client may be behind before it loses the oldest.
const eventsMax = 4096

func eventTypes(in wire.EventsIn) ([]event.Type, error) {
	types := []event.Type{}
	for _, name := range in.Types {
		t, ok := event.Parse(name)
		if !ok {
			return nil, fault(wire.BadName, name)
		}
		types = append(types, t)
	}
	if len(types) == 0 {
		types = []event.Type{event.Any}
	}
	return types, nil
}

// events sends what happens until the client has had enough.
func doEvents(ctx context.Context, c *call, in wire.EventsIn) (wire.Count, error) {
	types, err := eventTypes(in)
	if err != nil {
		return wire.Count{}, err
	}
	return c.pourEvents(ctx, types, newEventQueue(eventsMax), wire.Count{})
}

// told is how far a stream of events has come.
type told struct {
	Count  wire.Count
	Events []wire.Event `json:",omitempty"` // not sent yet
}

// takeUpEvents goes on with a stream of events of another version of the program.
func (c *call) takeUpEvents(k keptCall) (func(context.Context) (any, error), error) {
	var in wire.EventsIn
	var at told
	if err := errors.Join(json.Unmarshal(k.Params, &in), json.Unmarshal(k.State, &at)); err != nil {
		return nil, err
	}
	types, err := eventTypes(in)
	if err != nil {
		return nil, err
	}
	q := newEventQueue(eventsMax)
	if q.list = at.Events; len(q.list) > 0 {
		q.lost = q.list[0].Lost // take says it anew
		for _, ev := range q.list {
			q.size += len(ev.Payload)
		}
		q.ring <- struct{}{}
	}
	run := c.subscribed(types, q)
	return func(ctx context.Context) (any, error) { return run(ctx, at.Count) }, nil
}

func (c *call) pourEvents(ctx context.Context, types []event.Type, q *eventQueue, count wire.Count) (wire.Count, error) {
	return c.subscribed(types, q)(ctx, count)
}

// subscribed subscribes, and returns what sends events until the client has had enough.
func (c *call) subscribed(types []event.Type, q *eventQueue) func(context.Context, wire.Count) (wire.Count, error) {
	cancel := c.bus.Subscribe(types, q.push)
	return func(ctx context.Context, count wire.Count) (wire.Count, error) {
		defer cancel()
		defer c.endlessly()()
		return c.sendEvents(ctx, q, count, cancel)
	}
}

func (c *call) sendEvents(ctx context.Context, q *eventQueue, count wire.Count, cancel func()) (wire.Count, error) {
	for {
		select {
		case <-q.ring:
		case <-ctx.Done():
			return count, ctx.Err()
		case <-c.closing:
			return count, nil
		case <-c.leave:
			cancel()
			c.left(told{count, q.take()})
			return count, errLeft
		}
		for _, ev := range q.take() {
			if err := c.send(ev); err != nil {
				return count, fmt.Errorf("cannot send an event: %w", err)
			}
			count.Count++
		}
	}
}

// endlessly marks the request as one that ends only when the client wants it.
func (c *call) endlessly() (done func()) {
	if c.endless == nil {
		return func() {}
	}
	return c.endless()
}
