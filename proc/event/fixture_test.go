package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fixture is a pool with processes a and b, and everything that it said, in order.
type fixture struct {
	bus  Bus
	pool *Pool
	mu   sync.Mutex // guards what follows
	said []string
	fail map[string]bool // whose writes fail
}

func newFixture(t *testing.T, o Options) *fixture {
	t.Helper()
	f := &fixture{fail: map[string]bool{}}
	o.Name, o.Server, o.Bus = "el", "sup", &f.bus
	if o.Processes == nil {
		o.Processes = []string{"a", "b"}
	}
	if o.Types == nil {
		o.Types = []Type{Any}
	}
	o.Log = func(level, text string) {
		if level != "DEBG" {
			f.say("%s %s", level, text)
		}
	}
	f.pool = NewPool(o)
	t.Cleanup(f.pool.Close)
	return f
}

func (f *fixture) say(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

// up makes the process RUNNING; what it is sent is noted as "NAME gets SERIAL/POOLSERIAL".
func (f *fixture) up(process string) {
	f.pool.Running(process, func(b []byte) error {
		f.mu.Lock()
		fail := f.fail[process]
		f.mu.Unlock()
		if fail {
			return errors.New("broken pipe")
		}
		var ver, server, serial, pool, poolserial string
		fmt.Sscan(string(b), &ver, &server, &serial, &pool, &poolserial)
		f.say("%s gets %s/%s", process, strings.TrimPrefix(serial, "serial:"), strings.TrimPrefix(poolserial, "poolserial:"))
		return nil
	})
}

func (f *fixture) out(process, data string) { f.pool.Output(process, []byte(data)) }

func (f *fixture) publish(n int) {
	for range n {
		f.bus.Publish(Event{Type: Tick5, When: 5})
	}
}

// expect compares what was said since the last call.
func (f *fixture) expect(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.said, want) {
		t.Errorf("got  %q\nwant %q", f.said, want)
	}
	f.said = nil
}
