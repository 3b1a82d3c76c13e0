package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// client is a connection to a supervisor, in Supervisor's terms. Faults are *wire.Fault,
// trouble with the connection a *linkError, an HTTP status other than 200 a *statusError.
// A target is "name", "group:name", "group:*" or "all"; each is called for every result as
// soon as it is known. What becomes of a single process comes as a result or as the fault
// of the whole call.
type client interface {
	// Check says whether a supervisor of our API version answers: Supervisor's upcheck.
	Check(context.Context) (api string, err error)
	// Version is the Supervisor version whose behaviour is offered.
	Version(context.Context) (string, error)
	PID(context.Context) (int, error)
	Processes(context.Context) ([]wire.Process, error)
	Process(ctx context.Context, name string) (wire.Process, error)

	Start(ctx context.Context, target string, each func(wire.Result)) error
	Stop(ctx context.Context, target string, each func(wire.Result)) error
	// Restart restarts one process with no gap between stop and start. A server that
	// cannot gives errNoRestart, and has done nothing.
	Restart(ctx context.Context, name string, each func(wire.Result)) error
	Signal(ctx context.Context, target, signal string, each func(wire.Result)) error
	Clear(ctx context.Context, target string, each func(wire.Result)) error
	Stdin(ctx context.Context, name string, data []byte) error

	// Tail is the last n bytes of a log, all of it for 0, from byte -n for n < 0. An
	// empty name is the daemon's own log.
	Tail(ctx context.Context, name, stream string, n int64) ([]byte, error)
	// Follow gives the end of a log and then what is written to it, until ctx is done or
	// the server ends it, which is no error.
	Follow(ctx context.Context, name, stream string, each func(wire.Chunk)) error
	// Ended returns nil when a process leaves RUNNING. A server that does not tell gives
	// errNotTold.
	Ended(context.Context, wire.Process) error

	Avail(context.Context) ([]wire.Avail, error)
	Reread(context.Context) (wire.Changes, error)
	Update(ctx context.Context, groups []string, each func(wire.UpdateStep)) error
	Add(ctx context.Context, group string) error
	Remove(ctx context.Context, group string) error
	Reload(context.Context) error
	Shutdown(context.Context) error
	// Upgrade puts the version of the daemon that is on disk in the place of the running one.
	Upgrade(context.Context) (wire.UpgradeOut, error)

	Close()
}

// errNoRestart says that a server has no restart of its own, errNotTold that it does not
// say by itself what becomes of processes.
var (
	errNoRestart = errors.New("the server has no restart")
	errNotTold   = errors.New("the server sends no events")
)

// How long ctl waits. The work that a request starts may take any time, unless --timeout
// says otherwise, as with Supervisor.
const (
	dialTime   = 5 * time.Second       // for a connection
	greetTime  = 10 * time.Second      // for the first answer
	quickTime  = 60 * time.Second      // for each piece of an answer that needs no waiting
	probeAfter = 50 * time.Millisecond // silence after which we ask in HTTP as well
)

// apiVersion is the version of the interface that supervisorctl wants.
const apiVersion = "3.0"

// server says which server to talk to.
type server struct {
	url                string
	username, password string        // both or none
	timeout            time.Duration // of a request, 0 for none
	xmlrpc             bool          // it is known not to speak JSON
}

// connect finds out which protocol the server speaks and returns a client for it. http://
// is always XML-RPC, because only HTTP has passwords; on a unix socket JSON is tried first.
func connect(ctx context.Context, s *server) (client, error) {
	switch {
	case strings.HasPrefix(s.url, "http://"), strings.HasPrefix(s.url, "unix://") && s.xmlrpc:
		return &xmlClient{server: s}, nil
	case !strings.HasPrefix(s.url, "unix://"):
		return nil, fmt.Errorf("Unknown protocol for serverurl %s", s.url) // Supervisor's text
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := newJSONClient(s, nc)
	switch err := c.greet(ctx); {
	case errors.Is(err, errNotJSON):
		nc.Close()
		s.xmlrpc = true
		return &xmlClient{server: s}, nil
	case err != nil:
		nc.Close()
		return nil, err
	}
	return c, nil
}

// errNotJSON says that the server does not speak JSON.
var errNotJSON = errors.New("not a JSON server")

// greet says hello. A Python supervisord waits for the end of an HTTP header and so never
// answers it: after a short silence we ask in HTTP on a second connection, and when that
// is answered by anyone but gosv, the server is not JSON.
func (c *jsonClient) greet(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer stop()
	c.nc.SetDeadline(time.Now().Add(greetTime))
	err := c.sayHello()
	sent := err == nil
	if sent {
		c.nc.SetReadDeadline(time.Now().Add(probeAfter))
		_, err = c.r.Peek(1)
	}
	other := false
	if sent && errors.Is(err, os.ErrDeadlineExceeded) {
		c.nc.SetDeadline(time.Now().Add(greetTime))
		probing, cancel := context.WithCancel(ctx)
		probe := make(chan bool, 1)
		go func() {
			other := c.server.answersHTTP(probing)
			if other {
				c.nc.SetDeadline(time.Unix(1, 0))
			}
			probe <- other
		}()
		_, err = c.r.Peek(1)
		cancel()
		other = <-probe
	}
	if err == nil {
		if first, _ := c.r.Peek(1); first[0] != '{' {
			return errNotJSON // an HTTP error
		}
		c.nc.SetDeadline(time.Now().Add(greetTime))
		err = c.hearHello()
	}
	var fault *wire.Fault
	switch {
	case err == nil, errors.As(err, &fault):
		return err
	case ctx.Err() != nil:
		return c.server.explain(ctx, err)
	case other:
		return errNotJSON
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &timeoutError{c.server.url, greetTime}
	}
	return errNotJSON // closed, as a server of HTTP only may do
}

// dial connects to the server's socket. A unix socket whose queue is full refuses with
// EAGAIN at once instead of making us wait, so we wait ourselves.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	network, address, err := s.address()
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var d net.Dialer
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		nc, err := d.DialContext(within, network, address)
		switch {
		case err == nil:
			return nc, nil
		case ctx.Err() != nil:
			return nil, s.explain(ctx, err)
		case within.Err() != nil:
			return nil, &timeoutError{s.url, dialTime}
		case !errors.Is(err, errAgain):
			return nil, &linkError{s.url, err}
		}
		select {
		case <-time.After(pause):
		case <-within.Done():
		}
	}
}

// address is what to dial.
func (s *server) address() (network, address string, err error) {
	if path, ok := strings.CutPrefix(s.url, "unix://"); ok {
		return "unix", path, nil
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return "", "", fmt.Errorf("cannot use serverurl %q: %v", s.url, err)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return "tcp", net.JoinHostPort(u.Hostname(), port), nil
}

// host is the name of the server for HTTP.
func (s *server) host() string {
	if strings.HasPrefix(s.url, "unix://") {
		return "localhost"
	}
	_, address, _ := s.address()
	return address
}

// bound limits ctx to the time of a request.
func (s *server) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.timeout, &timeoutError{s.url, s.timeout})
}

// patient is a reader of a connection that gives up after a silence; 0 is never.
type patient struct {
	net.Conn
	url     string
	silence time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	if p.silence > 0 {
		p.Conn.SetReadDeadline(time.Now().Add(p.silence))
	}
	n, err := p.Conn.Read(b)
	if p.silence > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = &timeoutError{p.url, p.silence}
	}
	return n, err
}

// explain turns an error of the connection into one that says whose it is.
func (s *server) explain(ctx context.Context, err error) error {
	var late *timeoutError
	switch {
	case err == nil:
		return nil
	case errors.As(context.Cause(ctx), &late):
		return late
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &late):
		return late
	case errors.Is(err, io.EOF):
		return &linkError{s.url, errors.New("the server closed the connection")}
	}
	return &linkError{s.url, err}
}

// linkError is trouble with the connection.
type linkError struct {
	url string
	err error
}

func (e *linkError) Error() string { return fmt.Sprintf("cannot talk to %s: %s", e.url, cause(e.err)) }
func (e *linkError) Unwrap() error { return e.err }

// timeoutError is an answer that did not come in time.
type timeoutError struct {
	url  string
	time time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no answer from %s within %v", e.url, e.time)
}

// statusError is an HTTP status that is not 200.
type statusError struct {
	url    string // host and path, as Python's ProtocolError has it
	code   int
	reason string // "401 Unauthorized"
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answered %s", e.url, e.reason) }
