package daemon

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// tailStart is how much of a log /logtail begins with, in bytes.
const tailStart = 1024

// serveLogtail is GET /logtail/NAME[/stdout|stderr]: the end of a log, then what is
// written from then on, until the client has had enough.
func (c *call) serveLogtail(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		httpError(w, http.StatusBadRequest)
		return
	}
	_, rest, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	spec, stream, given := strings.Cut(rest, "/")
	if !given {
		stream = "stdout"
	}
	group, name, err := oneName(spec)
	if err != nil || stream != "stdout" && stream != "stderr" {
		httpError(w, http.StatusNotFound)
		return
	}
	path, err := c.logOf(r.Context(), spec, stream)
	if err != nil {
		httpError(w, http.StatusNotFound)
		return
	}
	w.Header().Set("X-Accel-Buffering", "no") // nginx would wait for more
	c.stream(w, r, path, func(n int64) ([]byte, follower, error) {
		return c.logs.follow(group, name, stream, n)
	})
}

// serveMainLogtail is GET /mainlogtail, the same for the daemon's own log.
func (c *call) serveMainLogtail(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		httpError(w, http.StatusBadRequest)
		return
	}
	if c.limited {
		httpError(w, http.StatusForbidden)
		return
	}
	c.main.flush()
	c.stream(w, r, c.main.path(), c.main.follow)
}

// stream answers with the end of a log and what comes after it.
func (c *call) stream(w http.ResponseWriter, r *http.Request, path string, follow func(int64) ([]byte, follower, error)) {
	st, err := os.Stat(path)
	if err != nil {
		httpError(w, http.StatusNotFound)
		return
	}
	data, f, err := follow(tailStart)
	if err != nil {
		httpError(w, http.StatusNotFound)
		return
	}
	defer f.Close()
	defer c.endlessly()()
	w.Header().Set("Last-Modified", st.ModTime().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "text/plain;charset=utf-8")
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	rc.SetWriteDeadline(time.Time{}) // a pager may leave it unread
	w.WriteHeader(http.StatusOK)
	send := func(data []byte, lost int64) error {
		if lost > 0 {
			fmt.Fprintf(w, "==> %d bytes left out <==\n", lost)
		}
		w.Write(data)
		return rc.Flush() // fails if one of the writes did
	}
	if send(data, 0) == nil {
		c.pour(r.Context(), f, send)
	}
}
