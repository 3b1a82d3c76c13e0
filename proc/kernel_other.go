//go:build unix && !linux

package proc

import (
	"errors"
	"os"
	"syscall"

	"gosv/conf"
)

// self is our own executable, "" when it cannot be found.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// keepDescriptors keeps from our children what parents leave open in practice.
func keepDescriptors() {
	for fd := 3; fd < 1024; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// Subreaper is Linux's.
func (k *UnixKernel) Subreaper() error { return errors.ErrUnsupported }

// Room is Linux's.
func (k *UnixKernel) Room([]*conf.Group) {}

// stdinPipe makes a child's standard input: its end, and ours, which does not block.
func stdinPipe() (child *os.File, ours int, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	err = syscall.Pipe(p[:])
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, -1, err
	}
	if err := syscall.SetNonblock(p[1], true); err != nil {
		syscall.Close(p[0])
		syscall.Close(p[1])
		return nil, -1, err
	}
	return os.NewFile(uintptr(p[0]), "stdin"), p[1], nil
}

func bothWays(*os.File) bool { return false }

func newSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}

// HearPending is Linux's.
func (k *UnixKernel) HearPending() {}
