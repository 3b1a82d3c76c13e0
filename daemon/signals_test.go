package daemon

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// While signals rest none is taken from its channel: there an upgrade finds it.
func TestSignalsRest(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &Daemon{upgrader: &upgrader{rest: make(chan chan struct{})}, living: ctx}
	c := &caught{end: make(chan os.Signal, 4), other: make(chan os.Signal, 16)}
	ended := d.handleSignals(ctx, c)
	goOn, err := d.restSignals()
	if err != nil {
		t.Fatal(err)
	}
	c.end <- syscall.SIGWINCH // which means nothing
	c.other <- syscall.SIGWINCH
	for range 100 {
		runtime.Gosched()
	}
	if len(c.end) != 1 || len(c.other) != 1 {
		t.Errorf("%d and %d signals wait, want 1 and 1", len(c.end), len(c.other))
	}
	goOn()
	for end := time.Now().Add(time.Minute); len(c.end)+len(c.other) > 0; {
		if time.Now().After(end) {
			t.Fatal("they are not dealt with after that")
		}
		time.Sleep(time.Millisecond) // between two looks of a poll with a deadline
	}
	cancel()
	<-ended
	if _, err := d.restSignals(); err == nil {
		t.Error("they rest after the end")
	}
}
