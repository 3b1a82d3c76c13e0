package event

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextTick(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		now    string
		period time.Duration
		want   string
	}{
		{"2026-01-01T00:00:00Z", 5 * time.Second, "2026-01-01T00:00:05Z"},
		{"2026-01-01T00:00:04.999Z", 5 * time.Second, "2026-01-01T00:00:05Z"},
		{"2026-01-01T00:00:05.000000001Z", 5 * time.Second, "2026-01-01T00:00:10Z"},
		{"2026-01-01T23:59:30Z", time.Minute, "2026-01-02T00:00:00Z"},
		{"2026-01-01T10:30:00Z", time.Hour, "2026-01-01T11:00:00Z"},
		{"1969-12-31T23:59:58Z", 5 * time.Second, "1970-01-01T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339Nano, row.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := NextTick(now, row.period).Format(time.RFC3339Nano); got != row.want {
			t.Errorf("NextTick(%s, %v) = %s, want %s", row.now, row.period, got, row.want)
		}
	}
}

func TestRunTicks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b Bus
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { new(Ticks).Run(ctx, &b); close(done) }()

		start := time.Now()
		var mu sync.Mutex // guards got
		var got []string
		note := func(_ uint64, ev Event) {
			mu.Lock()
			defer mu.Unlock()
			at := time.Since(start).Seconds()
			got = append(got, fmt.Sprintf("%v +%d at %v", ev.Type, ev.When-start.Unix(), at))
		}
		// Nobody listens for a while; nothing is made up for afterwards.
		time.Sleep(12 * time.Second)
		stop5 := b.Subscribe([]Type{Tick5}, note)
		time.Sleep(11 * time.Second)
		b.Subscribe([]Type{Tick60, Tick3600}, note)
		stop5()
		time.Sleep(100 * time.Second)
		synctest.Wait()
		mu.Lock()
		want := []string{"TICK_5 +15 at 15", "TICK_5 +20 at 20", "TICK_60 +60 at 60", "TICK_60 +120 at 120"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}

		got = nil
		mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		var hours int
		for _, s := range got {
			if s[:9] == "TICK_3600" {
				hours++
			}
		}
		if hours != 2 || len(got) != 122 {
			t.Errorf("in two hours: %d TICK_3600, %d in all, want 2, 122", hours, len(got))
		}
		cancel()
		<-done
	})
}
