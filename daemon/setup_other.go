//go:build !linux

package daemon

import "golang.org/x/sys/unix"

const rlimitNproc = unix.RLIMIT_NPROC

// dup makes to a copy of from.
func dup(from, to int) error { return unix.Dup2(from, to) }
