package proc

import (
	"syscall"

	"gosv/conf"
)

// parkFrom is the number of a descriptor from which on there are so many that our end of a
// program's standard input is not kept: there is a limit of them, and where the kernel copies
// and closes them at each fork, each one makes it slower. The program has both ends of
// its pipe, so nothing ends, and ours is opened again, through /proc, when something is to be
// written. Programs that are few keep it: a program may close its end and leave it to a child,
// or forbid others to look into it.
const parkFrom = 768

// park closes our end of the standard input of a child that has just executed its program,
// where that is worth it and where it can be opened again, and returns what is kept: ours, or -1.
func (s *Spec) park(c *conf.Process, pid, ours int, inode uint64) int {
	// A child of the exec shim may still change its user, and an event listener is written to all the time.
	if ours < parkFrom || c.Kind == conf.EventListener || s.Umask != conf.Unset {
		return ours
	}
	// What of a pipe we could open here, we can open there, where we may look at all.
	if !bothWays(s.Stdin) || !hasPipe(pid, 0, inode) {
		return ours
	}
	closeFD(ours)
	return -1
}

// unpark opens our end again. It is still closed when the program has closed its own.
func (p *process) unpark() error {
	t := &p.trace
	if p.socket != nil || t.Pipes[0] == 0 {
		return nil
	}
	if t.Foreign {
		if there, err := lives(p.pid, t.Born); err == nil && !there {
			return nil
		}
	}
	fd, err := openOf(p.pid, 0, t.Pipes[0], syscall.O_WRONLY)
	if fd >= 0 {
		p.stdin.fd = fd
	}
	return err
}
