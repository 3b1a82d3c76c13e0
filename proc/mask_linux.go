package proc

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unmask lets signals through in this thread, for the child that it forks until the
// function returned is called.
func unmask(list []syscall.Signal) (done func()) {
	if len(list) == 0 {
		return func() {}
	}
	runtime.LockOSThread()
	set := maskOf(list)
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	return func() {
		unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
		runtime.UnlockOSThread()
	}
}

// BlockSignals blocks signals in the caller's thread, and keeps that for him until undo. A thread that executes
// another program hands its mask on, and so what comes before that catches signals waits for it. masked are those
// that were not blocked already.
func BlockSignals(list []syscall.Signal) (masked []syscall.Signal, undo func()) {
	runtime.LockOSThread()
	set := maskOf(list)
	var old unix.Sigset_t
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old)
	for _, s := range list {
		if one := maskOf([]syscall.Signal{s}); old.Val[0]&one.Val[0] == 0 {
			masked = append(masked, s)
		}
	}
	return masked, func() {
		unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
		runtime.UnlockOSThread()
	}
}

func maskOf(list []syscall.Signal) (set unix.Sigset_t) {
	bits := 8 * int(unsafe.Sizeof(set.Val[0]))
	for _, s := range list {
		n := int(s) - 1
		set.Val[n/bits] |= 1 << (n % bits)
	}
	return set
}
