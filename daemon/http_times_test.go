package daemon

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// clocked is a server of connections whose time goes by itself. open gives the other end of
// a new one.
func clocked(t *testing.T, f *fake) (open func() net.Conn, done func()) {
	_, open, done = clockedServer(f)
	return open, done
}

func clockedServer(f *fake) (s *server, open func() net.Conn, done func()) {
	s = newServer(f.api, "inet_http_server", &fullListener{}, "", "")
	var clients []net.Conn
	open = func() net.Conn {
		client, conn := net.Pipe()
		clients = append(clients, client)
		s.handle(conn)
		return client
	}
	return s, open, func() {
		for _, c := range clients {
			c.Close()
		}
		time.Sleep(2 * time.Second) // for dribble
		s.http.shutdown(time.Second)
		s.wg.Wait()
		s.cancel()
	}
}

// taken reads all that comes, and says when it ended.
func taken(c net.Conn, begin time.Time) (answer string, after time.Duration) {
	data, _ := io.ReadAll(c)
	return string(data), time.Since(begin)
}

// dribble sends a byte a second until nobody takes it.
func dribble(c net.Conn) {
	for {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// TestHTTPTimes: how long a client may take for a header, a body and the next request, to
// the second. The clock is synctest's.
func TestHTTPTimes(t *testing.T) {
	get := "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, tt := range []struct {
		name, begin string
		slowly      bool // then a byte a second
		after       time.Duration
		status      string // of the last answer; "" for none
	}{
		{"nothing", "", false, headerTime, ""},
		{"half a header", "GET / HTTP/1.1\r\nHost: localhost\r\nA: ", false, headerTime, ""},
		{"a header by and by", "GET / HTTP/1.1\r\nHost: localhost\r\nA: ", true, headerTime, ""},
		{"half a body", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<", false, bodyTime, "400"},
		{"a body by and by", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<", true, bodyTime, "400"},
		{"half a chunk", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n<", false, bodyTime, "400"},
		{"half a form", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\na", true, bodyTime, "400"},
		{"a body that nobody wants", "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<", false, bodyTime, "400"},
		{"a stream's request that does not end", "GET /logtail/cat HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<", true, bodyTime, "400"},
		{"the page's stream likewise", "GET /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n<", false, bodyTime, "400"},
		{"idle", get, false, idleTime, "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.write(t, "cat.out", "hello\n")
			synctest.Test(t, func(t *testing.T) {
				open, done := clocked(t, f)
				defer done()
				c := open()
				begin := time.Now()
				go func() {
					io.WriteString(c, tt.begin)
					if tt.slowly {
						dribble(c)
					}
				}()
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					answer, after := taken(c, begin)
					_, status, _ := strings.Cut(answer, " ")
					if status, _, _ = strings.Cut(status, " "); status != tt.status {
						t.Errorf("answer %q, want status %q", answer, tt.status)
					}
					if after < tt.after || after > tt.after+time.Second {
						t.Errorf("closed after %v, want %v", after, tt.after)
					}
				}()
				select {
				case <-gone:
				case <-time.After(time.Hour):
					t.Error("not closed within an hour")
				}
			})
		})
	}
}

// TestUnreadAnswer: who asks and does not take the answer, large or small, has answerTime.
func TestUnreadAnswer(t *testing.T) {
	for _, path := range []string{"/livez", "/", "/nothing"} {
		f := newFake(t)
		synctest.Test(t, func(t *testing.T) {
			open, done := clocked(t, f)
			defer done()
			c := open()
			begin := time.Now()
			io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
			time.Sleep(answerTime + time.Second)
			synctest.Wait()
			c.SetReadDeadline(time.Now().Add(time.Hour))
			if answer, after := taken(c, begin); strings.Contains(answer, "HTTP/1.1") || after > answerTime+2*time.Second {
				t.Errorf("%s: after %v there is still %q", path, after, answer)
			}
		})
	}
}

// TestNextRequest: the time of an answer is over with it, so that the next has its own.
func TestNextRequest(t *testing.T) {
	f := newFake(t)
	synctest.Test(t, func(t *testing.T) {
		open, done := clocked(t, f)
		defer done()
		c := open()
		r := bufio.NewReader(c)
		for range 5 {
			io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			time.Sleep(idleTime - time.Second)
		}
	})
}

// TestHTTPTimesHeld: as long as the server is held, by an upgrade that waits and gives way in the end, no client's time
// goes by: who has sent his request meanwhile gets his answer.
func TestHTTPTimesHeld(t *testing.T) {
	const get = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	f := newFake(t)
	for _, begun := range []string{"", get[:10]} {
		synctest.Test(t, func(t *testing.T) {
			s, open, done := clockedServer(f)
			defer done()
			begin := time.Now()
			asks, silent := open(), open()
			io.WriteString(asks, begun)
			io.WriteString(silent, begun)
			time.Sleep(time.Second)
			s.hold()
			go io.WriteString(asks, strings.TrimPrefix(get, begun))
			time.Sleep(freezeTime)
			s.goOn()
			if answer, after := taken(asks, begin); !strings.HasPrefix(answer, "HTTP/1.1 200") || after != time.Second+freezeTime {
				t.Errorf("begun with %q: %q after %v", begun, answer, after)
			}
			if _, after := taken(silent, begin); after != headerTime+freezeTime {
				t.Errorf("begun with %q: who says no more is closed after %v", begun, after)
			}
		})
	}
}
