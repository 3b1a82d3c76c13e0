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

func limitOfFiles() (l Limit) {
	const files = 7
	if prlimit(files, &l) != 0 {
		return Limit{}
	}
	return l
}
