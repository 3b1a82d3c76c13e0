package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// clientName is how ctl introduces itself.
const clientName = "gosv-ctl/1.0"

// jsonClient talks to a gosv daemon: one connection, one request after another.
type jsonClient struct {
	server *server
	nc     net.Conn
	line   *patient
	r      *bufio.Reader
	conn   *wire.Conn
	id     uint64
	hello  wire.HelloOut
}

func newJSONClient(s *server, nc net.Conn) *jsonClient {
	line := &patient{Conn: nc, url: s.url}
	r := bufio.NewReaderSize(line, 64<<10)
	return &jsonClient{server: s, nc: nc, line: line, r: r, conn: wire.NewConn(line, r)}
}

func (c *jsonClient) Close() { c.nc.Close() }

// sayHello sends the first request.
func (c *jsonClient) sayHello() error {
	c.id++
	return c.send(wire.MethodHello, wire.HelloIn{
		Client: clientName, Protocol: wire.Version,
		Username: c.server.username, Password: c.server.password,
	})
}

// hearHello reads its answer.
func (c *jsonClient) hearHello() error {
	var reply wire.Reply
	if err := c.conn.Read(&reply); err != nil {
		return err
	}
	if reply.Err != nil {
		return reply.Err
	}
	return c.decode(reply.OK, &c.hello)
}

func (c *jsonClient) send(method string, in any) error {
	p, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.conn.Write(wire.Request{ID: c.id, Method: method, Params: p})
}

func (c *jsonClient) decode(data json.RawMessage, v any) error {
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("cannot understand %s: %v", c.server.url, err)
	}
	return nil
}

// call makes a request and hands over its events; the answer is decoded into out, unless
// that is nil. silence is how long one piece of the answer may take, 0 for ever.
func (c *jsonClient) call(ctx context.Context, method string, in any, silence time.Duration, event func(json.RawMessage) error, out any) error {
	ctx, cancel := c.server.bound(ctx)
	defer cancel()
	return c.exchange(ctx, method, in, silence, event, out)
}

// exchange is call without a limit of its own.
func (c *jsonClient) exchange(ctx context.Context, method string, in any, silence time.Duration, event func(json.RawMessage) error, out any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.nc.SetDeadline(time.Time{})
	c.line.silence = silence
	if c.server.timeout > 0 {
		c.line.silence = 0 // ctx limits the whole
	}
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer stop()
	c.id++
	if err := c.send(method, in); err != nil {
		return c.server.explain(ctx, err)
	}
	for {
		reply, decoded, err := c.conn.ReadReply(c.id, out)
		if err != nil {
			return c.server.explain(ctx, err)
		}
		switch {
		case decoded:
			return nil
		case reply.ID != c.id:
		case reply.Err != nil:
			return reply.Err
		case reply.Event != nil:
			if event == nil {
				continue
			}
			if err := event(reply.Event); err != nil {
				return err
			}
		default:
			return c.decode(reply.OK, out)
		}
	}
}

// each makes an event handler out of a function of a T.
func each[T any](c *jsonClient, f func(T)) func(json.RawMessage) error {
	return func(data json.RawMessage) error {
		var v T
		if err := c.decode(data, &v); err != nil {
			return err
		}
		f(v)
		return nil
	}
}

// list calls a method whose answer is a list, whole or in pieces.
func list[T any](ctx context.Context, c *jsonClient, method string, in any) ([]T, error) {
	var all, last []T
	err := c.call(ctx, method, in, quickTime, each(c, func(part []T) { all = append(all, part...) }), &last)
	if err != nil {
		return nil, err
	}
	if all == nil {
		return last, nil
	}
	return append(all, last...), nil
}

// Check succeeds while the daemon shuts down, unlike supervisord's: gosv then still
// shows what it waits for, and refuses the rest.
func (c *jsonClient) Check(context.Context) (string, error) {
	return c.hello.API, nil
}

func (c *jsonClient) Version(context.Context) (string, error) { return c.hello.Supervisor, nil }

func (c *jsonClient) PID(context.Context) (int, error) { return c.hello.PID, nil }

func (c *jsonClient) Processes(ctx context.Context) ([]wire.Process, error) {
	return list[wire.Process](ctx, c, wire.MethodStatus, wire.NamesIn{})
}

func (c *jsonClient) Process(ctx context.Context, name string) (wire.Process, error) {
	if _, process := splitNamespec(name); process == "" {
		return wire.Process{}, badName(name)
	}
	ps, err := list[wire.Process](ctx, c, wire.MethodStatus, wire.NamesIn{Names: []string{name}})
	if err != nil {
		return wire.Process{}, err
	}
	if len(ps) != 1 {
		return wire.Process{}, badName(name)
	}
	return ps[0], nil
}

func badName(name string) *wire.Fault {
	return &wire.Fault{Code: wire.BadName, Number: wire.Number(wire.BadName), Msg: name}
}

// results calls a method that works on a target.
func (c *jsonClient) results(ctx context.Context, method string, in any, f func(wire.Result)) error {
	return c.call(ctx, method, in, 0, each(c, f), nil)
}

func (c *jsonClient) Start(ctx context.Context, target string, f func(wire.Result)) error {
	return c.results(ctx, wire.MethodStart, wire.TargetIn{Name: target}, f)
}

func (c *jsonClient) Stop(ctx context.Context, target string, f func(wire.Result)) error {
	return c.results(ctx, wire.MethodStop, wire.TargetIn{Name: target}, f)
}

func (c *jsonClient) Restart(ctx context.Context, name string, f func(wire.Result)) error {
	return c.results(ctx, wire.MethodRestart, wire.TargetIn{Name: name}, f)
}

func (c *jsonClient) Signal(ctx context.Context, target, signal string, f func(wire.Result)) error {
	return c.results(ctx, wire.MethodSignal, wire.SignalIn{Name: target, Signal: signal}, f)
}

func (c *jsonClient) Clear(ctx context.Context, target string, f func(wire.Result)) error {
	return c.results(ctx, wire.MethodClear, wire.TargetIn{Name: target}, f)
}

func (c *jsonClient) Stdin(ctx context.Context, name string, data []byte) error {
	return c.call(ctx, wire.MethodStdin, wire.StdinIn{Name: name, Data: data}, quickTime, nil, nil)
}

func (c *jsonClient) Tail(ctx context.Context, name, stream string, n int64) ([]byte, error) {
	var b bytes.Buffer
	in := wire.TailIn{Name: name, Stream: stream, Bytes: max(n, 0)}
	err := c.call(ctx, wire.MethodTail, in, quickTime, each(c, func(k wire.Chunk) { b.Write(k.Data) }), nil)
	if n < 0 { // supervisorctl's "tail --5 x": from byte 5 on
		b.Next(int(min(-n, int64(b.Len()))))
	}
	return b.Bytes(), err
}

// followBytes is how much of a log's past a follower sees, as with Supervisor's logtail.
const followBytes = 1024

func (c *jsonClient) Follow(ctx context.Context, name, stream string, f func(wire.Chunk)) error {
	in := wire.TailIn{Name: name, Stream: stream, Bytes: followBytes, Follow: true}
	return c.exchange(ctx, wire.MethodTail, in, 0, each(c, f), nil)
}

func (c *jsonClient) Ended(ctx context.Context, p wire.Process) error {
	about := "processname:" + p.Name + " groupname:" + p.Group + " from_state:RUNNING "
	in := wire.EventsIn{Types: []string{"PROCESS_STATE_STOPPING", "PROCESS_STATE_EXITED"}}
	ended := errors.New("ended")
	err := c.exchange(ctx, wire.MethodEvents, in, 0, func(raw json.RawMessage) error {
		var e wire.Event
		if err := c.decode(raw, &e); err != nil || !strings.HasPrefix(e.Payload, about) {
			return err
		}
		return ended
	}, nil)
	switch {
	case errors.Is(err, ended):
		return nil
	case err == nil: // it was the server that left off
		return errNotTold
	}
	return err
}

func (c *jsonClient) Avail(ctx context.Context) ([]wire.Avail, error) {
	return list[wire.Avail](ctx, c, wire.MethodAvail, struct{}{})
}

func (c *jsonClient) Reread(ctx context.Context) (out wire.Changes, err error) {
	err = c.call(ctx, wire.MethodReread, struct{}{}, quickTime, nil, &out)
	return out, err
}

func (c *jsonClient) Update(ctx context.Context, groups []string, f func(wire.UpdateStep)) error {
	return c.call(ctx, wire.MethodUpdate, wire.UpdateIn{Groups: groups}, 0, each(c, f), nil)
}

func (c *jsonClient) Add(ctx context.Context, group string) error {
	return c.call(ctx, wire.MethodAdd, wire.GroupIn{Name: group}, quickTime, nil, nil)
}

func (c *jsonClient) Remove(ctx context.Context, group string) error {
	return c.call(ctx, wire.MethodRemove, wire.GroupIn{Name: group}, quickTime, nil, nil)
}

func (c *jsonClient) Reload(ctx context.Context) error {
	return c.call(ctx, wire.MethodReload, struct{}{}, quickTime, nil, nil)
}

func (c *jsonClient) Shutdown(ctx context.Context) error {
	return c.call(ctx, wire.MethodShutdown, struct{}{}, quickTime, nil, nil)
}

// upgradeTime is how long an upgrade may take: it waits for requests that are under way.
const upgradeTime = 2 * time.Minute

func (c *jsonClient) Upgrade(ctx context.Context) (out wire.UpgradeOut, err error) {
	err = c.call(ctx, wire.MethodUpgrade, struct{}{}, upgradeTime, nil, &out)
	return out, err
}
