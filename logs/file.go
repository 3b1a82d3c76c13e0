package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// File is one log file. Its methods may be called from any goroutine.
type File struct {
	files *Files
	name  string // absolute, behind links
	own   int    // number of the inherited descriptor that is meant, or -1

	users   int      // shares that are open
	owners  int      // those of them that have a say in limits
	names   []string // other names it is known by
	maxSize atomic.Int64
	backups atomic.Int64

	special atomic.Bool             // not a regular file of ours: never unlinked, renamed, truncated, rotated
	back    atomic.Pointer[backlog] // set where writing may block: what is special, a disk that hangs
	is      atomic.Pointer[fileID]  // id, for those who do not want to wait for mu
	again   atomic.Bool             // to be opened anew by the writer of back
	fault   fault
	lost    atomic.Int64 // bytes of Write
	taken   atomic.Int64 // bytes that write(2) took

	mu      sync.Mutex // guards what follows, and orders the writes to a regular file
	fd      int        // -1: not open; the file is made at once but opened at its first byte, since each descriptor costs every fork
	id      fileID     // of the regular file that is written
	size    int64
	retry   int64     // after a rotation that failed: the size at which it is tried again
	unable  time.Time // of the last report of that
	moved   bool      // the name of the first backup is free
	shifted bool      // a rotation has renamed the files but could not make the new one
	end     bool      // no user is left
	live    followers
	torn    bool // the beginning of a line was taken back when the disk was full; guarded by mu
}

// isAt says whether f's name still leads to id: the number of a deleted file is used again.
func (f *File) isAt(id fileID) bool {
	var st unix.Stat_t
	return unix.Stat(f.name, &st) == nil && idOf(&st) == id
}

// Close gives up one share. The last one waits up to a second for what a special file has
// not taken yet.
func (f *File) Close() error {
	f.disown()
	f.release(patience)
	return nil
}

// release gives up one share that has no say any more.
func (f *File) release(wait time.Duration) {
	fs := f.files
	fs.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		for _, n := range append(f.names, f.name) {
			delete(fs.byName, n)
		}
	}
	fs.mu.Unlock()
	if !last {
		return
	}
	if b := f.back.Load(); b != nil {
		if !b.finish(wait) {
			return // its writer closes the file
		}
	}
	f.shut()
}

// shut closes the descriptor for good.
func (f *File) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = true
	f.live.end()
	f.forget()
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// open opens the name anew and puts the result in the place of the old descriptor, which
// stays when that fails. f.mu is held, or nobody knows f yet.
func (f *File) open() error {
	var (
		fd  int
		st  unix.Stat_t
		err error
	)
	if f.own >= 0 {
		fd, st, err = openDescriptor(f.own)
	} else {
		fd, st, err = openFile(f.name)
	}
	if err != nil {
		return err
	}
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
	f.fd, f.size, f.retry = fd, st.Size, 0
	special := f.special.Load() || f.own >= 0 || !isRegular(&st)
	f.special.Store(special)
	if special && f.back.Load() == nil {
		f.back.Store(newBacklog(f, chunkOf(fd, &st)))
	}
	if id := idOf(&st); f.files != nil && f.id != (fileID{}) && id != f.id && !special {
		f.known(id)
	} else if f.id != id {
		f.id = id
		f.is.Store(&id)
	}
	return nil
}

// openLate opens the file at its first byte, or again after a failure. A directory that
// was removed is made again.
func (f *File) openLate() error {
	err := f.open()
	if errors.Is(err, unix.ENOENT) && f.own < 0 && os.MkdirAll(filepath.Dir(f.name), 0o755) == nil {
		err = f.open()
	}
	return err
}

// Write appends data as one piece, then rotates as Supervisor does. A short or failed
// write is counted in Lost, retried by the next Write (a missing file or directory is made
// again when it can be), and told to Files.Report once, not for each piece. Where a special file does
// not take it, Write waits for a second.
func (f *File) Write(data []byte) (int, error) {
	if b := f.back.Load(); b != nil {
		if at, ok := b.add(data, nil); ok {
			if err := b.wait(at, patience); err != nil {
				return 0, fmt.Errorf("cannot write log %q: %w", f.name, err)
			}
			return len(data), nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.append(data)
	if err != nil {
		f.lose(err, len(data)-n)
		return n, fmt.Errorf("cannot write log %q: %w", f.name, err)
	}
	f.flows()
	return n, f.rotateIfDue()
}

// Lost is how many bytes that Write was given could not be written, ever.
func (f *File) Lost() int64 { return f.lost.Load() }

// lose counts and tells what Write has lost.
func (f *File) lose(err error, n int) {
	f.lost.Add(int64(n))
	f.report("WARN", f.fault.failed(f.name, err, int64(n), 0))
}

// flows says that it was written to, in case that is news.
func (f *File) flows() { f.report("INFO", f.fault.flows(f.name)) }

func (f *File) report(level, text string) {
	if text != "" && f.files != nil && f.files.Report != nil {
		f.files.Report(level, text)
	}
}

// put is Write for a sink, which it tells what was lost. It may block where a disk hangs.
// A large piece is cut, preferably at a line's end, so that files exceed their limit no
// more than Supervisor's do.
// st, which may be nil, is told how far it is.
func (f *File) put(data []byte, s *Sink, st *stash) {
	if b := f.back.Load(); b != nil {
		if _, ok := b.add(data, s); ok {
			return
		}
	}
	for whole := len(data); len(data) > 0; {
		f.mu.Lock()
		if b := f.back.Load(); b != nil && f.special.Load() { // since a moment ago: it may block for ever
			f.mu.Unlock()
			b.add(data, s)
			return
		}
		k := f.cut(data)
		if st != nil {
			if f.fd < 0 && !f.end {
				f.openLate()
			}
			st.at(f.id, f.size, whole-len(data))
		}
		f.ahead(k)
		n, err := f.append(data[:k])
		var failed error
		if err == nil {
			failed = f.rotateIfDue()
		}
		f.mu.Unlock()
		// Reports come after the unlock: the main log may be this very file.
		if err != nil {
			s.lose(f, err, len(data)-n)
			return
		}
		s.flows(f)
		if failed != nil {
			s.report("WARN", failed.Error())
		}
		data = data[k:]
	}
}

// cut is how much of data goes into the file before it is rotated: pieces of 4 KiB at
// least, so that tiny limits do not turn into a rename for each line, and then up to the
// end of the line, but not more than the 128 KiB that Supervisor reads at once.
func (f *File) cut(data []byte) int {
	limit := f.maxSize.Load()
	if limit <= 0 {
		return len(data)
	}
	room := int(max(4<<10, min(limit-f.size, int64(len(data)))))
	if len(data) <= room {
		return len(data)
	}
	line := bytes.IndexByte(data[room-1:], '\n') + room
	if line >= room && line <= room+(128<<10) {
		return line
	}
	return min(len(data), room+(128<<10))
}

// untear takes back the begun line of b, of which only n bytes could be written: what comes later, when
// there is room, must not be taken for the rest of it. It returns how much of b is left.
func (f *File) untear(b []byte, n int) int {
	keep := bytes.LastIndexByte(b[:n], '\n') + 1
	var st unix.Stat_t
	if keep == n || bytes.IndexByte(b, '\n') < 0 || unix.Fstat(f.fd, &st) != nil || st.Size != f.size+int64(n) {
		return n
	}
	if unix.Ftruncate(f.fd, f.size+int64(keep)) != nil {
		return n
	}
	return keep
}

// append writes to a regular file; f.mu is held.
func (f *File) append(b []byte) (int, error) {
	f.live.push(b)
	if f.end {
		return 0, os.ErrClosed
	}
	if f.fd < 0 {
		if err := f.openLate(); err != nil {
			return 0, err
		}
	}
	if f.torn && full(f.fd) { // a shorter line may fit: it would look as if there was room again
		return 0, unix.ENOSPC
	}
	f.torn = false
	n, err := writeAll(f.fd, b, &f.taken)
	if err != nil && n > 0 {
		k := f.untear(b, n)
		f.torn, n = k < n && err == unix.ENOSPC, k
	}
	f.size += int64(n)
	switch err {
	case nil, unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EFBIG:
	default: // this descriptor may never work again
		unix.Close(f.fd)
		f.fd = -1
	}
	return n, err
}

// Reopen closes and opens the path again (USR2, after an external rename). A descriptor
// of our own stays as it is.
func (f *File) Reopen() error {
	if f.own >= 0 {
		return nil
	}
	if f.back.Load() != nil { // its writer may be blocked in the old one
		f.again.Store(true)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end {
		return nil
	}
	idle := f.fd < 0
	err := f.open()
	if err != nil {
		return cannotOpen(f.name, err)
	}
	f.shifted = false
	f.rest(idle)
	return nil
}

// Clear removes the base file and opens a new one; backups stay. No-op for what is not regular.
func (f *File) Clear() error {
	if f.special.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var st unix.Stat_t
	err := unix.Lstat(f.name, &st)
	if err == nil {
		if !isRegular(&st) {
			return nil
		}
		err = unix.Unlink(f.name)
	}
	if err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: f.name, Err: err}
	}
	idle := f.fd < 0
	if err := f.openLate(); err != nil {
		return cannotOpen(f.name, err)
	}
	f.shifted = false
	if st.Mode != 0 {
		f.keepMode(&st)
	}
	f.rest(idle)
	return nil
}

// rest closes the descriptor again where it was not open before.
func (f *File) rest(idle bool) {
	if idle && f.fd >= 0 && !f.special.Load() {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// keepMode gives the new file the mode and the owner of the one it replaces: an AUTO log
// that only its owner may read stays so. Where that is not allowed, nothing happens.
func (f *File) keepMode(old *unix.Stat_t) {
	var st unix.Stat_t
	if unix.Fstat(f.fd, &st) != nil {
		return
	}
	if st.Uid != old.Uid || st.Gid != old.Gid {
		unix.Fchown(f.fd, int(old.Uid), int(old.Gid))
	}
	if st.Mode != old.Mode {
		unix.Fchmod(f.fd, uint32(old.Mode&0o7777))
	}
}

// refresh opens the file again if its name leads elsewhere now: Supervisor opens a child's
// log at every start of the child.
func (f *File) refresh() {
	if f.special.Load() || f.isAt(*f.is.Load()) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end || f.isAt(f.id) {
		return
	}
	idle := f.fd < 0
	if f.openLate() == nil {
		f.rest(idle)
	}
}

// Follow is the same for a file, the main log. What is not a regular file has no history.
func (f *File) Follow(n int64) ([]byte, *Follower, error) {
	l := newFollower(func(*Follower) {
		if f.mu.TryLock() { // else the next Follow sweeps
			f.live.sweep()
			f.mu.Unlock()
		}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	var history []byte
	if !f.special.Load() {
		var err error
		if history, err = f.last(n); err != nil {
			return nil, nil, err
		}
	}
	f.live.sweep()
	f.live = append(f.live, l)
	if f.end {
		l.end()
	}
	return history, l, nil
}

// last reads the last n bytes of the file that is being written, which after an external
// rename is not the one of that name.
func (f *File) last(n int64) ([]byte, error) {
	r, size, err := OpenToRead(f.name)
	if f.fd >= 0 && (err != nil || !sameFile(r, f.id)) {
		if r != nil {
			r.Close()
		}
		r, size, err = OpenToRead("/proc/self/fd/" + strconv.Itoa(f.fd))
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if n < 0 || n > size {
		n = size
	}
	return section(r, size-n, n)
}

func sameFile(r *os.File, id fileID) bool {
	var st unix.Stat_t
	return unix.Fstat(int(r.Fd()), &st) == nil && idOf(&st) == id
}
