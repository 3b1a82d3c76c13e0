//go:build unix && !linux

package proc

import (
	"errors"
	"syscall"
)

// There are no real-time signals worth passing on.
const (
	firstRealtime = 0
	lastSignal    = syscall.Signal(31)
)

func becomeSubreaper() error { return errors.ErrUnsupported }

func isSubreaper() bool { return false }

func setParentDeath(syscall.Signal) error { return errors.ErrUnsupported }

func diesWith(*syscall.SysProcAttr, syscall.Signal) {}

// shrink is Linux's.
func shrink() {}
