package daemon

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc/event"
)

// TestOutputNeverHoldsUpTheLoop: while a log is being opened, which may wait for a disk that
// hangs, whatever the manager's loop and status ask of an output is answered.
func TestOutputNeverHoldsUpTheLoop(t *testing.T) {
	t.Parallel()
	pump, err := logs.NewPump()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pump.Close)
	d := &Daemon{files: &logs.Files{}, bus: &event.Bus{}, main: &mainLog{level: slog.LevelInfo}, log: slog.New(slog.DiscardHandler)}
	d.cfg.Store(&conf.Config{})
	o := newOutputs(d, pump)
	p := &conf.Process{Name: "p", Group: "p"}
	want := filepath.Join(t.TempDir(), "p.log")
	p.Stdout.Logfile = conf.LogFile{Kind: conf.LogPath, Path: want}
	out := o.of(p).(*output)
	out.making.Lock() // somebody opens, and the disk hangs
	defer out.making.Unlock()

	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, _ := (daemonLogs{o}).paths("p", "p"); got != want {
			t.Errorf("paths = %q, want %q", got, want)
		}
		out.Started(1)
		drained := make(chan struct{})
		out.Exited(func() { close(drained) })
		<-drained
		out.Close()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("paths, Started, Exited and Close wait for a log that is being opened")
	}
}
