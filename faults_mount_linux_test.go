package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A program's directory is on a network mount that is dead: that program waits for it, and nothing
// else does: gosv is up, the others start, requests are answered, memory is collected. When the
// mount answers again, even with an error, the program goes on.
func TestFaultDeadMount(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	for _, escaped := range []bool{false, true} { // two ways of forking
		t.Run(fmt.Sprintf("kill_escaped=%v", escaped), func(t *testing.T) {
			t.Parallel()
			b := newBox(t, "", fmt.Sprintf(`
[program:far]
command = sleep 1000
directory = %%(here)s/mount
startretries = 0
kill_escaped = %v
[program:further]
process_name = further%%(process_num)d
numprocs = 3
command = sleep 1000
directory = %%(here)s/mount
autorestart = false
[program:near]
command = sleep 1000
startsecs = 0
priority = 1000
`, escaped))
			revive := deadMount(t, b.path("mount"))
			b.start()
			b.logged(1, "WARN", "its disk hangs")
			b.reaches("near", "RUNNING")
			if s := b.one("far").State; s != "STARTING" {
				t.Errorf("far is %s", s)
			}
			for range 5 {
				b.do("restart", named{Name: "near"})
			}
			for range 2000 { // enough for the collector to come by
				b.status()
			}
			revive()
			b.reaches("far", "FATAL")
			b.stop()
		})
	}
}

// The end of everything does not wait for a program whose directory is on such a mount.
func TestFaultDeadMountShutdown(t *testing.T) {
	t.Parallel()
	b := farAndNear(t, "")
	if s := b.one("far").State; s != "STARTING" {
		t.Errorf("far is %s", s)
	}
	b.stop()
	for _, line := range []string{"stopped: far (not spawned)", "stopped: near (terminated by SIGTERM)", "not waiting for launches that hang: 1"} {
		if b.count(line) != 1 {
			t.Errorf("the log does not say %q:\n%s", line, b.tail("d.log"))
		}
	}
}

// The first thread, which the kernel gives a signal first, hangs in no such mount: the signal would wait there with it.
func TestFaultDeadMountSignals(t *testing.T) {
	t.Parallel()
	for i := range 3 { // which thread a launch gets is chance
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			firstWaits(t)
		})
	}
}

func firstWaits(t *testing.T) {
	b := farAndNear(t, "process_name = far%(process_num)d\nnumprocs = 8")
	pid := b.pid()
	// about is what the kernel says of a thread, nothing of one that has ended.
	about := func(thread int, word string) string {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, thread))
		_, rest, _ := strings.Cut(string(text), "\n"+word+":\t")
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	b.until("launches hang", func() bool {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(threads, func(e os.DirEntry) bool {
			thread, _ := strconv.Atoi(e.Name())
			return strings.HasPrefix(about(thread, "State"), "D")
		})
	})
	b.until("the first thread waits for signals", func() bool { return strings.HasPrefix(about(pid, "State"), "S") })
	// Nor is it one that merely had no such launch: what else there is to do is done by others too.
	before := about(pid, "voluntary_ctxt_switches")
	for range 200 {
		b.status()
	}
	if now := about(pid, "voluntary_ctxt_switches"); before == "" || now != before {
		t.Errorf("the first thread does not only wait: it had slept %s times, and then %s", before, now)
	}
	b.stop()
}

// threadState is what a thread does: "D" if it hangs in a disk.
func threadState(t *testing.T, pid, thread int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, thread))
	_, rest, ok := strings.Cut(string(text), ") ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", text, err)
	}
	return rest[:1]
}

// Who reads a log on such a mount hangs in a thread that may have forked programs: that they have died is heard all the same,
// also of those that have no pipe whose end would tell. No launch hangs meanwhile.
func TestFaultDeadMountRead(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	b := newBox(t, "", `
[program:far]
command = sleep 1000
autostart = false
stdout_logfile = %(here)s/mount/far.log
[program:near]
process_name = near%(process_num)d
numprocs = 4
command = sleep 1000
startsecs = 0
autorestart = false
redirect_stderr = true
stdout_logfile = %(here)s/near%(process_num)d.log
stdout_logfile_maxbytes = 0
stdout_logfile_direct = true
`)
	if err := os.Mkdir(b.path("mount"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.all("RUNNING", "near0", "near1", "near2", "near3")
	near := b.status()
	if err := os.Remove(b.path("mount")); err != nil {
		t.Fatal(err)
	}
	revive := deadMount(t, b.path("mount"))
	tasks := fmt.Sprintf("/proc/%d/task/", b.pid())
	asked := 0
	b.until("all threads that have forked hang", func() bool {
		threads, err := os.ReadDir(tasks)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range threads {
			children, err := os.ReadFile(tasks + e.Name() + "/children")
			if err != nil {
				t.Skip(err)
			}
			if thread, _ := strconv.Atoi(e.Name()); len(children) > 0 && threadState(t, b.pid(), thread) != "D" {
				if asked++; asked <= 64 {
					go b.ask("tail", map[string]any{"name": "far", "stream": "stdout", "bytes": 1}) // ends when the mount is revived
				}
				return false
			}
		}
		return true
	})
	for _, p := range near {
		if p.Pid != 0 {
			syscall.Kill(p.Pid, syscall.SIGKILL)
			b.logged(1, "exited: "+p.Name+" (terminated by SIGKILL")
		}
	}
	revive()
	b.stop()
}

// farAndNear runs a program on a mount that does not answer, with these options beside, and one elsewhere.
func farAndNear(t *testing.T, options string) *box {
	needsRoot(t)
	b := newBox(t, "", `
[program:far]
`+options+`
command = sleep 1000
directory = %(here)s/mount
[program:near]
command = sleep 1000
startsecs = 0
`)
	deadMount(t, b.path("mount"))
	b.start()
	b.reaches("near", "RUNNING")
	return b
}

// deadMount mounts something on dir that never answers, until it is revived: then it refuses all.
func deadMount(t *testing.T, dir string) (revive func()) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no /dev/fuse here: ", err)
	}
	if err := unix.Mount("dead", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)); err != nil {
		unix.Close(fd)
		t.Skip("cannot mount with /dev/fuse: ", err)
	}
	open := true
	revive = func() {
		if open {
			open = false
			unix.Close(fd)
		}
	}
	t.Cleanup(func() {
		revive()
		unix.Unmount(dir, unix.MNT_DETACH)
	})
	return revive
}
