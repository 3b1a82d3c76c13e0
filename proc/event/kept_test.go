package event

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// replace puts another pool in the place of f's, as an upgrade does.
func (f *fixture) replace(t *testing.T, o Options) {
	t.Helper()
	f.pool.Pause()
	text, err := json.Marshal(f.pool.Kept())
	if err != nil {
		t.Fatal(err)
	}
	f.pool.Close()
	var k KeptPool
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	o.Name, o.Server, o.Bus, o.Log = "el", "sup", &f.bus, f.pool.o.Log
	p := NewPool(o)
	f.pool = p
	p.Resume(k, func(name string) func([]byte) error {
		var write func([]byte) error
		probe := &Pool{members: []*member{{Listener: Listener{Name: name}}}, working: true}
		q := f.pool
		f.pool = probe
		f.up(name)
		f.pool = q
		write = probe.members[0].write
		return write
	})
	p.GoOn()
}

// A pool that goes on where another was does what that one would have done: the same events
// to the same listeners with the same numbers, none lost, none twice.
func TestResumedPoolIsTheSame(t *testing.T) {
	for seed := range uint64(200) {
		without, with := pooled(t, seed, false), pooled(t, seed, true)
		if !slices.Equal(without, with) {
			t.Fatalf("seed %d:\nwithout %q\nwith    %q", seed, without, with)
		}
	}
}

func pooled(t *testing.T, seed uint64, upgrades bool) []string {
	o := Options{Processes: []string{"a", "b"}, Types: []Type{Any}, BufferSize: 500}
	f := newFixture(t, o)
	rest := map[string]string{} // of what a process has begun to say
	r, choice := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	for i := range 200 {
		name := []string{"a", "b"}[r.IntN(2)]
		n := r.IntN(12)
		state := f.pool.members[slices.Index(o.Processes, name)].State()
		switch {
		case n == 0:
			rest[name] = ""
			f.pool.Gone(name)
			f.up(name)
		case n == 1:
			f.pool.Stopping(name)
		case n < 9 && (state == Acknowledged || state == Busy):
			text := rest[name]
			if text == "" && state == Acknowledged {
				text = "READY\n"
			} else if text == "" {
				text = []string{"RESULT 2\nOK", "RESULT 4\nFAIL"}[r.IntN(2)]
			}
			k := 1 + r.IntN(len(text))
			rest[name] = text[k:]
			f.out(name, text[:k])
		default:
			f.bus.Publish(Event{Type: ProcessLogStdout, Process: fmt.Sprint(i), Data: []byte{0xff, byte(i)}})
		}
		if upgrades && choice.IntN(3) == 0 {
			f.replace(t, o)
		}
	}
	f.say("%+v serial %d", f.pool.Stats(), f.bus.Serial())
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.said
}

// A slice of time that ends while nobody is there gives its tick once.
func TestTicksOverAnUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Bus
		var got []int64
		defer b.Subscribe([]Type{Tick5}, func(_ uint64, ev Event) { got = append(got, ev.When) })()
		x := &Ticks{}
		start := time.Now().Unix()
		for range 40 {
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { defer close(ended); x.Run(ctx, &b) }()
			time.Sleep(1700 * time.Millisecond)
			cancel()
			<-ended
			time.Sleep(900 * time.Millisecond)
			text, _ := json.Marshal(x)
			x = &Ticks{}
			json.Unmarshal(text, x)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); x.Run(ctx, &b) }()
		synctest.Wait()
		cancel()
		<-ended
		want := int((time.Now().Unix() - start) / 5)
		if len(got) < want-1 || len(got) > want+1 {
			t.Errorf("%d ticks in %d slices", len(got), want)
		}
		for i := 1; i < len(got); i++ {
			if got[i] != got[i-1]+5 {
				t.Errorf("after %d came %d", got[i-1], got[i])
			}
		}
	})
}
