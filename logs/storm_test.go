package logs

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Everything at once, while a disk hangs now and then: every line is in its file, once and
// whole, in order.
func TestStorm(t *testing.T) {
	t.Parallel()
	p, files, dir := newPump(t), &Files{}, t.TempDir()
	const programs, runs, lines = 12, 15, 40
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint("log", i/2)) } // two share one
	sinks := make([]*Sink, programs)
	for i := range sinks {
		sinks[i] = newSink(t, p, Options{Files: files, Path: name(i), Ring: 100, StripANSI: i%3 == 0, Capture: int64(i % 2 * 100)})
	}
	stop := make(chan struct{})
	var hang, wait sync.WaitGroup
	hang.Go(func() {
		for i := 0; ; i++ {
			f := sinks[i%programs].file.Load()
			f.mu.Lock()
			time.Sleep(3 * watchEvery)
			f.mu.Unlock()
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i, s := range sinks {
		wait.Go(func() {
			for run := range runs {
				w, err := s.Attach()
				if err != nil {
					t.Error(err)
					return
				}
				s.SetPID(run + 1)
				_, f, err := s.Follow(int64(rand.IntN(100)))
				if err != nil {
					t.Error(err)
					return
				}
				for line := range lines {
					fmt.Fprintf(w, "%d %d %d %s.\n", i, run, line, strings.Repeat("x", rand.IntN(300)))
					if rand.IntN(20) == 0 {
						s.Reopen()
					}
				}
				w.Close()
				done := make(chan struct{})
				s.Drain(func() { close(done) })
				<-done
				f.Take()
				f.Close()
			}
		})
	}
	wait.Wait()
	close(stop)
	hang.Wait()
	for _, s := range sinks {
		atRest(t, s)
		soon(t, "the files to be written directly", func() bool { return s.file.Load().back.Load() == nil })
	}
	for i, s := range sinks {
		if got := s.Stats(); got.Lost != 0 {
			t.Errorf("program %d: %+v", i, got)
		}
		next := 0
		for line := range strings.Lines(content(t, name(i))) {
			var of, run, n int
			if _, err := fmt.Sscanf(line, "%d %d %d ", &of, &run, &n); err != nil || !strings.HasSuffix(line, ".\n") {
				t.Fatalf("broken line %q", line)
			}
			if of != i {
				continue
			}
			if run*lines+n != next {
				t.Fatalf("program %d: line %d where %d is due", i, run*lines+n, next)
			}
			next++
		}
		if next != runs*lines {
			t.Errorf("program %d: %d lines, want %d", i, next, runs*lines)
		}
	}
}
