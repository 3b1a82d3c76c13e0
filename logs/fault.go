package logs

import (
	"fmt"
	"sync"
	"time"
)

// fault is what went wrong with one file, and what was said about it: the first failure
// at once, then at most one line every quiet while it lasts, and the total when it is over.
type fault struct {
	mu   sync.Mutex // guards what follows
	lost int64      // bytes that no line about the end of a fault has named yet
	said time.Time  // of the last WARN
	told bool       // this fault was mentioned
	on   bool       // the last write failed
}

// quietFor is Options.Quiet's default.
const quietFor = time.Minute

// failed notes that n bytes of path were lost and returns what to say about it, "" for nothing.
func (x *fault) failed(path string, err error, n int64, quiet time.Duration) string {
	if quiet == 0 {
		quiet = quietFor
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.on = true
	x.lost += n
	now := time.Now()
	if !x.said.IsZero() && now.Sub(x.said) < quiet {
		return ""
	}
	x.said, x.told = now, true
	return fmt.Sprintf("cannot write log %q: %v; %d bytes lost so far", path, err, x.lost)
}

// flows notes that a write succeeded and returns what to say about it, "" for nothing.
func (x *fault) flows(path string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.on {
		return ""
	}
	x.on = false
	if !x.told {
		return ""
	}
	n := x.lost
	x.told, x.lost = false, 0
	return fmt.Sprintf("log %q is written again; %d bytes were lost", path, n)
}
