package event

import (
	"context"
	"time"
)

// ticks are the events that come with the clock.
var ticks = [...]struct {
	typ    Type
	period int64 // seconds
}{{Tick5, 5}, {Tick60, 60}, {Tick3600, 3600}}

// longestNap is how late a clock that was set may be noticed.
const longestNap = time.Minute

// NextTick is the first moment after now at which the wall clock shows a multiple of period.
func NextTick(now time.Time, period time.Duration) time.Time {
	p := int64(period)
	past := now.UnixNano() % p
	if past < 0 {
		past += p
	}
	return now.Add(time.Duration(p - past))
}

// Ticks is how far the ticks have come: over an upgrade none is lost and none comes twice.
type Ticks struct {
	Watched [len(ticks)]bool
	Last    [len(ticks)]int64 // the slice for which the last event was, or would have been
}

// Run publishes TICK_5, TICK_60 and TICK_3600 until ctx is done. While nobody
// subscribed to any of them it sleeps without a timer. As in Supervisor's tick, a
// slice of time that the clock jumped over gives no event: after a jump there is one,
// with the new time; and there is none for the slice in which the first subscriber came.
func (x *Ticks) Run(ctx context.Context, b *Bus) {
	timer := time.NewTimer(longestNap)
	defer timer.Stop()
	for {
		changed := b.change()
		now := time.Now()
		nap := time.Duration(0)
		for i, t := range ticks {
			before := x.Watched[i]
			x.Watched[i] = b.Wants(t.typ)
			if !x.Watched[i] {
				continue
			}
			when := floor(now.Unix(), t.period)
			if before && when != x.Last[i] {
				b.Publish(Event{Type: t.typ, When: when})
			}
			x.Last[i] = when
			left := min(NextTick(now, time.Duration(t.period)*time.Second).Sub(now), longestNap)
			if nap == 0 || left < nap {
				nap = left
			}
		}
		timer.Stop()
		if nap > 0 {
			timer.Reset(nap)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
	}
}

// floor is the multiple of period at or before seconds.
func floor(seconds, period int64) int64 {
	past := seconds % period
	if past < 0 {
		past += period
	}
	return seconds - past
}
