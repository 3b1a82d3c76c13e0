package logs

import (
	"time"

	"golang.org/x/sys/unix"
)

// Who waits for a backlog, and how they hear of it.

// wait waits until everything up to at is written or lost, d at most.
func (b *backlog) wait(at int64, d time.Duration) error {
	b.mu.Lock()
	if b.done >= at {
		b.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	b.waiters = append(b.waiters, waiter{at, c})
	b.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return nil
	case <-t.C:
		return errBlocked
	}
}

// settle waits until the file has taken everything, d at most.
func (b *backlog) settle(d time.Duration) {
	b.mu.Lock()
	at := b.added
	b.mu.Unlock()
	b.wait(at, d)
}

// finish says that nobody will write any more. It is true when there is no writer; else
// that closes the file when it is done or has waited for patience.
func (b *backlog) finish(d time.Duration) bool {
	b.mu.Lock()
	b.closing = b.running
	done := !b.running
	if b.bell >= 0 {
		unix.Write(b.bell, []byte{0})
	}
	b.mu.Unlock()
	if !done && d > 0 {
		b.settle(d)
	}
	return done
}

// progress notes that n bytes of those in flight are dealt with.
func (b *backlog) progress(n int) {
	b.mu.Lock()
	b.flight -= n
	b.done += int64(n)
	b.hung = b.hung && (n == 0 || !b.f.special.Load()) // of a disk look finds out
	var ring *Pump
	if b.heed && len(b.buf)+b.flight <= backlogMax/2 {
		ring = b.ring()
	} else {
		b.tell()
	}
	b.mu.Unlock()
	ring.kick()
}

// ring tells the waiters, and returns the pump if that wants to be rung. b.mu is held.
func (b *backlog) ring() *Pump {
	b.tell()
	if !b.heed {
		return nil
	}
	b.heed = false
	return b.pump
}

func (b *backlog) tell() {
	kept := b.waiters[:0]
	for _, w := range b.waiters {
		if b.done >= w.at {
			close(w.c)
		} else {
			kept = append(kept, w)
		}
	}
	b.waiters = kept
}
