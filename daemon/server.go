package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gosv/conf"
)

// Limits of a server. docs/protocol.md names them.
const (
	maxConns      = 1000             // connections at once, or a quarter of the descriptors; one more is closed at once
	maxPeerConns  = 300              // of them, those of one account or address
	firstByteTime = 10 * time.Second // to say the first byte on a unix socket
	lineTime      = 30 * time.Second // to finish a line of JSON once it has begun
	writeTime     = 30 * time.Second // to take one answer
	lingerTime    = time.Second      // for what is being answered when a connection or the server ends
)

// server is one socket. A unix socket serves JSON to who begins with "{", and HTTP to
// everybody else; a TCP socket serves HTTP.
type server struct {
	*api
	section            string
	unix               *conf.UnixServer // nil: TCP
	uid, owner         int              // unix: of the daemon and of the socket file
	username, password string
	users              []conf.Access // [access:x]
	strict             bool          // unix: everybody may connect, and is nobody until he is known
	metrics            bool          // /metrics is served

	held atomic.Pointer[holding] // not nil: nothing is read

	ctx     context.Context // of requests
	cancel  context.CancelFunc
	closing chan struct{} // closed when the server begins to close
	streams streams       // of HTTP
	http    httpFront
	wg      sync.WaitGroup // accepting, and one per connection

	restored  chan struct{} // 1-buffered: a deleted socket file was made again
	restoring sync.Mutex    // held while a deleted socket file is made again

	mu    sync.Mutex // guards what follows
	ln    net.Listener
	file  *socketFile // nil: TCP
	watch *fileWatch  // nil: nobody watches the file yet
	conns map[*serverConn]struct{}
	rooms rooms
	ended bool

	before []keptConn // connections of an earlier version, until resume
}

func newServer(a *api, section string, ln net.Listener, username, password string) *server {
	s := &server{
		api: a, section: section, ln: ln, username: username, password: password,
		uid: -1, owner: -1, closing: make(chan struct{}), restored: make(chan struct{}, 1), conns: map[*serverConn]struct{}{},
		rooms: newRooms(maxFiles()),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// serve begins to answer. When ctx is done nobody new is let in; close ends the rest.
func (s *server) serve(ctx context.Context) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		stop := context.AfterFunc(ctx, func() { s.listener().Close() })
		defer stop()
		s.accept()
	}()
	if s.file != nil && s.file.path != "" {
		s.wg.Go(s.guard)
	}
}

// accept lets connections in until the listener is closed.
func (s *server) accept() {
	failures := 0
	ln := s.listener()
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			failures = 0
			s.handle(conn)
		case errors.Is(err, net.ErrClosed):
			old := ln
			if ln = s.listener(); ln == old {
				return
			}
		case errors.Is(err, os.ErrDeadlineExceeded):
			if h := s.held.Load(); h != nil {
				<-h.over
			}
		default:
			if failures++; failures == 1 {
				s.log.Error(fmt.Sprintf("cannot accept connections on %s: %v", ln.Addr(), err))
			}
			if !pause(s.ctx, time.Duration(min(failures, 20))*50*time.Millisecond) {
				return
			}
		}
	}
}

// pause waits for d; false when ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// handle takes a connection over.
func (s *server) handle(conn net.Conn) { s.admit(conn, nil) }

// admit is handle for one that an earlier version had, as k says; nil: it is new.
func (s *server) admit(conn net.Conn, k *keptConn) {
	c := &serverConn{Conn: conn, s: s, peer: s.peerOf(conn), kept: k, stir: make(chan struct{}, 1)}
	c.room = s.roomOf(c.peer)
	s.mu.Lock()
	ended, text := s.ended, ""
	full := ended || !s.rooms.enter(c.room)
	if !full {
		s.conns[c] = struct{}{}
		s.wg.Add(1)
	} else if !ended {
		text = s.rooms.refused(c.room, time.Now())
	}
	s.mu.Unlock()
	if text != "" {
		s.log.Warn(fmt.Sprintf("[%s] %s", s.section, text))
	}
	if full {
		conn.Close()
		if k != nil {
			k.drop()
		}
		return
	}
	begin := c.begin()
	go func() {
		defer s.wg.Done()
		begin()
	}()
}

// peerOf says who is at the other end.
func (s *server) peerOf(conn net.Conn) peer {
	if s.unix == nil {
		return peer{uid: -1, address: conn.RemoteAddr().String()}
	}
	return peerOf(conn)
}

// peer is who is at the other end of a connection.
type peer struct {
	uid     int // of a unix socket's; -1: not known
	pid     int
	address string // of a TCP socket's
}

// close ends the server. What is being answered has a moment to finish; the socket file
// is removed if it is still ours.
func (s *server) close() {
	s.mu.Lock()
	first := !s.ended
	s.ended = true
	ln, file, watch := s.ln, s.file, s.watch
	for c := range s.conns {
		if !c.http {
			c.SetReadDeadline(time.Now()) // no more requests; what was asked is answered
		}
	}
	s.mu.Unlock()
	ln.Close()
	if file != nil {
		file.remove()
	}
	if watch != nil {
		watch.Close()
	}
	if first {
		close(s.closing)
		s.streams.end()
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.http.shutdown(lingerTime)
		s.wg.Wait()
	}()
	t := time.NewTimer(2 * lingerTime)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
	}
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Conn.Close()
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		c.stirred()
	}
}
