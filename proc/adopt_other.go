//go:build unix && !linux

package proc

import "syscall"

// foreigners are Linux's: elsewhere no process can be told from a later one with its pid.
type foreigners struct{}

// Adopt is Linux's.
func (k *UnixKernel) Adopt(int, uint64) error { return syscall.ENOSYS }

// Told is Linux's.
func (k *UnixKernel) Told(int, syscall.WaitStatus) bool { return false }

func (f *foreigners) reap() (int, syscall.WaitStatus, bool)          { return 0, 0, false }
func (f *foreigners) signal(int, syscall.Signal, bool) (error, bool) { return nil, false }
func (f *foreigners) close()                                         {}

func openOf(int, int, uint64, int) (int, error) { return -1, nil }

func hasPipe(int, int, uint64) bool { return false }

func holders() (map[uint64][]holding, error) { return nil, nil }

func socketOf(int) int { return -1 }

func leads(int) bool { return false }

func endStranger(int, uint64) error { return syscall.ENOSYS }

// Inherit is Linux's.
func (k *UnixKernel) Inherit(map[uint64]int, map[int]syscall.WaitStatus) {}

// Pipe is Linux's.
func (k *UnixKernel) Pipe(uint64) int { return -1 }

// Fate is Linux's.
func (k *UnixKernel) Fate(int) syscall.WaitStatus { return unknownStatus }

// Disinherit is Linux's.
func (k *UnixKernel) Disinherit(func(uint64), func(int)) {}

func crowded() bool { return false }
