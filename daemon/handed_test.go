package daemon

import (
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"gosv/conf"
)

// TestHandedAndBroken: with a socket that nobody can go on with its connections end too. Clients
// would wait for ever at an end that nobody reads. What belongs to the streams of a connection ends with it.
func TestHandedAndBroken(t *testing.T) {
	t.Parallel()
	dup := func(f *os.File) int {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	// resumed goes on with the connection in s, as one end of a pair.
	resumed := func(h *handed, s *server) {
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(ends[1]) })
		s.before = h.list[0].Conns
		unix.Close(s.before[0].FD)
		s.before[0].FD = ends[0]
		s.resume()
		unix.Close(h.list[0].FD)
		h.list = nil
	}
	for name, ask := range map[string]func(h *handed){
		"of a section that is gone":   func(*handed) {},
		"of a socket that is no more": func(h *handed) { h.take("unix_http_server", true) },
		"with a stream that is new to us": func(h *handed) {
			s, _ := newFake(t).serveUnix(t, conf.UnixServer{})
			resumed(h, s)
		},
		"that is one too many": func(h *handed) {
			s, _ := newFake(t).serveUnix(t, conf.UnixServer{})
			s.close()
			resumed(h, s)
		},
		"that is no socket": func(h *handed) {
			s, _ := newFake(t).serveUnix(t, conf.UnixServer{})
			s.before = h.list[0].Conns
			s.resume()
			unix.Close(h.list[0].FD)
			h.list = nil
		},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h := &handed{log: slog.New(slog.DiscardHandler), list: []keptServer{{Section: "unix_http_server", Unix: true, FD: dup(w), Conns: []keptConn{{
			FD: dup(w), Speaks: speaksJSON, Calls: []keptCall{{ID: 1, Method: "novelty", FDs: []int{dup(w)}}},
		}}}}}
		w.Close()
		ask(h)
		h.rest()
		ended := make(chan error, 1)
		go func() {
			_, err := r.Read(make([]byte, 1))
			ended <- err
		}()
		eventually(t, name+": the end of the connection", func() bool { return len(ended) == 1 })
	}
}
