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

func maskOf(list []syscall.Signal) (set unix.Sigset_t) {
	bits := 8 * int(unsafe.Sizeof(set.Val[0]))
	for _, s := range list {
		n := int(s) - 1
		set.Val[n/bits] |= 1 << (n % bits)
	}
	return set
}
