package proc

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cages are the control groups (version 2) of programs with kill_escaped: whatever they fork
// is in there with them. They are below our own group, where that may be written to.
type cages struct {
	mu   sync.Mutex // guards what follows
	made map[string]bool
}

// cage is the directory of a mark's group; "" if there is no place for one, or none that could
// be seen. All of one daemon are below a directory of its own.
func cage(mark string) (dir string, err error) {
	base, err := ownCgroup()
	daemon, name, ok := strings.Cut(mark, ".")
	if base == "" || !ok {
		return "", err
	}
	return filepath.Join(base, "gosv-"+daemon, fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:24]), nil
}

// ownCgroup is the directory of the control group that we are in, "" if there is none of
// version 2 to be seen.
func ownCgroup() (dir string, err error) {
	own := ""
	text, err := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			own = path
		}
	}
	mounts, unseen := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.Contains(line, " - cgroup2 ") {
			continue
		}
		if root, at := f[3], f[4]; own != "" {
			if rel, ok := strings.CutPrefix(own, strings.TrimSuffix(root, "/")); ok {
				return filepath.Join(at, rel), nil
			}
		}
	}
	return "", errors.Join(err, unseen)
}

// open makes the group of a mark and opens it; -1: there is none, and the mark has to do.
func (c *cages) open(mark string) int {
	if mark == "" {
		return -1
	}
	dir, _ := cage(mark)
	if dir == "" {
		return -1
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return -1
	}
	c.remember(dir)
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// remember has the directory that dir is in removed at the end.
func (c *cages) remember(dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = map[string]bool{}
	}
	c.made[filepath.Dir(dir)] = true
}

func (c *cages) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for dir := range c.made {
		os.Remove(dir) // where a program lives on it stays
	}
}

// forkInto is syscall.ForkExec with the child in a control group from its first moment on,
// where that can be had.
func (k *UnixKernel) forkInto(cage int, path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	if cage >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, cage
		pid, err := syscall.ForkExec(path, argv, attr)
		if err == nil || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOEXEC) {
			return pid, err
		}
		attr.Sys.UseCgroupFD = false
	}
	if pid, err, ok := k.forkDirectly(path, argv, attr); ok {
		return pid, err
	}
	return syscall.ForkExec(path, argv, attr)
}

// sweepMax bounds a Sweep: a process that hangs in the kernel is left.
const sweepMax = 10 * time.Second

// Sweep kills all that carries the mark: the processes of its control group, those that have
// the mark in their environment, those that have one of the pipes. New ones may be forked
// meanwhile; so it looks again until there is none. One that was forked after the list was made,
// by one that ended before it was looked at, is seen by no look: the control group knows of it,
// and where there is none it looks twice. One that is seen has often forked already when it is killed; so the group
// is killed as a whole first. It returns how many it has seen; one that was forked in
// the very moment is killed and not counted.
func (k *UnixKernel) Sweep(mark string, pipes [3]uint64) int {
	seen := map[int]bool{}
	dir := ""
	want := []byte(escapeEnv + "=" + mark + "\x00")
	blind := false // in this look there was something that could not be looked at
	seeing := func(yes bool, err error) bool {
		blind = blind || scarce(err)
		return yes
	}
	is := func(pid int) bool {
		return seeing(marked(pid, want)) || holds(pid, pipes) || seeing(caged(pid, dir))
	}
	clean := 0
	for end := time.Now().Add(sweepMax); time.Now().Before(end); {
		blind = false
		if dir == "" {
			found, err := cage(mark)
			dir, blind = found, scarce(err)
		}
		if seeing(populated(dir)) {
			killCage(dir, seen)
		}
		var dying []unix.PollFd
		list, err := processes()
		blind = blind || scarce(err)
		for _, pid := range list {
			if pid == os.Getpid() || !is(pid) {
				continue
			}
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				blind = blind || scarce(err)
				continue
			}
			if !is(pid) || unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) != nil { // another one has its pid
				unix.Close(fd)
				continue
			}
			seen[pid] = true
			dying = append(dying, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		if len(dying) == 0 && blind {
			clean = 0
			unix.Poll(nil, 10)
			continue
		}
		if len(dying) == 0 {
			clean++
			some, err := populated(dir)
			if err == nil && !some || err != nil && !scarce(err) && clean >= 2 {
				break
			}
			unix.Poll(nil, 1)
			continue
		}
		clean = 0
		for i := range dying {
			unix.Poll(dying[i:i+1], int(max(0, time.Until(end)/time.Millisecond)))
			unix.Close(int(dying[i].Fd))
		}
	}
	if dir != "" {
		os.Remove(dir)
		k.cages.remember(dir)
	}
	return len(seen)
}

// killCage kills all that are in the control group dir at once, what is being forked included; kernels before 5.14 cannot.
func killCage(dir string, seen map[int]bool) {
	there, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) != nil {
		return
	}
	for pid := range strings.FieldsSeq(string(there)) {
		n, _ := strconv.Atoi(pid)
		seen[n] = true
	}
}

// populated says whether a process lives in the control group dir, or in one below it.
func populated(dir string) (some bool, err error) {
	if dir == "" {
		return false, os.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	return bytes.Contains(text, []byte("populated 1")), err
}

// processes are the pids of all.
func processes() ([]int, error) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var list []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			list = append(list, pid)
		}
	}
	return list, nil
}

// marked says whether a process that lives has a variable in the environment that it was
// executed with.
func marked(pid int, want []byte) (bool, error) {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return bytes.HasPrefix(env, want) || bytes.Contains(env, append([]byte{0}, want...)), err
}

// holds says whether one of the pipes is a descriptor 0, 1 or 2 of a process.
func holds(pid int, pipes [3]uint64) bool {
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Stat("/proc/"+strconv.Itoa(pid)+"/fd/"+strconv.Itoa(fd), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
			continue
		}
		for _, ino := range pipes {
			if ino != 0 && st.Ino == ino {
				return true
			}
		}
	}
	return false
}

// caged says whether a process that lives is in the group dir.
func caged(pid int, dir string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return false, err
	}
	if _, err := startTime(pid); err == unix.ESRCH {
		return false, nil
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return strings.HasSuffix(path, "/"+filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir)) ||
				strings.Contains(path, "/"+filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir)+"/"), nil
		}
	}
	return false, nil
}
