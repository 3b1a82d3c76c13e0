//go:build unix && !linux

package proc

import "syscall"

// foreigners are Linux's: elsewhere no process can be told from a later one with its pid.
type foreigners struct{}

// Adopt is Linux's.
func (k *UnixKernel) Adopt(int, uint64) error { return syscall.ENOSYS }

func (f *foreigners) reap() (int, syscall.WaitStatus, bool)          { return 0, 0, false }
func (f *foreigners) signal(int, syscall.Signal, bool) (error, bool) { return nil, false }
func (f *foreigners) close()                                         {}

func openOf(int, int, uint64, int) (int, error) { return -1, nil }

func holders() map[uint64][]holding { return nil }

func socketOf(int) int { return -1 }

func leads(int) bool { return false }

func endStranger(int, uint64) {}
