package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
)

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually polls until ok, or fails after a long time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// serveUnix starts a unix server for the fake and returns its socket's path.
func (f *fake) serveUnix(t *testing.T, c conf.UnixServer) (*server, string) {
	t.Helper()
	if c.File == "" {
		c.File = filepath.Join(t.TempDir(), "s.sock")
	}
	if c.Chmod == 0 {
		c.Chmod = 0o700
	}
	c.Section = "unix_http_server"
	return f.serveAll(t, &conf.Config{UnixServers: []conf.UnixServer{c}})[0], c.File
}

// serveTCP starts a TCP server on a free port of loopback and returns its address.
func (f *fake) serveTCP(t *testing.T, username, password string) string {
	t.Helper()
	s := f.serveAll(t, &conf.Config{InetServers: []conf.InetServer{{Section: "inet_http_server", Host: "127.0.0.1", Username: username, Password: password}}})[0]
	return s.ln.Addr().String()
}

func (f *fake) serveAll(t *testing.T, cfg *conf.Config) []*server {
	t.Helper()
	list, err := openSockets(f.api, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		s.serve(t.Context())
	}
	t.Cleanup(func() { closeServers(list) })
	return list
}

// client is a JSON client that a test drives.
type client struct {
	t    *testing.T
	nc   net.Conn
	conn *wire.Conn
}

func dial(t *testing.T, path string) *client {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t, nc, wire.NewConn(nc, nil)}
}

// line sends a raw line.
func (c *client) line(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, s+"\n"); err != nil {
		c.t.Fatalf("cannot send %.80q: %v", s, err)
	}
}

// reply reads the next line.
func (c *client) reply() wire.Reply {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Now().Add(30 * time.Second))
	var r wire.Reply
	if err := c.conn.Read(&r); err != nil {
		c.t.Fatalf("no reply: %v", err)
	}
	return r
}

// call sends one request and reads its whole answer.
func (c *client) call(id uint64, method string, params any) (events []json.RawMessage, last wire.Reply) {
	c.t.Helper()
	p, err := encodeJSON(params)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.Write(wire.Request{ID: id, Method: method, Params: p}); err != nil {
		c.t.Fatal(err)
	}
	for {
		r := c.reply()
		if r.ID != id {
			c.t.Fatalf("a reply to %d while waiting for %d", r.ID, id)
		}
		if r.Event == nil {
			return events, r
		}
		events = append(events, r.Event)
	}
}

func unixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}}
}
