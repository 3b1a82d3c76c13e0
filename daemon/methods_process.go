package daemon

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
)

// processMethods are those that start, stop and signal.
func processMethods() []*method {
	return []*method{
		rpc("supervisor.startProcess", operate, "Start a process. With wait the answer comes when it is RUNNING or has failed; without, when it was spawned. group:* starts the group and answers as startProcessGroup.",
			func(ctx context.Context, c *call, in startParams) (any, error) {
				return c.one(ctx, in.Name, proc.Op{Kind: proc.Start, Wait: in.Wait})
			}),
		rpc("supervisor.startProcessGroup", operate, "Start the processes of a group that are not up.",
			func(ctx context.Context, c *call, in groupWaitParams) (results, error) {
				return c.group(ctx, in.Name, proc.Op{Kind: proc.Start, Wait: in.Wait})
			}),
		rpc("supervisor.startAllProcesses", operate, "Start all processes that are not up.",
			func(ctx context.Context, c *call, in waitParam) (results, error) {
				return c.all(ctx, proc.Op{Kind: proc.Start, Wait: in.Wait})
			}),
		rpc("supervisor.stopProcess", operate, "Stop a process. With wait the answer comes when it has stopped; without, when it was told. group:* stops the group and answers as stopProcessGroup.",
			func(ctx context.Context, c *call, in startParams) (any, error) {
				return c.one(ctx, in.Name, proc.Op{Kind: proc.Stop, Wait: in.Wait})
			}),
		rpc("supervisor.stopProcessGroup", operate, "Stop the processes of a group that are up.",
			func(ctx context.Context, c *call, in groupWaitParams) (results, error) {
				return c.group(ctx, in.Name, proc.Op{Kind: proc.Stop, Wait: in.Wait})
			}),
		rpc("supervisor.stopAllProcesses", operate, "Stop all processes that are up.",
			func(ctx context.Context, c *call, in waitParam) (results, error) {
				return c.all(ctx, proc.Op{Kind: proc.Stop, Wait: in.Wait})
			}),
		rpc("supervisor.signalProcess", operate, "Send a signal to a process, not to its group. group:* signals the group and answers as signalProcessGroup.",
			func(ctx context.Context, c *call, in signalParams) (any, error) {
				return c.signalOne(ctx, in.Name, string(in.Signal))
			}),
		rpc("supervisor.signalProcessGroup", operate, "Send a signal to the processes of a group that have a child.",
			func(ctx context.Context, c *call, in groupSignalParams) (results, error) {
				return c.signalMany(ctx, in.Name, string(in.Signal))
			}),
		rpc("supervisor.signalAllProcesses", operate, "Send a signal to all processes that have a child.",
			func(ctx context.Context, c *call, in signalParam) (results, error) {
				return c.signalMany(ctx, "", string(in.Signal))
			}),
		rpc("supervisor.sendProcessStdin", operate, "Write to the standard input of a process.",
			func(ctx context.Context, c *call, in stdinParams) (bool, error) {
				chars, ok := in.Chars.value.(string)
				if !ok {
					return false, fault(wire.IncorrectParameters, pythonText(in.Chars.value))
				}
				return true, c.stdin(ctx, in.Name, []byte(chars))
			}),
	}
}

type (
	startParams struct {
		Name string `doc:"a process: name, group:name or group:*"`
		Wait bool   `default:"true" doc:"answer when it is done, not when it is begun"`
	}
	groupWaitParams struct {
		Name string `doc:"a group"`
		Wait bool   `default:"true" doc:"answer when it is done, not when it is begun"`
	}
	waitParam struct {
		Wait bool `default:"true" doc:"answer when it is done, not when it is begun"`
	}
	signalParams struct {
		Name   string `doc:"a process: name, group:name or group:*"`
		Signal word   `doc:"a signal's name, with or without SIG, or its number"`
	}
	groupSignalParams struct {
		Name   string `doc:"a group"`
		Signal word   `doc:"a signal's name, with or without SIG, or its number"`
	}
	signalParam struct {
		Signal word `doc:"a signal's name, with or without SIG, or its number"`
	}
	stdinParams struct {
		Name  string  `doc:"a process: name or group:name"`
		Chars anyText `doc:"what to write"`
	}
)

// results is a result array: what became of each of several processes.
type results []result

type result struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	Status      int    `json:"status"` // a fault's number, 80 SUCCESS
	Description string `json:"description"`
}

func (r *results) add(group, name string, err error) {
	x := result{Name: name, Group: group, Status: wire.Number(wire.Success), Description: "OK"}
	if err != nil {
		f := named(err, namespec(group, name))
		x.Status, x.Description = number(f), faultString(f)
	}
	*r = append(*r, x)
}

// splitNamespec is Supervisor's split_namespec; name is "" for the whole group.
func splitNamespec(s string) (group, name string) {
	group, name, two := strings.Cut(s, ":")
	switch {
	case !two:
		return s, s
	case name == "*":
		return group, ""
	}
	return group, name
}

// namespec is Supervisor's make_namespec.
func namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

// oneName is splitNamespec for the methods that take one process only.
func oneName(s string) (group, name string, err error) {
	group, name = splitNamespec(s)
	if group == "" || name == "" {
		return "", "", fault(wire.BadName, s)
	}
	return group, name, nil
}

// one carries out op on what spec names: true for a process, results for a whole group.
func (c *call) one(ctx context.Context, spec string, op proc.Op) (any, error) {
	op.Group, op.Process = splitNamespec(spec)
	switch {
	case op.Group == "":
		return nil, fault(wire.BadName, spec)
	case op.Process == "":
		list, err := c.group(ctx, op.Group, op)
		if err != nil {
			return nil, named(err, spec)
		}
		return list, nil
	}
	var failed error
	if err := c.mgr.Do(ctx, op, func(r proc.Result) {
		if r.Err != nil {
			failed = r.Err
		}
	}); err != nil {
		failed = err
	}
	if failed != nil {
		return nil, named(failed, spec)
	}
	return true, nil
}

// group carries out op on a whole group.
func (c *call) group(ctx context.Context, name string, op proc.Op) (results, error) {
	if name == "" {
		return nil, fault(wire.BadName, name)
	}
	op.Group, op.Process = name, ""
	return c.all(ctx, op)
}

// all carries out op on the group that it names, or on everything.
func (c *call) all(ctx context.Context, op proc.Op) (results, error) {
	groups, err := c.mgr.Groups(ctx)
	if err != nil {
		return nil, err
	}
	list := results{}
	err = c.mgr.Do(ctx, op, func(r proc.Result) { list.add(r.Group, r.Process, r.Err) })
	if err != nil {
		return nil, named(err, op.Group)
	}
	list.sort(groups, op)
	return list, nil
}

// sort puts the results in Supervisor's order: first those that were there at once, by
// (group priority, process priority), then the others as they came.
func (r results) sort(groups []*conf.Group, op proc.Op) {
	rank, atOnce := map[procID]int{}, map[procID]bool{}
	for _, g := range groups {
		for _, p := range byPriority(g) {
			id := procID{g.Name, p.Name}
			rank[id] = len(rank)
			atOnce[id] = !op.Wait || op.Kind == proc.Start && p.Startsecs <= 0
		}
	}
	place := func(x result) int {
		id := procID{x.Group, x.Name}
		switch x.Status {
		case wire.Number(wire.Success), wire.Number(wire.SpawnError), wire.Number(wire.AbnormalTermination):
			if !atOnce[id] { // it took its time
				return len(rank)
			}
		}
		return rank[id]
	}
	slices.SortStableFunc(r, func(a, b result) int { return cmp.Compare(place(a), place(b)) })
}

// byPriority is the processes of a group by priority, equal ones as configured.
func byPriority(g *conf.Group) []*conf.Process {
	return slices.SortedStableFunc(slices.Values(g.Processes), func(a, b *conf.Process) int {
		return cmp.Compare(a.Priority, b.Priority)
	})
}

// signalOne signals what spec names. The checks come in Supervisor's order: the name,
// the signal, the state.
func (c *call) signalOne(ctx context.Context, spec, signal string) (any, error) {
	group, name := splitNamespec(spec)
	if group == "" {
		return nil, fault(wire.BadName, spec)
	}
	if name == "" {
		list, err := c.signalMany(ctx, group, signal)
		if err != nil {
			return nil, named(err, spec)
		}
		return list, nil
	}
	sig, err := parseSignal(signal)
	if err != nil {
		if _, unknown := c.mgr.Process(ctx, group, name); unknown != nil {
			return nil, named(unknown, spec)
		}
		return nil, err
	}
	return c.one(ctx, spec, proc.Op{Kind: proc.Signal, Signal: sig})
}

// signalMany signals a group, or everything when group is "". A signal that does not
// exist is the result of each process that would have got it.
func (c *call) signalMany(ctx context.Context, group, signal string) (results, error) {
	sig, bad := parseSignal(signal)
	if bad == nil {
		return c.all(ctx, proc.Op{Kind: proc.Signal, Group: group, Signal: sig})
	}
	ids, err := c.signallable(ctx, group)
	if err != nil {
		return nil, err
	}
	list := results{}
	for _, p := range ids {
		list.add(p.group, p.name, bad)
	}
	return list, nil
}

// signallable are the members that would get a signal.
func (c *call) signallable(ctx context.Context, group string) ([]procID, error) {
	ids, err := c.members(ctx, group)
	if err != nil {
		return nil, err
	}
	states, err := c.mgr.Processes(ctx)
	if err != nil {
		return nil, err
	}
	yes := map[procID]bool{}
	for i := range states {
		yes[procID{states[i].Group, states[i].Name}] = states[i].State.Signallable()
	}
	return slices.DeleteFunc(ids, func(p procID) bool { return !yes[p] }), nil
}

// members are the processes of a group, or all, by (group priority, process priority).
func (c *call) members(ctx context.Context, group string) ([]procID, error) {
	groups, err := c.mgr.Groups(ctx)
	if err != nil {
		return nil, err
	}
	if group != "" {
		g := findGroup(groups, group)
		if g == nil {
			return nil, fault(wire.BadName, group)
		}
		groups = []*conf.Group{g}
	}
	var ids []procID
	for _, g := range groups {
		for _, p := range byPriority(g) {
			ids = append(ids, procID{g.Name, p.Name})
		}
	}
	return ids, nil
}

// parseSignal reads a signal as signalProcess takes it: a number or a name, with or
// without SIG. 0 is allowed: it asks only whether the process could be signalled.
func parseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n == 0 {
		return 0, nil
	}
	var s conf.Signal
	if err := s.Set(text); err != nil {
		return 0, fault(wire.BadSignal, text)
	}
	return syscall.Signal(s), nil
}

func (c *call) stdin(ctx context.Context, spec string, data []byte) error {
	group, name, err := oneName(spec)
	if err != nil {
		return err
	}
	err = c.mgr.Stdin(ctx, group, name, data)
	if err == nil {
		return nil
	}
	f := named(err, spec)
	if f.Code == wire.NoFile { // the child closed its end
		f = fault(wire.NoFile, spec)
	}
	return f
}
