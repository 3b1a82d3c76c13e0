package proc

import "syscall"

// Inherit takes over what a keeper held and who it says has died, for Recover.
func (k *UnixKernel) Inherit(pipes map[uint64]int, fates map[int]syscall.WaitStatus) {
	k.pipes = pipes
	f := &k.foreigners
	f.mu.Lock()
	defer f.mu.Unlock()
	for pid, s := range fates {
		if f.fates == nil {
			f.fates = map[int]syscall.WaitStatus{}
		}
		f.fates[pid] = s
	}
}

// Pipe gives out, once, the end to read from that the keeper had of a pipe; -1: it had none.
func (k *UnixKernel) Pipe(inode uint64) int {
	fd, ok := k.pipes[inode]
	if !ok {
		return -1
	}
	delete(k.pipes, inode)
	return fd
}

// Fate is how a process ended that the keeper collected.
func (k *UnixKernel) Fate(pid int) syscall.WaitStatus {
	k.foreigners.mu.Lock()
	defer k.foreigners.mu.Unlock()
	if s, ok := k.foreigners.fates[pid]; ok {
		delete(k.foreigners.fates, pid)
		return s
	}
	return unknownStatus
}

// Disinherit ends what Inherit began, when all are adopted: it closes the pipes that nobody
// has asked for and names them to drop, and names the dead to noted who are nobody's.
func (k *UnixKernel) Disinherit(drop func(inode uint64), noted func(pid int)) {
	for inode, fd := range k.pipes {
		closeFD(fd)
		drop(inode)
	}
	k.pipes = nil
	f := &k.foreigners
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled = true
	for pid := range f.fates {
		noted(pid)
	}
	f.fates = nil
}
