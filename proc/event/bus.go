package event

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Bus brings events from those who publish them to those who subscribed. The zero value
// is ready. All methods may be called from any goroutine.
type Bus struct {
	wanted [numTypes]atomic.Int32 // how many subscribers a type has

	mu      sync.Mutex // guards what follows, and is held while subscribers accept an event
	subs    [numTypes][]*subscriber
	serial  uint64        // of the next event that somebody wants
	changed chan struct{} // closed when a subscription comes or goes; nil until asked for
}

// subscriber takes an event in two steps: accept, with the bus locked, so that all see
// the same order; after, unlocked, for what may take long or call the bus.
type subscriber struct {
	accept func(serial uint64, ev Event)
	after  func() // may be nil
}

// Wants reports whether anybody gets events of type t: whether it is worth making one.
func (b *Bus) Wants(t Type) bool { return b.wanted[t].Load() > 0 }

// Publish hands ev to every subscriber of its type or of a type above it. It never
// blocks, and costs next to nothing when nobody subscribed. ev.Data may be used again
// as soon as it returns.
func (b *Bus) Publish(ev Event) {
	if !b.Wants(ev.Type) {
		return
	}
	b.mu.Lock()
	subs := b.subs[ev.Type]
	if len(subs) > 0 {
		ev.Data = bytes.Clone(ev.Data)
		serial := take(&b.serial)
		for _, s := range subs {
			s.accept(serial, ev)
		}
	}
	b.mu.Unlock()
	for _, s := range subs { // a list is never changed, only replaced
		if s.after != nil {
			s.after()
		}
	}
}

// Subscribe calls f with each event that is, or lies below, one of types, until cancel is
// called; once cancel has returned, f is not called any more. The serial counts the events
// that anybody wanted, from 0. f is called one event at a time, in order, with the bus
// locked: it puts the event where it belongs and returns; it must neither wait nor call
// the bus. It may keep the event but not change its Data, which other subscribers share.
func (b *Bus) Subscribe(types []Type, f func(serial uint64, ev Event)) (cancel func()) {
	return b.subscribe(types, &subscriber{accept: f})
}

func (b *Bus) subscribe(types []Type, s *subscriber) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for t := range b.subs {
		if slices.ContainsFunc(types, Type(t).Is) { // once, even when several of types fit
			b.subs[t] = append(slices.Clip(b.subs[t]), s)
		}
	}
	b.rearrange()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for t, list := range b.subs {
			if i := slices.Index(list, s); i >= 0 {
				b.subs[t] = slices.Delete(slices.Clone(list), i, i+1)
			}
		}
		b.rearrange()
	}
}

// rearrange makes a change of subs known. Called with the lock held.
func (b *Bus) rearrange() {
	for t := range b.subs {
		b.wanted[t].Store(int32(len(b.subs[t])))
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// change returns a channel that is closed at the next change of subscriptions. Ask for
// it before asking what is wanted, and no change goes unseen.
func (b *Bus) change() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// take returns the next serial. Like Supervisor's, it starts again at 0 after 2^63-1.
func take(serial *uint64) uint64 {
	n := *serial
	*serial = n + 1
	if n == math.MaxInt64 {
		*serial = 0
	}
	return n
}
