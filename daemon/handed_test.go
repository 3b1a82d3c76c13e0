package daemon

import (
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHandedAndBroken: with a socket that nobody can go on with its connections end too. Clients
// would wait for ever at an end that nobody reads.
func TestHandedAndBroken(t *testing.T) {
	t.Parallel()
	dup := func(f *os.File) int {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for name, ask := range map[string]func(h *handed){
		"of a section that is gone":   func(*handed) {},
		"of a socket that is no more": func(h *handed) { h.take("unix_http_server", true) },
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h := &handed{log: slog.New(slog.DiscardHandler), list: []keptServer{{Section: "unix_http_server", Unix: true, FD: dup(w), Conns: []keptConn{{FD: dup(w)}}}}}
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
