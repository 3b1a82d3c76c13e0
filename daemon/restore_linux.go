package daemon

import (
	"os"

	"golang.org/x/sys/unix"
)

// fileWatch hears of what happens to one file, and to no other: not to its directory, which
// is often /tmp.
type fileWatch struct{ *os.File }

// watchFile begins to watch. The error is fs.ErrNotExist when there is no such file.
func watchFile(path string) (*fileWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	// The socket keeps its file alive, so its deletion shows as a changed count of links.
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_ATTRIB|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "inotify_add_watch", Path: path, Err: err}
	}
	return &fileWatch{os.NewFile(uintptr(fd), "inotify")}, nil
}

// wait returns nil when something has happened, and an error after Close.
func (w *fileWatch) wait() error {
	var events [1024]byte
	_, err := w.Read(events[:])
	return err
}
