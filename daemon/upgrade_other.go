//go:build unix && !linux

package daemon

import (
	"errors"
	"os"
	"syscall"
)

// Upgrades in place are Linux's.

func writeState(*kept) (*os.File, error) { return nil, errors.New("upgrades need Linux") }
func describe(int) (keptFD, error)       { return keptFD{}, errors.ErrUnsupported }
func (k *kept) check() error             { return errors.ErrUnsupported }
func closeOnExec([]int, bool) error      { return errors.ErrUnsupported }
func changedAt(*syscall.Stat_t) int64    { return 0 }
