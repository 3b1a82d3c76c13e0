//go:build linux

package proc_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// ways are those of forking.
var ways = map[string]func(*proc.Options){
	"directly":      func(*proc.Options) {},
	"with ForkExec": func(o *proc.Options) { o.Kernel.(*proc.UnixKernel).Indirect() },
}

func TestWhatChildrenInherit(t *testing.T) {
	// A shell without job control starts background jobs with these ignored; a daemon catches them.
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(c)
	// What else we were born with is not ours to change: under make it was signal 32.
	signals := []string{"/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status | tr -d '\\t'"}
	born, err := exec.Command(signals[0], signals[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
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
		{"no signal ignored or blocked", "", func(c *conf.Process) { c.Command.Argv = signals }, strings.TrimSpace(string(born))},
	}
	for way, set := range ways {
		for _, row := range rows {
			t.Run(way+"/"+row.name, func(t *testing.T) {
				w := newReal(t, set)
				w.add(child("p", row.part, row.change))
				w.rests("p")
				if got := strings.TrimSpace(w.read("p.out")); got != row.want {
					t.Errorf("the child says\n%s\nwant\n%s\n%s", got, row.want, w.read("p.err"))
				}
				if way == "directly" && !w.k.Direct() {
					t.Skip("NOT TESTED: children can be made with ForkExec alone here")
				}
			})
		}
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	nobody := conf.User{Set: true, Text: "nobody", Name: "nobody", UID: 65534, GID: 65534, More: []int{65534, 7, 20}}
	for way, set := range ways {
		for name, umask := range map[string]conf.Mode{"as it is": conf.Unset, "through the shim": 0o22} {
			t.Run(way+"/"+name, func(t *testing.T) {
				w := newReal(t, set)
				w.add(child("p", "tell:ids", func(c *conf.Process) { c.User, c.Umask = nobody, umask }))
				w.rests("p")
				if got, want := strings.TrimSpace(w.read("p.out")), "65534 65534 [7 20 65534]"; got != want {
					t.Errorf("the child is %s, want %s\n%s", got, want, w.log)
				}
			})
		}
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
	for way, set := range ways {
		for _, row := range rows {
			t.Run(way+"/"+row.name, func(t *testing.T) {
				w := newReal(t, set)
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
