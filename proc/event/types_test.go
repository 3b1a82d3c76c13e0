package event

import (
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	t.Parallel()
	for i := range types {
		typ := Type(i)
		name := typ.String()
		for _, spelling := range []string{name, strings.ToLower(name)} {
			if got, ok := Parse(spelling); !ok || got != typ {
				t.Errorf("Parse(%q) = %v, %v, want %v", spelling, got, ok, typ)
			}
		}
		if !typ.Is(Any) || !typ.Is(typ) {
			t.Errorf("%v is not below EVENT or not itself", typ)
		}
		// A type's parent is the longest other name that begins its own.
		want := Any
		for j := range types {
			if n := types[j].name; j != i && strings.HasPrefix(name, n+"_") && (want == Any || len(n) > len(types[want].name)) {
				want = Type(j)
			}
		}
		if got := types[i].parent; got != want {
			t.Errorf("parent of %v = %v, want %v", typ, got, want)
		}
	}
	for _, name := range []string{"", "TICK_", "PROCESS_STATE_BOGUS", "EVENT_REJECTED"} {
		if got, ok := Parse(name); ok {
			t.Errorf("Parse(%q) = %v, want nothing", name, got)
		}
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		typ, above Type
		want       bool
	}{
		{Tick5, Tick, true},
		{Tick, Tick5, false},
		{Tick5, Tick60, false},
		{Tick5, ProcessState, false},
		{Any, Tick, false},
		{RemoteCommunication, ProcessCommunication, false},
		{ProcessLogStderr, ProcessLog, true},
		{Type(200), Any, false},
	} {
		if got := row.typ.Is(row.above); got != row.want {
			t.Errorf("%v.Is(%v) = %v, want %v", row.typ, row.above, got, row.want)
		}
	}
}
