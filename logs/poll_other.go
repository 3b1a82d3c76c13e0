//go:build unix && !linux

package logs

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ready is one descriptor that has something to say.
type ready struct {
	fd   int32
	data bool // there are bytes, not only the end
}

// poller waits for many pipes at once with poll(2), and a pipe of its own that wakes it:
// slower than epoll with many programs, but the same loop.
type poller struct {
	bell [2]int

	mu  sync.Mutex // guards fds
	fds map[int32]bool
}

func newPoller() (*poller, error) {
	r, w, err := newPipe()
	if err != nil {
		return nil, err
	}
	unix.SetNonblock(w, true)
	return &poller{bell: [2]int{r, w}, fds: map[int32]bool{}}, nil
}

func (l *poller) close() {
	unix.Close(l.bell[0])
	unix.Close(l.bell[1])
}

func (l *poller) add(fd int, quiet bool) (calls bool, err error) {
	l.mu.Lock()
	l.fds[int32(fd)] = true
	l.mu.Unlock()
	l.wake()
	return false, nil
}

// Nothing calls here: see Linux's.
func (l *poller) more(int)          {}
func (l *poller) again()            {}
func (l *poller) hush()             {}
func (l *poller) rouse()            {}
func (l *poller) instead(int) error { return nil }

func (l *poller) del(fd int) {
	l.mu.Lock()
	delete(l.fds, int32(fd))
	l.mu.Unlock()
}

// wake ends a wait of another goroutine.
func (l *poller) wake() { unix.Write(l.bell[1], []byte{1}) }

// wait appends what is ready to list; a negative timeout waits for ever.
func (l *poller) wait(list []ready, timeout time.Duration) []ready {
	ms := -1
	if timeout >= 0 {
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	l.mu.Lock()
	set := make([]unix.PollFd, 1, len(l.fds)+1)
	set[0] = unix.PollFd{Fd: int32(l.bell[0]), Events: unix.POLLIN}
	for fd := range l.fds {
		set = append(set, unix.PollFd{Fd: fd, Events: unix.POLLIN})
	}
	l.mu.Unlock()
	if _, err := unix.Poll(set, ms); err != nil {
		return list
	}
	if set[0].Revents != 0 {
		var b [64]byte
		unix.Read(l.bell[0], b[:])
	}
	for _, p := range set[1:] {
		if p.Revents != 0 {
			list = append(list, ready{p.Fd, p.Revents&unix.POLLIN != 0})
		}
	}
	return list
}

// newPipe makes a pipe that no child inherits by accident. The read end does not block;
// the write end does, as programs expect of their standard output.
func newPipe() (r, w int, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p[:]); err != nil {
		return -1, -1, os.NewSyscallError("pipe", err)
	}
	unix.CloseOnExec(p[0])
	unix.CloseOnExec(p[1])
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, -1, os.NewSyscallError("fcntl", err)
	}
	return p[0], p[1], nil
}

// resize exists on Linux only.
func resize(fd, n int) (int, bool) { return 0, false }

// pipeWaiting is how many bytes may be in a pipe: at most what it holds.
func pipeWaiting(fd int) int { return pipeSize }

// pause waits a little. What poll(2) can do is longer than gatherFor.
func pause() { unix.Poll(nil, 1) }

// lasting is Linux's.
func lasting(w int) int { return w }

// aside is Linux's.
func aside(fd int) int { return fd }

// sizeOf is Linux's.
func sizeOf(int) int { return 0 }
