package daemon

import "golang.org/x/sys/unix"

const rlimitNproc = unix.RLIMIT_NPROC

// dup makes to a copy of from. dup2 does not exist on every Linux.
func dup(from, to int) error { return unix.Dup3(from, to, 0) }
