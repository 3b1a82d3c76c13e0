//go:build linux

package proc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
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

func TestWhatChildrenInherit(t *testing.T) {
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	mask := syscall.Umask(0o22)
	defer syscall.Umask(mask)
	listFDs := []string{"/bin/ls", "-1", "/proc/self/fd"} // ls itself has the directory as 3
	leaky, err := syscall.Dup(2)                          // as a careless parent leaves it
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leaky)
	rows := []struct {
		name, part string
		change     func(*conf.Process)
		want       string
	}{
		{"environment", "", func(c *conf.Process) {
			c.Command.Argv = []string{"env"}
			c.Environment = conf.Env{{Name: "HOME", Value: "/h"}, {Name: "SUPERVISOR_ENABLED", Value: "yes"}}
		}, "PATH=/usr/bin:/bin\nHOME=/h\nKEEP=1\nEMPTY=\nSUPERVISOR_ENABLED=yes\nSUPERVISOR_SERVER_URL=unix:///run/test.sock\nSUPERVISOR_PROCESS_NAME=p\nSUPERVISOR_GROUP_NAME=p"},
		{"environment through the shim", "", func(c *conf.Process) {
			c.Command.Argv, c.Environment, c.Umask, c.ServerURL = []string{"env"}, nil, 0o77, "http://x"
		}, "PATH=/usr/bin:/bin\nHOME=/root\nKEEP=1\nEMPTY=\nSUPERVISOR_ENABLED=1\nSUPERVISOR_SERVER_URL=http://x\nSUPERVISOR_PROCESS_NAME=p\nSUPERVISOR_GROUP_NAME=p"},
		{"words", "tell:args", nil, "/proc/self/exe|one|two words"},
		{"words through the shim", "tell:args", func(c *conf.Process) { c.Umask = 0 }, "/proc/self/exe|one|two words"},
		{"umask", "tell:umask", nil, "022"},
		{"umask set", "tell:umask", func(c *conf.Process) { c.Umask = 0o27 }, "027"},
		{"umask 0", "tell:umask", func(c *conf.Process) { c.Umask = 0 }, "000"},
		{"directory", "tell:cwd", func(c *conf.Process) { c.Directory = "/usr" }, "/usr"},
		{"directory through the shim", "tell:cwd", func(c *conf.Process) { c.Directory, c.Umask = "/usr", 0o22 }, "/usr"},
		{"own process group, same session", "tell:session", nil, fmt.Sprint("true ", sid)},
		{"descriptors", "", func(c *conf.Process) { c.Command.Argv = listFDs }, "0\n1\n2\n3"},
		{"descriptors through the shim", "", func(c *conf.Process) { c.Command.Argv, c.Umask = listFDs, 0 }, "0\n1\n2\n3"},
		{"no signal ignored or blocked", "", func(c *conf.Process) {
			c.Command.Argv = []string{"/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status | tr -d '\\t'"}
		}, "SigBlk:0000000000000000\nSigIgn:0000000000000000"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", row.part, row.change))
			w.rests("p")
			if got := strings.TrimSpace(w.read("p.out")); got != row.want {
				t.Errorf("the child says\n%s\nwant\n%s\n%s", got, row.want, w.read("p.err"))
			}
		})
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	nobody := conf.User{Set: true, Text: "nobody", Name: "nobody", UID: 65534, GID: 65534, More: []int{65534, 7, 20}}
	for name, umask := range map[string]conf.Mode{"direct": conf.Unset, "through the shim": 0o22} {
		t.Run(name, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", "tell:ids", func(c *conf.Process) { c.User, c.Umask = nobody, umask }))
			w.rests("p")
			if got, want := strings.TrimSpace(w.read("p.out")), "65534 65534 [7 20 65534]"; got != want {
				t.Errorf("the child is %s, want %s\n%s", got, want, w.log)
			}
		})
	}
	t.Run("not root", func(t *testing.T) {
		w := newReal(t, nil)
		w.add(child("p", "unprivileged", func(c *conf.Process) { c.User = nobody }))
		w.rests("p")
		if got, want := strings.TrimSpace(w.read("p.out")), "true 127"; got != want {
			t.Errorf("the child says %s, want %s", got, want)
		}
		if got, want := w.read("p.err"), "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\nsupervisor: child process was not spawned\n"; got != want {
			t.Errorf("stderr = %q, want %q", got, want)
		}
	})
}

// What fails after the fork is said in the child's own log, and counts as an exit.
func TestFailureAfterFork(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("echo hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name   string
		change func(*conf.Process)
		line   string
	}{
		{"no directory", func(c *conf.Process) { c.Directory = "/nonexistent" }, "couldn't chdir to /nonexistent: ENOENT"},
		{"no directory, shim", func(c *conf.Process) { c.Directory, c.Umask = "/nonexistent", 0o22 }, "couldn't chdir to /nonexistent: ENOENT"},
		{"directory is a file", func(c *conf.Process) { c.Directory = "/etc/passwd" }, "couldn't chdir to /etc/passwd: ENOTDIR"},
		{"no interpreter line", func(c *conf.Process) { c.Command.Argv = []string{script} }, "couldn't exec " + script + ": ENOEXEC"},
		{"no interpreter line, shim", func(c *conf.Process) { c.Command.Argv, c.Umask = []string{script}, 0o22 }, "couldn't exec " + script + ": ENOEXEC"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", "exit:0", func(c *conf.Process) {
				c.Autostart, c.Startsecs = false, conf.Seconds(20*time.Second)
				row.change(c)
			}))
			if got := w.do(proc.Op{Kind: proc.Start, Group: "p", Process: "p", Wait: true}); got != "p:p started SPAWN_ERROR: p" {
				t.Errorf("start = %s", got)
			}
			if got, want := w.read("p.err"), "supervisor: "+row.line+"\nsupervisor: child process was not spawned\n"; got != want {
				t.Errorf("stderr = %q, want %q", got, want)
			}
			if i := w.info("p"); i.SpawnErr != "Exited too quickly (process log may have details)" {
				t.Errorf("info %+v", i)
			}
			log := w.log.String()
			if !strings.Contains(log, "exited: p (exit status 127; not expected)") || strings.Contains(log, "unknown pid") || !strings.Contains(log, "spawned: 'p' with pid") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// Without a shim the same is said, only there is no pid.
func TestFailureAfterForkWithoutShim(t *testing.T) {
	t.Setenv("GOSV_EXEC_SHIM", "1")
	for _, row := range []struct {
		name   string
		change func(*conf.Process)
		line   string
	}{
		{"no directory", func(c *conf.Process) { c.Directory = "/nonexistent" }, "couldn't chdir to /nonexistent: ENOENT"},
		{"umask", func(c *conf.Process) { c.Umask = 0 }, "couldn't exec gosv-exec: ENOENT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newReal(t, nil)
			w.add(child("p", "exit:0", row.change))
			if i := w.rests("p"); i.ExitStatus != 127 || i.State != state.Exited {
				t.Errorf("info %+v", i)
			}
			if got, want := w.read("p.err"), "supervisor: "+row.line+"\nsupervisor: child process was not spawned\n"; got != want {
				t.Errorf("stderr = %q, want %q", got, want)
			}
		})
	}
}

// A start that finds no descriptor left fails with Supervisor's text; the next one works.
func TestTooManyOpenFiles(t *testing.T) {
	w := newReal(t, func(o *proc.Options) { o.Output = nil })
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	for name, spare := range map[string]uint64{"pipe": 1, "output": 2, "fork": 4} {
		low := limit
		low.Cur = uint64(lowestFree(t)) + spare
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		w.add(child(name, "exit:0", nil))
		w.until("it fails", func() bool { return w.info(name).State == state.Fatal })
		if got, want := w.info(name).SpawnErr, "too many open files to spawn '"+name+"'"; got != want {
			t.Errorf("spawnerr = %q, want %q", got, want)
		}
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		w.do(proc.Op{Kind: proc.Start, Group: name, Process: name, Wait: true})
		if i := w.rests(name); i.State != state.Exited {
			t.Errorf("%s: %v", name, i.State)
		}
	}
}

// lowestFree is the next descriptor that would be used.
func lowestFree(t *testing.T) int {
	fd, err := syscall.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.Close(fd)
	return fd
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

func TestStdin(t *testing.T) {
	ctx := context.Background()
	w := newReal(t, nil)
	w.add(child("cat", "", func(c *conf.Process) { c.Command.Argv = []string{"cat"} }))
	w.add(child("deaf", "", func(c *conf.Process) { c.Command.Argv = []string{"sleep", "300"} }))
	w.add(child("off", "", func(c *conf.Process) { c.Autostart = false }))
	w.add(child("closed", "", func(c *conf.Process) {
		c.Command.Argv = []string{"/bin/sh", "-c", "exec <&-; echo closed; exec sleep 300"}
	}))
	w.until("cat runs", func() bool { return w.info("cat").State == state.Running })
	w.until("deaf runs", func() bool { return w.info("deaf").State == state.Running })

	var want strings.Builder
	for i := range 2000 {
		line := fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", i%200))
		want.WriteString(line)
		w.until("cat takes it", func() bool { return w.m.Stdin(ctx, "cat", "cat", []byte(line)) == nil })
	}
	w.until("cat has written all", func() bool { return len(w.read("cat.out")) >= want.Len() })
	if got := w.read("cat.out"); got != want.String() {
		t.Errorf("cat wrote something else")
	}

	// One big piece, more than the pipe holds: in order and complete.
	big := bytes.Repeat([]byte("0123456789abcde\n"), 50_000)
	if err := w.m.Stdin(ctx, "cat", "cat", big); err != nil {
		t.Fatal(err)
	}
	w.until("cat has written the big piece", func() bool { return len(w.read("cat.out")) == want.Len()+len(big) })

	taken := 0
	var err error
	for err == nil && taken < 10<<20 {
		if err = w.m.Stdin(ctx, "deaf", "deaf", make([]byte, 32<<10)); err == nil {
			taken += 32 << 10
		}
	}
	if faultText(err) != "FAILED: deaf does not read its standard input" || taken < 1<<20 || taken > 2<<20 {
		t.Errorf("deaf took %d bytes, then %v", taken, err)
	}
	if err := w.m.Stdin(ctx, "off", "off", []byte("x")); faultText(err) != "NOT_RUNNING: off" {
		t.Errorf("stdin of one that is not running: %v", err)
	}
	if err := w.m.Stdin(ctx, "nope", "nope", []byte("x")); faultText(err) != "BAD_NAME: nope" {
		t.Errorf("stdin of nobody: %v", err)
	}
	w.until("closed has closed", func() bool { return w.info("closed").State == state.Running && w.read("closed.out") != "" })
	if err := w.m.Stdin(ctx, "closed", "closed", []byte("x")); faultText(err) != "NO_FILE: closed" {
		t.Errorf("closed stdin: %v", err)
	}
	// A goroutine still waits for deaf; it must not outlive the child.
	if got := w.do(proc.Op{Kind: proc.Stop, Wait: true}); strings.Count(got, "stopped") != 3 {
		t.Errorf("stop = %s", got)
	}
}

func TestFCGISocket(t *testing.T) {
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fcgi.sock")
			network, address := "unix", path
			if kind == "tcp" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				network, address = "tcp", l.Addr().String()
				l.Close()
			} else if l, err := net.Listen("unix", path); err != nil {
				t.Fatal(err)
			} else { // a stale file
				l.(*net.UnixListener).SetUnlinkOnClose(false)
				l.Close()
			}
			url := network + "://" + address
			w := newReal(t, nil)
			s := &conf.Socket{Name: "f", URL: url, Backlog: 5, Mode: 0o600}
			g := child("f", "accept", func(c *conf.Process) { c.Socket = s })
			second := *g.Processes[0]
			second.Name = "f2"
			g.Processes = append(g.Processes, &second)
			w.add(g)
			w.until("both run", func() bool {
				list, err := w.m.Processes(context.Background())
				return err == nil && list[0].State == state.Running && list[1].State == state.Running
			})
			seen := map[string]bool{}
			w.until("both answer", func() bool {
				c, err := net.Dial(network, address)
				if err != nil {
					t.Fatal(err)
				}
				name, _ := io.ReadAll(c)
				c.Close()
				seen[string(name)] = true
				if !seen["f2\n"] { // one may be quicker than the other: let the slow one have a chance
					w.do(proc.Op{Kind: proc.Signal, Group: "f", Process: "f", Signal: syscall.SIGSTOP})
				}
				return seen["f2\n"] || seen["f\n"]
			})
			if kind == "unix" {
				if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("socket file %v, %v", st, err)
				}
			}
			w.do(proc.Op{Kind: proc.Signal, Group: "f", Process: "f", Signal: syscall.SIGCONT})
			w.do(proc.Op{Kind: proc.Stop, Group: "f", Process: "f", Wait: true})
			if strings.Contains(w.log.String(), "Closing") {
				t.Errorf("closed while f2 uses it")
			}
			w.do(proc.Op{Kind: proc.Stop, Group: "f", Wait: true})
			w.until("the socket is closed", func() bool { return strings.Contains(w.log.String(), "Closing socket "+url) })
			if n := strings.Count(w.log.String(), "Creating socket "+url); n != 1 {
				t.Errorf("created %d times", n)
			}
			if c, err := net.Dial(network, address); err == nil {
				c.Close()
				t.Errorf("somebody still listens")
			}
		})
	}
	t.Run("cannot be made", func(t *testing.T) {
		w := newReal(t, nil)
		w.add(child("f", "accept", func(c *conf.Process) {
			c.Socket = &conf.Socket{Name: "f", URL: "unix:///nonexistent/s", Mode: conf.Unset}
		}))
		want := "cannot make the FastCGI socket unix:///nonexistent/s for 'f': bind: no such file or directory"
		if i := w.rests("f"); i.SpawnErr != want {
			t.Errorf("spawnerr = %q, want %q", i.SpawnErr, want)
		}
	})
}

// Relative commands are found from our directory, whatever the child's is.
func TestRelativeCommand(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "prog"), []byte("#!/bin/sh\npwd\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	w := newReal(t, nil)
	w.add(child("p", "", func(c *conf.Process) { c.Command.Argv, c.Directory = []string{"./prog"}, "/usr" }))
	w.rests("p")
	if got := strings.TrimSpace(w.read("p.out")); got != "/usr" {
		t.Errorf("the child says %q, want /usr\n%s", got, w.log)
	}
}

func TestManyChildren(t *testing.T) {
	const n = 500
	w := newReal(t, func(o *proc.Options) { o.Output = nil })
	var list []*conf.Process
	for i := range n {
		list = append(list, program(fmt.Sprintf("p%03d", i), func(c *conf.Process) {
			c.Command.Argv, c.Startsecs = []string{"/bin/sleep", "300"}, 0
		}))
	}
	w.add(groupOf("g", 1, list...))
	running := func() (pids map[int]bool) {
		pids = map[int]bool{}
		infos, err := w.m.Processes(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if i.State == state.Running {
				pids[i.PID] = true
			}
		}
		return pids
	}
	w.until("all run", func() bool { return len(running()) == n })
	for pid := range running() {
		if !lives(pid) {
			t.Errorf("pid %d does not live", pid)
		}
	}
	if threads := statusField(t, "Threads"); threads >= 20 {
		t.Errorf("%d threads with %d children", threads, n)
	}
	if got := strings.Count(w.do(proc.Op{Kind: proc.Stop, Group: "g", Wait: true}), " stopped"); got != n {
		t.Errorf("%d stopped, want %d", got, n)
	}
	if z := childrenOf(t, os.Getpid()); len(z) != 0 {
		t.Errorf("children left: %v", z)
	}
}

func statusField(t *testing.T, name string) int {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return -1
}

// childrenOf are the children of a process, zombies included.
func childrenOf(t *testing.T, pid int) []string {
	var all []string
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if len(tasks) == 0 {
		t.Fatal("no /proc/PID/task/*/children")
	}
	for _, f := range tasks {
		data, _ := os.ReadFile(f)
		all = append(all, strings.Fields(string(data))...)
	}
	return all
}

// Whatever happens to a launch, no descriptor stays behind.
func TestNoDescriptorLeaks(t *testing.T) {
	w := newReal(t, nil)
	commands := [][]string{{"/bin/true"}, {"/nonexistent"}, {"/etc/passwd"}, {"/bin/true"}}
	var list []*conf.Process
	for i := range 8 {
		list = append(list, program(fmt.Sprintf("p%d", i), func(c *conf.Process) {
			c.Command.Argv, c.Autostart, c.Startretries, c.Startsecs = commands[i%4], false, 0, 0
			c.Autorestart = conf.RestartNever
			if i%4 == 3 {
				c.Directory = "/nonexistent"
			}
		}))
	}
	w.add(groupOf("g", 1, list...))
	round := func() {
		w.do(proc.Op{Kind: proc.Start, Group: "g", Wait: true})
		w.until("all rest", func() bool {
			infos, err := w.m.Processes(context.Background())
			for _, i := range infos {
				if !i.State.Down() {
					return false
				}
			}
			return err == nil
		})
	}
	round()
	before := descriptors(t)
	for range 40 {
		round()
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
