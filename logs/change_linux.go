package logs

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// changes tells of writes to the file of a name, and of others that get the name, by
// inotify: nothing runs while nothing happens. A blocked wait costs no thread.
type changes struct {
	in   *os.File
	path string
}

// changesOf tells of the file of that name, and of those that are open already: they may have another
// name by now.
func changesOf(path string, open ...int) (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	c := &changes{os.NewFile(uintptr(fd), "inotify"), path}
	err = c.add(filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO)
	if err == nil {
		err = c.begin(open)
	}
	if err != nil {
		c.close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	return c, nil
}

// begin watches the file of the name and those that are open. One is enough, since the others are looked at with
// it: the name may be nobody's, or a file that was renamed closed to this account.
func (c *changes) begin(open []int) error {
	err := c.watch()
	for _, fd := range open {
		if c.add("/proc/self/fd/"+strconv.Itoa(fd), unix.IN_MODIFY) == nil {
			err = nil
		}
	}
	return err
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
