package logs

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A log that its program writes by itself: it has the file as its stdout, opened for
// appending, and the pump never sees the bytes. Who follows it watches the file, for as
// long as he follows.

// inherited opens the file for a run.
func (s *Sink) inherited() (*os.File, error) {
	path := s.o.Path
	fd, st, err := openFile(path)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	if !isRegular(&st) {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot open log %q for %s to write it by itself: not a regular file", path, s.o.Name)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// truncate empties the file. The program goes on at its beginning, since it appends.
func (s *Sink) truncate() error {
	f, err := s.inherited()
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(0)
}

// watch is Follow for an inherited file.
func (s *Sink) watch(n int64) (history []byte, l *Follower, err error) {
	f, err := s.inherited() // so that there is one
	if err != nil {
		return nil, nil, err
	}
	f.Close()
	change, err := changesOf(s.o.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot watch log %q: %w", s.o.Path, err)
	}
	w := &watcher{path: s.o.Path}
	if history, err = w.begin(n); err != nil {
		change.close()
		return nil, nil, err
	}
	return history, s.watchOn(w, change), nil
}

// watchOn begins to pass on what w finds.
func (s *Sink) watchOn(w *watcher, change *changes) *Follower {
	l := newFollower(func(*Follower) {
		change.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.tail != nil {
			s.tail.live.sweep()
		}
	})
	l.watch = w
	s.mu.Lock()
	if s.tail == nil {
		s.tail = &tail{}
	}
	s.tail.live = append(s.tail.live, l)
	s.mu.Unlock()
	s.p.mu.Lock()
	if s.closed {
		l.end()
	}
	s.p.mu.Unlock()
	go func() { // until l is closed
		defer w.end()
		for {
			change.watch() // before looking: what is written meanwhile is told
			w.look(l)
			if !change.wait() {
				return
			}
		}
	}()
	return l
}

// watcher reads on in a file that others write. It looks for another file of that name too,
// as one that is renamed and made anew by a restart; the one before it is read on, since
// its writers do not know.
type watcher struct {
	path string

	mu    sync.Mutex // guards files; held while they are read
	files []watched  // the newest last; two at most; none: they have been handed over
}

type watched struct {
	f  *os.File
	id fileID
	at int64 // how far it has been read
}

// begin returns the last n bytes, all for n < 0.
func (w *watcher) begin(n int64) ([]byte, error) {
	f, size, err := OpenToRead(w.path)
	if err != nil {
		return nil, err
	}
	id, err := idOfFile(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if n < 0 || n > size {
		n = size
	}
	history, err := section(f, size-n, n)
	if err != nil {
		f.Close()
		return nil, err
	}
	w.files = []watched{{f, id, size}}
	return history, nil
}

// look passes on what is new.
func (w *watcher) look(l *Follower) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.files) == 0 {
		return
	}
	var st unix.Stat_t
	if newest := w.files[len(w.files)-1]; unix.Stat(w.path, &st) == nil && idOf(&st) != newest.id {
		if f, _, err := OpenToRead(w.path); err == nil {
			if id, err := idOfFile(f); err == nil {
				w.files = append(w.files, watched{f, id, 0})
			} else {
				f.Close()
			}
		}
	}
	buf := make([]byte, bufSize)
	for i := range w.files {
		w.files[i].read(buf, l)
	}
	if len(w.files) > 2 {
		w.files[0].f.Close()
		w.files = append(w.files[:0], w.files[1:]...)
	}
}

func (x *watched) read(buf []byte, l *Follower) {
	if st, err := x.f.Stat(); err == nil && st.Size() < x.at { // it was emptied
		x.at = 0
	}
	for {
		n, err := x.f.ReadAt(buf, x.at)
		if n > 0 {
			x.at += int64(n)
			l.push(buf[:n])
		}
		if err != nil || n == 0 || l.left() {
			return
		}
	}
}

func (w *watcher) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.files {
		x.f.Close()
	}
}

func idOfFile(f *os.File) (fileID, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return idOf(&st), err
}
