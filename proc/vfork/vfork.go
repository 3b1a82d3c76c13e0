// Package vfork starts a child that carries out a list of system calls, the last of which
// executes its program. It is for what syscall.ForkExec cannot do: to fork without a copy of
// the table of descriptors. A child of ForkExec copies the whole table and closes it at its
// exec, which is most of the time of a start when a thousand programs run. Here it shares the
// table until close_range(2) gives it one of its own with nothing but the first few numbers.
//
// Nothing that is imported here may import syscall: see Files.
package vfork

import "unsafe"

// Call is a system call of the child.
type Call struct {
	Number uintptr
	Args   [6]uintptr // pointers to what keep has
	Errno  uintptr    // why it failed, else 0; the calls behind one that failed are not made
}

// Limit is the kernel's struct rlimit64.
type Limit struct{ Soft, Hard uint64 }

// Files is the limit of open descriptors that this process was started with; zero where that
// is not known. Package syscall raises it when it is initialized and tells nobody. This
// package is initialized before: it imports nothing, and its path comes first in the order
// of the alphabet, which is the order that the language prescribes. TestFiles holds it.
var Files = limitOfFiles()

// cloneArgs is the kernel's struct clone_args, as of its first version.
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls uint64
}

const (
	cloneVM           = 0x100
	cloneFiles        = 0x400
	cloneVfork        = 0x4000
	cloneClearSighand = 0x100000000
	sigchld           = 17
)

// Start makes a child and has it carry out the calls. It returns when the child has executed
// its program or has ended because a call failed, whose Errno tells why; such a child is to be
// waited for. errno says that there is no child. All memory that the calls point to must be
// in keep or reached from there. The thread must have all signals blocked, and the child has
// them so: no handler may run in the child before its exec, since it has our memory.
func Start(calls []Call, keep unsafe.Pointer) (pid int, errno uintptr) {
	args := &cloneArgs{flags: cloneVM | cloneVfork | cloneFiles | cloneClearSighand, exitSignal: sigchld}
	p, errno := start(args, unsafe.Sizeof(*args), &calls[0], keep)
	return int(p), errno
}
