package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
)

// access is how much a caller may do; each level includes those before it.
type access uint8

const (
	anyone  access = iota // who has not said yet who he is
	read                  // look at processes and logs
	operate               // start, stop, signal, clear, write to stdin
	admin                 // change what the daemon runs, and end it
)

// call is one request on its way through a method.
type call struct {
	*api
	access access
	who    caller

	asText bool     // the answer is wanted as text, from methods that have it
	text   *allText // the text, to be given back

	asked any   // the parameters, for the audit log
	did   []did // what became of each process, likewise

	send    func(v any) error               // gives the client an event of a stream; nil over XML-RPC
	login   func(username, password string) // raises the connection's access if they are right; nil over HTTP
	endless func() (done func())            // marks a stream that ends only when the client wants it; may be nil
	closing <-chan struct{}                 // closed when the server wants endless streams to end
	leave   <-chan struct{}                 // closed when they have to leave off, and say by left how to go on; nil: never
	left    func(state any, fds ...int)
}

// method is one row of the table: everything that is known about it.
type method struct {
	name   string
	doc    string
	access access
	down   bool // is answered during a shutdown too
	quick  bool // waits for nothing
	in     reflect.Type
	out    reflect.Type
	asks   func(a args) any // the parameters, for the audit log; nil: they are none
	run    func(ctx context.Context, c *call, m *method, a args) (any, error)
}

// args are the parameters of a request as they came: JSON, or a list by position.
type args struct {
	json json.RawMessage
	list []any
}

// rpc is a row that is served over XML-RPC and JSON: In's fields in order are the
// parameters by position, their lower-case names those by name.
func rpc[In, Out any](name string, a access, doc string, f func(context.Context, *call, In) (Out, error)) *method {
	return row(name, a, doc, bind, f)
}

// short is a row that is served over JSON only, with the types of package wire.
func short[In, Out any](name string, a access, doc string, f func(context.Context, *call, In) (Out, error)) *method {
	return row(name, a, doc, unmarshal, f)
}

func row[In, Out any](name string, a access, doc string, decode func(args, any) error, f func(context.Context, *call, In) (Out, error)) *method {
	return &method{
		name: name, doc: doc, access: a,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		asks: func(a args) any {
			var in In
			if decode(a, &in) != nil {
				return nil
			}
			return in
		},
		run: func(ctx context.Context, c *call, m *method, a args) (any, error) {
			var in In
			if err := decode(a, &in); err != nil {
				return nil, err
			}
			c.asked = in
			if !m.down && c.mgr.Mood() < proc.MoodRunning {
				return nil, fault(wire.ShutdownState, "")
			}
			return f(ctx, c, in)
		},
	}
}

// whileDown marks a row that is answered during a shutdown too.
func whileDown(m *method) *method {
	m.down = true
	return m
}

// quickly marks a row that waits for nothing, so that nobody has to watch whether the caller still does.
func quickly(m *method) *method {
	m.quick = true
	return m
}

// registry is the method table.
type registry struct {
	byName map[string]*method
	rpc    []string // the names that listMethods gives, sorted
}

// methods is the table, built at the first call.
func (a *api) methods() *registry {
	if a.whole != nil {
		return a.whole.methods()
	}
	a.once.Do(func() {
		a.rows = &registry{byName: map[string]*method{}}
		for _, rows := range [][]*method{
			stateMethods(), groupMethods(), processMethods(), infoMethods(),
			logMethods(), systemMethods(), shortMethods(),
		} {
			for _, m := range rows {
				if a.rows.byName[m.name] != nil {
					panic("internal error: two methods are called " + m.name)
				}
				a.rows.byName[m.name] = m
				if strings.Contains(m.name, ".") {
					a.rows.rpc = append(a.rows.rpc, m.name)
				}
			}
		}
		slices.Sort(a.rows.rpc)
	})
	return a.rows
}

// errInternal is a method that panicked. The details are in the log.
type errInternal struct{ text string }

func (e *errInternal) Error() string { return "internal error: " + e.text }

// invoke carries out a request. Names are looked up in the table and nowhere else, so
// nothing but its rows can be reached from outside.
func (c *call) invoke(ctx context.Context, name string, a args) (out any, err error) {
	m := c.methods().byName[name]
	if m == nil {
		return nil, fault(wire.UnknownMethod, "")
	}
	if c.audit != nil && m.access > read {
		defer func() { c.report(m, out, err) }()
	}
	defer func() {
		if p := recover(); p != nil {
			c.log.Log(ctx, levelOf(conf.Critical), fmt.Sprintf("method %s raised an unexpected exception: %v\n%s", name, p, debug.Stack()))
			out, err = nil, &errInternal{fmt.Sprint(p)}
		}
	}()
	if c.access < m.access {
		if c.audit != nil {
			c.asked = m.asks(a)
		}
		return nil, c.who.notAllowed(name)
	}
	return m.run(ctx, c, m, a)
}

// request is a call of a caller, who finds there what he may see.
func (a *api) request(w caller, closing <-chan struct{}) *call {
	return &call{api: a.within(w.sees), access: w.access, who: w, closing: closing}
}

// unmarshal is decode for short rows: a JSON object by name, unknown names ignored.
func unmarshal(a args, in any) error {
	if len(a.json) == 0 {
		return nil
	}
	if err := json.Unmarshal(a.json, in); err != nil {
		f := fault(wire.IncorrectParameters, jsonError(err))
		f.Hint = "see docs/protocol.md"
		return f
	}
	return nil
}

// jsonError is an error of encoding/json without the names of Go's types.
func jsonError(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return "the parameters cannot be a " + kind.Value
		}
		return kind.Field + " cannot be a " + kind.Value
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
