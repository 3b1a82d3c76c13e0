package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gosv/daemon/wire"
	"gosv/proc/event"
)

// TestSlowLine: a line that has begun must end, while the first byte of the next one may
// take as long as it likes.
func TestSlowLine(t *testing.T) {
	f := newFake(t)
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		s := &server{api: f.api, conns: map[*serverConn]struct{}{}}
		x := &session{server: s, nc: &serverConn{Conn: conn, s: s}, who: caller{access: admin}}
		x.conn = wire.NewConn(conn, nil)
		go func() {
			time.Sleep(time.Hour)
			io.WriteString(client, "{\"id\":1}\n")
			time.Sleep(time.Hour)
			for { // a byte every ten seconds
				if _, err := io.WriteString(client, "{"); err != nil {
					return
				}
				time.Sleep(10 * time.Second)
			}
		}()
		begin := time.Now()
		var req wire.Request
		if err := x.line(&req); err != nil || req.ID != 1 || time.Since(begin) != time.Hour {
			t.Fatalf("after %v: %+v, %v", time.Since(begin), req, err)
		}
		begin = time.Now()
		err := x.line(&req)
		if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Hour+lineTime {
			t.Errorf("a slow line ended after %v with %v", took, err)
		}
		conn.Close()
		client.Close()
		time.Sleep(time.Minute)
	})
}

// fullListener is a listener while there are no descriptors left, then for one connection.
type fullListener struct {
	until   time.Time
	asked   int
	client  net.Conn
	closing chan struct{}
}

func (l *fullListener) Accept() (net.Conn, error) {
	l.asked++
	switch {
	case time.Now().Before(l.until):
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	case l.client == nil:
		var conn net.Conn
		l.client, conn = net.Pipe()
		return conn, nil
	}
	<-l.closing
	return nil, net.ErrClosed
}
func (l *fullListener) Close() error   { return nil }
func (l *fullListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestNoDescriptors: without descriptors the listener neither gives up nor spins, says so
// once, and lets connections in as soon as there are some.
func TestNoDescriptors(t *testing.T) {
	f := newFake(t)
	synctest.Test(t, func(t *testing.T) {
		ln := &fullListener{until: time.Now().Add(time.Minute), closing: make(chan struct{})}
		s := newServer(f.api, "inet_http_server", ln, "", "")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.accept()
		}()
		time.Sleep(time.Minute + 2*time.Second)
		synctest.Wait()
		if ln.client == nil || ln.asked < 60 || ln.asked > 90 {
			t.Errorf("asked %d times in a minute; let in: %v", ln.asked, ln.client != nil)
		}
		if n := strings.Count(f.log.String(), "too many open files"); n != 1 {
			t.Errorf("said %d times", n)
		}
		close(ln.closing)
		<-ended
		ln.client.Close()
		s.http.shutdown(0)
		s.wg.Wait()
		s.cancel()
	})
}

// TestLimitsOfTheDocs: SECURITY.md has the numbers that the code has.
func TestLimitsOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "); len(cells) == 4 {
			rows[cells[0]] = cells[1]
		}
	}
	for what, want := range map[string]string{
		"connections of a server":                                              fmt.Sprint(maxConns),
		"connections of one account or address":                                fmt.Sprint(maxPeerConns),
		"first byte on a unix socket":                                          spell(firstByteTime),
		"a line of JSON, from its first byte":                                  spell(lineTime),
		"length of a line of JSON":                                             spellSize(wire.MaxLine),
		"the same of who is no admin":                                          spellSize(maxLowLine),
		"payloads of events that wait for a client":                            spellSize(eventsBytes),
		"the same before a password that is needed":                            spellSize(maxHello),
		"requests of one connection at once":                                   fmt.Sprint(maxCalls),
		"the same of one account or user that is no admin, on all connections": fmt.Sprint(maxPeerCalls),
		"taking an answer":                                                     spell(writeTime),
		"HTTP header, time":                                                    spell(headerTime),
		"HTTP header, size":                                                    spellSize(maxHeader),
		"HTTP body, time":                                                      spell(bodyTime),
		"HTTP body, size":                                                      spellSize(maxBody),
		"taking an HTTP answer that is no stream":                              spell(answerTime),
		"idle HTTP connection":                                                 spell(idleTime),
		"calls of one `system.multicall`":                                      fmt.Sprint(maxMulti),
		"answers of one `system.multicall`":                                    "about " + spellSize(maxAnswer),
		"one read of a log":                                                    spellSize(maxRead),
		"events that a client may be behind":                                   fmt.Sprint(eventsMax),
		"audit lines about refusals of one account or address, a minute":       fmt.Sprint(maxRefused),
		"main log lines that wait for a disk or terminal":                      spellSize(targetMax),
		"how long requests of who is no admin hold up an upgrade":              spell(quietTime),
		"processes in one answer of /metrics":                                  fmt.Sprint(maxSeries),
		"answer of the manager to a probe or to `/metrics`, time":              spell(probeTime),
	} {
		if rows[what] != want {
			t.Errorf("SECURITY.md: %q is %q, want %q", what, rows[what], want)
		}
	}
}

func spell(d time.Duration) string {
	if d >= 5*time.Minute {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

func spellSize(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// TestFirstByte: who connects and says nothing is closed.
func TestFirstByte(t *testing.T) {
	f := newFake(t)
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		defer client.Close()
		s := &server{api: f.api, conns: map[*serverConn]struct{}{}}
		begin := time.Now()
		s.sniff(&serverConn{Conn: conn, s: s})
		if took := time.Since(begin); took != firstByteTime {
			t.Errorf("closed after %v", took)
		}
	})
}

// TestHeaderSize: a header without end is refused.
func TestHeaderSize(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c, err := net.Dial("tcp", f.serveTCP(t, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 2*maxHeader))
	answer := make([]byte, 12)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 431" {
		t.Errorf("%q, %v", answer, err)
	}
}

// TestBlankLines: empty lines before the first request are let pass, but not without end: they
// are kept for an upgrade.
func TestBlankLines(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	address := f.serveTCP(t, "", "")
	for _, tt := range []struct {
		lines int
		want  string
	}{{3, "HTTP/1.1 200"}, {maxHead, "HTTP/1.1 400"}} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(60 * time.Second))
		io.WriteString(c, strings.Repeat("\r\n", tt.lines)+"GET /livez HTTP/1.1\r\n\r\n")
		answer := make([]byte, 12)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != tt.want {
			t.Errorf("after %d empty lines: %q, %v; want %s", tt.lines, answer, err, tt.want)
		}
	}
}

// TestEventsLost: a client that does not read its events loses the oldest, counted.
func TestEventsLost(t *testing.T) {
	t.Parallel()
	q := newEventQueue(eventsMax)
	for i := range eventsMax + 3 {
		q.push(uint64(i), event.Event{Type: event.Tick5})
	}
	list := q.take()
	if len(list) != eventsMax || list[0].Lost != 3 || list[0].Serial != 3 || list[1].Lost != 0 {
		t.Errorf("%d events, the first %+v", len(list), list[0])
	}
	for range 3 { // take empties it
		for range 1000 {
			q.push(1, event.Event{Type: event.ProcessLogStdout, Process: "p", Group: "p", Data: make([]byte, 64<<10)})
		}
		kept := 0
		list = q.take()
		for _, ev := range list {
			kept += len(ev.Payload)
		}
		if kept > eventsBytes || kept < eventsBytes/2 || list[0].Lost != int64(1000-len(list)) {
			t.Errorf("%d bytes in %d events wait, lost %d", kept, len(list), list[0].Lost)
		}
	}
}

// TestEventsLostBefore: what was lost before an upgrade is still said after it.
func TestEventsLostBefore(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	state, err := json.Marshal(told{Events: []wire.Event{{Serial: 8, Lost: 7}, {Serial: 9}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []wire.Event
	c := &call{api: f.api, send: func(v any) error {
		if got = append(got, v.(wire.Event)); len(got) == 2 {
			return io.ErrClosedPipe
		}
		return nil
	}}
	run, err := c.takeUpEvents(keptCall{Params: json.RawMessage(`{}`), State: state})
	if err != nil {
		t.Fatal(err)
	}
	run(t.Context())
	if len(got) != 2 || got[0].Lost != 7 || got[1].Lost != 0 {
		t.Errorf("it goes on with %+v", got)
	}
}

// TestMainLogFlood: lines that nobody takes are left out, counted, and hold up nobody.
func TestMainLogFlood(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var out syncBuffer
	g := newTarget(func(b []byte) (int, error) {
		<-release
		return out.Write(b)
	}, func() error { return nil })
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 3 * targetMax / 1024
	for range lines {
		g.write(line)
	}
	g.mu.Lock()
	queued := len(g.queue)
	g.mu.Unlock()
	if queued > targetMax {
		t.Errorf("%d bytes wait", queued)
	}
	close(release)
	g.close()
	<-g.done
	written := strings.Count(out.String(), string(line))
	if want := fmt.Sprintf("%d log lines were left out", lines-written); !strings.Contains(out.String(), want) {
		t.Errorf("%d of %d lines were written, and not said: %s", written, lines, want)
	}
}
