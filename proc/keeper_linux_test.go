package proc

import (
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// TestKeeperBells: a crowd of deaths while the keeper is busy leaves room for what it is to pass on.
func TestKeeperBells(t *testing.T) {
	signals, died := keeperBells()
	defer signal.Stop(signals)
	defer signal.Stop(died)
	me := syscall.Getpid()
	for range 10 * cap(signals) {
		syscall.Kill(me, syscall.SIGCHLD)
		select { // each by itself: what comes at once is told once
		case <-died:
		case <-time.After(time.Minute):
			t.Fatal("a death is not told")
		}
	}
	syscall.Kill(me, syscall.SIGCHLD) // and nobody reads
	syscall.Kill(me, syscall.SIGUSR2)
	select {
	case s := <-signals:
		if s != syscall.SIGUSR2 {
			t.Errorf("%v came", s)
		}
	case <-time.After(time.Minute):
		t.Error("the signal is lost")
	}
}
