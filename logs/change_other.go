//go:build unix && !linux

package logs

import (
	"sync"
	"time"
)

// lookEvery is how often a watched file is looked at where the system does not tell.
const lookEvery = 250 * time.Millisecond

// changes says that there may have been some, as long as somebody waits.
type changes struct {
	ticks *time.Ticker
	once  sync.Once
	done  chan struct{}
}

func changesOf(string, ...int) (*changes, error) {
	return &changes{ticks: time.NewTicker(lookEvery), done: make(chan struct{})}, nil
}

func (c *changes) watch() error { return nil }

// wait is false once close was called.
func (c *changes) wait() bool {
	select {
	case <-c.ticks.C:
		return true
	case <-c.done:
		return false
	}
}

func (c *changes) close() {
	c.once.Do(func() {
		c.ticks.Stop()
		close(c.done)
	})
}
