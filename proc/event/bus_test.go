package event

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
)

// record subscribes and returns what comes, as "serial:NAME".
func record(b *Bus, types ...Type) (*[]string, func()) {
	var got []string
	cancel := b.Subscribe(types, func(serial uint64, ev Event) {
		got = append(got, fmt.Sprintf("%d:%v", serial, ev.Type))
	})
	return &got, cancel
}

func TestBus(t *testing.T) {
	t.Parallel()
	var b Bus
	b.Publish(Event{Type: Tick5}) // nobody wants it: no serial
	if b.Wants(Tick5) {
		t.Error("somebody wants TICK_5 of an empty bus")
	}

	ticks, cancelTicks := record(&b, Tick, Tick5) // once, though both fit
	all, cancelAll := record(&b, Any)
	b.Publish(Event{Type: Tick5})
	b.Publish(Event{Type: ProcessGroupAdded})
	cancelAll()
	cancelAll()
	b.Publish(Event{Type: ProcessGroupAdded}) // nobody
	b.Publish(Event{Type: Tick60})
	cancelTicks()
	b.Publish(Event{Type: Tick60})
	late, _ := record(&b, Tick3600)
	b.Publish(Event{Type: Tick3600})

	for _, row := range []struct {
		who       string
		got, want []string
	}{
		{"ticks", *ticks, []string{"0:TICK_5", "2:TICK_60"}},
		{"all", *all, []string{"0:TICK_5", "1:PROCESS_GROUP_ADDED"}},
		{"late", *late, []string{"3:TICK_3600"}},
	} {
		if !slices.Equal(row.got, row.want) {
			t.Errorf("%s got %v, want %v", row.who, row.got, row.want)
		}
	}
}

func TestBusCopiesData(t *testing.T) {
	t.Parallel()
	var b Bus
	var kept []byte
	b.Subscribe([]Type{ProcessLog}, func(_ uint64, ev Event) { kept = ev.Data })
	data := []byte("one")
	b.Publish(Event{Type: ProcessLogStdout, Data: data})
	copy(data, "two")
	if string(kept) != "one" {
		t.Errorf("kept data became %q", kept)
	}
}

func TestBusSameOrderForAll(t *testing.T) {
	t.Parallel()
	var b Bus
	one, _ := record(&b, Any)
	two, _ := record(&b, Any)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				b.Publish(Event{Type: Tick5})
				_, cancel := record(&b, Tick)
				cancel()
			}
		})
	}
	wg.Wait()
	if len(*one) != 2000 || !slices.Equal(*one, *two) {
		t.Fatalf("got %d and %d events, the same: %v", len(*one), len(*two), slices.Equal(*one, *two))
	}
	for i, s := range *one {
		if want := fmt.Sprintf("%d:TICK_5", i); s != want {
			t.Fatalf("event %d = %s, want %s", i, s, want)
		}
	}
}

func TestSerialWraps(t *testing.T) {
	t.Parallel()
	b := Bus{serial: math.MaxInt64}
	got, _ := record(&b, Any)
	b.Publish(Event{Type: Tick5})
	b.Publish(Event{Type: Tick5})
	if want := []string{"9223372036854775807:TICK_5", "0:TICK_5"}; !slices.Equal(*got, want) {
		t.Errorf("got %v, want %v", *got, want)
	}
}

func BenchmarkPublishUnwanted(b *testing.B) {
	var bus Bus
	ev := Event{Type: ProcessLogStdout, Process: "p", Group: "g", Data: make([]byte, 4096)}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(ev)
	}
}

// BenchmarkPublishFanOut is a change of state that ten listen to, each of whom makes the
// payload, as listener pools do.
func BenchmarkPublishFanOut(b *testing.B) {
	var bus Bus
	n := 0
	for range 10 {
		bus.Subscribe([]Type{ProcessState}, func(_ uint64, ev Event) { n += len(ev.Payload()) })
	}
	ev := Event{Type: ProcessStateRunning, Process: "p", Group: "g", PID: 7}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(ev)
	}
	if n == 0 {
		b.Fatal("nobody heard it")
	}
}
