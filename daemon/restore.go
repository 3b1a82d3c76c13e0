package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// guard makes the socket file again whenever somebody deletes it: cleaners of /tmp do. It
// sleeps in the kernel until something happens to this very file, and ends with the server.
func (s *server) guard() {
	for {
		s.mu.Lock()
		file := s.file
		s.mu.Unlock()
		w, err := watchFile(file.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return // not on this system, or no more of them: SIGUSR2 is left, and a reload
		}
		if err == nil {
			s.mu.Lock()
			over := s.ended || s.file != file
			s.watch = w
			s.mu.Unlock()
			for !over && file.there() == nil { // a chmod wakes us too
				over = w.wait() != nil
			}
			w.Close()
		}
		for !s.restore() {
			select {
			case <-s.restored:
			case <-s.closing:
				return
			}
		}
	}
}

// restore makes the socket file again if it is gone, and says whether there is one of ours.
// Connections that are open go on.
func (s *server) restore() bool {
	s.restoring.Lock()
	defer s.restoring.Unlock()
	s.mu.Lock()
	file, ended := s.file, s.ended
	s.mu.Unlock()
	if ended || file == nil || file.path == "" {
		return false
	}
	switch err := file.there(); {
	case err == nil:
		return true
	case errors.Is(err, errOther):
		s.log.Warn(fmt.Sprintf("somebody put another file in the place of the socket %s; gosv cannot be reached there any more. Remove it and send SIGUSR2", file.path))
		return false
	case !errors.Is(err, fs.ErrNotExist):
		s.log.Error(fmt.Sprintf("cannot look at the socket %s: %v", file.path, err))
		return false
	}
	ln, made, err := listenUnix(s.unix)
	if err != nil {
		s.log.Error(fmt.Sprintf("the socket %s was deleted and cannot be made again; SIGUSR2 tries once more: %v", file.path, err))
		return false
	}
	s.mu.Lock()
	old, watch := s.ln, s.watch
	if ended = s.ended; !ended {
		s.ln, s.file = ln, made
	}
	s.mu.Unlock()
	if ended {
		ln.Close()
		made.remove()
		return false
	}
	old.Close() // accept goes on with the new one
	if watch != nil {
		watch.Close() // and guard with the new file
	}
	s.log.Warn(fmt.Sprintf("the socket %s was deleted; made it again", file.path))
	select {
	case s.restored <- struct{}{}:
	default:
	}
	return true
}

// listener is the listener in use.
func (s *server) listener() net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ln
}

var errOther = errors.New("it is another file")

// there says whether the file is still at its place: nil, fs.ErrNotExist, errOther, or why
// it cannot be known.
func (s *socketFile) there() error {
	st, err := os.Lstat(s.path)
	if err != nil {
		return err
	}
	if sys := st.Sys().(*syscall.Stat_t); uint64(sys.Dev) != s.dev || uint64(sys.Ino) != s.ino {
		return errOther
	}
	return nil
}
