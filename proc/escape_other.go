//go:build unix && !linux

package proc

import "syscall"

// cages are Linux's.
type cages struct{}

func (c *cages) open(string) int { return -1 }
func (c *cages) close()          {}

// forkInto is syscall.ForkExec: there are no control groups.
func (k *UnixKernel) forkInto(_ int, path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	return syscall.ForkExec(path, argv, attr)
}

// Sweep is Linux's.
func (k *UnixKernel) Sweep(string, [3]uint64) int { return 0 }
