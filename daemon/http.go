package daemon

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limits of HTTP. docs/protocol.md names them.
const (
	headerTime = 10 * time.Second
	idleTime   = 5 * time.Minute // between two requests of one connection
	bodyTime   = 30 * time.Second
	answerTime = time.Minute // to take an answer that is no stream, and to send a body that nobody asked for
	maxHeader  = 64 << 10
	maxBody    = 8 << 20
)

// httpFront is the HTTP side of a server. It is set up at its first connection.
type httpFront struct {
	mu    sync.Mutex // guards what follows
	conns *acceptedConns
	srv   *http.Server
	ended bool
}

type (
	peerKey struct{}
	connKey struct{}
)

// serve hands a connection to net/http.
func (h *httpFront) serve(s *server, c *serverConn) {
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		c.Close()
		return
	}
	if h.srv == nil {
		h.conns = &acceptedConns{conns: make(chan net.Conn), closed: make(chan struct{}), addr: s.listener().Addr()}
		h.srv = &http.Server{
			Handler:                      http.HandlerFunc(s.handleHTTP),
			ReadHeaderTimeout:            headerTime,
			IdleTimeout:                  idleTime,
			MaxHeaderBytes:               maxHeader,
			DisableGeneralOptionsHandler: true,
			ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
			BaseContext:                  func(net.Listener) context.Context { return s.ctx },
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				own := c.(*httpConn).serverConn
				ctx = context.WithValue(ctx, connKey{}, own)
				return context.WithValue(ctx, peerKey{}, own.peer)
			},
			ConnState: func(c net.Conn, st http.ConnState) { c.(*httpConn).turned(st) },
		}
		go h.srv.Serve(h.conns) // until shutdown closes it
	}
	conns := h.conns
	h.mu.Unlock()
	select {
	case conns.conns <- &httpConn{serverConn: c}:
	case <-conns.closed:
		c.Close()
	}
}

// shutdown lets requests finish, not longer than d, and closes everything.
func (h *httpFront) shutdown(d time.Duration) {
	h.mu.Lock()
	srv := h.srv
	h.ended = true
	h.mu.Unlock()
	if srv == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		srv.Close()
	}
}

// acceptedConns is a net.Listener of connections that were accepted elsewhere.
type acceptedConns struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	addr   net.Addr
}

func (l *acceptedConns) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *acceptedConns) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *acceptedConns) Addr() net.Addr { return l.addr }

// handleHTTP is every request. Paths are matched by prefix and in this order, as in the
// original: /RPC2foo works too.
func (s *server) handleHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "gosv/"+Version)
	rc := http.NewResponseController(w) // those who wait or stream take the limits away
	rc.SetReadDeadline(time.Now().Add(answerTime))
	rc.SetWriteDeadline(time.Now().Add(answerTime))
	defer func() { rc.SetWriteDeadline(time.Now().Add(answerTime)) }() // what is left is written after this; turned ends it
	who, ok := s.httpAccess(r)
	if !ok && !s.knowsPasswords() {
		w.Header().Set("Connection", "close")
		http.Error(w, "this account may not use "+s.section, http.StatusForbidden)
		return
	}
	if !ok {
		w.Header().Set("Connection", "close")
		w.Header()["WWW-Authenticate"] = []string{`Basic realm="default"`} // spelt as the original does
		httpError(w, http.StatusUnauthorized)
		return
	}
	end, ok := s.begin(&who)
	if !ok {
		w.Header().Set("Retry-After", "1")
		httpError(w, http.StatusServiceUnavailable)
		return
	}
	defer end()
	c := s.request(who, s.streams.ending())
	if sc, ok := r.Context().Value(connKey{}).(*serverConn); ok {
		c.endless = sc.stream
		if who.access == admin {
			sc.trust()
		}
	}
	if fromBrowser(r) {
		if err := c.guardBrowser(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
	}
	if r.Method != http.MethodPost && !withoutBody(w, r) {
		return
	}
	if c.serveProbe(w, r) {
		return
	}
	if c.limited && r.URL.Path == "/metrics" {
		httpError(w, http.StatusForbidden) // it has the names of all programs
		return
	}
	if s.serveMetrics(w, r) {
		return
	}
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/RPC2"):
		c.serveRPC2(w, r)
	case strings.HasPrefix(path, "/logtail"):
		c.serveLogtail(w, r)
	case strings.HasPrefix(path, "/mainlogtail"):
		c.serveMainLogtail(w, r)
	default:
		c.serveWeb(w, r)
	}
}

// withoutBody reads the body of a request that needs none: net/http would do that later, for
// as long as a stream may take. It says whether the body has come.
func withoutBody(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 {
		return true
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxHeader)); err != nil {
		w.Header().Set("Connection", "close")
		httpError(w, http.StatusBadRequest)
		return false
	}
	return true
}

// fromBrowser says whether a request may be a browser's, which a foreign web site can make
// send what it likes. Over plain HTTP it names the site only with a POST; what it always
// has is a User-Agent of its kind and the languages of its user.
func fromBrowser(r *http.Request) bool {
	_, languages := r.Header["Accept-Language"]
	return languages || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" ||
		r.Header.Get("Referer") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/")
}

// httpAccess says who sent r and what he may do; not ok is status 401,
// or 403 where no password could help. A server with a
// username wants it from everybody, on the unix socket too, but from accounts that an
// [access:x] names.
func (s *server) httpAccess(r *http.Request) (w caller, ok bool) {
	p, known := r.Context().Value(peerKey{}).(peer)
	if !known {
		p.uid = -1
	}
	w = caller{peer: p, server: s.section, over: "http"}
	if scheme, rest, cut := strings.Cut(r.Header.Get("Authorization"), " "); cut {
		r.Header.Set("Authorization", scheme+" "+strings.TrimLeft(rest, " ")) // more blanks than one are fine
	}
	if username, password, given := r.BasicAuth(); given {
		if w, ok = s.login(w, username, password); ok {
			return w, true
		}
		if s.asks() || len(s.users) > 0 {
			s.auditLog().refusedLogin(w, username)
			return w, false
		}
	}
	switch {
	case s.unix != nil && s.asks():
		if a := s.account(p.uid); a != nil && p.uid >= 0 {
			w.grant(a)
			return w, true
		}
		return w, false
	case s.asks():
		return w, false
	case s.unix == nil:
		w.access = admin
		return w, true
	}
	w = s.authorise(p)
	w.over = "http"
	return w, w.access > anyone
}

func (s *server) auditLog() *auditLog {
	if s.api == nil {
		return nil
	}
	return s.audit
}

// authentic says whether name and password are those of the server's own section.
func (s *server) authentic(username, password string) bool {
	return s.username != "" && authentic(username, password, s.username, s.password)
}

// authentic says whether name and password are the configured ones, in a time that does
// not depend on how nearly they are. A configured {SHA}... is the hex SHA-1 of the password.
func authentic(username, password, wantName, want string) bool {
	if hash, ok := strings.CutPrefix(want, "{SHA}"); ok {
		sum := sha1.Sum([]byte(password))
		want, password = hash, hex.EncodeToString(sum[:])
	}
	return sameText(username, wantName)&sameText(password, want) == 1
}

func sameText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// httpError answers with the original's error page.
func httpError(w http.ResponseWriter, code int) {
	body := fmt.Sprintf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n", code, http.StatusText(code))
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(code)
	fmt.Fprint(w, body)
}
