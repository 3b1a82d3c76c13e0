package daemon

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"gosv/conf"
)

// holding is a server that reads nothing new: connections wait in the queue of its socket,
// requests in their connections.
type holding struct{ over chan struct{} }

// streams are the endless answers over HTTP. They end visibly when the server closes, and
// before an upgrade.
type streams struct {
	mu    sync.Mutex // guards what follows
	ended chan struct{}
}

// ending is closed when streams have to end.
func (s *streams) ending() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
	return s.ended
}

func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

// hold begins: nothing new is read.
func (s *server) hold() {
	if !s.held.CompareAndSwap(nil, &holding{over: make(chan struct{})}) {
		return
	}
	if d, ok := s.listener().(interface{ SetDeadline(time.Time) error }); ok {
		d.SetDeadline(longAgo())
	}
	s.streams.end()
	for _, c := range s.connections() {
		c.interrupt()
	}
}

// goOn ends a hold.
func (s *server) goOn() {
	h := s.held.Swap(nil)
	if h == nil {
		return
	}
	if d, ok := s.listener().(interface{ SetDeadline(time.Time) error }); ok {
		d.SetDeadline(time.Time{})
	}
	s.takeUp()
	close(h.over)
}

// takeUp takes up the streams that have left off.
func (s *server) takeUp() {
	for _, c := range s.connections() {
		c.mu.Lock()
		x := c.session
		c.mu.Unlock()
		switch stays := c.stay(); {
		case x == nil:
		case stays:
			x.goOn()
		default:
			x.forget()
		}
	}
}

func (s *server) connections() (list []*serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// underWay names something that is still being answered; "" for nothing. An endless answer
// over HTTP whose client does not read is cut off when cut says so, and so is any answer to one
// who is no admin; when last does, everything of those is.
func (s *server) underWay(cut, last bool) string {
	for _, c := range s.connections() {
		c.mu.Lock()
		parked, streams, trusted, x := c.parked, c.streams, c.trusted, c.session
		slow := cut && !c.writing.IsZero() && time.Since(c.writing) > unreadTime
		c.mu.Unlock()
		switch {
		case x != nil:
			if what := x.underWay(); what != "" {
				if (last || slow) && !x.trusted() {
					x.nc.Close()
				}
				return what
			}
			if !parked {
				return "a request that has just come"
			}
		case !parked && streams > 0 && cut:
			c.Conn.SetWriteDeadline(longAgo())
			return "a log that is followed"
		case !parked:
			if (last || slow) && !trusted {
				c.cutOff()
			}
			return "a request that came over HTTP"
		}
	}
	return ""
}

// hold holds all servers, t at most, and says what is still being answered; "" for nothing.
// The last time nobody but admins is waited for: others must not keep upgrades away.
func (d *Daemon) hold(t time.Duration, last bool) (busy string) {
	for _, s := range d.servers {
		s.hold()
	}
	begun := time.Now()
	until(t, func() bool {
		busy = ""
		for _, s := range d.servers {
			if busy = s.underWay(time.Since(begun) > holdTime/2, last && time.Since(begun) > t/4); busy != "" {
				return false
			}
		}
		return true
	})
	return busy
}

// serveOn ends it.
func (d *Daemon) serveOn() {
	for _, s := range d.servers {
		s.goOn()
	}
}

// keptServer is one socket with its connections.
type keptServer struct {
	Section string
	Unix    bool `json:",omitempty"`
	FD      int
	File    *keptSocket `json:",omitempty"`
	Conns   []keptConn  `json:",omitempty"`
}

// keptSocket is the file of a unix socket.
type keptSocket struct {
	Path     string
	Dev, Ino uint64
	Owner    int
	Lent     bool `json:",omitempty"`
}

// keptConn is a connection.
type keptConn struct {
	FD     int
	Speaks tongue
	Early  []byte     `json:",omitempty"` // read of a request that is not whole yet
	Login  *keptLogin `json:",omitempty"` // JSON: who the client has shown to be
	Unsent []byte     `json:",omitempty"` // JSON: of answers
	Calls  []keptCall `json:",omitempty"` // JSON: streams
}

// keptLogin is name and password as they were given.
type keptLogin struct{ Username, Password string }

// keptCall is a request whose answer goes on.
type keptCall struct {
	ID     uint64
	Method string
	Params json.RawMessage `json:",omitempty"`
	State  json.RawMessage `json:",omitempty"` // of the method
	FDs    []int           `json:",omitempty"` // that State means
}

func (k *keptServer) fds() []int {
	list := []int{k.FD}
	for _, c := range k.Conns {
		list = append(list, c.FD)
		for _, call := range c.Calls {
			list = append(list, call.FDs...)
		}
	}
	return list
}

// fdOf is the descriptor of a listener or a connection, -1 if there is none.
func fdOf(x any) int {
	fd := -1
	if sc, ok := x.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			raw.Control(func(n uintptr) { fd = int(n) })
		}
	}
	return fd
}

// kept is the socket without its connections.
func (s *server) kept() keptServer {
	k := keptServer{Section: s.section, Unix: s.unix != nil, FD: fdOf(s.listener())}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.file; f != nil {
		k.File = &keptSocket{f.path, f.dev, f.ino, f.owner, f.lent}
	}
	return k
}

// handOver is the socket with its connections, which have come to rest. What streams are
// under way leaves off; goOn takes it up again.
func (s *server) handOver() keptServer {
	k := s.kept()
	for _, c := range s.connections() {
		c.mu.Lock()
		x := c.session
		one := keptConn{Speaks: c.speaks, Early: slices.Concat(c.early, c.ahead, c.replay)}
		c.mu.Unlock()
		if x != nil {
			x.leave(&one)
		}
		if one.FD = c.leave(); one.FD >= 0 {
			k.Conns = append(k.Conns, one)
		} else if x != nil { // until x has left it may close its connection
			x.forget()
		}
	}
	return k
}

// resumeServers makes servers of the sockets that were handed over, and opens those of the
// configuration that were not.
func resumeServers(d *Daemon, cfg *conf.Config, k *kept) ([]*server, error) {
	a := newAPI(d)
	a.handed, a.from = &handed{list: k.Servers, log: d.log}, k.Version
	list, err := openSockets(a, cfg)
	a.handed.rest()
	a.handed = nil
	return list, err
}

// handed are sockets of an earlier version.
type handed struct {
	list []keptServer
	log  interface{ Error(string, ...any) }
}

// take is the socket of a section.
func (h *handed) take(section string, unix bool) (net.Listener, *keptServer) {
	if h == nil {
		return nil, nil
	}
	for i := range h.list {
		k := &h.list[i]
		if k.Section != section || k.Unix != unix || k.FD < 0 {
			continue
		}
		f := os.NewFile(uintptr(k.FD), "listener")
		ln, err := net.FileListener(f)
		f.Close() // FileListener has a duplicate
		k.FD = -1
		if err != nil {
			h.log.Error(fmt.Sprintf("cannot go on listening for [%s]: %v", section, err))
			k.hangUp()
			return nil, nil
		}
		return ln, k
	}
	return nil, nil
}

// rest closes what nobody wants.
func (h *handed) rest() {
	for _, k := range h.list {
		if k.FD >= 0 {
			syscall.Close(k.FD)
			k.hangUp()
		}
	}
}

// hangUp closes the connections of a socket that nobody goes on with.
func (k *keptServer) hangUp() {
	for _, c := range k.Conns {
		syscall.Close(c.FD)
		c.drop()
	}
}

// drop closes what belongs to the streams of a connection that is no more.
func (k *keptConn) drop() {
	for _, c := range k.Calls {
		c.drop()
	}
}

// drop closes what belongs to a stream that nobody goes on with.
func (k *keptCall) drop() {
	for _, fd := range k.FDs {
		syscall.Close(fd)
	}
}

// file is the socket file as it was.
func (k *keptServer) file() *socketFile {
	if k.File == nil {
		return &socketFile{owner: os.Geteuid()}
	}
	f := k.File
	return &socketFile{path: f.Path, dev: f.Dev, ino: f.Ino, owner: f.Owner, lent: f.Lent}
}

// resume goes on with the connections of an earlier version.
func (s *server) resume() {
	for i := range s.before {
		k := &s.before[i]
		f := os.NewFile(uintptr(k.FD), "connection")
		conn, err := net.FileConn(f)
		f.Close() // FileConn has a duplicate
		if err != nil {
			k.drop()
			continue
		}
		s.admit(conn, k)
	}
	s.before = nil
}
