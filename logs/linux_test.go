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
