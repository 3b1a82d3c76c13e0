//go:build linux && (amd64 || arm64)

package vfork

import "unsafe"

// Known says whether there is a Start for this machine.
const Known = true

// start is clone3(2), and in the child the calls. Since it has no body here, all that it is
// given lies on the heap and stays where it is.
func start(args *cloneArgs, size uintptr, calls *Call, keep unsafe.Pointer) (pid, errno uintptr)

// prlimit is prlimit64(2) of this process, to read.
func prlimit(resource uintptr, limit *Limit) (errno uintptr)

// grow has the stack of its goroutine grow to 32 KiB. A start needs nearly that, and when it gets
// there by doubling, the stack is copied four times, each time from a pool whose pages are all touched.
func grow()

// Grow does that for another goroutine that does what a start does.
func Grow() { grow() }

func limitOfFiles() (l Limit) {
	grow() // here, since nothing is initialized sooner
	const files = 7
	if prlimit(files, &l) != 0 {
		return Limit{}
	}
	return l
}
