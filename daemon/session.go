package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"gosv/daemon/wire"
)

// maxCalls is how many requests of one connection may be under way at once.
const maxCalls = 64

// The longest lines, in bytes: of an admin wire.MaxLine, of others less, since they may have
// maxPeerConns of them half sent; and of somebody who may do nothing yet least.
const (
	maxLowLine = 64 << 10
	maxHello   = 4096
)

// session is one connection that speaks JSON. Requests run concurrently, each in its own
// goroutine; answers are written one line at a time by whoever has one. A client that does
// not read holds up only its own answers, for as long as writeTime.
type session struct {
	*server
	nc   *serverConn
	conn *wire.Conn

	ctx    context.Context // of requests
	cancel context.CancelFunc

	endless atomic.Int32 // streams that the client may leave unread for as long as it likes
	wg      sync.WaitGroup

	mu    sync.Mutex // guards what follows
	who   caller
	calls map[uint64]context.CancelFunc
	hand  handing
}

func (s *server) newSession(c *serverConn) *session {
	x := &session{server: s, nc: c, who: s.authorise(c.peer), calls: map[uint64]context.CancelFunc{}}
	x.hand.begin()
	x.who.over = "json"
	x.conn = wire.NewConn(struct {
		io.Reader
		io.Writer
	}{c, deadlineWriter{x}}, c.r)
	x.ctx, x.cancel = context.WithCancel(s.ctx)
	c.mu.Lock()
	c.session = x
	c.mu.Unlock()
	return x
}

// serve answers until the client is gone.
func (x *session) serve() {
	defer x.nc.Close()
	defer x.wg.Wait()
	defer x.nc.Close() // lets those go who are still writing
	defer x.cancel()
	x.read(x.ctx)
	// A client that has said all it wants may still be listening (nc -N does that).
	done := make(chan struct{})
	go func() {
		x.wg.Wait()
		close(done)
	}()
	t := time.NewTimer(lingerTime)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// read takes requests until the connection ends or its sender cannot be understood.
func (x *session) read(ctx context.Context) {
	for {
		var req wire.Request
		err := x.line(&req)
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case err == nil && req.Cancel:
			x.drop(req.ID)
		case err == nil:
			x.start(ctx, req)
		case errors.As(err, &syntax), errors.As(err, &kind):
			f := fault(wire.IncorrectParameters, "not a request: "+jsonError(err))
			f.Hint = `a request is a line like {"id":1,"m":"status"}`
			if x.reply(wire.Reply{ID: req.ID, Err: f}) != nil {
				return
			}
		case errors.Is(err, wire.ErrTooLong):
			text := err.Error()
			if most := x.maxLine(); most < wire.MaxLine {
				text = fmt.Sprintf("line longer than %d KiB", most>>10)
			}
			x.reply(wire.Reply{Err: fault(wire.IncorrectParameters, text)})
			return
		default:
			return
		}
	}
}

// line reads a request. Its first byte may be long in coming, the rest may not; and who
// may do nothing yet has no more to say than his name and password.
func (x *session) line(req *wire.Request) error {
	x.conn.Limit(x.maxLine())
	if err := x.conn.Wait(); err != nil {
		return err
	}
	x.limitReading(time.Now().Add(lineTime))
	defer x.limitReading(time.Time{})
	return x.conn.Read(req)
}

// maxLine is the longest line that the client may send now, in bytes.
func (x *session) maxLine() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch x.who.access {
	case anyone:
		return maxHello
	case admin:
		return wire.MaxLine
	}
	return maxLowLine
}

// limitReading sets the time until which a line must be read, unless the server is about
// to end, which has set it then.
func (x *session) limitReading(until time.Time) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	if !x.server.ended {
		x.nc.SetReadDeadline(until)
	}
}

// drop cancels the waiting for a request. One that is not known was answered already.
func (x *session) drop(id uint64) {
	x.mu.Lock()
	cancel := x.calls[id]
	x.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// start begins to answer a request.
func (x *session) start(ctx context.Context, req wire.Request) {
	ctx, cancel := context.WithCancel(ctx)
	x.mu.Lock()
	var refused *wire.Fault
	switch {
	case x.calls[req.ID] != nil:
		refused = fault(wire.IncorrectParameters, fmt.Sprintf("request %d is still being answered", req.ID))
	case len(x.calls) >= maxCalls:
		refused = fault(wire.TooManyCalls, fmt.Sprintf("at most %d at once", maxCalls))
	default:
		x.calls[req.ID] = cancel
		x.hand.open[req.ID] = &openCall{method: req.Method, params: req.Params}
		x.wg.Add(1)
	}
	who := x.who
	x.mu.Unlock()
	end := func() {}
	if refused == nil {
		var ok bool
		if end, ok = x.begin(&who); !ok {
			refused = fault(wire.TooManyCalls, fmt.Sprintf("at most %d at once on all connections", maxPeerCalls))
			x.mu.Lock()
			delete(x.calls, req.ID)
			delete(x.hand.open, req.ID)
			x.mu.Unlock()
			x.wg.Done()
		}
	}
	if refused != nil {
		cancel()
		x.reply(wire.Reply{ID: req.ID, Err: refused})
		return
	}
	go func() {
		defer x.wg.Done()
		out, err := x.newCall(req.ID, who).invoke(ctx, req.Method, args{json: req.Params})
		x.finish(req.ID, cancel, out, err)
		end()
	}()
}

func (x *session) newCall(id uint64, who caller) *call {
	c := x.request(who, x.closing)
	c.login = x.login
	c.send = func(v any) error { return x.event(id, v) }
	c.endless = func() func() {
		x.endless.Add(1)
		x.stays(id)
		return func() { x.endless.Add(-1) }
	}
	c.leave, c.left = x.hand.leave, func(state any, fds ...int) { x.leftOff(id, state, fds) }
	return c
}

// finish gives the last line of an answer, unless it goes on elsewhere.
func (x *session) finish(id uint64, cancel context.CancelFunc, out any, err error) {
	x.mu.Lock()
	delete(x.calls, id)
	o := x.hand.open[id]
	x.mu.Unlock()
	cancel()
	if !errors.Is(err, errLeft) {
		x.reply(x.last(id, out, err))
	}
	x.mu.Lock()
	if x.hand.open[id] == o { // else the client, which has its answer, has used the number again
		delete(x.hand.open, id)
	}
	var late []keptCall // it took so long that nothing has come of the upgrade meanwhile
	if errors.Is(err, errLeft) && !x.hand.leaving {
		late, x.hand.left = x.hand.left, nil
	}
	x.mu.Unlock()
	if late != nil {
		x.takeUp(late)
	}
}

// last is the last line of an answer.
func (x *session) last(id uint64, out any, err error) wire.Reply {
	var body json.RawMessage
	if err == nil {
		body, err = x.body(id, out)
	}
	if err != nil {
		return wire.Reply{ID: id, Err: faultOf(err)}
	}
	return wire.Reply{ID: id, OK: body}
}

// room is how much of a line the result may take, beside the rest of the reply.
const room = wire.MaxLine - 64

// body is the result as JSON. A list that does not fit into a line is sent in pieces, all
// but the last one as events.
func (x *session) body(id uint64, out any) (json.RawMessage, error) {
	b, err := encodeJSON(out)
	if err != nil || len(b) <= room {
		return b, err
	}
	tooLong := fault(wire.Failed, fmt.Sprintf("the answer is %d bytes long and a line at most %d", len(b), wire.MaxLine))
	tooLong.Hint = "ask for less; the method tail gives logs of any length"
	list := reflect.ValueOf(out)
	if list.Kind() != reflect.Slice {
		return nil, tooLong
	}
	piece := json.RawMessage("[")
	for i := range list.Len() {
		item, err := encodeJSON(list.Index(i).Interface())
		switch {
		case err != nil:
			return nil, err
		case len(item) > room-2:
			return nil, tooLong
		case len(piece)+len(item)+1 > room:
			if err := x.event(id, append(piece, ']')); err != nil {
				return nil, err
			}
			piece = json.RawMessage("[")
		}
		if len(piece) > 1 {
			piece = append(piece, ',')
		}
		piece = append(piece, item...)
	}
	return append(piece, ']'), nil
}

func (x *session) event(id uint64, v any) error {
	b, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if b, err = encodeJSON(v); err != nil {
			return err
		}
	}
	return x.reply(wire.Reply{ID: id, Event: b})
}

// reply writes a line. A client that cannot be written to is gone.
func (x *session) reply(r wire.Reply) error {
	err := x.conn.WriteReply(r)
	if errors.Is(err, wire.ErrTooLong) {
		return err // nothing was written
	}
	if err != nil {
		x.nc.Close()
	}
	return err
}

// login makes the sender whom name and password say he is. What he was allowed before by
// his account he keeps when they are wrong.
func (x *session) login(username, password string) {
	x.mu.Lock()
	who := x.who
	x.mu.Unlock()
	who, ok := x.server.login(who, username, password)
	if !ok {
		if x.username != "" || len(x.users) > 0 {
			x.auditLog().refusedLogin(who, username)
		}
		return
	}
	x.mu.Lock()
	x.who = who
	x.hand.login = &keptLogin{username, password}
	x.mu.Unlock()
}

// deadlineWriter gives every line writeTime, and lines that are written beside an endless
// stream any time: somebody may look at its output in a pager.
type deadlineWriter struct{ x *session }

func (w deadlineWriter) Write(b []byte) (int, error) {
	x := w.x
	x.mu.Lock()
	if x.hand.leaving {
		x.hand.unsent = append(x.hand.unsent, b...)
		x.mu.Unlock()
		return len(b), nil
	}
	data, owed := b, len(x.hand.unsent)
	if owed > 0 {
		data = append(x.hand.unsent, b...)
		x.hand.unsent = nil
	}
	limited := x.endless.Load() == 0
	if limited {
		x.nc.SetWriteDeadline(time.Now().Add(writeTime))
	}
	x.mu.Unlock()
	n, err := x.nc.Write(data)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil && x.hand.leaving {
		x.hand.unsent = append(data[n:len(data):len(data)], x.hand.unsent...)
		return len(b), nil
	}
	if limited && !x.hand.leaving {
		x.nc.SetWriteDeadline(time.Time{}) // no timer stays behind
	}
	return max(0, n-owed), err
}

// encodeJSON is json.Marshal without the escaping that HTML wants.
func encodeJSON(v any) (json.RawMessage, error) {
	var b jsonBuffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(b[:len(b)-1]), nil // without Encode's newline
}

type jsonBuffer []byte

func (b *jsonBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
