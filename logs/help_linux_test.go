package logs

import "golang.org/x/sys/unix"

// pipeSizeOf is what the kernel says of the latest pipe of s; 0 when there is none.
func pipeSizeOf(s *Sink) int {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.latest == nil {
		return 0
	}
	n, err := unix.FcntlInt(uintptr(s.latest.fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return 0
	}
	return n
}

// rawTerminal keeps a terminal from changing what is written to it.
func rawTerminal(fd int) error {
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	mode.Oflag &^= unix.OPOST
	return unix.IoctlSetTermios(fd, unix.TCSETS, mode)
}
