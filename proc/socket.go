package proc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"gosv/conf"
)

// socket is what the processes of one fcgi-program listen on, as their descriptor 0. The
// launcher makes it when the first of them starts and closes it when the last has gone;
// the loop only counts.
type socket struct {
	conf  *conf.Socket
	users int      // the loop's: runs that have it
	file  *os.File // the launcher's: nil while it is closed
}

// open is the listening socket, made if there is none.
func (s *socket) open(log logger) (*os.File, error) {
	if s.file != nil {
		return s.file, nil
	}
	log.say(LevelInfo, "Creating socket %s", s.conf.URL)
	fd, err := listen(s.conf)
	if err != nil {
		return nil, err
	}
	s.file = os.NewFile(uintptr(fd), s.conf.URL)
	return s.file, nil
}

// take goes on with the socket that a survivor has as its descriptor 0. Where that may not
// be had, the next start makes a new one, if the old one lets it.
func (s *socket) take(pid int) {
	if fd := socketOf(pid); fd >= 0 {
		s.file = os.NewFile(uintptr(fd), s.conf.URL)
	}
}

// close closes it. A unix socket's file stays, as in Supervisor: the next start replaces it.
func (s *socket) close(log logger) {
	if s.file == nil {
		return
	}
	log.say(LevelInfo, "Closing socket %s", s.conf.URL)
	s.file.Close()
	s.file = nil
}

// listen makes a listening socket for tcp://host:port or unix:///path.
func listen(c *conf.Socket) (int, error) {
	kind, where, _ := strings.Cut(c.URL, "://")
	switch kind {
	case "unix":
		return listenUnix(c, where)
	case "tcp":
		return listenTCP(c, where)
	}
	return -1, fmt.Errorf("%q is neither tcp:// nor unix://", c.URL)
}

func listenTCP(c *conf.Socket, where string) (int, error) {
	addr, err := net.ResolveTCPAddr("tcp", where)
	if err != nil {
		return -1, err
	}
	var sa syscall.Sockaddr
	family := syscall.AF_INET
	if ip := addr.IP.To4(); ip != nil || addr.IP == nil {
		in := &syscall.SockaddrInet4{Port: addr.Port}
		copy(in.Addr[:], ip)
		sa = in
	} else {
		family = syscall.AF_INET6
		in := &syscall.SockaddrInet6{Port: addr.Port}
		copy(in.Addr[:], addr.IP)
		sa = in
	}
	fd, err := newSocket(family)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return fail(fd, "setsockopt", err)
	}
	return bindListen(fd, sa, c.Backlog)
}

func listenUnix(c *conf.Socket, path string) (int, error) {
	switch st, err := os.Lstat(path); {
	case err == nil && st.Mode().Type() != os.ModeSocket:
		return -1, fmt.Errorf("%s is there and is no socket", path)
	case err == nil:
		if err := os.Remove(path); err != nil {
			return -1, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return -1, err
	}
	fd, err := newSocket(syscall.AF_UNIX)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return fail(fd, "bind", err)
	}
	if c.Owner.Set {
		if err := os.Chown(path, c.Owner.UID, c.Owner.GID); err != nil {
			return failFile(fd, path, err)
		}
	}
	mode := uint32(0o700) // Supervisor's default
	if c.Mode != conf.Unset {
		mode = uint32(c.Mode)
	}
	if err := syscall.Chmod(path, mode); err != nil { // os.Chmod has other bits above 0777
		return failFile(fd, path, err)
	}
	if err := listenOn(fd, c.Backlog); err != nil {
		return failFile(fd, path, os.NewSyscallError("listen", err))
	}
	return fd, nil
}

func bindListen(fd int, sa syscall.Sockaddr, backlog int) (int, error) {
	if err := syscall.Bind(fd, sa); err != nil {
		return fail(fd, "bind", err)
	}
	if err := listenOn(fd, backlog); err != nil {
		return fail(fd, "listen", err)
	}
	return fd, nil
}

func listenOn(fd, backlog int) error {
	if backlog <= 0 {
		backlog = syscall.SOMAXCONN
	}
	return syscall.Listen(fd, backlog)
}

func fail(fd int, call string, err error) (int, error) {
	syscall.Close(fd)
	return -1, os.NewSyscallError(call, err)
}

func failFile(fd int, path string, err error) (int, error) {
	syscall.Close(fd)
	os.Remove(path)
	return -1, err
}
