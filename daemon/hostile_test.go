package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gosv/conf"
)

// TestForeignPages: what a foreign web site can make a browser send, by a name of its own for
// our address or across sites, is refused everywhere; programs' requests are not.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	address := f.serveTCP(t, "", "")
	firefox := "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	for _, tt := range []struct {
		method, path, host string
		headers            map[string]string
		want               int
	}{
		// DNS rebinding: the page's own name is our address now.
		{"GET", "/logtail/fatal/../cat", "evil.example:9001", map[string]string{"User-Agent": firefox}, 403},
		{"GET", "/logtail/cat", "evil.example:9001", map[string]string{"User-Agent": firefox, "Accept-Language": "en"}, 403},
		{"GET", "/mainlogtail", "evil.example:9001", map[string]string{"User-Agent": "x", "Accept-Language": ""}, 403},
		{"GET", "/livez", "evil.example:9001", map[string]string{"User-Agent": firefox}, 403},
		{"GET", "/", "evil.example:9001", map[string]string{"User-Agent": firefox}, 403},
		{"GET", "/", "evil.example:9001", nil, 421},
		{"POST", "/RPC2", "evil.example:9001", map[string]string{"Origin": "http://evil.example:9001", "Content-Type": "text/plain"}, 403},
		// Another site's page sends a form or a fetch.
		{"POST", "/RPC2", "", map[string]string{"Origin": "http://evil.example", "Content-Type": "text/plain"}, 403},
		{"POST", "/RPC2", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"POST", "/RPC2", "", map[string]string{"Origin": "null"}, 403},
		{"POST", "/?action=stopall", "", map[string]string{"Referer": "http://evil.example/x"}, 403},
		{"POST", "/?action=stopall", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		// Programs, and the page itself.
		{"GET", "/livez", "supervisor:9001", map[string]string{"User-Agent": "curl/8.5.0"}, 200},
		{"GET", "/livez", "", map[string]string{"User-Agent": firefox, "Accept-Language": "en"}, 200},
		{"POST", "/RPC2", "supervisor:9001", map[string]string{"User-Agent": "Python-xmlrpc/3.12"}, 400},
		{"POST", "/?action=stop&processname=cat", "", map[string]string{"Sec-Fetch-Site": "same-origin", "User-Agent": firefox}, 303},
	} {
		body := ""
		if tt.path == "/RPC2" {
			body = "x"
		}
		r, err := http.NewRequest(tt.method, "http://"+address+tt.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.host != "" {
			r.Host = tt.host
		}
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		resp, err := (&http.Transport{}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s %s Host %q %v: %d, want %d", tt.method, tt.path, tt.host, tt.headers, resp.StatusCode, tt.want)
		}
	}
	for _, done := range f.did {
		if done != "stop cat" {
			t.Errorf("it did %q", done)
		}
	}
}

// TestTraversal: paths of log requests are names of processes and never of files.
func TestTraversal(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write(t, "secret", "top secret\n")
	address := f.serveTCP(t, "", "")
	for _, path := range []string{
		"/logtail/../secret", "/logtail/..%2f..%2fetc%2fpasswd", "/logtail/cat/../../secret", "/logtail/%2e%2e/secret", "/logtail/cat/..",
		"/logtail/cat/stdout/../../secret", "/logtail//etc/passwd", "/logtail/cat%00", "/logtail/" + f.dir + "/secret", "/../secret",
		"/stylesheets/../../secret", "/static/..%2fsecret", "/tail.html?processname=../secret", "/tail.html?processname=" + f.dir + "/secret",
		"/logtail/" + strings.Repeat("../", 50) + "etc/passwd", `/logtail/..\..\secret`, "/logtail/cat:*", "/logtail/all",
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path)
		data, _ := io.ReadAll(c)
		c.Close()
		if strings.Contains(string(data), "top secret") || strings.Contains(string(data), "root:") || !strings.HasPrefix(string(data), "HTTP/1.") {
			t.Errorf("%s: %.200q", path, data)
		}
	}
}

// TestEscapesInLogs: names with terminal escapes come back harmless from the daemon's log.
func TestEscapesInLogs(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b]0;owned\x07\u009b2J\u202e"
	f := newFake(t)
	address := f.serveTCP(t, "", "")
	for _, body := range []string{
		"<methodCall><methodName>supervisor.startProcess</methodName><params><param><value>x&#155;2J&#8238;</value></param></params></methodCall>",
		"<methodCall><methodName>x&#155;2J&#8238;</methodName></methodCall>", evil,
	} {
		resp, err := http.Post("http://"+address+"/RPC2", "text/xml", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if log := f.log.String(); strings.ContainsAny(log, "\x1b\x07\u009b\u202e") {
		t.Errorf("log: %q", log)
	}
	if got := safeText("[x] " + evil); strings.ContainsAny(got, "\x1b\x07\u009b\u202e") {
		t.Errorf("%q", got)
	}
}

// TestStatusBesideAttackers: while an address holds all the connections that it may have, half
// requests on each, and a stranger's file of megabytes is on its way, status takes about as
// long as without them: the median of many, for the machine may be busy.
func TestStatusBesideAttackers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	tcp := f.serveTCP(t, "", "")
	c := dial(t, path)
	median := func() time.Duration {
		t.Helper()
		var times []time.Duration
		for i := range 101 {
			begin := time.Now()
			if _, last := c.call(uint64(i), "status", nil); last.Err != nil {
				t.Fatal(last.Err)
			}
			times = append(times, time.Since(begin))
		}
		return middle(times)
	}
	quiet := median()
	halves := []string{
		"", "G", "GET / HTTP/1.1\r\nHost: x\r\nA: b", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n<?xml",
		"POST /?action=stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\na", "GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
	}
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // the slow ones go on: a byte now and then
		defer close(ended)
		var conns []net.Conn
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if len(conns) < 400 {
				c, err := net.Dial("tcp", tcp)
				if err != nil {
					continue
				}
				conns = append(conns, c)
				io.WriteString(c, halves[i%len(halves)])
				continue
			}
			c := conns[i%len(conns)]
			c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			c.Write([]byte("x"))
			time.Sleep(100 * time.Microsecond)
		}
	}()
	eventually(t, "the attackers to be there", func() bool { return strings.Contains(f.log.String(), "which is the most for one") })
	busy := median()
	close(stop)
	<-ended
	t.Logf("status took %v alone and %v beside them", quiet, busy)
	if busy > time.Second && busy > 50*quiet {
		t.Errorf("status took %v beside attackers, %v without", busy, quiet)
	}
	if _, err := http.Get("http://" + tcp + "/livez"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func middle(times []time.Duration) time.Duration {
	for i := range times { // few enough to sort by hand
		for j := i; j > 0 && times[j] < times[j-1]; j-- {
			times[j], times[j-1] = times[j-1], times[j]
		}
	}
	return times[len(times)/2]
}

// FuzzHTTP: whatever is sent as HTTP, a handler never panics, and nothing but names of the
// fake world is acted on.
func FuzzHTTP(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /logtail/cat/stderr HTTP/1.0\r\n\r\n", "GET /logtail/../x HTTP/1.0\r\n\r\n",
		"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n<a>", "GET /tail.html?processname=cat&limit=9 HTTP/1.0\r\n\r\n",
		"POST /?action=stop&processname=grp%3Ag1 HTTP/1.0\r\nOrigin: http://x\r\n\r\n", "GET /readyz?verbose HTTP/1.0\r\nAuthorization: Basic eDp5\r\n\r\n",
		"HEAD /stylesheets/supervisor.css HTTP/1.0\r\n\r\n", "GET //x HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || strings.Contains(r.URL.Path, "events") || strings.Contains(r.URL.Path, "logtail/") && r.Method == "GET" && strings.Contains(r.URL.Path, "cat") {
			return // those that answer without end
		}
		if strings.HasPrefix(r.URL.Path, "/mainlogtail") {
			return
		}
		w := newFake(t)
		s := &server{api: w.api, section: "inet_http_server", users: []conf.Access{{Name: "x", Password: "y", Role: conf.RoleOperate, Programs: []string{"grp"}}}}
		s.handleHTTP(&quietWriter{h: http.Header{}}, r)
		if strings.Contains(w.log.String(), "unexpected exception") {
			t.Error(w.log.String())
		}
		for _, done := range w.did {
			if !strings.Contains(done, "g1") && !strings.Contains(done, "g2") {
				t.Errorf("%q did %q", raw, done)
			}
		}
	})
}

// quietWriter is a ResponseWriter that keeps nothing.
type quietWriter struct{ h http.Header }

func (w *quietWriter) Header() http.Header         { return w.h }
func (w *quietWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *quietWriter) WriteHeader(int)             {}
