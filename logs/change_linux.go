package logs

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// changes tells of writes to the file of a name, and of others that get the name, by
// inotify: nothing runs while nothing happens. A blocked wait costs no thread.
type changes struct {
	in   *os.File
	path string
}

func changesOf(path string) (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	c := &changes{os.NewFile(uintptr(fd), "inotify"), path}
	err = c.add(filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO)
	if err == nil {
		err = c.watch()
	}
	if err != nil {
		c.close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	return c, nil
}

// watch takes the file that has the name now; what it wrote before is not told. A file that
// had the name is watched on.
func (c *changes) watch() error { return c.add(c.path, unix.IN_MODIFY) }

func (c *changes) add(path string, mask uint32) error {
	raw, err := c.in.SyscallConn()
	if err != nil {
		return err
	}
	ctl := raw.Control(func(fd uintptr) { _, err = unix.InotifyAddWatch(int(fd), path, mask) })
	if ctl != nil {
		return ctl
	}
	return err
}

// wait is false once close was called.
func (c *changes) wait() bool {
	var buf [4096]byte
	_, err := c.in.Read(buf[:])
	return err == nil
}

func (c *changes) close() { c.in.Close() }
