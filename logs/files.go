package logs

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Files shares open log files by path. The zero value is ready.
type Files struct {
	Overflow Overflow // of this process's own descriptors; set before the first Open
	// Report is told, at most once a minute and again when it is over, that what Write was
	// given could not be written. It must not write to a File. Set before the first Open; may be nil.
	Report func(level, text string)

	mu     sync.Mutex // guards the maps, and users, owners and names of every File; never held over file work
	byName map[string]*File
	byID   map[fileID]*File
	byOwn  map[fileID]*File // own descriptors: two may be one file

	resumed []*File // those that Resume holds until Settle
}

// Overflow is what happens when the reader of standard output does not keep up: a MiB is
// kept for him, and then.
type Overflow uint8

const (
	Patient Overflow = iota // programs wait, but lose what they write if nothing is taken for a second
	Block                   // programs wait as long as it takes
	Drop                    // nobody waits: what they write is lost, counted
)

// Open opens path for appending, or shares it if it is open already, also under another
// name. maxBytes 0 never rotates; backups 0 truncates at rotation; the limits of those who
// opened it first stay as long as they use it. What is not a regular file (a device, a
// pipe, a socket, a terminal) is written to, but never unlinked, renamed, truncated or
// rotated; /dev/stdout, /dev/stderr and /dev/fd/N mean this process's own descriptor,
// which is used as it is and not opened again.
func (fs *Files) Open(path string, maxBytes int64, backups int) (*File, error) {
	f, _, err := fs.open(path, maxBytes, backups)
	return f, err
}

// open also says whether the file has the limits that were asked for.
func (fs *Files) open(path string, maxBytes int64, backups int) (*File, bool, error) {
	name, own, err := resolve(path)
	if err != nil {
		return nil, false, cannotOpen(path, err)
	}
	if f, same := fs.share(name, fileID{}, maxBytes, backups, own); f != nil {
		return f, same, nil
	}
	f := &File{files: fs, name: name, own: own, fd: -1}
	if err := f.open(); err != nil {
		return nil, false, cannotOpen(path, err)
	}
	f.rest(true)
	// Another goroutine may have opened it meanwhile.
	if g, same := fs.share(name, f.id, maxBytes, backups, own); g != nil {
		if f.fd >= 0 {
			unix.Close(f.fd)
		}
		return g, same, nil
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byName == nil {
		fs.byName, fs.byID, fs.byOwn = map[string]*File{}, map[fileID]*File{}, map[fileID]*File{}
	}
	f.users, f.owners = 1, 1
	f.maxSize.Store(maxBytes)
	f.backups.Store(int64(backups))
	fs.byName[name] = f
	switch {
	case own >= 0:
		fs.byOwn[f.id] = f
	case !f.special.Load():
		fs.byID[f.id] = f
	}
	return f, true, nil
}

// share finds a file that is open as name, or as another name of the regular file id, or as
// another of our own descriptors: where standard output and standard error are one pipe, two
// that write to it would tear each other's lines.
func (fs *Files) share(name string, id fileID, maxBytes int64, backups, own int) (*File, bool) {
	var alias *File
	switch {
	case id == (fileID{}):
	case own >= 0:
		fs.mu.Lock()
		alias = fs.byOwn[id]
		fs.mu.Unlock()
	default:
		fs.mu.Lock()
		alias = fs.byID[id]
		fs.mu.Unlock()
		if alias != nil && !alias.isAt(id) {
			alias = nil
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.byName[name]
	if f == nil && alias != nil && alias.users > 0 {
		f = alias
		f.names = append(f.names, name)
		fs.byName[name] = f
	}
	if f == nil {
		return nil, false
	}
	f.users++
	if f.owners++; f.owners == 1 {
		f.maxSize.Store(maxBytes)
		f.backups.Store(int64(backups))
	}
	return f, f.special.Load() || f.maxSize.Load() == maxBytes && f.backups.Load() == int64(backups)
}

// disown gives up the say in the limits, before the last pipe has ended and Close follows.
func (f *File) disown() {
	f.files.mu.Lock()
	f.owners--
	f.files.mu.Unlock()
}

// shared says whether others have it too.
func (f *File) shared() bool {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	return f.users > 1
}

// reown is for a share that comes back to use after disown.
func (f *File) reown(maxBytes int64, backups int) {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	if f.owners++; f.owners == 1 {
		f.maxSize.Store(maxBytes)
		f.backups.Store(int64(backups))
	}
}

// forget and known keep Files.byID; f.mu is held.
func (f *File) forget() {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	if f.files.byID[f.id] == f {
		delete(f.files.byID, f.id)
	}
	if f.files.byOwn[f.id] == f {
		delete(f.files.byOwn, f.id)
	}
}

func (f *File) known(id fileID) {
	f.forget()
	f.id = id
	f.is.Store(&id)
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	f.files.byID[id] = f
}
