//go:build linux && (amd64 || arm64)

package proc

import (
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"
)

// Three signals never reach os/signal as they were sent: the runtime swallows SIGPROF,
// sends itself SIGURG to preempt goroutines, and leaves SIGRTMIN alone. An Init passes them
// on all the same, by a handler of its own that writes the siginfo to a pipe.
//
// It needs the assembly: tini and dumb-init pass these on, so their users may count on it
// (SIGPROF makes some programs dump their profile, SIGURG comes from engines that proxy
// every signal), and there is no other way without a C compiler. A signalfd gets nothing
// that a thread can take, and the runtime unblocks SIGPROF in every thread it makes; to
// leave SIGPROF to os/signal is what the runtime refuses. TestInitPassesEverySignal holds it.

// trapHandlerPC is the address of the handler. It is constant.
var trapHandlerPC uintptr

// trapPipe is where the handler writes. It is the one variable of the package, because a
// signal handler, of which a process has one, has nowhere else to look.
var trapPipe int32

// trapsSignal says whether trapSignals delivers sig.
func trapsSignal(sig syscall.Signal) bool {
	return sig == syscall.SIGURG || sig == syscall.SIGPROF || sig == firstRealtime
}

// trapSignals takes these signals from the runtime, for good; goroutines are preempted no
// more, which in an Init none needs.
func trapSignals() (<-chan syscall.Signal, error) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return nil, err
	}
	trapPipe = int32(p[1])
	// The action of any signal that the runtime handles: flags, restorer and mask fit.
	var action [32]byte
	if err := sigaction(syscall.SIGUSR1, nil, &action); err != nil {
		return nil, err
	}
	binary.NativeEndian.PutUint64(action[:], uint64(trapHandlerPC))
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if trapsSignal(sig) {
			if err := sigaction(sig, &action, nil); err != nil {
				return nil, err
			}
		}
	}
	c := make(chan syscall.Signal)
	go readTraps(os.NewFile(uintptr(p[0]), "signals"), c) // until the process ends
	return c, nil
}

// readTraps passes on what the handler has written, but for the runtime's own SIGURG.
func readTraps(pipe *os.File, c chan<- syscall.Signal) {
	const sentToThread = -6 // SI_TKILL
	var info [128]byte
	for {
		if n, err := pipe.Read(info[:]); err != nil || n != len(info) {
			return
		}
		sig := syscall.Signal(binary.NativeEndian.Uint32(info[0:]))
		code := int32(binary.NativeEndian.Uint32(info[8:]))
		pid := int(binary.NativeEndian.Uint32(info[16:]))
		if sig == syscall.SIGURG && code == sentToThread && pid == os.Getpid() {
			continue
		}
		c <- sig
	}
}

// sigaction is the system call; the 32 bytes are the kernel's struct: handler, flags,
// restorer, mask.
func sigaction(sig syscall.Signal, set, get *[32]byte) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
