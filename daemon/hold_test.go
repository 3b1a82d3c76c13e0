package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/proctest"
)

// TestHoldAndGoOn: an upgrade that fails at its very end has held the servers and taken
// everything apart. Then all go on: who connected meanwhile, half a request, a request over
// a connection that stays, a stream of events.
func TestHoldAndGoOn(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hold = make(chan struct{})
	s, path := f.serveUnix(t, conf.UnixServer{})
	d := &Daemon{servers: []*server{s}}

	stream, half, idle, waits := dial(t, path), dial(t, path), dial(t, path), dial(t, path)
	stream.line(`{"id":1,"m":"events","p":{"types":["REMOTE_COMMUNICATION"]}}`)
	io.WriteString(half.nc, `{"id":7,"m":"sta`)
	if _, last := idle.call(1, "status", nil); last.Err != nil {
		t.Fatal(last.Err)
	}
	web := unixClient(path)
	ask := func() error {
		r, err := web.Get("http://gosv/RPC2")
		if err == nil {
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	waits.line(`{"id":3,"m":"start","p":{"name":"quick"}}`)
	eventually(t, "the start is under way", func() bool {
		busy := d.hold(50*time.Millisecond, false)
		d.serveOn()
		return busy == wire.MethodStart
	})
	close(f.hold)
	for {
		if r := waits.reply(); r.OK != nil || r.Err != nil {
			break
		}
	}
	publish := func(data string) {
		s.bus.Publish(event.Event{Type: event.RemoteCommunication, Kind: "k", Data: []byte(data)})
	}
	heard := func(want string) {
		t.Helper()
		var ev wire.Event
		if r := stream.reply(); json.Unmarshal(r.Event, &ev) != nil || !strings.HasSuffix(ev.Payload, want) {
			t.Fatalf("the stream has %+v, want %q", r, want)
		}
	}
	eventually(t, "the stream", func() bool { return s.bus.(*event.Bus).Wants(event.RemoteCommunication) })
	publish("before")
	heard("before")
	for i := range 20 {
		eventually(t, "all is quiet", func() bool {
			if busy := d.hold(time.Second, false); busy != "" {
				d.serveOn()
				t.Log(busy)
				return false
			}
			return true
		})
		late := make(chan error, 1)
		go func() { late <- ask() }()
		k := s.handOver()
		if len(k.Conns) < 4 {
			t.Fatalf("%d connections are handed over", len(k.Conns))
		}
		found := false
		for _, c := range k.Conns {
			found = found || string(c.Early) == `{"id":7,"m":"sta` && c.Speaks == speaksJSON
			for _, call := range c.Calls {
				if call.Method != wire.MethodEvents || call.ID != 1 {
					t.Errorf("a call %+v goes over", call)
				}
			}
		}
		if i == 0 && !found {
			t.Errorf("half a request is not among %+v", k.Conns)
		}
		d.serveOn()
		publish("after")
		heard("after")
		if err := <-late; err != nil {
			t.Errorf("who came meanwhile: %v", err)
		}
		if _, last := idle.call(uint64(i+2), "status", nil); last.Err != nil {
			t.Error(last.Err)
		}
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	half.line(`tus"}`)
	if r := half.reply(); r.ID != 7 || r.Err != nil {
		t.Errorf("half a request became %+v", r)
	}
}

// TestHoldLast: who is no admin cannot keep an upgrade away, by a call that waits, over HTTP or
// JSON, and not even for long by not reading the answer; an admin's request is waited for. Half a
// body keeps nobody away: it is handed over.
func TestHoldLast(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.hold = make(chan struct{})
	defer close(f.hold)
	s, path := f.serveUnix(t, conf.UnixServer{Username: "u", Password: "p"})
	s.users = []conf.Access{{Name: "low", Password: "x", Role: conf.RoleOperate}}
	s.mu.Lock()
	s.uid, s.owner = 1, 1 // then we are nobody
	s.mu.Unlock()
	d := &Daemon{servers: []*server{s}}
	busy := func(last bool, want string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q to be waited for", want), func() bool {
			got := d.hold(200*time.Millisecond, last)
			d.serveOn()
			return got == want
		})
	}
	start := requestXML("supervisor.startProcess", []any{"quick"})
	post := func(user, body string, length int) {
		t.Helper()
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s",
			base64.StdEncoding.EncodeToString([]byte(user)), length, body)
	}
	for _, tt := range []struct {
		what string
		send func(user string)
		want string
	}{
		{"a call that waits", func(user string) { post(user, start, len(start)) }, "a request that came over HTTP"},
		{"the same as JSON", func(user string) {
			name, password, _ := strings.Cut(user, ":")
			c := dial(t, path)
			if _, last := c.call(1, "hello", map[string]string{"username": name, "password": password}); last.Err != nil {
				t.Fatal(last.Err)
			}
			c.line(`{"id":3,"m":"start","p":{"name":"quick"}}`)
		}, "start"},
	} {
		t.Log(tt.what)
		tt.send("low:x")
		busy(false, tt.want)
		busy(true, "")
		busy(false, "")
	}
	post("low:x", start[:7], len(start))
	eventually(t, "half a body to go over", func() bool {
		got := d.hold(200*time.Millisecond, false)
		defer d.serveOn()
		if got != "" {
			t.Fatalf("%q is waited for", got)
		}
		k := s.handOver()
		return slices.ContainsFunc(k.Conns, func(c keptConn) bool {
			return bytes.HasPrefix(c.Early, []byte("POST ")) && bytes.HasSuffix(c.Early, []byte("\r\n\r\n"+start[:7]))
		})
	})
	f.write(t, "cat.out", strings.Repeat("x", 900<<10))
	unread := requestXML("supervisor.readProcessStdoutLog", []any{"cat", 0, 0})
	post("low:x", unread, len(unread))
	busy(false, "a request that came over HTTP")
	if got := d.hold(time.Minute, false); got != "" {
		t.Errorf("%s is waited for", got)
	}
	d.serveOn()
	post("u:p", start, len(start))
	busy(false, "a request that came over HTTP")
	if got := d.hold(200*time.Millisecond, true); got == "" {
		t.Error("an admin was cut off")
	}
	d.serveOn()
}

// TestHoldPipelined: requests that a client has sent before the first was answered are handed over, each
// once and whole; and are answered in their order if nothing comes of it.
func TestHoldPipelined(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hold = make(chan struct{})
	s, path := f.serveUnix(t, conf.UnixServer{})
	d := &Daemon{servers: []*server{s}}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	post := func(body string) string {
		return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	pid, version := post(requestXML("supervisor.getPID", nil)), post(requestXML("supervisor.getAPIVersion", nil))
	rest := pid + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + version + "POST /RPC2 HTTP/1.1\r\nHo"
	io.WriteString(c, post(requestXML("supervisor.startProcess", []any{"quick"}))+rest)
	eventually(t, "the start is under way", func() bool {
		busy := d.hold(50*time.Millisecond, false)
		d.serveOn()
		return busy != ""
	})
	close(f.hold)
	answers := bufio.NewReader(c)
	answer := func() string {
		t.Helper()
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.Status + " " + string(text)
	}
	// Where the hold comes nobody knows: some of the rest may have been answered.
	whole := []string{rest, rest[len(pid):], version + "POST /RPC2 HTTP/1.1\r\nHo", "POST /RPC2 HTTP/1.1\r\nHo"}
	for i := range 5 {
		eventually(t, "all is quiet", func() bool {
			if busy := d.hold(time.Second, false); busy != "" {
				d.serveOn()
				return false
			}
			return true
		})
		k := s.handOver()
		if len(k.Conns) != 1 || !slices.Contains(whole, string(k.Conns[0].Early)) {
			t.Fatalf("hold %d: %s goes over", i, fmt.Sprintf("%+v", k.Conns))
		}
		d.serveOn()
	}
	for i, want := range []string{"<boolean>1", "4242", "200 OK", "3.0"} {
		if got := answer(); !strings.Contains(got, want) {
			t.Errorf("answer %d is %s, want %s", i, got, want)
		}
	}
	io.WriteString(c, strings.TrimPrefix(version, "POST /RPC2 HTTP/1.1\r\nHo"))
	if got := answer(); !strings.Contains(got, "3.0") {
		t.Errorf("the last answer is %s", got)
	}
}

// TestHoldKeepsSockets: a socket whose file is deleted while it is handed over is no other one until nothing has come
// of that.
func TestHoldKeepsSockets(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	d := &Daemon{servers: []*server{s}}
	restored := make(chan bool)
	goOn, err := d.keepSockets(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	d.handingOver(&kept{}, func() error {
		os.Remove(path)
		go func() { restored <- s.restore() }()
		if s.restoring.TryLock() {
			s.restoring.Unlock()
			t.Error("another socket may be made while this one is handed over")
		}
		return io.EOF
	})
	goOn()
	if !<-restored {
		t.Error("the file is not made again")
	}
	dial(t, path).call(1, "status", json.RawMessage(`{}`))
}

// TestUpgradeWaitsForNoSocket: while a deleted socket is being made again, in a directory that hangs perhaps, there is
// neither a trial nor an upgrade, and it is not the manager's loop that waits for that.
func TestUpgradeWaitsForNoSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		d := &Daemon{living: ctx, bus: &event.Bus{}, log: slog.New(slog.DiscardHandler), upgrader: (&launch{}).upgrader(), servers: []*server{{}, {}}}
		d.main = &mainLog{targets: []*target{{busy: true}}} // hangs, in case that it comes to that
		d.pools = newPools(d)
		d.mgr = proc.New(proc.Options{Kernel: proctest.NewKernel(), Log: d.log, Publish: d.bus.Publish})
		go d.mgr.Run(ctx)
		d.cfg.Store(&conf.Config{})
		d.clock.start(ctx, d.bus)
		other := make(chan os.Signal)
		d.handleSignals(ctx, &caught{end: other, other: other})
		d.servers[1].restoring.Lock() // as restore does
		for name, f := range map[string]func() error{
			"the trial":   func() error { _, err := d.try(ctx); return err },
			"the upgrade": func() error { return d.holdAndExec(ctx, identity{}) },
		} {
			if err := f(); err == nil || !strings.Contains(err.Error(), "a deleted socket is being made again") {
				t.Errorf("%s: %v", name, err)
			}
			if !d.servers[0].restoring.TryLock() {
				t.Fatalf("%s holds the other socket still", name)
			}
			d.servers[0].restoring.Unlock()
		}
	})
}

// TestHoldMissesNothing: when nothing comes of an upgrade at its very end, a stream of events has those
// that come before the servers go on.
func TestHoldMissesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	d := &Daemon{servers: []*server{s}}
	stream := dial(t, path)
	stream.line(`{"id":1,"m":"events","p":{"types":["REMOTE_COMMUNICATION"]}}`)
	eventually(t, "the stream", func() bool { return s.bus.(*event.Bus).Wants(event.RemoteCommunication) })
	if busy := d.hold(time.Minute, false); busy != "" {
		t.Fatal(busy)
	}
	if err := d.handingOver(&kept{}, func() error { return io.EOF }); err != io.EOF {
		t.Error(err)
	}
	s.bus.Publish(event.Event{Type: event.RemoteCommunication, Kind: "k", Data: []byte("early")})
	d.serveOn()
	s.bus.Publish(event.Event{Type: event.RemoteCommunication, Kind: "k", Data: []byte("late")})
	var ev wire.Event
	if r := stream.reply(); json.Unmarshal(r.Event, &ev) != nil || !strings.HasSuffix(ev.Payload, "early") {
		t.Errorf("the stream has %+v", r)
	}
}
