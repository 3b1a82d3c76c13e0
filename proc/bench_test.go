package proc_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
)

func TestRecordIsSmall(t *testing.T) {
	t.Parallel()
	if proc.RecordSize > 400 {
		t.Errorf("a process's record has %d bytes", proc.RecordSize)
	}
}

func thousand(change func(*conf.Process)) *conf.Group {
	var list []*conf.Process
	for i := range 1000 {
		list = append(list, program(fmt.Sprintf("p%04d", i), func(c *conf.Process) {
			c.Startsecs, c.Autostart = 0, false
			change(c)
		}))
	}
	return groupOf("g", 1, list...)
}

// running is a manager of a thousand processes on k.
func running(b *testing.B, k proc.Kernel, g *conf.Group) *proc.Manager {
	b.Helper()
	m := proc.New(proc.Options{Kernel: k, Log: slog.New(slog.DiscardHandler)})
	ended := make(chan error, 1)
	go func() { ended <- m.Run(context.Background()) }()
	b.Cleanup(func() {
		m.Shutdown(proc.MoodShutdown)
		<-ended
	})
	if err := m.Add(context.Background(), g); err != nil {
		b.Fatal(err)
	}
	return m
}

func all(b *testing.B, m *proc.Manager, kind proc.Kind) {
	if err := m.Do(context.Background(), proc.Op{Kind: kind, Wait: true}, func(r proc.Result) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkProcesses(b *testing.B) {
	m := running(b, proctest.NewKernel(), thousand(func(*conf.Process) {}))
	b.ReportAllocs()
	for b.Loop() {
		if list, err := m.Processes(context.Background()); err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
}

// A thousand children die at once, and are started again by autorestart.
func BenchmarkReapStorm(b *testing.B) {
	k := proctest.NewKernel()
	m := running(b, k, thousand(func(c *conf.Process) { c.Autorestart = conf.RestartAlways }))
	all(b, m, proc.Start)
	b.ReportAllocs()
	for round := 1; b.Loop(); round++ {
		for i := range 1000 {
			k.Exit(fmt.Sprintf("g:p%04d", i), proctest.Exit(0))
		}
		for k.Launched() < 1000*(round+1) {
			runtime.Gosched()
		}
	}
}

func BenchmarkStartStop(b *testing.B) {
	m := running(b, proctest.NewKernel(), thousand(func(*conf.Process) {}))
	b.ReportAllocs()
	for b.Loop() {
		all(b, m, proc.Start)
		all(b, m, proc.Stop)
	}
}

// A thousand real children, and their end.
func BenchmarkStartStopReal(b *testing.B) {
	k, err := proc.NewKernel()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(k.Close)
	m := running(b, k, thousand(func(c *conf.Process) { c.Command.Argv = []string{"/bin/sleep", "1000"} }))
	var start, stop time.Duration
	for b.Loop() {
		t := time.Now()
		all(b, m, proc.Start)
		start += time.Since(t)
		t = time.Now()
		all(b, m, proc.Stop)
		stop += time.Since(t)
	}
	b.ReportMetric(float64(start.Milliseconds())/float64(b.N), "start-ms")
	b.ReportMetric(float64(stop.Milliseconds())/float64(b.N), "stop-ms")
}
