package proc_test

import (
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc/proctest"
)

// With startsecs=0 nothing is too quick: a program that ends is started again at once.
func TestRestartAtOnce(t *testing.T) {
	inWorld(t, always(proctest.Behaviour{Life: 100 * time.Millisecond, Status: proctest.Exit(1)}), func(w *world) {
		w.add(single("x", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartAlways }))
		w.pass(350 * time.Millisecond)
		var at []string
		for _, l := range w.k.Launches() {
			at = append(at, l.At.Sub(w.born).String())
		}
		same(t, "launches", at, []string{"0s", "100ms", "200ms", "300ms"})
	})
}
