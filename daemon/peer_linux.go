package daemon

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf says who is at the other end of a unix socket (SO_PEERCRED).
func peerOf(c net.Conn) peer {
	p := peer{uid: -1}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return p
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return p
	}
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = peer{uid: int(cred.Uid), pid: int(cred.Pid)}
		}
	})
	return p
}
