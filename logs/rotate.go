package logs

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ahead moves the backups up before a write of n bytes after which a rotation is due, so that as little as
// can be comes between the last byte and its end: whoever counts bytes meanwhile may read a file twice, or
// not at all. What fails here is tried again then, and told. f.mu is held.
func (f *File) ahead(n int) {
	limit, backups := f.maxSize.Load(), int(f.backups.Load())
	if limit > 0 && backups > 0 && f.fd >= 0 && !f.shifted && !f.special.Load() && f.size+int64(n) >= max(limit, f.retry) {
		f.moveUp(backups)
	}
}

// moveUp makes the name of the first backup free: f.i becomes f.(i+1).
func (f *File) moveUp(backups int) error {
	if f.moved && !regularAt(f.backup(1)) { // nor has anybody else made one
		return nil
	}
	// The oldest goes first, as in the original, where another one takes its place: a rename over a file makes
	// ext4 write the new one to disk at once.
	if backups == 1 || regularAt(f.backup(backups-1)) {
		if err := remove(f.backup(backups)); err != nil {
			return err
		}
	}
	for i := backups - 1; i > 0; i-- {
		if err := rename(f.backup(i), f.backup(i+1)); err != nil {
			return err
		}
	}
	f.moved = true
	return nil
}

// rotateIfDue rolls the file over when it has reached its limit. A rotation that fails
// loses nothing: the file grows on, and it is tried again after as much as the limit,
// and reported not more than once a minute.
// f.mu is held.
func (f *File) rotateIfDue() error {
	limit := f.maxSize.Load()
	if limit <= 0 || f.special.Load() {
		return nil
	}
	if f.fd < 0 || f.size < limit || f.size < f.retry {
		return nil
	}
	if err := f.rotate(int(f.backups.Load())); err != nil {
		f.retry = f.size + limit
		if now := time.Now(); now.Sub(f.unable) < quietFor {
			return nil
		} else {
			f.unable = now
		}
		return fmt.Errorf("cannot rotate log %q: %w", f.name, err)
	}
	return nil
}

// rotate is Supervisor's doRollover: f.i becomes f.(i+1), f becomes f.1, and f is made
// anew; without backups it is emptied in place. f.mu is held.
func (f *File) rotate(backups int) error {
	if backups <= 0 {
		if err := unix.Ftruncate(f.fd, 0); err != nil {
			return err
		}
		f.size = 0
		return nil
	}
	var old unix.Stat_t
	if err := unix.Fstat(f.fd, &old); err != nil {
		return err
	}
	if !f.shifted {
		if err := f.moveUp(backups); err != nil {
			return err
		}
		if err := rename(f.name, f.backup(1)); err != nil {
			return err
		}
		f.moved, f.shifted = false, true
	}
	if err := f.open(); err != nil {
		return err
	}
	f.shifted = false
	f.keepMode(&old)
	return nil
}

func (f *File) backup(i int) string { return f.name + "." + strconv.Itoa(i) }

// rename moves a regular file; what is missing or is no regular file stays where it is.
func rename(from, to string) error {
	if !regularAt(from) {
		return nil
	}
	return os.Rename(from, to)
}

// remove is the same for removing.
func remove(name string) error {
	if !regularAt(name) {
		return nil
	}
	return os.Remove(name)
}

func regularAt(name string) bool {
	var st unix.Stat_t
	return unix.Lstat(name, &st) == nil && isRegular(&st)
}
