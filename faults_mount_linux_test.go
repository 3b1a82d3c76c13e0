package main

import (
	"fmt"
	"os"
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
