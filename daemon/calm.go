package daemon

import (
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// calm gives memory back to the system when a busy time is over: the heap that reading a
// configuration, starting a thousand programs or showing them again and again took, and the
// pages of the program itself that were needed for that and not since. It costs one wake-up
// after a busy time, and nothing while nothing happens.
type calm struct {
	give func() // what gives the memory back; nil for giveBack

	mu    sync.Mutex // guards the fields below
	timer *time.Timer
	last  time.Time // of the last stir
	armed bool      // the timer runs
	done  bool      // nothing more is to be given back
	stirs int       // since memory was given back last
	later func()    // for the next calm, once
}

const (
	// calmAfter is how long nothing must have happened.
	calmAfter = 500 * time.Millisecond
	// calmWorth is how much must have happened: one program that crashes again and again is
	// no reason to collect garbage each time.
	calmWorth = 100
)

// stir says that n things happened. It never waits.
func (c *calm) stir(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	c.stirs += n
	if c.armed || c.done || c.stirs < calmWorth {
		return
	}
	c.armed = true
	if c.timer == nil {
		c.timer = time.AfterFunc(calmAfter, c.look)
	} else {
		c.timer.Reset(calmAfter)
	}
}

// put has f done at the next calm.
func (c *calm) put(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later = f
}

// look gives memory back if it is quiet, or looks again when it may be.
func (c *calm) look() {
	c.mu.Lock()
	if c.done {
		c.mu.Unlock()
		return
	}
	if left := calmAfter - time.Since(c.last); left > 0 {
		c.timer.Reset(left)
		c.mu.Unlock()
		return
	}
	c.armed, c.stirs = false, 0
	later := c.later
	c.later = nil
	c.mu.Unlock()
	if later != nil {
		later()
	}
	if c.give != nil {
		c.give()
		return
	}
	giveBack()
}

// startPercent is how much the heap may grow, until the first calm: reading a configuration and
// starting what is in it makes little garbage that is worth five collections.
const startPercent = 400

// hasten saves the collector's work until the first calm, unless the environment says how much
// the heap may grow.
func hasten() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(startPercent)
	}
}

func giveBack() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
	debug.FreeOSMemory()
	dropProgram() // after the collector, which is a part of it
}

// stop ends it.
func (c *calm) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
	if c.timer != nil {
		c.timer.Stop()
	}
}
