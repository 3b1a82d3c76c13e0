package proc_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/proctest"
	"gosv/proc/state"
)

// launching is a group of ten, each of which takes some time to be launched.
func launching(t *testing.T, launchers int, takes func(name string) time.Duration, f func(w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, func(s proc.Spec, _ int) proctest.Behaviour {
			return proctest.Behaviour{LaunchFor: takes(s.Name)}
		}, launchers)
		var list []*conf.Process
		for i := range 10 {
			list = append(list, program(fmt.Sprintf("p%d", i), func(c *conf.Process) { c.Startsecs = 0 }))
		}
		w.add(groupOf("g", 1, list...))
		f(w)
		w.end()
	})
}

// before is a time that those take to be launched whose names come before one, and the others a millisecond.
func before(name string, long time.Duration) func(string) time.Duration {
	return func(n string) time.Duration {
		if n < name {
			return long
		}
		return time.Millisecond
	}
}

// Children that start at the same time are heard of in the order of decision.
func TestLaunchersOrder(t *testing.T) {
	launching(t, 2, before("p1", 100*time.Millisecond), func(w *world) {
		w.pass(99 * time.Millisecond)
		if n := w.k.Launched(); n != 9 {
			t.Errorf("%d were launched beside the slow one, want 9", n)
		}
		w.wantState("g:p1", state.Starting)
		w.pass(2 * time.Millisecond)
		var want []string
		for i := range 10 {
			pid := 99 + i
			if i == 0 {
				pid = 109
			}
			want = append(want,
				fmt.Sprintf("INFO spawned: 'p%d' with pid %d", i, pid),
				fmt.Sprintf("INFO success: p%d entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)", i))
		}
		same(t, "log", w.said(), want)
	})
}

// One whose log is on a disk that hangs does not hold up the others for ever.
func TestLaunchersHang(t *testing.T) {
	launching(t, 2, before("p1", time.Minute), func(w *world) {
		w.pass(2 * time.Second)
		w.wantState("g:p0", state.Starting)
		for i := 1; i < 10; i++ {
			w.wantState(fmt.Sprintf("g:p%d", i), state.Running)
		}
		w.pass(time.Minute)
		w.wantState("g:p0", state.Running)
		if said := w.said(); !slices.Contains(said, "INFO spawned: 'p0' with pid 109") {
			t.Errorf("log: %q", said)
		}
	})
}

// Nor do several, with no more launchers than those that hang.
func TestLaunchersAllHang(t *testing.T) {
	launching(t, 1, before("p5", time.Hour), func(w *world) {
		w.pass(10 * time.Second)
		for i := range 10 {
			want := state.Running
			if i < 5 {
				want = state.Starting
			}
			w.wantState(fmt.Sprintf("g:p%d", i), want)
		}
		w.pass(2 * time.Hour)
		w.wantState("g:p0", state.Running)
	})
}

// A socket is made, used by everybody and closed by one launcher at a time.
func TestLaunchersSocket(t *testing.T) {
	t.Parallel()
	url := "unix://" + t.TempDir() + "/s"
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, nil, 3)
		socket := &conf.Socket{Name: "f", URL: url, Backlog: 5, Mode: conf.Unset}
		var list []*conf.Process
		for i := range 10 {
			list = append(list, program(fmt.Sprintf("p%d", i), func(c *conf.Process) { c.Socket = socket }))
		}
		w.add(groupOf("f", 1, list...))
		w.pass(2 * time.Second)
		for range 5 {
			w.do(proc.Op{Kind: proc.Restart, Wait: true})
			w.do(proc.Op{Kind: proc.Stop, Wait: true})
			w.do(proc.Op{Kind: proc.Start, Wait: true})
		}
		made, closed := 0, 0
		for _, line := range w.said() {
			switch line {
			case "INFO Creating socket " + url:
				made++
			case "INFO Closing socket " + url:
				closed++
			}
		}
		if made != closed+1 || made < 6 {
			t.Errorf("the socket was made %d times and closed %d times", made, closed)
		}
		w.end()
	})
}

// hangsFirst is a world in which the log of far is on a disk that hangs for an hour.
func hangsFirst(t reporter, behave func(s proc.Spec, nth int) proctest.Behaviour) *world {
	w := newWorldOf(t, behave, 2)
	w.output["far"] = &proctest.Output{Hangs: time.Hour}
	return w
}

// An orphan that dies while a launch hangs that has not forked yet is told of at once, unless it may be the child of
// another one, and is never taken for the child of that launch, which comes to have its pid.
func TestLaunchersRecycledPid(t *testing.T) {
	t.Parallel()
	for _, forking := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var orphan atomic.Int64
			w := hangsFirst(t, func(s proc.Spec, _ int) proctest.Behaviour {
				if s.Name == "slow" {
					return proctest.Behaviour{LaunchFor: 2 * time.Hour}
				}
				return proctest.Behaviour{PID: int(orphan.Load())}
			})
			w.add(single("far", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartAlways }))
			if forking {
				w.add(single("slow", nil))
			}
			w.pass(time.Second)
			orphan.Store(int64(w.k.Orphan(proctest.Exit(3))))
			w.pass(time.Second)
			want := []string{fmt.Sprintf("INFO reaped unknown pid %d (exit status 3)", orphan.Load())}
			if forking {
				want = nil
			}
			same(t, "log while it hangs", w.said(), want)
			w.pass(time.Hour)
			w.wantState("far", state.Running)
			if n := w.k.Launched(); n != 1 {
				t.Errorf("far was launched %d times", n)
			}
			w.pass(time.Hour)
			w.end()
		})
	}
}

// Who hangs is waited for by those of the same socket only, and by nothing that ends.
func TestLaunchersSocketHangs(t *testing.T) {
	t.Parallel()
	for _, far := range []string{"a program", "a FastCGI program", "one of the same socket", "a program, and meanwhile a socket is closed"} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			t.Logf("far is %s", far)
			fcgi := func(name string) func(*conf.Process) { return listening("unix://" + dir + "/" + name) }
			w := newWorldOf(t, func(s proc.Spec, _ int) proctest.Behaviour {
				if s.Name == "far" {
					return proctest.Behaviour{LaunchFor: time.Hour}
				}
				return proctest.Behaviour{}
			}, 2)
			web := state.Running
			switch far {
			case "a program":
				w.add(single("far", nil))
				w.pass(time.Second)
				w.add(single("web", fcgi("web")))
			case "a FastCGI program":
				w.add(single("far", fcgi("far")))
				w.pass(time.Second)
				w.add(single("web", fcgi("web")))
			case "one of the same socket":
				w.add(single("far", fcgi("web")))
				w.pass(time.Second)
				w.add(single("web", fcgi("web")))
				web = state.Starting
			default:
				w.add(single("web", fcgi("web")))
				w.pass(time.Second)
				w.add(single("far", nil))
				w.pass(time.Second)
				w.do(proc.Op{Kind: proc.Stop, Group: "web", Wait: true})
				web = state.Stopped
			}
			w.add(single("near", func(c *conf.Process) { c.Startsecs = 0 }))
			w.pass(10 * time.Second)
			w.wantState("far", state.Starting)
			w.wantState("web", web)
			w.wantState("near", state.Running)
			w.do(proc.Op{Kind: proc.Stop, Group: "web", Wait: true}) // at once, though it may wait
			w.wantState("web", state.Stopped)
			w.do(proc.Op{Kind: proc.Start, Group: "web"})
			w.pass(10 * time.Second)
			if web != state.Starting {
				w.wantState("web", state.Running)
			}
			w.pass(time.Hour)
			w.wantState("far", state.Running)
			w.wantState("web", state.Running)
			w.end()
		})
	}
}

// The signal that tells of a death may wait for a thread that hangs: while a launch does, the dead are looked for.
func TestLaunchersHangUnheard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, func(s proc.Spec, _ int) proctest.Behaviour {
			if s.Name == "far" {
				return proctest.Behaviour{LaunchFor: time.Hour}
			}
			return proctest.Behaviour{Life: 20 * time.Second, Unheard: true}
		}, 2)
		w.add(single("near", func(c *conf.Process) { c.Startsecs, c.Autorestart = 0, conf.RestartNever }))
		w.pass(10 * time.Second)
		w.add(single("far", nil))
		w.pass(9 * time.Second)
		w.wantState("near", state.Running)
		w.pass(2500 * time.Millisecond)
		w.wantState("near", state.Exited)
		w.pass(time.Hour)
		w.end()
	})
}

// listening makes one a FastCGI program.
func listening(url string) func(*conf.Process) {
	return func(c *conf.Process) {
		c.Startsecs, c.Socket = 0, &conf.Socket{Name: c.Name, URL: url, Backlog: 5, Mode: conf.Unset}
	}
}

// A socket that is closed is closed before the next one is made, which may have its address in other words.
func TestLaunchersSocketAddress(t *testing.T) {
	t.Parallel()
	port := unusedPort(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, nil, 3, func(o *proc.Options) { o.Log = slog.New(closesSlowly{o.Log.Handler()}) })
		w.add(single("a", listening(fmt.Sprintf("tcp://127.0.0.1:%d", port))))
		w.pass(time.Second)
		w.add(single("b", func(c *conf.Process) {
			listening(fmt.Sprintf("tcp://0.0.0.0:%d", port))(c)
			c.Autostart = false
		}))
		for range 5 {
			w.do(proc.Op{Kind: proc.Stop, Group: "a", Wait: true})
			w.do(proc.Op{Kind: proc.Start, Group: "b", Wait: true})
			w.wantState("b", state.Running)
			w.do(proc.Op{Kind: proc.Stop, Group: "b", Wait: true})
			w.do(proc.Op{Kind: proc.Start, Group: "a", Wait: true})
			w.wantState("a", state.Running)
		}
		w.end()
	})
}

// closesSlowly is a log that takes its time for what is said before a socket is closed.
type closesSlowly struct{ slog.Handler }

func (c closesSlowly) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "Closing socket") {
		<-time.After(time.Millisecond)
	}
	return c.Handler.Handle(ctx, r)
}

// unusedPort is none of those that the kernel gives to clients, nor of those that the tests of the root package take.
func unusedPort(t *testing.T) int {
	for range 100 {
		port := 30000 + rand.IntN(2700)
		if l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is to be had")
	return 0
}
