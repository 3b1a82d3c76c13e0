//go:build unix && !linux

package proc

import "syscall"

// unmask is Linux's, where there are upgrades.
func unmask([]syscall.Signal) (done func()) { return func() {} }

// BlockSignals is Linux's too.
func BlockSignals([]syscall.Signal) (masked []syscall.Signal, undo func()) { return nil, func() {} }
