package daemon

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int32
		c := calm{give: func() { given.Add(1) }}
		want := func(n int32, why string) {
			t.Helper()
			synctest.Wait()
			if given := given.Load(); given != n {
				t.Fatalf("memory was given back %d times, want %d: %s", given, n, why)
			}
		}
		for range calmWorth - 1 {
			c.stir(1)
		}
		time.Sleep(time.Hour)
		want(0, "little happened")
		c.stir(1)
		for range 10 {
			time.Sleep(calmAfter - time.Millisecond)
			c.stir(1)
		}
		want(0, "it is not quiet yet")
		time.Sleep(calmAfter)
		want(1, "it is quiet")
		time.Sleep(time.Hour)
		want(1, "nothing happened")
		c.stir(calmWorth)
		c.stop()
		c.stir(calmWorth)
		time.Sleep(time.Hour)
		want(1, "the daemon has ended")
	})
}
