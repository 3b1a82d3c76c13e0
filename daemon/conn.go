package daemon

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// serverConn is a connection of a server, which counts it until it is closed. While the
// server is held it reads nothing: what has come of a request that is not whole yet is
// known, so that another version of the program can go on with the connection.
type serverConn struct {
	net.Conn
	s    *server
	peer peer
	room string        // of s.rooms
	r    *bufio.Reader // holds what sniff has read; nil: nothing
	http bool          // belongs to net/http; guarded by s.mu
	kept *keptConn     // what an earlier version had of it, until it begins; nil: nothing

	mu       sync.Mutex // guards what follows
	speaks   tongue
	session  *session // JSON
	early    []byte   // what was read of a request that is not whole yet
	replay   []byte   // what an earlier version had read of it
	ahead    []byte   // HTTP: what has come of the requests after it
	partial  bool     // HTTP: its body is still coming, and nothing was answered yet; early has it all
	answers  bool     // HTTP: a request is being answered
	watch    watch    // HTTP: likewise
	trusted  bool     // HTTP: it is an admin's
	cut      bool     // nothing is read any more, nor written
	streams  int      // HTTP: endless answers
	parked   bool     // Read waits for the end of a hold
	deadline time.Time
	closed   bool
	leaving  bool      // its descriptor goes over: it stays open until nothing has come of that
	writing  time.Time // since when the client takes what is being written; zero: nothing is

	stir chan struct{} // 1-buffered: of watch, cut, deadline and closed something has changed
}

// tongue is what is spoken on a connection.
type tongue uint8

const (
	unheard tongue = iota
	speaksJSON
	speaksHTTP
)

// watch says whether net/http is to see the client go while it answers. That takes a goroutine that
// reads, which costs more than an answer that comes at once.
type watch uint8

const (
	watched watch = iota
	undecided
	unwatched
)

func (c *serverConn) Read(b []byte) (int, error) {
	if c.r != nil {
		return c.r.Read(b)
	}
	return c.fetch(b)
}

// rawReader is what c.r reads from.
type rawReader struct{ c *serverConn }

func (r rawReader) Read(b []byte) (int, error) { return r.c.fetch(b) }

// fetch reads from the network, or waits where the server is held.
func (c *serverConn) fetch(b []byte) (int, error) {
	c.mu.Lock()
	if n := copy(b, c.replay); n > 0 && len(b) > 0 {
		c.replay = c.replay[n:]
		c.came(b[:n])
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	for {
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.mu.Lock()
			c.came(b[:n])
			c.mu.Unlock()
			return n, err
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.park() {
			return n, err
		}
	}
}

// came remembers what belongs to a request that is not whole yet. c.mu is held.
func (c *serverConn) came(b []byte) {
	if c.speaks == speaksHTTP { // httpConn knows it
		return
	}
	c.early = append(c.early, b...)
	if c.speaks == speaksJSON {
		c.early = c.early[bytes.LastIndexByte(c.early, '\n')+1:]
	}
	if len(c.early) == 0 {
		c.early = nil
	}
}

// park waits for the end of a hold. It is false when the time to read is really over.
func (c *serverConn) park() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.cut || !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
			return false
		}
		h := c.s.held.Load()
		if h == nil || c.answers && !c.partial {
			break
		}
		c.parked = true
		c.mu.Unlock()
		since := time.Now()
		<-h.over
		c.mu.Lock()
		c.parked = false
		if !c.deadline.IsZero() { // it is not the client who let that time pass
			c.deadline = c.deadline.Add(time.Since(since))
		}
	}
	c.Conn.SetReadDeadline(c.deadline)
	return true
}

// whole says that the request cannot be handed over any more: it is being answered. c.mu
// is held.
func (c *serverConn) whole() {
	if c.partial {
		c.partial, c.early = false, nil
	}
}

// Write is net.Conn's.
func (c *serverConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writing = time.Now()
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 100 ")) {
		c.whole()
	}
	c.mu.Unlock()
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	c.writing = time.Time{}
	c.mu.Unlock()
	return n, err
}

// stirred wakes who waits for nothing but the end of his time.
func (c *serverConn) stirred() {
	select {
	case c.stir <- struct{}{}:
	default:
	}
}

// longAgo is a deadline that is over.
func longAgo() time.Time { return time.Unix(1, 0) }

// interrupt ends a Read that waits for a request.
func (c *serverConn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answers || c.partial {
		c.Conn.SetReadDeadline(longAgo())
	}
}

// cutOff ends what the client of a request over HTTP does, or waits for.
func (c *serverConn) cutOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	c.stirred()
	c.Conn.SetDeadline(longAgo())
}

// SetWriteDeadline is net.Conn's.
func (c *serverConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// SetReadDeadline is net.Conn's; a hold goes before it.
func (c *serverConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil
	}
	c.deadline = t
	c.stirred()
	if c.s.held.Load() != nil && (!c.answers || c.partial) && (t.IsZero() || time.Now().Before(t)) {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline is net.Conn's.
func (c *serverConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// turned is what net/http says of the connection.
func (c *serverConn) turned(st http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch st {
	case http.StateActive:
		c.answers, c.trusted, c.watch = true, false, watched
		if !c.partial {
			c.early = nil
		}
		c.Conn.SetReadDeadline(c.deadline) // it may just have been interrupted
	case http.StateIdle:
		c.answers = false
		c.whole()
		c.Conn.SetWriteDeadline(time.Time{}) // the answer is written; no timer stays behind
		if c.s.held.Load() != nil {
			c.Conn.SetReadDeadline(longAgo())
		}
	}
}

// trust says that the request is an admin's.
func (c *serverConn) trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trusted = true
}

// setWatch is nothing where there is no connection.
func (c *serverConn) setWatch(w watch) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch = w
	c.stirred()
}

// stream marks the connection as one whose answer ends only when the client wants it.
func (c *serverConn) stream() (done func()) {
	c.mu.Lock()
	c.streams++
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		c.streams--
		c.mu.Unlock()
	}
}

// Close is net.Conn's.
func (c *serverConn) Close() error {
	c.mu.Lock()
	c.closed = true
	leaving := c.leaving
	c.mu.Unlock()
	c.stirred()
	if leaving {
		return nil
	}
	c.s.mu.Lock()
	if _, open := c.s.conns[c]; open {
		delete(c.s.conns, c)
		c.s.rooms.leave(c.room)
	}
	c.s.mu.Unlock()
	return c.Conn.Close()
}

// leave is the descriptor that goes over, -1 if there is none any more. Close waits for stay from then on: another file
// would have the number else.
func (c *serverConn) leave() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return -1
	}
	fd := fdOf(c.Conn)
	c.leaving = fd >= 0
	return fd
}

// stay is called when nothing came of that. It is false when the connection was to be closed meanwhile.
func (c *serverConn) stay() bool {
	c.mu.Lock()
	late := c.leaving && c.closed
	c.leaving = false
	c.mu.Unlock()
	if late {
		c.Close()
	}
	return !late
}

// begin makes what the connection is served by, and returns what serves it.
func (c *serverConn) begin() func() {
	s := c.s
	k := c.kept
	c.kept = nil
	if k != nil {
		c.replay = slices.Clone(k.Early)
	}
	switch {
	case s.unix == nil, k != nil && k.Speaks == speaksHTTP:
		c.speaks = speaksHTTP
		return func() { s.serveHTTP(c) }
	case k != nil && k.Speaks == speaksJSON:
		c.speaks = speaksJSON
		c.r = bufio.NewReader(rawReader{c})
		x := s.newSession(c)
		x.resume(k)
		return x.serve
	}
	return func() { s.sniff(c) }
}

// sniff finds out what is spoken on a unix socket.
func (s *server) sniff(c *serverConn) {
	c.r = bufio.NewReader(rawReader{c})
	c.SetReadDeadline(time.Now().Add(firstByteTime))
	first, err := c.r.Peek(1)
	if err != nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	if first[0] != '{' {
		c.set(speaksHTTP)
		s.serveHTTP(c)
		return
	}
	c.set(speaksJSON)
	s.newSession(c).serve()
}

func (c *serverConn) set(t tongue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speaks = t
	if t == speaksJSON {
		c.early = c.early[bytes.LastIndexByte(c.early, '\n')+1:]
	}
}

// serveHTTP hands a connection over to net/http.
func (s *server) serveHTTP(c *serverConn) {
	s.mu.Lock()
	c.http = true
	s.mu.Unlock()
	if c.r != nil { // what sniff has read
		b, _ := c.r.Peek(c.r.Buffered())
		c.mu.Lock()
		c.ahead, c.early = slices.Clone(b), nil
		c.mu.Unlock()
		c.r = nil
	}
	s.http.serve(s, c)
}
