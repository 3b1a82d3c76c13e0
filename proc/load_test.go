//go:build linux

package proc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// A start that finds no descriptor left fails with Supervisor's text; the next one works.
func TestTooManyOpenFiles(t *testing.T) {
	w := newReal(t, func(o *proc.Options) {
		o.Output = nil
		ways["with ForkExec"](o) // the other one takes no descriptors for a fork
	})
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
