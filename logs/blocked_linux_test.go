package logs

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBlockedFIFOUnderSignals: a FIFO that takes nothing is given up also where signals come all the time, as the
// SIGIO of pipes; each ends a wait, and must not give the FIFO its whole time again.
func TestBlockedFIFOUnderSignals(t *testing.T) {
	t.Parallel()
	bell := make(chan os.Signal, 1)
	signal.Notify(bell, unix.SIGIO)
	defer signal.Stop(bell)
	name := logName(t)
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	s := newSink(t, newPump(t), Options{Path: name})
	w := attach(t, s)
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.WriteString(strings.Repeat(strings.Repeat("x", 99)+"\n", 4*backlogMax/100))
	}()
	tick := time.NewTicker(patience / 5)
	defer tick.Stop()
	late := time.After(40 * time.Second)
	for {
		select {
		case <-written: // what does not fit is lost
			return
		case <-late:
			fifo.Close()
			t.Fatal("its program waits for ever")
		case <-tick.C: // whichever thread waits
			list, _ := os.ReadDir("/proc/self/task")
			for _, e := range list {
				thread, _ := strconv.Atoi(e.Name())
				unix.Tgkill(os.Getpid(), thread, unix.SIGIO)
			}
		}
	}
}
