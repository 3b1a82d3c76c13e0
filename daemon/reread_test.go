package daemon

import (
	"errors"
	"sync"
	"testing"

	"gosv/conf"
)

// TestReadAnew: of two that read the configuration at once, what stays is what was read last: the
// second does not begin to read until the first has stored.
func TestReadAnew(t *testing.T) {
	t.Parallel()
	older, newer := &conf.Config{}, &conf.Config{}
	files := make(chan *conf.Config, 2)
	files <- older
	files <- newer
	d := &Daemon{load: func() (*conf.Config, error) { return <-files, nil }}
	var both sync.WaitGroup
	d.readAnew(func(cfg *conf.Config) {
		both.Go(func() { d.readAnew(d.cfg.Store) })
		if d.reading.TryLock() {
			t.Error("another could read now, and store before this one does")
			d.reading.Unlock()
		}
		d.cfg.Store(cfg)
	})
	both.Wait()
	if d.config() != newer {
		t.Error("the older configuration was stored last")
	}
	broken := errors.New("broken")
	d.load = func() (*conf.Config, error) { return nil, broken }
	if _, err := d.readAnew(d.cfg.Store); err != broken || d.config() != newer {
		t.Errorf("a broken one: %v", err)
	}
}
