package proctest

import (
	"os"
	"sync"
	"time"
)

// Output is a proc.Output that throws everything away and counts.
type Output struct {
	Drain time.Duration // how long the last output takes to read; 0: none
	Err   error         // Attach fails with this
	Hangs time.Duration // how long Attach takes

	mu       sync.Mutex // guards the fields below
	Attached int
	PIDs     []int
	Ended    int
	Closed   int
}

// Attach opens /dev/null.
func (o *Output) Attach() (stdout, stderr *os.File, err error) {
	time.Sleep(o.Hangs)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Err != nil {
		return nil, nil, o.Err
	}
	o.Attached++
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	return f, f, err
}

// Started notes the pid.
func (o *Output) Started(pid int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.PIDs = append(o.PIDs, pid)
}

// Exited calls done after Drain.
func (o *Output) Exited(done func()) {
	o.mu.Lock()
	o.Ended++
	o.mu.Unlock()
	if o.Drain > 0 {
		time.AfterFunc(o.Drain, done)
		return
	}
	done()
}

// Close counts.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Closed++
}
