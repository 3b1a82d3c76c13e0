package logs

import (
	"fmt"
	"strings"
	"testing"
)

// polled says whether epoll watches the latest pipe of s.
func polled(t *testing.T, s *Sink) bool {
	s.p.mu.Lock()
	fd := s.latest.fd
	s.p.mu.Unlock()
	for line := range strings.Lines(content(t, fmt.Sprintf("/proc/self/fdinfo/%d", s.p.poll.ep))) {
		var n int32
		if k, _ := fmt.Sscanf(line, "tfd: %d", &n); k == 1 && n == fd {
			return true
		}
	}
	return false
}

// TestRest takes a busy pipe out of epoll: what is written is read all the same, once it is quiet
// it is watched again, and its end is seen.
func TestRest(t *testing.T) {
	for _, ends := range []bool{false, true} {
		p, err := NewFrozenPump("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		path, files := logName(t), &Files{}
		s := newSink(t, p, Options{Files: files, Path: path})
		w := attach(t, s)
		if !polled(t, s) {
			t.Fatal("a new pipe is not watched")
		}
		s.latest.hot = hotReads // nothing runs yet
		p.rest(s.latest)
		if polled(t, s) {
			t.Fatal("a pipe at rest is watched")
		}
		write(t, w, "one\n")
		if ends {
			w.Close()
		}
		p.Thaw(files)
		soon(t, "what a pipe at rest has", func() bool { return content(t, path) == "one\n" })
		if ends {
			atRest(t, s)
			continue
		}
		soon(t, "the end of the rest", func() bool { return polled(t, s) })
		write(t, w, "two\n")
		soon(t, "what comes later", func() bool { return content(t, path) == "one\ntwo\n" })
	}
}
