package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gosv/daemon/wire"
)

// handing is what a session needs to know to be handed over: answers that end are waited
// for, streams leave off and are taken up again.
type handing struct {
	leave   chan struct{} // closed when streams have to leave off
	leaving bool          // nothing is written any more, but kept
	unsent  []byte
	open    map[uint64]*openCall // until the last line of the answer is written
	left    []keptCall           // those that have left off
	login   *keptLogin
}

func (h *handing) begin() {
	h.leave = make(chan struct{})
	h.open = map[uint64]*openCall{}
}

// openCall is a request that is being answered.
type openCall struct {
	method string
	params json.RawMessage
	stays  bool // it is a stream, or the upgrade itself
}

// errLeft says that a stream has left off, and goes on elsewhere.
var errLeft = errors.New("the stream goes on elsewhere")

// stays marks a request as one that is handed over and not waited for.
func (x *session) stays(id uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.hand.leaving {
		x.nc.SetWriteDeadline(time.Time{})
	}
	if o := x.hand.open[id]; o != nil {
		o.stays = true
	}
}

// leftOff takes what a stream needs to go on, with the descriptors in it.
func (x *session) leftOff(id uint64, state any, fds []int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.hand.open[id]
	b, err := json.Marshal(state)
	if o != nil && err == nil {
		x.hand.left = append(x.hand.left, keptCall{ID: id, Method: o.method, Params: o.params, State: b, FDs: fds})
		return
	}
	lost := keptCall{FDs: fds}
	lost.drop()
}

// forget is the streams not going on here either, if nothing comes of the upgrade: their connection is gone.
func (x *session) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range x.hand.left {
		k.drop()
	}
	x.hand.left = nil
}

// underWay names a request that has to be answered first; "" for none.
func (x *session) underWay() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range x.hand.open {
		if !o.stays {
			return o.method
		}
	}
	return ""
}

// trusted says whether it is an admin's.
func (x *session) trusted() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.who.access == admin
}

// leave lets all streams leave off, and says what is needed to go on with the connection.
func (x *session) leave(k *keptConn) {
	x.mu.Lock()
	x.hand.leaving = true
	close(x.hand.leave)
	x.nc.SetWriteDeadline(longAgo())
	x.mu.Unlock()
	until(time.Second, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, o := range x.hand.open {
			if o.method != wire.MethodUpgrade {
				return false
			}
		}
		return true
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	k.Login, k.Unsent = x.hand.login, x.hand.unsent
	k.Calls = append(k.Calls, x.hand.left...)
	for id, o := range x.hand.open {
		if o.method == wire.MethodUpgrade {
			k.Calls = append(k.Calls, keptCall{ID: id, Method: o.method})
		}
	}
}

// goOn takes up the streams again when nothing came of the upgrade.
func (x *session) goOn() {
	x.mu.Lock()
	if !x.hand.leaving {
		x.mu.Unlock()
		return
	}
	left := x.hand.left
	x.hand.left, x.hand.leaving, x.hand.leave = nil, false, make(chan struct{})
	x.nc.SetWriteDeadline(time.Time{})
	x.mu.Unlock()
	x.takeUp(left)
}

// resume makes a new session of what another version had.
func (x *session) resume(k *keptConn) {
	if k.Login != nil {
		x.login(k.Login.Username, k.Login.Password)
	}
	x.hand.unsent = k.Unsent
	x.takeUp(k.Calls)
}

// takeUp goes on with streams. They have subscribed when it returns.
func (x *session) takeUp(list []keptCall) {
	for _, k := range list {
		x.mu.Lock()
		ctx, cancel := context.WithCancel(x.ctx)
		who := x.who
		x.calls[k.ID] = cancel
		x.hand.open[k.ID] = &openCall{method: k.Method, params: k.Params}
		x.wg.Add(1)
		c := x.newCall(k.ID, who)
		x.mu.Unlock()
		run, err := c.takeUp(k, x.api)
		if err != nil {
			k.drop()
		}
		go func() {
			defer x.wg.Done()
			var out any
			if err == nil {
				out, err = run(ctx)
			}
			x.finish(k.ID, cancel, out, err)
		}()
	}
	x.mu.Lock()
	owes := len(x.hand.unsent) > 0
	x.mu.Unlock()
	if owes {
		x.wg.Go(func() { x.conn.Flush() })
	}
}

// takeUp is a method that goes on; whole is the api without the caller's limits, which
// were looked at when it began.
func (c *call) takeUp(k keptCall, whole *api) (func(context.Context) (any, error), error) {
	switch k.Method {
	case wire.MethodTail:
		return c.takeUpTail(k, whole)
	case wire.MethodEvents:
		return c.takeUpEvents(k)
	case wire.MethodUpgrade:
		out := wire.UpgradeOut{Version: Version, From: whole.from, PID: whole.pid}
		return func(context.Context) (any, error) {
			if m := c.methods().byName[wire.MethodUpgrade]; c.audit != nil && m != nil {
				c.report(m, out, nil)
			}
			return out, nil
		}, nil
	}
	return nil, fault(wire.Failed, "this version cannot go on with "+k.Method)
}
