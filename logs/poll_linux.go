package logs

import (
	"encoding/binary"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ready is one descriptor that has something to say.
type ready struct {
	fd   int32
	data bool // there are bytes, not only the end
}

// poller waits for many pipes at once: epoll, and an eventfd that wakes it. A goroutine
// per pipe would cost 8 KiB each, and the Go poller a second system call per wake-up.
type poller struct {
	ep, bell int
	outer    *os.File // an epoll that Go's poller watches; ep is in it during long waits
	raw      syscall.RawConn
	caller   *caller
	took     time.Duration // the last wait that had no end
	events   [128]unix.EpollEvent
}

func newPoller() (*poller, error) {
	l := &poller{ep: -1, bell: -1}
	if err := l.open(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *poller) open() (err error) {
	if l.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	outer, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	unix.SetNonblock(outer, true) // what Go's poller is for
	l.outer = os.NewFile(uintptr(outer), "epoll")
	if l.raw, err = l.outer.SyscallConn(); err != nil {
		return err
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	l.caller = newCaller(l.bell)
	return l.watch(l.bell)
}

func (l *poller) close() {
	if l.caller != nil {
		l.caller.close()
	}
	l.outer.Close()
	unix.Close(l.ep)
	unix.Close(l.bell)
}

// add begins to wait for fd; quiet: by calls, where that can be done, and calls says that it is.
func (l *poller) add(fd int, quiet bool) (calls bool, err error) {
	if quiet && l.caller.add(fd) {
		return true, nil
	}
	return false, l.watch(fd)
}

// instead has fd, which calls, be watched.
func (l *poller) instead(fd int) error {
	err := l.watch(fd)
	if err == nil {
		l.caller.del(fd)
	}
	return err
}

func (l *poller) watch(fd int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &e))
}

// del also comes before every close: a child between fork and exec still shares the pipe,
// and would keep the entry alive.
func (l *poller) del(fd int) {
	if !l.caller.del(fd) {
		unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// more has the next wait find fd, which calls and of which something was read.
func (l *poller) more(fd int) { l.caller.more(fd) }

// again has the next wait find what an earlier one has found, and what may not have been dealt with.
func (l *poller) again() { l.caller.again() }

// hush and rouse are around a time in which nobody waits.
func (l *poller) hush()  { l.caller.hush() }
func (l *poller) rouse() { l.caller.rouse() }

// wake ends a wait of another goroutine.
func (l *poller) wake() { toll(l.bell) }

func toll(bell int) {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(bell, one[:])
}

const (
	// brisk is how soon output comes after the last where the loop had better wait by itself: handing the wait to
	// Go's poller costs it three system calls.
	brisk = time.Millisecond
	// lull is how long it does, for Go's scheduler looks every 20 us whether a system call that takes so long
	// should lose its place, and after 10 ms takes it away: a millisecond of CPU for a line now and then.
	lull = 2 * time.Millisecond
)

// wait appends what is ready to list; a negative timeout waits for ever.
func (l *poller) wait(list []ready, timeout time.Duration) []ready {
	list = l.caller.look(list)
	called := len(list) > 0
	if called {
		timeout = 0
	}
	began := time.Now()
	ever := timeout < 0
	if ever {
		timeout = 0
		if l.took < brisk {
			timeout = lull
		}
	}
	n, err := unix.EpollWait(l.ep, l.events[:], int((timeout+time.Millisecond-1)/time.Millisecond))
	if err == nil && n == 0 && ever {
		n, err = l.park()
	}
	if ever {
		l.took = time.Since(began)
	}
	if err != nil { // EINTR: the caller comes again
		return list
	}
	for _, e := range l.events[:n] {
		if int(e.Fd) == l.bell {
			var b [8]byte
			unix.Read(l.bell, b[:])
			if !called {
				list = l.caller.look(list)
			}
			continue
		}
		list = append(list, ready{e.Fd, e.Events&unix.EPOLLIN != 0})
	}
	return list
}

// park is a long wait, in Go's poller: it takes no thread, and what interrupts a system call
// (whoever traces it) does not set Go's scheduler going. Only then is ep in outer; else each
// piece of output would wake that poller too.
func (l *poller) park() (n int, err error) {
	e := unix.EpollEvent{Events: unix.EPOLLIN}
	raised := l.raw.Control(func(outer uintptr) { err = unix.EpollCtl(int(outer), unix.EPOLL_CTL_ADD, l.ep, &e) })
	if raised == nil && err == nil {
		raised = l.raw.Read(func(uintptr) bool {
			n, err = unix.EpollWait(l.ep, l.events[:], 0)
			return n != 0
		})
		l.raw.Control(func(outer uintptr) { unix.EpollCtl(int(outer), unix.EPOLL_CTL_DEL, l.ep, nil) })
	}
	if raised != nil || err != nil {
		return unix.EpollWait(l.ep, l.events[:], -1)
	}
	return n, nil
}

// newPipe makes a pipe that no child inherits by accident. The read end does not block;
// the write end does, as programs expect of their standard output.
func newPipe() (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, os.NewSyscallError("pipe2", err)
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, -1, os.NewSyscallError("fcntl", err)
	}
	return p[0], p[1], nil
}

// Descriptors that stay open are moved up when more than few are open, so that there is a low number
// for what a child is given: one that is made by package vfork of proc copies no more of the table
// than up to there. The same is in proc (kernel_linux.go): neither may import the other.
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

// lasting is w, the write end of a pipe, opened for reading too: whoever has it keeps the
// pipe alive. A program that writes while no daemon lives is not killed by SIGPIPE then;
// it fills the pipe, and waits for the next daemon. The end still comes when the last
// program is gone, since the daemon has a reading end only. Without /proc it is w itself.
func lasting(w int) int {
	both, err := unix.Open("/proc/self/fd/"+strconv.Itoa(w), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return w
	}
	unix.Close(w)
	return both
}

// resize asks for a pipe of n bytes and returns what it is now. The kernel refuses when
// the user's quota for pipes is used up, and when more than n bytes are waiting.
func resize(fd, n int) (int, bool) {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, n)
	return got, err == nil
}

// pipeWaiting is how many bytes are in a pipe.
func pipeWaiting(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// pause waits for gatherFor. It is no timer: thousands of them a second would cost what
// the pause saves.
func pause() {
	t := unix.NsecToTimespec(int64(gatherFor))
	unix.Nanosleep(&t, nil)
}

// sizeOf is what fits into a pipe, 0 if nobody knows.
func sizeOf(fd int) int {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return 0
	}
	return n
}
