package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/state"
)

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hold = make(chan struct{})
	_, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	for i := range maxCalls {
		c.line(fmt.Sprintf(`{"id":%d,"m":"start","p":{"name":"quick"}}`, i+1))
	}
	c.line(`{"id":1000,"m":"status"}`)
	if r := c.reply(); r.ID != 1000 || r.Err == nil || r.Err.Code != wire.TooManyCalls {
		t.Fatalf("the request past the limit got %+v", r)
	}
	// Others are served while this one waits.
	if _, last := dial(t, path).call(1, "status", nil); last.Err != nil {
		t.Error(last.Err)
	}
	close(f.hold)
	for range 2 * maxCalls {
		if r := c.reply(); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

func TestSessionHugeLine(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	go io.WriteString(c.nc, `{"id":1,"m":"status","x":"`+strings.Repeat("x", 8<<20)+"\"}\n")
	if r := c.reply(); r.Err == nil || r.Err.Code != wire.IncorrectParameters || !strings.Contains(r.Err.Msg, "1 MiB") {
		t.Errorf("got %+v", r)
	}
	if _, err := io.Copy(io.Discard, c.nc); err == nil {
		return // closed, one way or the other
	}
}

// TestSessionNumberUsedAgain: a number that is used again as soon as its answer is there belongs to
// the new request, which an upgrade has to wait for or hand over.
func TestSessionNumberUsedAgain(t *testing.T) {
	t.Parallel()
	x := &session{calls: map[uint64]context.CancelFunc{}}
	x.hand.begin()
	x.hand.open[1] = &openCall{method: wire.MethodStatus}
	next := &openCall{method: wire.MethodEvents}
	x.conn = wire.NewConn(struct {
		io.Reader
		io.Writer
	}{nil, writeFunc(func(b []byte) (int, error) {
		x.hand.open[1] = next
		return len(b), nil
	})}, nil)
	x.finish(1, func() {}, true, nil)
	if x.hand.open[1] != next {
		t.Error("the new request is not known any more")
	}
	x.finish(1, func() {}, nil, errLeft)
	if len(x.hand.open) != 0 {
		t.Error("a request that is answered is still known")
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(b []byte) (int, error) { return f(b) }

// TestSessionPieces: a list that does not fit into a line comes in several.
func TestSessionPieces(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for i := range 5000 {
		f.infos = append(f.infos, proc.Info{Group: "many", Name: fmt.Sprintf("p%04d", i), State: state.Running, PID: i + 1, Start: startedAt()})
	}
	_, path := f.serveUnix(t, conf.UnixServer{})
	events, last := dial(t, path).call(1, "status", nil)
	if last.Err != nil || len(events) == 0 {
		t.Fatalf("%d events, %v", len(events), last.Err)
	}
	var all []wire.Process
	for _, b := range append(events, last.OK) {
		var some []wire.Process
		if err := json.Unmarshal(b, &some); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	all = all[5:] // after those of the fake
	if len(all) != 5000 || all[0].Name != "p0000" || all[4999].Name != "p4999" {
		t.Errorf("got %d processes", len(all))
	}
	// One thing that does not fit is a fault, and the connection goes on.
	f.write(t, "cat.out", strings.Repeat("x", 2<<20))
	c := dial(t, path)
	if _, last := c.call(1, "supervisor.readProcessLog", []any{"cat", 0, 0}); last.Err == nil || last.Err.Code != wire.Failed {
		t.Errorf("got %.100v", last)
	}
	n := 0
	events, last = c.call(2, "tail", wire.TailIn{Name: "cat"})
	for _, b := range events {
		var x wire.Chunk
		json.Unmarshal(b, &x)
		n += len(x.Data)
	}
	if n != 2<<20 || last.Err != nil {
		t.Errorf("tail gave %d bytes, %v", n, last.Err)
	}
}

// TestSessionHalfClose: a client that has closed its sending side still gets its answer.
func TestSessionHalfClose(t *testing.T) {
	t.Parallel()
	_, path := newFake(t).serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	c.line(`{"id":1,"m":"supervisor.getPID"}`)
	c.nc.(*net.UnixConn).CloseWrite()
	all, err := io.ReadAll(c.nc)
	if want := `{"id":1,"ok":4242}` + "\n"; string(all) != want || err != nil {
		t.Errorf("got %q, %v; want %q", all, err, want)
	}
}

// TestSessionCloseCancelsWait: going away ends the wait and nothing else.
func TestSessionCloseCancelsWait(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hold = make(chan struct{})
	_, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	c.line(`{"id":1,"m":"start","p":{"name":"quick"}}`)
	eventually(t, "the wait", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.waiting == 1 })
	c.nc.Close()
	eventually(t, "its end", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.did) == 1 })
	if f.did[0] != "gave up waiting" {
		t.Errorf("did %q", f.did)
	}
}

func TestSessionFollowEnds(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	c.line(`{"id":1,"m":"tail","p":{"name":"cat","follow":true}}`)
	c.reply()
	c.nc.Close()
	x := f.follower(t, 0)
	eventually(t, "the follower's end", x.isClosed)
}

// TestFollowHistoryIsBounded: the history of a follower is read at once, under the log's lock,
// so nobody may ask for gigabytes of it.
func TestFollowHistoryIsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	for i, tt := range []struct{ bytes, want int64 }{{0, maxRead}, {1 << 40, maxRead}, {100, 100}} {
		c := dial(t, path)
		c.line(fmt.Sprintf(`{"id":1,"m":"tail","p":{"name":"cat","bytes":%d,"follow":true}}`, tt.bytes))
		if got := f.follower(t, i).asked; got != tt.want {
			t.Errorf("bytes %d: asked for %d, want %d", tt.bytes, got, tt.want)
		}
		c.nc.Close()
	}
}

// TestSessionPassword: where a password is configured, a stranger needs it.
func TestSessionPassword(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{Username: "user", Password: "{SHA}0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"}) // foo
	if _, last := dial(t, path).call(1, "status", nil); last.Err != nil {
		t.Fatalf("the daemon's own user was refused: %v", last.Err)
	}
	c := &call{api: f.api, access: anyone}
	if _, err := c.invoke(t.Context(), "status", args{}); faultOf(err).Code != wire.NotAllowed {
		t.Errorf("a stranger got %v", err)
	}
	for _, tt := range []struct {
		password string
		want     access
	}{{"bar", anyone}, {"", anyone}, {"foo", admin}} {
		x := &session{server: s}
		c := &call{api: f.api, access: anyone, login: x.login}
		if _, err := c.invoke(t.Context(), "hello", args{json: json.RawMessage(`{"username":"user","password":"` + tt.password + `"}`)}); err != nil {
			t.Fatal(err)
		}
		if x.who.access != tt.want {
			t.Errorf("password %q: access %v, want %v", tt.password, x.who.access, tt.want)
		}
	}
}

// TestHostile: garbage of all sorts, from many at once, while somebody else is served.
func TestHostile(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	tcp := f.serveTCP(t, "", "")
	inputs := []string{
		"\x00\x01\x02\x03", "{", "{\n", "{}\n{}\n", "[]\n", "\n\n\n", "GET\n\n", "GET / HTTP/9.9\r\n\r\n",
		"POST /RPC2 HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "GET /logtail HTTP/1.0\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", strings.Repeat("A", 100_000),
		`{"id":1,"m":"status","p":` + strings.Repeat("[", 20_000) + "\n",
		`{"id":-1}` + "\n", `{"id":1e99}` + "\n", "{\"m\":\"\xff\xfe\"}\n",
	}
	var wg sync.WaitGroup
	for i := range 500 {
		network, address := "unix", path
		if i%2 == 1 {
			network, address = "tcp", tcp
		}
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%4 < 2 {
			continue // says nothing at all
		}
		wg.Go(func() {
			io.WriteString(conn, inputs[i%len(inputs)])
			if u, ok := conn.(interface{ CloseWrite() error }); ok {
				u.CloseWrite()
			}
			conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			io.Copy(io.Discard, conn)
		})
	}
	begin := time.Now()
	if _, last := dial(t, path).call(1, "status", nil); last.Err != nil {
		t.Error(last.Err)
	}
	t.Logf("status took %v beside 500 connections", time.Since(begin))
	wg.Wait()
	if strings.Contains(f.log.String(), "unexpected exception") {
		t.Error(f.log.String())
	}
}

// TestSlowReader: a client that asks and does not read holds up nobody else.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write(t, "cat.out", strings.Repeat("x", 4<<20))
	_, path := f.serveUnix(t, conf.UnixServer{})
	slow := dial(t, path)
	for i := range 40 {
		slow.line(fmt.Sprintf(`{"id":%d,"m":"tail","p":{"name":"cat"}}`, i))
	}
	c := dial(t, path)
	for i := range 20 {
		if _, last := c.call(uint64(i), "status", nil); last.Err != nil {
			t.Fatal(last.Err)
		}
	}
}

// TestServerClose: endless streams end, an answer under way is finished, and the client
// sees the end of the connection.
func TestServerClose(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	c.line(`{"id":1,"m":"tail","p":{"name":"cat","follow":true}}`)
	c.reply()
	idle := dial(t, path)
	idle.call(1, "hello", nil)
	done := make(chan struct{})
	go func() {
		s.close()
		close(done)
	}()
	if r := c.reply(); r.OK == nil {
		t.Errorf("the stream ended with %+v", r)
	}
	for _, conn := range []net.Conn{c.nc, idle.nc} {
		if _, err := bufio.NewReader(conn).ReadByte(); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	}
	<-done
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the socket file is still there")
	}
}

// TestPanicIsContained: a method that fails badly is a fault and a line in the log.
func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.cfg = nil // getIdentification will stumble
	_, path := f.serveUnix(t, conf.UnixServer{})
	if _, last := dial(t, path).call(1, "supervisor.getIdentification", nil); last.Err == nil || last.Err.Code != wire.Failed {
		t.Errorf("got %+v", last)
	}
	if !strings.Contains(f.log.String(), "raised an unexpected exception") {
		t.Errorf("log: %s", f.log.String())
	}
}
