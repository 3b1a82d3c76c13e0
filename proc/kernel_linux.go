package proc

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gosv/conf"
)

// self is our own executable, also when its file was replaced or may not be reached by path;
// where there is no /proc it is the path.
func self() string {
	const link = "/proc/self/exe"
	if _, err := os.Lstat(link); err != nil {
		if path, err := exec.LookPath(os.Args[0]); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	return link
}

// keepDescriptors keeps what we inherited from our children. Kernels before 5.11 cannot do
// it in one call; there it is done for the numbers that parents leave open in practice.
func keepDescriptors() {
	if unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) != nil {
		for fd := 3; fd < 1024; fd++ {
			syscall.CloseOnExec(fd)
		}
	}
}

// Subreaper makes orphaned descendants of our children ours, so that they are reaped here
// and not by PID 1. It is off unless called.
func (k *UnixKernel) Subreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// HearPending has a SIGCHLD heard that waits for its thread. The kernel gives it to the thread that has forked who died, or to
// another one that has time, whether it sleeps so that no signal wakes it or not: in a dead mount, in a disk that hangs. There it
// waits, and later ones are dropped. A signalfd tells of it whose ever it is, and takes it from there. Without one (a
// filter of system calls) all is as it would be. To be called once; what has come before is heard too.
func (k *UnixKernel) HearPending() {
	set := maskOf([]syscall.Signal{syscall.SIGCHLD})
	fd, err := unix.Signalfd(-1, &set, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
	if err != nil {
		return
	}
	k.pending = os.NewFile(uintptr(fd), "signalfd")
	k.tasks.Go(func() { // ends with Close
		var info [unsafe.Sizeof(unix.SignalfdSiginfo{})]byte
		for {
			if _, err := k.pending.Read(info[:]); err != nil {
				return
			}
			ring(k.died)
		}
	})
}

// Descriptors that stay open are moved up when more than few are open, so that there is a low
// number for what a child is given: a child of forkDirectly copies the table up to there. The
// kernel has 64 at once. The same is in logs (poll_linux.go), for our ends of the outputs: neither may import the other.
const (
	few     = 56
	asideAt = 256
)

// aside is fd moved out of the way of children, where that can be done and is worth it.
func aside(fd int) int {
	if fd < few || fd >= asideAt {
		return fd
	}
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, asideAt)
	if err != nil {
		return fd
	}
	unix.Close(fd)
	return moved
}

// stdinPipe makes a child's standard input: its end, and ours, which does not block.
func stdinPipe() (child *os.File, ours int, err error) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return nil, -1, err
	}
	// Opened for writing too, so that no end of file comes should the daemon be killed. That is
	// another open file, which blocks.
	if both, err := unix.Open("/proc/self/fd/"+strconv.Itoa(p[0]), unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(p[0])
		p[0] = both
	} else if err := syscall.SetNonblock(p[0], false); err != nil {
		syscall.Close(p[0])
		syscall.Close(p[1])
		return nil, -1, err
	}
	return os.NewFile(uintptr(p[0]), "stdin"), aside(p[1]), nil
}

// bothWays says whether a pipe is open for reading and writing.
func bothWays(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}

// Room has the kernel make its table of our descriptors large enough for the programs of
// these groups, beside what the caller does. Each time that the table grows, all who need a
// new descriptor wait until no processor looks at the old one any more, 5 to 15 ms: three
// times while a thousand start.
func (k *UnixKernel) Room(groups []*conf.Group) {
	n := 0
	for _, g := range groups {
		n += 2 * len(g.Processes)
	}
	var limit unix.Rlimit
	if n <= few/2 || unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur == 0 {
		return
	}
	k.tasks.Go(func() {
		if fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, int(min(uint64(asideAt+n), limit.Cur-1))); err == nil {
			unix.Close(fd)
		}
	})
}

func newSocket(family int) (int, error) {
	return syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
}
