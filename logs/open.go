package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// fileID tells files apart whatever they are called.
type fileID struct{ dev, ino uint64 }

func idOf(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), uint64(st.Ino)} }

func isRegular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }

// resolve gives the absolute name behind path. Where it is, or is a link to, one of this
// process's own descriptors, own is its number, else -1. A link as the last part is
// followed by hand, so that rotation acts on the file and never on the link, and so that
// a log that is a link to /dev/stdout (a habit of container images) is known as such.
func resolve(path string) (name string, own int, err error) {
	if name, err = filepath.Abs(path); err != nil {
		return "", -1, err
	}
	for range 40 { // the kernel's own limit
		if n, ok := descriptor(name); ok {
			return "/dev/fd/" + strconv.Itoa(n), n, nil
		}
		to, err := os.Readlink(name)
		if err != nil { // not a link, or not there
			return name, -1, nil
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(name), to)
		}
		name = filepath.Clean(to)
	}
	return "", -1, &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// descriptor is the number in the names that mean an open descriptor of this process.
func descriptor(name string) (int, bool) {
	switch name {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/"} {
		if num, ok := strings.CutPrefix(name, dir); ok {
			n, err := strconv.ParseUint(num, 10, 16)
			return int(n), err == nil
		}
	}
	return 0, false
}

// openDescriptor gives a descriptor of our own for what is open as number n. It is the same
// open file: opening /dev/stdout again would give a file its own offset, so that its
// writers overwrite each other, and is refused for a socket.
func openDescriptor(n int) (fd int, st unix.Stat_t, err error) {
	if fd, err = unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// openFile opens name for appending and makes it if need be. It does not wait for a reader
// of a FIFO: that is opened for both directions, and keeps what is written until one comes.
func openFile(name string) (fd int, st unix.Stat_t, err error) {
	const common = unix.O_APPEND | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK
	fd, err = openRetry(name, unix.O_WRONLY|unix.O_CREAT|common)
	if err == nil {
		err = unix.Fstat(fd, &st)
		if err == nil && isRegular(&st) {
			return fd, st, nil // O_NONBLOCK means nothing there
		}
	}
	if fifo := st.Mode&unix.S_IFMT == unix.S_IFIFO; fifo || errors.Is(err, unix.ENXIO) {
		if fd >= 0 {
			unix.Close(fd)
		}
		if fd, err = openRetry(name, unix.O_RDWR|common); err == nil {
			err = unix.Fstat(fd, &st)
		}
	}
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
		fd = -1
	}
	return fd, st, err
}

func openRetry(name string, flags int) (int, error) {
	for {
		fd, err := unix.Open(name, flags, 0o666)
		if err != unix.EINTR {
			if err != nil {
				fd = -1
			}
			return fd, err
		}
	}
}

func cannotOpen(path string, err error) error {
	return fmt.Errorf("cannot open log %q: %w", path, err)
}

// writeMax is how much goes to a file at once. The kernel takes the memory for it in blocks of
// that size. Large ones are cheaper, but cut from memory that nobody has used for long, which a virtual
// machine may have given back to its host: to get it again takes three times as long as the copy.
const writeMax = 256 << 10

// writeAll writes all of b; n is how much of it was written, and taken counts it as it goes.
func writeAll(fd int, b []byte, taken *atomic.Int64) (n int, err error) {
	for n < len(b) {
		k, err := unix.Write(fd, b[n:min(len(b), n+writeMax)])
		if k > 0 {
			n += k
			taken.Add(int64(k))
		}
		if err != nil && err != unix.EINTR {
			return n, err
		}
	}
	return n, nil
}
