//go:build linux

package proc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// The tests of this file have real children. The kernel waits for everybody's children, so
// they run one after the other and nothing else in the package forks.

// real is a manager with the real kernel.
type real struct {
	testing.TB
	k   *proc.UnixKernel
	m   *proc.Manager
	dir string
	log *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newReal(t testing.TB, change func(*proc.Options)) *real {
	t.Helper()
	k, err := proc.NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	w := &real{TB: t, k: k, dir: t.TempDir(), log: &safeBuffer{}}
	os.Chmod(w.dir, 0o777)
	o := proc.Options{
		Kernel: k, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: proc.LevelInfo})),
		Output: outputIn(w.dir), Environ: []string{"PATH=/usr/bin:/bin", "HOME=/root", "KEEP=1", "EMPTY="}, ServerURL: "unix:///run/test.sock",
	}
	if change != nil {
		change(&o)
	}
	w.m = proc.New(o)
	ended := make(chan error, 1)
	go func() { ended <- w.m.Run(context.Background()) }()
	t.Cleanup(func() {
		w.m.Shutdown(proc.MoodShutdown)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run = %v", err)
			}
		case <-time.After(time.Minute):
			t.Errorf("Run does not end:\n%s", w.log)
		}
		k.Close()
	})
	return w
}

func (w *real) add(g *conf.Group) {
	w.Helper()
	if err := w.m.Add(context.Background(), g); err != nil {
		w.Fatal(err)
	}
}

// child is a program that is the test binary playing part.
func child(name, part string, change func(*conf.Process)) *conf.Group {
	return single(name, func(c *conf.Process) {
		c.Command.Argv = []string{"/proc/self/exe", "one", "two words"}
		c.Environment = conf.Env{{Name: "TEST_CHILD", Value: part}, {Name: "GORACE", Value: "atexit_sleep_ms=0"}}
		c.Autorestart, c.Startsecs, c.Startretries = conf.RestartNever, 0, 0
		if change != nil {
			change(c)
		}
	})
}

func (w *real) info(name string) proc.Info {
	w.Helper()
	i, err := w.m.Process(context.Background(), name, name)
	if err != nil {
		w.Fatal(err)
	}
	return i
}

// until waits for a fact, a minute at most.
func (w *real) until(what string, fact func() bool) {
	w.Helper()
	deadline := time.Now().Add(time.Minute)
	for !fact() {
		if time.Now().After(deadline) {
			w.Fatalf("never: %s\n%s", what, w.log)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *real) rests(name string) proc.Info {
	w.Helper()
	w.until(name+" rests", func() bool { return w.info(name).State.Down() })
	return w.info(name)
}

func (w *real) read(file string) string {
	data, err := os.ReadFile(filepath.Join(w.dir, file))
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
	return string(data)
}

func (w *real) do(op proc.Op) string {
	var got []string
	if err := w.m.Do(context.Background(), op, func(r proc.Result) { got = append(got, resultText(r)) }); err != nil {
		got = append(got, err.Error())
	}
	return strings.Join(got, "\n")
}

func TestExitStatuses(t *testing.T) {
	rows := []struct {
		part     string
		status   int
		line     string
		expected bool
	}{
		{"exit:0", 0, "exited: p (exit status 0; expected)", true},
		{"exit:3", 3, "exited: p (exit status 3; not expected)", false},
		{"exit:255", 255, "exited: p (exit status 255; not expected)", false},
		{"kill:15", -1, "exited: p (terminated by SIGTERM; not expected)", false},
		{"kill:9", -1, "exited: p (terminated by SIGKILL; not expected)", false},
		{"kill:34", -1, "exited: p (terminated by SIGRTMIN; not expected)", false},
	}
	for _, row := range rows {
		t.Run(row.part, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", row.part, nil))
			if i := w.rests("p"); i.ExitStatus != row.status || i.State != state.Exited {
				t.Errorf("info = %+v", i)
			}
			if !strings.Contains(w.log.String(), row.line) {
				t.Errorf("log lacks %q:\n%s", row.line, w.log)
			}
		})
	}
}

func TestStopAsGroup(t *testing.T) {
	for _, row := range []struct {
		name    string
		asGroup bool
	}{{"group", true}, {"child only", false}} {
		t.Run(row.name, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", "", func(c *conf.Process) {
				c.Command.Argv = []string{"/bin/sh", "-c", "sleep 300 & echo $!; exec sleep 301"}
				c.Stopasgroup, c.Killasgroup = row.asGroup, row.asGroup
			}))
			w.until("the grandchild is there", func() bool {
				return w.info("p").PID != 0 && strings.Contains(w.read("p.out"), "\n")
			})
			grandchild, err := strconv.Atoi(strings.TrimSpace(w.read("p.out")))
			if err != nil {
				t.Fatal(err)
			}
			if got := w.do(proc.Op{Kind: proc.Stop, Group: "p", Process: "p", Wait: true}); got != "p:p stopped" {
				t.Errorf("stop = %s", got)
			}
			if !row.asGroup {
				if !lives(grandchild) {
					t.Errorf("the grandchild was killed too")
				}
				syscall.Kill(grandchild, syscall.SIGKILL)
			}
			w.until("the grandchild is gone", func() bool { return !lives(grandchild) })
		})
	}
}

// lives says whether there is such a process that is no zombie.
func lives(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

// With the kernel as subreaper, orphans of our children are reaped by us.
func TestSubreaper(t *testing.T) {
	w := newReal(t, nil)
	if err := w.k.Subreaper(); err != nil {
		t.Fatal(err)
	}
	w.add(child("p", "", func(c *conf.Process) {
		c.Command.Argv = []string{"/bin/sh", "-c", "(sleep 0.2; exit 7) & exit 0"}
	}))
	w.until("the orphan is reaped", func() bool {
		return strings.Contains(w.log.String(), "reaped unknown pid") && strings.Contains(w.log.String(), "(exit status 7)")
	})
}
