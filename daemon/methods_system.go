package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gosv/daemon/wire"
	"gosv/daemon/xmlrpc"
)

// systemMethods are XML-RPC's own.
func systemMethods() []*method {
	rows := []*method{
		rpc("system.listMethods", read, "The names of all methods, sorted.",
			func(_ context.Context, c *call, _ none) ([]string, error) { return c.methods().rpc, nil }),
		rpc("system.methodHelp", read, "What a method does.",
			func(_ context.Context, c *call, in methodParam) (string, error) {
				m := c.listed(in.Name)
				if m == nil {
					return "", fault(wire.SignatureUnsupported, "")
				}
				return m.help(), nil
			}),
		rpc("system.methodSignature", read, "The types of a method: the result's first, then those of the parameters.",
			func(_ context.Context, c *call, in methodParam) ([]string, error) {
				m := c.listed(in.Name)
				if m == nil {
					return nil, fault(wire.SignatureUnsupported, "")
				}
				return m.signature(), nil
			}),
		rpc("system.multicall", read, "Make several calls one after the other. Each is a struct {methodName, params}; each result is the bare value, not an array of one, or a struct {faultCode, faultString}.",
			func(ctx context.Context, c *call, in callsParam) ([]any, error) { return c.multicall(ctx, in.Calls) }),
	}
	for _, m := range rows {
		m.down = true
	}
	return rows
}

type methodParam struct {
	Name string `doc:"the name of a method"`
}

type callsParam struct {
	Calls []any `doc:"the calls"`
}

// faultStruct is a fault among the results of multicall.
type faultStruct struct {
	Code   int    `json:"faultCode"`
	String string `json:"faultString"`
}

// listed is the method of that name, if it is one that listMethods shows.
func (c *call) listed(name string) *method {
	if !strings.Contains(name, ".") {
		return nil
	}
	return c.methods().byName[name]
}

// signature is the result's type and those of the parameters.
func (m *method) signature() []string {
	sig := []string{xmlType(m.out)}
	for i := range m.in.NumField() {
		sig = append(sig, xmlType(m.in.Field(i).Type))
	}
	return sig
}

// help is the documentation with the tags that Supervisor's has.
func (m *method) help() string {
	var b strings.Builder
	b.WriteString(m.doc + "\n\n")
	for i := range m.in.NumField() {
		f := m.in.Field(i)
		fmt.Fprintf(&b, "@param %s %s  %s\n", xmlType(f.Type), strings.ToLower(f.Name), f.Tag.Get("doc"))
	}
	fmt.Fprintf(&b, "@return %s\n", xmlType(m.out))
	return b.String()
}

// multicall carries out calls strictly one after the other.
func (c *call) multicall(ctx context.Context, calls []any) ([]any, error) {
	if len(calls) > maxMulti {
		return nil, fault(wire.Failed, fmt.Sprintf("%d calls are too many for one request: at most %d", len(calls), maxMulti))
	}
	out := make([]any, 0, len(calls))
	size := 0
	for _, x := range calls {
		if int64(size) > c.share(maxAnswer) {
			return nil, fault(wire.Failed, "the answer is too long: make fewer calls at once")
		}
		v, err := c.oneOfMany(ctx, x)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err() // nobody waits for the rest
		}
		var internal *errInternal
		switch {
		case errors.As(err, &internal):
			v = faultStruct{wire.Number(wire.Failed), wire.Failed + ": " + internal.Error()}
		case err != nil:
			f := faultOf(err)
			v = faultStruct{number(f), faultString(f)}
		}
		size += weight(v)
		out = append(out, v)
	}
	return out, nil
}

// What one multicall may be: calls, and about how many bytes its answer has.
const (
	maxMulti  = 10_000
	maxAnswer = 128 << 20
)

// weight is about how many bytes a result takes in an answer.
func weight(v any) int {
	const scalar, info, config = 32, 1400, 3000
	switch v := v.(type) {
	case string:
		return scalar + len(v)
	case processInfos:
		return len(v) * info
	case []configInfo:
		return len(v) * config
	case results:
		return len(v) * 200
	case []any:
		n := scalar
		for _, x := range v {
			n += weight(x)
		}
		return n
	case []string:
		n := scalar
		for _, s := range v {
			n += scalar + len(s)
		}
		return n
	case *processInfo:
		return info
	}
	return scalar
}

func (c *call) oneOfMany(ctx context.Context, x any) (any, error) {
	name, ok := member(x, "methodName").(string)
	if !ok {
		return nil, fault(wire.IncorrectParameters, "No methodName")
	}
	if name == "system.multicall" {
		return nil, fault(wire.IncorrectParameters, "Recursive system.multicall forbidden")
	}
	if c.listed(name) == nil {
		return nil, fault(wire.UnknownMethod, "")
	}
	params := member(x, "params")
	list, ok := params.([]any)
	if !ok && params != nil {
		return nil, fault(wire.IncorrectParameters, "")
	}
	if list == nil {
		list = []any{}
	}
	return c.invoke(ctx, name, args{list: list})
}

// member is a member of a struct that came over XML-RPC or JSON, nil if there is none.
func member(x any, name string) any {
	switch x := x.(type) {
	case map[string]any:
		return x[name]
	case xmlrpc.Struct:
		v, _ := x.Get(name)
		return v
	}
	return nil
}
