package logs

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

// fault is what went wrong with one file, and what was said about it: the first failure
// at once, then at most one line every quiet while it lasts, and the total when it is over.
type fault struct {
	mu    sync.Mutex // guards what follows
	lost  int64      // bytes that no line about the end of a fault has named yet
	rows  int64      // lines among them, where they are counted
	named int64      // of them, how many the last WARN named
	said  time.Time  // of the last WARN
	told  bool       // this fault was mentioned
	on    bool       // the last write failed
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
	x.said, x.told, x.named = now, true, x.lost
	return fmt.Sprintf("cannot write log %q: %v; %d bytes%s lost so far", path, err, x.lost, x.inLines())
}

// rest is what no line has told yet of what was lost, "" for nothing.
func (x *fault) rest(path string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.rows == 0 || x.lost <= x.named {
		return ""
	}
	n, rows := x.lost, x.inLines()
	x.lost, x.rows, x.named = 0, 0, 0
	return fmt.Sprintf("log %q: %d bytes%s were lost", path, n, rows)
}

// count counts the lines of what is about to be lost.
func (x *fault) count(data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rows += int64(bytes.Count(data, []byte{'\n'}))
}

func (x *fault) inLines() string {
	if x.rows == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d lines)", x.rows)
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
	n, rows := x.lost, x.inLines()
	x.told, x.lost, x.rows, x.named = false, 0, 0, 0
	return fmt.Sprintf("log %q is written again; %d bytes%s were lost", path, n, rows)
}
