package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// Backend is the daemon, as far as the page asks it. Refusals are *wire.Fault. A ctx that
// ends ends the waiting for what was begun and never undoes it; it carries the values of the
// request's context.
type Backend interface {
	// Processes are all processes in any order.
	Processes(ctx context.Context) ([]wire.Process, error)

	// Act does one of the Action constants and returns when it is done. group and name are
	// empty for RestartAll and StopAll. Results with a fault are no error. RestartAll stops
	// everything, then starts everything, even when ctx ends in between.
	Act(ctx context.Context, action, group, name string) ([]wire.Result, error)

	// Tail is the last n bytes at most of the log of stream, "stdout" or "stderr"; the fault
	// NO_FILE when there is none.
	Tail(ctx context.Context, group, name, stream string, n int64) ([]byte, error)

	// Watch is a bell that rings when a process changes its state, comes or goes. It should
	// hold one ring for a reader who is busy. It is closed when the daemon goes away, and no
	// longer rings once ctx has ended.
	Watch(ctx context.Context) <-chan struct{}

	Identification() string // supervisord's identifier
	Version() string        // gosv's own
}

// The actions of the page, by the names they have in its addresses.
const (
	Start      = "start"
	Stop       = "stop"
	Restart    = "restart"
	ClearLog   = "clearlog"
	RestartAll = "restartall"
	StopAll    = "stopall"
	refresh    = "refresh"
)

// New is the handler of the page, below any path that a proxy puts before it.
func New(b Backend, o Options) http.Handler { return &handler{b: b, o: o, since: time.Now()} }

type handler struct {
	b     Backend
	o     Options
	since time.Time // what static files count as last modified at
}

// ServeHTTP finds the view by the path, as the original does: leading slashes do not matter.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	safeHeaders(w.Header())
	path := strings.TrimLeft(r.URL.Path, "/")
	get := r.Method == http.MethodGet || r.Method == http.MethodHead

	if path == "ok.html" && (get || r.Method == http.MethodPost) {
		uncached(w.Header())
		writeBody(w, http.StatusOK, "text/plain", []byte("OK"))
		return
	}
	if err := h.o.CheckHost(r); err != nil {
		plain(w, http.StatusMisdirectedRequest, "Misdirected request: "+err.Error())
		return
	}
	var view func(http.ResponseWriter, *http.Request)
	switch path {
	case "", "index.html":
		view = h.status
	case "tail.html":
		view = h.tail
	case "events":
		if get {
			h.events(w, r)
			return
		}
	}
	switch {
	case view != nil && get:
		view(w, r)
	case view != nil && r.Method == http.MethodPost:
		if err := h.o.CheckOrigin(r); err != nil {
			h.notice(w, http.StatusForbidden, notice{Title: "Refused", Text: "Nothing was done: the request is " + err.Error() + "."})
			return
		}
		view(w, r)
	case get:
		h.static(w, r, path)
	default:
		// The original answers 400, not 405, to methods that it does not know.
		plain(w, http.StatusBadRequest, "Bad request: "+r.Method+" is not possible here")
	}
}

// safeHeaders are for every answer: nothing from elsewhere, in no frame, and no guessing.
// The Referrer-Policy must not be no-referrer: browsers would then send "Origin: null" with
// our own forms, and CheckOrigin lives on the truth there.
func safeHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// uncached are the original's headers for pages, and no-store.
func uncached(h http.Header) {
	h.Set("Pragma", "no-cache")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
}

// common is what every page shows.
type common struct {
	Title          string
	Identification string
	Version        string
	Again          bool // the browser shall ask again by itself
}

func (h *handler) common(title string) common {
	return common{Title: title, Identification: valid(h.b.Identification()), Version: h.b.Version()}
}

// render answers with a page. It is made in memory first, so that there is no half a page.
func (h *handler) render(w http.ResponseWriter, code int, v view) {
	var p page
	v.put(&p)
	uncached(w.Header())
	writeBody(w, code, "text/html;charset=utf-8", harmless(p.Bytes()))
}

// notice is a page with something to say and no more.
type notice struct {
	common
	Title   string
	Message string // what became of an action before this
	Text    string
}

func (h *handler) notice(w http.ResponseWriter, code int, n notice) {
	again := n.common.Again
	n.common = h.common(n.Title)
	n.common.Again = again
	h.render(w, code, n)
}

// unavailable is the page when the daemon does not answer: it is on its way out, or it fails.
func (h *handler) unavailable(w http.ResponseWriter, err error, message string) {
	n := notice{Title: "Supervisor does not answer", Text: failure(err), Message: message}
	code := http.StatusServiceUnavailable
	var f *wire.Fault
	if errors.As(err, &f) {
		switch f.Code {
		case wire.ShutdownState:
			n.Title = "Supervisor is shutting down"
			n.Text = "It stops its processes and then ends or starts anew. This page tries again every few seconds."
		case wire.NotAllowed:
			n.Title, code = "Not allowed", http.StatusForbidden
		}
	}
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
		n.common.Again = true
	}
	h.notice(w, code, n)
}

// plain answers with a line of text, for those who may not have a page.
func plain(w http.ResponseWriter, code int, text string) {
	uncached(w.Header())
	writeBody(w, code, "text/plain;charset=utf-8", harmless([]byte(text+"\n")))
}

func writeBody(w http.ResponseWriter, code int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	w.Write(body) // net/http leaves it out for HEAD; a client that has gone needs no answer
}

// failure is an error as the original words it for actions.
func failure(err error) string {
	var f *wire.Fault
	if !errors.As(err, &f) {
		return "ERROR: " + err.Error()
	}
	number := f.Number
	if number == 0 {
		number = wire.Number(f.Code)
	}
	if number == 0 { // one of gosv's own
		return "ERROR: " + f.Error()
	}
	return fmt.Sprintf("unexpected rpc fault [%d] %s", number, f.Error())
}
