package ctl

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gosv/daemon/wire"
)

// xmlClient talks XML-RPC, to a Python supervisord or to gosv over TCP, and does the same
// calls as supervisorctl. Each has a connection of its own.
type xmlClient struct {
	server *server
}

func (c *xmlClient) Close() {}

// rpc calls supervisor.<method>. silence is as in patient.
func (c *xmlClient) rpc(ctx context.Context, silence time.Duration, method string, params ...any) (any, error) {
	ctx, cancel := c.server.bound(ctx)
	defer cancel()
	if c.server.timeout > 0 {
		silence = 0
	}
	x, err := c.server.roundTrip(ctx, http.MethodPost, "/RPC2", encodeCall("supervisor."+method, params...), silence)
	if err != nil {
		return nil, err
	}
	defer x.close()
	data, err := x.body("</methodResponse>")
	if err != nil {
		return nil, c.server.explain(ctx, err)
	}
	return decodeResponse(data)
}

// call is rpc for a result of one type.
func call[T any](ctx context.Context, c *xmlClient, silence time.Duration, method string, params ...any) (v T, err error) {
	got, err := c.rpc(ctx, silence, method, params...)
	if err != nil {
		return v, err
	}
	v, ok := got.(T)
	if !ok {
		return v, fmt.Errorf("cannot understand %s: supervisor.%s gave a %T", c.server.url, method, got)
	}
	return v, nil
}

func (c *xmlClient) Check(ctx context.Context) (string, error) {
	return call[string](ctx, c, greetTime, "getVersion") // the deprecated name, as supervisorctl
}

func (c *xmlClient) Version(ctx context.Context) (string, error) {
	return call[string](ctx, c, quickTime, "getSupervisorVersion")
}

func (c *xmlClient) PID(ctx context.Context) (int, error) {
	return call[int](ctx, c, quickTime, "getPID")
}

func (c *xmlClient) Processes(ctx context.Context) ([]wire.Process, error) {
	list, err := call[[]any](ctx, c, quickTime, "getAllProcessInfo")
	ps := make([]wire.Process, len(list))
	for i, v := range list {
		ps[i] = processOf(structOf(v))
	}
	return ps, err
}

func (c *xmlClient) Process(ctx context.Context, name string) (wire.Process, error) {
	m, err := call[map[string]any](ctx, c, quickTime, "getProcessInfo", name)
	return processOf(m), err
}

// fields is an XML-RPC struct; what is not there is zero.
type fields map[string]any

func structOf(v any) fields {
	m, _ := v.(map[string]any)
	return m
}

func (f fields) text(key string) string { s, _ := f[key].(string); return s }
func (f fields) int(key string) int     { n, _ := f[key].(int); return n }
func (f fields) bool(key string) bool   { b, _ := f[key].(bool); return b }

func processOf(f fields) wire.Process {
	return wire.Process{
		Name: f.text("name"), Group: f.text("group"),
		State: f.text("statename"), StateCode: f.int("state"), PID: f.int("pid"),
		Start: int64(f.int("start")), Stop: int64(f.int("stop")), Now: int64(f.int("now")),
		ExitStatus: f.int("exitstatus"), SpawnErr: f.text("spawnerr"), Description: f.text("description"),
		Stdout: f.text("stdout_logfile"), Stderr: f.text("stderr_logfile"),
	}
}

// target calls one of Supervisor's three methods for one process, a group or all, and
// hands over the results. verb is start, stop or signal.
func (c *xmlClient) target(ctx context.Context, verb, target, did string, each func(wire.Result), more ...any) error {
	group, process := splitNamespec(target)
	method, params := verb+"Process", []any{target}
	switch {
	case target == "all":
		method, params = verb+"AllProcesses", nil
	case process == "":
		method, params = verb+"ProcessGroup", []any{group}
	}
	got, err := c.rpc(ctx, 0, method, append(params, more...)...)
	if err != nil {
		return err
	}
	list, ok := got.([]any)
	if !ok {
		each(wire.Result{Name: process, Group: group, Did: did})
		return nil
	}
	eachResult(list, did, each)
	return nil
}

// eachResult hands over the structs of a result array.
func eachResult(list []any, did string, each func(wire.Result)) {
	for _, v := range list {
		f := structOf(v)
		r := wire.Result{Name: f.text("name"), Group: f.text("group"), Did: did}
		if status := f.int("status"); status != wire.Number(wire.Success) {
			r.Did, r.Err = "", faultOf(status, f.text("description"))
		}
		each(r)
	}
}

func (c *xmlClient) Start(ctx context.Context, target string, each func(wire.Result)) error {
	return c.target(ctx, "start", target, "started", each)
}

func (c *xmlClient) Stop(ctx context.Context, target string, each func(wire.Result)) error {
	return c.target(ctx, "stop", target, "stopped", each)
}

func (c *xmlClient) Restart(context.Context, string, func(wire.Result)) error { return errNoRestart }

func (c *xmlClient) Signal(ctx context.Context, target, signal string, each func(wire.Result)) error {
	return c.target(ctx, "signal", target, "signalled", each, signal)
}

func (c *xmlClient) Clear(ctx context.Context, target string, each func(wire.Result)) error {
	if target == "all" {
		list, err := call[[]any](ctx, c, quickTime, "clearAllProcessLogs")
		eachResult(list, "cleared", each)
		return err
	}
	group, process := splitNamespec(target)
	if process != "" {
		if _, err := c.rpc(ctx, quickTime, "clearProcessLogs", target); err != nil {
			return err
		}
		each(wire.Result{Name: process, Group: group, Did: "cleared"})
		return nil
	}
	all, err := c.Processes(ctx) // supervisord cannot clear a group
	if err != nil {
		return err
	}
	found := false
	for _, p := range all {
		if p.Group != group {
			continue
		}
		found = true
		r := wire.Result{Name: p.Name, Group: group, Did: "cleared"}
		if _, err := c.rpc(ctx, quickTime, "clearProcessLogs", group+":"+p.Name); err != nil {
			if r.Err = faultIn(err); r.Err == nil {
				return err
			}
			r.Did = ""
		}
		each(r)
	}
	if !found {
		return badName(target)
	}
	return nil
}

func (c *xmlClient) Stdin(ctx context.Context, name string, data []byte) error {
	_, err := c.rpc(ctx, quickTime, "sendProcessStdin", name, string(data))
	return err
}

func (c *xmlClient) Tail(ctx context.Context, name, stream string, n int64) ([]byte, error) {
	method, params := "readLog", []any{-n, 0}
	if name != "" {
		method, params = "readProcessStdoutLog", []any{name, -n, 0}
		if stream == "stderr" {
			method = "readProcessStderrLog"
		}
	}
	text, err := call[string](ctx, c, quickTime, method, params...)
	return []byte(text), err
}

func (c *xmlClient) Ended(context.Context, wire.Process) error { return errNotTold }

func (c *xmlClient) Follow(ctx context.Context, name, stream string, each func(wire.Chunk)) error {
	x, err := c.server.roundTrip(ctx, http.MethodGet, logtailPath(name, stream), nil, 0)
	if err != nil {
		return err
	}
	defer x.close()
	for buf := make([]byte, 32<<10); ; {
		n, err := x.resp.Body.Read(buf)
		if n > 0 {
			each(wire.Chunk{Data: buf[:n]})
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF, err == io.ErrUnexpectedEOF: // supervisord just closes the connection
			return nil
		case err != nil:
			return c.server.explain(ctx, err)
		}
	}
}

// logtailPath is where supervisord offers a log as a stream.
func logtailPath(name, stream string) string {
	if name == "" {
		return "/mainlogtail"
	}
	return "/logtail/" + url.PathEscape(name) + "/" + stream
}

func (c *xmlClient) Avail(ctx context.Context) ([]wire.Avail, error) {
	list, err := call[[]any](ctx, c, quickTime, "getAllConfigInfo")
	avail := make([]wire.Avail, len(list))
	for i, v := range list {
		f := structOf(v)
		avail[i] = wire.Avail{
			Name: f.text("name"), Group: f.text("group"), InUse: f.bool("inuse"), Autostart: f.bool("autostart"),
			GroupPriority: f.int("group_prio"), ProcessPriority: f.int("process_prio"),
		}
	}
	return avail, err
}

func (c *xmlClient) Reread(ctx context.Context) (wire.Changes, error) {
	list, err := call[[]any](ctx, c, quickTime, "reloadConfig")
	if err != nil {
		return wire.Changes{}, err
	}
	var parts []any // the three lists come in a list of one
	if len(list) == 1 {
		parts, _ = list[0].([]any)
	}
	if len(parts) != 3 {
		return wire.Changes{}, fmt.Errorf("cannot understand %s: supervisor.reloadConfig gave %v", c.server.url, list)
	}
	return wire.Changes{Added: texts(parts[0]), Changed: texts(parts[1]), Removed: texts(parts[2])}, nil
}

// texts is the strings of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	out := []string{}
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Update does supervisorctl's sequence of calls.
func (c *xmlClient) Update(ctx context.Context, groups []string, each func(wire.UpdateStep)) error {
	changes, err := c.Reread(ctx)
	if err != nil {
		return err
	}
	if len(groups) > 0 {
		if err := c.checkGroups(ctx, groups, changes.Added, each); err != nil {
			return err
		}
	}
	wanted := func(g string) bool { return len(groups) == 0 || slices.Contains(groups, g) }
	for _, g := range changes.Removed {
		if wanted(g) {
			if err := c.stopAndRemove(ctx, g, true, each); err != nil {
				return err
			}
		}
	}
	for _, g := range changes.Changed {
		if !wanted(g) {
			continue
		}
		if err := c.stopAndRemove(ctx, g, false, each); err != nil {
			return err
		}
		if err := c.Add(ctx, g); err != nil {
			return err
		}
		each(wire.UpdateStep{Group: g, Did: "updated"})
	}
	for _, g := range changes.Added {
		if !wanted(g) {
			continue
		}
		if err := c.Add(ctx, g); err != nil {
			return err
		}
		each(wire.UpdateStep{Group: g, Did: "added"})
	}
	return nil
}

// checkGroups complains of groups that are neither active nor new.
func (c *xmlClient) checkGroups(ctx context.Context, groups, added []string, each func(wire.UpdateStep)) error {
	all, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		active := slices.ContainsFunc(all, func(p wire.Process) bool { return p.Group == g })
		if !active && !slices.Contains(added, g) {
			each(wire.UpdateStep{Group: g, Err: badName(g)})
		}
	}
	return nil
}

// stopAndRemove ends a group; for good, when it has gone from the configuration.
func (c *xmlClient) stopAndRemove(ctx context.Context, group string, forGood bool, each func(wire.UpdateStep)) error {
	results, err := call[[]any](ctx, c, 0, "stopProcessGroup", group)
	if err != nil {
		return err
	}
	each(wire.UpdateStep{Group: group, Did: "stopped"})
	if forGood {
		for _, v := range results {
			if f := structOf(v); f.int("status") == wire.Number(wire.Failed) {
				each(wire.UpdateStep{Group: group, Err: faultOf(f.int("status"), f.text("description"))})
				return nil
			}
		}
	}
	if err := c.Remove(ctx, group); err != nil {
		return err
	}
	if forGood {
		each(wire.UpdateStep{Group: group, Did: "removed"})
	}
	return nil
}

// do calls a method whose result says nothing.
func (c *xmlClient) do(ctx context.Context, method string, params ...any) error {
	_, err := c.rpc(ctx, quickTime, method, params...)
	return err
}

func (c *xmlClient) Add(ctx context.Context, group string) error {
	return c.do(ctx, "addProcessGroup", group)
}

func (c *xmlClient) Remove(ctx context.Context, group string) error {
	return c.do(ctx, "removeProcessGroup", group)
}

func (c *xmlClient) Reload(ctx context.Context) error   { return c.do(ctx, "restart") }
func (c *xmlClient) Shutdown(ctx context.Context) error { return c.do(ctx, "shutdown") }

// Upgrade is gosv's own, and not in Supervisor's interface.
func (c *xmlClient) Upgrade(context.Context) (wire.UpgradeOut, error) {
	return wire.UpgradeOut{}, errNoUpgrade
}
