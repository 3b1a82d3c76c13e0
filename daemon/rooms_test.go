package daemon

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
)

func TestRooms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		files     uint64
		all, each int
	}{{1 << 20, 1000, 300}, {1024, 256, 128}, {100, 25, 12}, {10, 16, 8}} {
		if r := newRooms(tt.files); r.all != tt.all || r.each != tt.each {
			t.Errorf("%d files: %d and %d, want %d and %d", tt.files, r.all, r.each, tt.all, tt.each)
		}
	}
	r := newRooms(100)
	enter := func(who string, want int) {
		t.Helper()
		n := 0
		for range 100 {
			if r.enter(who) {
				n++
			}
		}
		if n != want {
			t.Errorf("%s got %d, want %d", who, n, want)
		}
	}
	enter("a", 12)
	enter("b", 12)
	enter("c", 1)
	enter(ownRoom, 25)
	now := time.Now()
	if text := r.refused("a", now); !strings.HasPrefix(text, "25 connections are open") {
		t.Errorf("%q", text)
	}
	if text := r.refused("a", now.Add(time.Second)); text != "" {
		t.Errorf("a second later: %q", text)
	}
	r.leave("c")
	if text := r.refused("a", now.Add(time.Hour)); !strings.HasPrefix(text, "a has 12 connections") {
		t.Errorf("%q", text)
	}
	for range 12 {
		r.leave("a")
		r.leave("b")
	}
	for range 25 {
		r.leave(ownRoom)
	}
	if r.own != 0 || r.others != 0 || len(r.taken) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestRoomOf: who counts as one.
func TestRoomOf(t *testing.T) {
	t.Parallel()
	s := &server{uid: 1000, owner: 2000, unix: &conf.UnixServer{}}
	for uid, want := range map[int]string{0: ownRoom, 1000: ownRoom, 2000: ownRoom, 3000: "uid 3000", -1: "uid -1"} {
		if got := s.roomOf(peer{uid: uid}); got != want {
			t.Errorf("%d: %s", uid, got)
		}
	}
	s.unix = nil
	for address, want := range map[string]string{"10.0.0.1:5": "10.0.0.1", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64", "[::1]:5": "::/64", "x": "x"} {
		if got := s.roomOf(peer{uid: -1, address: address}); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

// TestRoomIsGivenBack: however a connection ends, its place is free again.
func TestRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	tcp := f.serveAll(t, &conf.Config{InetServers: []conf.InetServer{{Section: "inet_http_server", Host: "127.0.0.1"}}})[0]
	for i := range 200 {
		network, address := "unix", path
		if i%2 == 1 {
			network, address = "tcp", tcp.ln.Addr().String()
		}
		c, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		switch i / 2 % 8 {
		case 1:
			fmt.Fprint(c, `{"id":1,"m":"sta`)
		case 2:
			fmt.Fprintln(c, `{"id":1,"m":"status"}`)
		case 3:
			fmt.Fprintln(c, `{"id":1,"m":"tail","p":{"name":"cat","follow":true}}`)
		case 4:
			fmt.Fprint(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml")
		case 5:
			fmt.Fprint(c, "GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n")
		case 6:
			fmt.Fprint(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		case 7:
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nacti")
		}
		if i%3 == 0 {
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			io.CopyN(io.Discard, c, 10)
		}
		c.Close()
	}
	for _, s := range []*server{s, tcp} {
		eventually(t, "the places to be free", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.rooms.own == 0 && s.rooms.others == 0 && len(s.rooms.taken) == 0 && len(s.conns) == 0
		})
	}
}

// TestOneTakesNotAll: an address that has all that it may have is turned away, others are not.
func TestOneTakesNotAll(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.serveAll(t, &conf.Config{InetServers: []conf.InetServer{{Section: "inet_http_server", Host: "127.0.0.1"}}})[0]
	s.mu.Lock()
	s.rooms.each = 10
	s.mu.Unlock()
	open := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", s.ln.Addr().String())
		if err != nil {
			t.Skip(from, err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	answers := func(c net.Conn) bool {
		c.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(c, "GET /livez HTTP/1.0\r\n\r\n")
		data, _ := io.ReadAll(c)
		return strings.Contains(string(data), "200 OK")
	}
	first := open("127.0.0.1")
	for range 9 {
		open("127.0.0.1")
	}
	if answers(open("127.0.0.1")) {
		t.Error("the eleventh connection was let in")
	}
	if !answers(open("127.0.0.2")) {
		t.Error("another address was turned away")
	}
	if !strings.Contains(f.log.String(), "127.0.0.1 has 10 connections, which is the most for one") {
		t.Errorf("log: %s", f.log.String())
	}
	first.Close()
	eventually(t, "a free place", func() bool { return answers(open("127.0.0.1")) })
}

// TestStrangersLine: who may do nothing yet, or little, cannot make the daemon keep a megabyte.
func TestStrangersLine(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, _ := f.serveUnix(t, conf.UnixServer{})
	for _, tt := range []struct {
		level access
		size  int
		ok    bool
	}{{anyone, 2 * maxHello, false}, {read, 2 * maxHello, true}, {operate, 2 * maxLowLine, false}, {admin, 2 * maxLowLine, true}} {
		client, conn := net.Pipe()
		c := &serverConn{Conn: conn, s: s}
		x := &session{server: s, nc: c, who: caller{access: tt.level}}
		x.conn = wire.NewConn(c, nil)
		go io.WriteString(client, `{"id":1,"m":"hello","p":{"client":"`+strings.Repeat("x", tt.size)+`"}}`+"\n")
		var req wire.Request
		if err := x.line(&req); (err == wire.ErrTooLong) == tt.ok {
			t.Errorf("level %d, %d bytes: %v", tt.level, tt.size, err)
		}
		client.Close()
	}
}

// TestMulticallIsBounded: one request cannot ask for an answer without end.
func TestMulticallIsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write(t, "cat.out", strings.Repeat("x", 1<<20))
	one := map[string]any{"methodName": "supervisor.readProcessLog", "params": []any{"cat", 0, 0}}
	c := &call{api: f.api, access: admin}
	for n, want := range map[int]string{maxMulti + 1: "too many", 200: "the answer is too long", 5: ""} {
		calls := make([]any, n)
		for i := range calls {
			calls[i] = one
		}
		_, err := c.multicall(t.Context(), calls)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d calls: %v", n, err)
		}
	}
}

// TestShare: who is no admin can neither ask for much at once nor much in one request, and
// gets it all back.
func TestShare(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write(t, "cat.out", strings.Repeat("x", 2<<20))
	s, path := f.serveUnix(t, conf.UnixServer{Username: "u", Password: "p"})
	s.users = []conf.Access{{Name: "low", Password: "x", Role: conf.RoleRead}}
	s.mu.Lock()
	s.uid, s.owner = 1, 1 // then we are nobody
	s.mu.Unlock()
	if w := s.authorise(peer{uid: 4_000_001}); w.access != anyone {
		t.Fatalf("%+v", w)
	}
	low, ok := s.login(caller{peer: peer{uid: 4_000_001}}, "low", "x")
	if !ok {
		t.Fatal("no login")
	}
	var ends []func()
	for range maxPeerCalls {
		end, ok := s.begin(&low)
		if !ok {
			t.Fatal("refused too early")
		}
		ends = append(ends, end)
	}
	if _, ok := s.begin(&low); ok {
		t.Error("one more was let in")
	}
	if _, ok := s.begin(&caller{access: admin, peer: low.peer}); !ok {
		t.Error("an admin was refused")
	}
	// Over a real connection a refused one leaves nothing behind.
	c := dial(t, path)
	if _, last := c.call(1, "hello", map[string]string{"username": "low", "password": "x"}); last.Err != nil {
		t.Fatal(last.Err)
	}
	for i := range 10 {
		if _, last := c.call(uint64(2+i), "status", nil); last.Err == nil || last.Err.Code != wire.TooManyCalls {
			t.Fatalf("%+v", last)
		}
	}
	eventually(t, "no request to be open", func() bool {
		open := 0
		for _, sc := range s.connections() {
			sc.mu.Lock()
			x := sc.session
			sc.mu.Unlock()
			x.mu.Lock()
			open += len(x.hand.open) + len(x.calls)
			x.mu.Unlock()
		}
		return open == 0
	})
	for _, end := range ends {
		end()
	}
	if len(s.rooms.calls) != 0 {
		t.Errorf("%v", s.rooms.calls)
	}
	for _, tt := range []struct {
		level  access
		length int64
		ok     bool
	}{{admin, 0, true}, {read, 0, false}, {read, 1 << 20, true}} {
		c := &call{api: f.api, access: tt.level}
		if _, err := c.readLog(f.dir+"/cat.out", 0, tt.length); (err == nil) != tt.ok {
			t.Errorf("level %d, %d bytes: %v", tt.level, tt.length, err)
		}
	}
	// Over a real connection the count goes back too.
	if _, last := dial(t, path).call(1, "hello", map[string]string{"username": "low", "password": "x"}); last.Err != nil {
		t.Fatal(last.Err)
	}
	eventually(t, "no request to be counted", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.rooms.calls) == 0
	})
}
