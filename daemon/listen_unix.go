package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosv/conf"
)

// socketFile is the file of a unix socket of ours.
type socketFile struct {
	path     string // "": an abstract socket has none
	dev, ino uint64 // which file it was when it was made
	owner    int    // its uid
	replaced bool   // a stale one was in its place
	lent     bool   // who gave us the socket removes it
}

// abstract says whether the socket has a name but no file.
func (s *socketFile) abstract() bool { return s != nil && s.path == "" }

// openToAll says whether the mode of the file keeps nobody away.
func (s *socketFile) openToAll() bool {
	if s.abstract() {
		return false
	}
	st, err := os.Stat(s.path)
	return err != nil || st.Mode().Perm()&0o002 != 0
}

// listenUnix opens a unix socket. It is made under another name, given its mode and
// owner, and only then put into place, so that nobody can connect to it before. A socket
// of the same name is replaced only if nobody listens on it any more. All of that happens
// under a lock on the directory (flock, which leaves no file behind), so that of two
// daemons that start at once on one socket only one wins.
func listenUnix(c *conf.UnixServer) (net.Listener, *socketFile, error) {
	if strings.HasPrefix(c.File, "@") {
		return listenAbstract(c)
	}
	dir := filepath.Dir(c.File)
	unlock := lockDir(dir)
	defer unlock()
	temp := filepath.Join(dir, fmt.Sprintf(".gosv.%06x", rand.N(1<<24)))
	if n := max(len(temp), len(c.File)); n > maxSocketPath {
		return nil, nil, socketError(syscall.ENAMETOOLONG, fmt.Sprintf("The path %q is %d bytes long, and a socket's can be at most %d: change file= in [%s]", c.File, len(c.File), maxSocketPath-(n-len(c.File)), c.Section))
	}
	fd, err := bindUnix(temp)
	if err != nil {
		return nil, nil, socketError(err, bindRemedy(err, c, dir))
	}
	defer os.Remove(temp)
	file := &socketFile{path: c.File}
	f := os.NewFile(uintptr(fd), c.File)
	defer f.Close() // FileListener has a duplicate
	if err := furnish(temp, c); err != nil {
		return nil, nil, err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return nil, nil, socketError(err, "cannot listen on "+c.File)
	}
	if err := file.place(temp, c); err != nil {
		return nil, nil, err
	}
	ln, err := net.FileListener(f)
	if err != nil {
		file.remove()
		return nil, nil, fmt.Errorf("Cannot open an HTTP server: %w", err)
	}
	return ln, file, nil
}

// listenAbstract opens a socket whose name is in no file system: there is nothing to make,
// to lock or to remove, and nobody can be kept from connecting by a mode.
func listenAbstract(c *conf.UnixServer) (net.Listener, *socketFile, error) {
	ln, err := net.Listen("unix", c.File)
	if err != nil {
		remedy := fmt.Sprintf("cannot make the socket %s of [%s]", c.File, c.Section)
		if errors.Is(err, syscall.EADDRINUSE) {
			who, _ := listener(c.File)
			remedy = fmt.Sprintf("%s answers on %s: end it, or change file= in [%s]", who, c.File, c.Section)
		}
		return nil, nil, socketError(err, remedy)
	}
	return ln, &socketFile{owner: os.Geteuid()}, nil
}

// maxSocketPath is the longest path of a unix socket, without the final zero byte.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

func bindUnix(path string) (fd int, err error) {
	syscall.ForkLock.RLock()
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err = unix.SetNonblock(fd, true); err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func bindRemedy(err error, c *conf.UnixServer, dir string) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Sprintf("There is no directory %q for the socket %q: make it, or change file= in [%s]", dir, c.File, c.Section)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("User %s may not make the socket %q: let it write to the directory %q, or change file= in [%s]", userName(), c.File, dir, c.Section)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("%q, for the socket %q, is not a directory: change file= in [%s]", dir, c.File, c.Section)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("The directory %q of the socket %q cannot be written to: change file= in [%s]", dir, c.File, c.Section)
	}
	return fmt.Sprintf("cannot make the socket %q of [%s]", c.File, c.Section)
}

// furnish gives the socket its mode and owner.
func furnish(temp string, c *conf.UnixServer) error {
	if c.Chmod != conf.Unset {
		if err := syscall.Chmod(temp, uint32(c.Chmod)); err != nil {
			return socketError(err, fmt.Sprintf("cannot set the mode of %q to %04o", c.File, int(c.Chmod)))
		}
	}
	if !c.Chown.Set {
		return nil
	}
	err := os.Chown(temp, c.Chown.UID, c.Chown.GID)
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf(`Not permitted to chown %s to uid/gid (%d, %d); adjust "sockchown" value in config file or on command line to values that the current user (%s) can successfully chown`, c.File, c.Chown.UID, c.Chown.GID, userName())
	}
	if err != nil {
		return socketError(err, fmt.Sprintf("cannot give %q to %s", c.File, c.Chown.Text))
	}
	return nil
}

// place makes temp known as c.File, unless somebody listens there.
func (s *socketFile) place(temp string, c *conf.UnixServer) error {
	for range 10 { // only a crowd that does not take our lock can make it more than two
		err := os.Link(temp, s.path)
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) {
			if _, missing := os.Lstat(s.path); errors.Is(missing, fs.ErrNotExist) {
				err = os.Rename(temp, s.path) // a file system without hard links
			} else {
				err = syscall.EEXIST
			}
		}
		switch {
		case err == nil:
			return s.remember()
		case !errors.Is(err, syscall.EEXIST):
			return socketError(err, fmt.Sprintf("cannot make the socket %q", s.path))
		}
		st, err := os.Lstat(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return socketError(err, fmt.Sprintf("cannot look at %q", s.path))
		}
		if st.Mode().Type() != fs.ModeSocket {
			return socketError(syscall.EADDRINUSE, fmt.Sprintf("%q is there and is not a socket: remove it, or change file= in [%s]", s.path, c.Section))
		}
		if who, live := listener(s.path); live {
			return socketError(syscall.EADDRINUSE, fmt.Sprintf("%s answers on %q: end it, or change file= in [%s]", who, s.path, c.Section))
		}
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return socketError(errnoOf(err), fmt.Sprintf("cannot remove the stale socket %q", s.path))
		}
		s.replaced = true
	}
	return socketError(syscall.EADDRINUSE, fmt.Sprintf("others keep making %q", s.path))
}

func (s *socketFile) remember() error {
	st, err := os.Lstat(s.path)
	if err != nil {
		return socketError(errnoOf(err), fmt.Sprintf("%q is gone again", s.path))
	}
	sys := st.Sys().(*syscall.Stat_t)
	s.dev, s.ino, s.owner = uint64(sys.Dev), uint64(sys.Ino), int(sys.Uid)
	return nil
}

// remove removes the file if it is still ours.
func (s *socketFile) remove() {
	if s.abstract() || s.lent {
		return
	}
	defer lockDir(filepath.Dir(s.path))()
	st, err := os.Lstat(s.path)
	if err != nil {
		return
	}
	if sys := st.Sys().(*syscall.Stat_t); uint64(sys.Dev) == s.dev && uint64(sys.Ino) == s.ino {
		os.Remove(s.path)
	}
}

// listener says whether somebody listens on a socket, and who. Being slow to answer does
// not count against him: a daemon that hangs still owns its socket.
func listener(path string) (who string, live bool) {
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	if err != nil {
		stale := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
		return "Somebody", !stale
	}
	defer conn.Close()
	p := peerOf(conn)
	if p.pid <= 0 {
		return "Somebody", true
	}
	who = "Process " + strconv.Itoa(p.pid)
	if comm, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/comm"); err == nil {
		who += " (" + strings.TrimSpace(string(comm)) + ")"
	}
	return who, true
}

// lockDir takes the lock on a directory, waiting up to three seconds. It goes on without
// it where it cannot be had: then only two daemons that find the same stale socket in the
// same millisecond could both believe to own it.
func lockDir(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); <-tick.C {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
	}
	return func() { f.Close() }
}

func errnoOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
