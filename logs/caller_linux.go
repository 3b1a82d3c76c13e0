package logs

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// callsMax is how many pipes call at most. All of them are looked at when one does, at some 0.5 us each.
const callsMax = 64

// caller hears of writes to pipes by signal (O_ASYNC). A pipe that epoll or poll(2) has looked at once wakes them
// at each write from then on, also when nobody watches it any more (poll_usage in the kernel's fs/pipe.c), and that
// is a sixth of the time of a program that writes small lines. One that calls costs its writer nothing while it is
// asked not to, which it is as long as it is read anyway: see Pump.rest.
//
// A call only says that there is one. It is not for pipes beyond callsMax, nor where the kernel does not send it:
// those are watched.
type caller struct {
	bell  int
	heard chan os.Signal
	known chan struct{} // closed when works is
	works bool
	over  chan struct{} // closed when nobody hears any more
	rang  atomic.Bool   // and nobody has looked since

	mu    sync.Mutex // guards what follows
	fds   []int32    // that call
	fresh []int32    // of these, each once, that may have something from before
}

func newCaller(bell int) *caller {
	c := &caller{bell: bell, heard: make(chan os.Signal, 1), known: make(chan struct{}), over: make(chan struct{})}
	go c.hear()
	return c
}

func (c *caller) close() {
	<-c.known
	signal.Stop(c.heard)
	close(c.heard)
	<-c.over
}

func (c *caller) hear() {
	defer close(c.over)
	c.works = callsWork()
	signal.Notify(c.heard, unix.SIGIO)
	close(c.known)
	for range c.heard {
		if !c.rang.Swap(true) {
			toll(c.bell)
		}
	}
}

// callsWork says whether the kernel signals both a write and the end of a pipe. It has done so by the time that the
// write and the close return; the thread that asks is the one that is called, and has the signal blocked.
func callsWork() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, before := ioSignal(), unix.Sigset_t{}
	if unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before) != nil {
		return false
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	r, w, err := newPipe()
	if err != nil {
		return false
	}
	defer unix.Close(r)
	const ownerTID = 0 // F_OWNER_TID
	owner := struct{ kind, id int32 }{ownerTID, int32(unix.Gettid())}
	_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(r), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner)))
	ok := errno == 0 && calls(r, true)
	unix.Write(w, []byte{0})
	ok = ok && pending(&set)
	unix.Close(w)
	return ok && pending(&set)
}

// ioSignal is a set with SIGIO.
func ioSignal() (set unix.Sigset_t) {
	bits := 8 * int(unsafe.Sizeof(set.Val[0]))
	n := int(unix.SIGIO) - 1
	set.Val[n/bits] |= 1 << (n % bits)
	return set
}

// pending says whether a signal of set is pending. It is no more then, and nobody's handler gets it.
func pending(set *unix.Sigset_t) bool {
	var now unix.Timespec
	const size = 64 / 8 // of the kernel's set
	n, _, errno := unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(set)), 0, uintptr(unsafe.Pointer(&now)), size, 0, 0)
	return errno == 0 && n > 0
}

// callUs has the reading end fd of a pipe call this process, no other that has the same end open (a keeper).
func callUs(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETOWN, os.Getpid())
	return err == nil && calls(fd, true)
}

// calls turns the calls of fd on or off.
func calls(fd int, on bool) bool {
	flags := unix.O_NONBLOCK
	if on {
		flags |= unix.O_ASYNC
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err == nil
}

// add has fd call, and says whether it does. What is in it already is found by the next look.
func (c *caller) add(fd int) bool {
	<-c.known
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.works || len(c.fds) >= callsMax || !callUs(fd) {
		return false
	}
	c.fds = append(c.fds, int32(fd))
	c.fresh = append(c.fresh, int32(fd))
	return true
}

// del says whether fd did call.
func (c *caller) del(fd int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.fds, int32(fd))
	if i < 0 {
		return false
	}
	calls(fd, false)
	c.fds = slices.Delete(c.fds, i, i+1)
	c.fresh = slices.DeleteFunc(c.fresh, func(x int32) bool { return x == int32(fd) })
	return true
}

// more has the next look find fd, of which something was read: it calls at the next write only, and not once more
// for what came before, an end among it. A pipe that is found twice would be closed twice.
func (c *caller) more(fd int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.fresh, int32(fd)) { // add may have seen to that
		c.fresh = append(c.fresh, int32(fd))
	}
}

// look appends the pipes that may have something, or have ended.
func (c *caller) look(list []ready) []ready {
	rang := c.rang.Swap(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	due := c.fresh
	if rang {
		due = c.fds
	}
	for _, fd := range due {
		list = append(list, ready{fd, pipeWaiting(int(fd)) > 0})
	}
	c.fresh = c.fresh[:0]
	return list
}

// again has the next look find all: somebody may have looked and not have come to read.
func (c *caller) again() { c.rang.Store(true) }

// hush turns the calls of all off, and waits for those that are under way: one that comes while another program
// takes the place of this one, and has not caught the signal yet, would end it. rouse turns them on again.
func (c *caller) hush() {
	<-c.known
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fd := range c.fds {
		calls(int(fd), false)
	}
	set := ioSignal()
	pending(&set)
}

func (c *caller) rouse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fd := range c.fds {
		calls(int(fd), true)
	}
}
