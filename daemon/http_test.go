package daemon

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosv/conf"
)

const errorPage = "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n"

// TestHTTPErrors sends raw requests over TCP and looks at the status and the error page.
func TestHTTPErrors(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	addr := f.serveTCP(t, "", "")
	post := func(body string) string {
		return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"get RPC2", "GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"no length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 411},
		{"empty body", post(""), 400},
		{"no XML", post("nonsense"), 400},
		{"half an XML", post("<?xml version='1.0'?><methodCall><methodName>supervisor.getPID"), 400},
		{"no method", post("<?xml version='1.0'?><methodCall></methodCall>"), 400},
		{"empty method", post("<methodCall><methodName></methodName></methodCall>"), 400},
		{"a bad int", post("<methodCall><methodName>supervisor.getPID</methodName><params><param><value><int>x</int></value></param></params></methodCall>"), 400},
		{"deep", post("<methodCall><methodName>x.y</methodName><params><param>" + strings.Repeat("<value><array><data>", 5000) + "</param></params></methodCall>"), 400},
		{"entities", post(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><methodCall><methodName>&b;</methodName></methodCall>`), 400},
		{"too long", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413},
		{"logtail of nothing", "GET /logtail HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail of nobody", "GET /logtail/nope HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail of a group", "GET /logtail/cat:* HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail of a bad stream", "GET /logtail/cat/foo HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail of too much", "GET /logtail/cat/stdout/foo HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail without a log", "GET /logtail/quick HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"logtail, file missing", "GET /logtail/cat/stderr HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"post logtail", "POST /logtail/cat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400},
		{"post mainlogtail", "POST /mainlogtail HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := raw(t, "tcp", addr, tt.request)
			body, _ := io.ReadAll(res.Body)
			if want := fmt.Sprintf(errorPage, tt.status, http.StatusText(tt.status)); res.StatusCode != tt.status || string(body) != want || res.Header.Get("Content-Type") != "text/html" {
				t.Errorf("got %s, %v, %q; want %d", res.Status, res.Header, body, tt.status)
			}
		})
	}
	for _, path := range []string{"/nofile", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"} {
		if res := raw(t, "tcp", addr, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); res.StatusCode != 404 {
			t.Errorf("%s got %s", path, res.Status)
		}
	}
	if res := raw(t, "tcp", addr, "GET /x\r\n\r\n"); res.StatusCode != 400 {
		t.Errorf("a request without a version got %s", res.Status)
	}
}

// raw sends a request as it is and reads the head of the answer.
func raw(t *testing.T, network, addr, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	go io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestHTTPAuth(t *testing.T) {
	t.Parallel()
	sum := sha1.Sum([]byte("fo:ö"))
	f := newFake(t)
	plain := f.serveTCP(t, "user", "fo:ö")
	hashed := f.serveTCP(t, "user", "{SHA}"+hex.EncodeToString(sum[:]))
	_, path := f.serveUnix(t, conf.UnixServer{Username: "user", Password: "fo:ö"})
	for _, tt := range []struct {
		name, header string
		status       int
	}{
		{"none", "", 401},
		{"right", "Basic dXNlcjpmbzrDtg==", 404},
		{"right, in lower case", "basic dXNlcjpmbzrDtg==", 404},
		{"wrong password", "Basic dXNlcjpmb28=", 401},
		{"wrong user", "Basic cm9vdDpmbzrDtg==", 401},
		{"empty", "Basic Og==", 401},
		{"no colon", "Basic dXNlcg==", 401},
		{"no base64", "Basic !!!", 401},
		{"another scheme", "Digest dXNlcjpmbzrDtg==", 401},
		{"no scheme", "dXNlcjpmbzrDtg==", 401},
	} {
		for _, to := range [][2]string{{"tcp", plain}, {"tcp", hashed}, {"unix", path}} {
			request := "GET /logtail/nope HTTP/1.1\r\nHost: x\r\n"
			if tt.header != "" {
				request += "Authorization: " + tt.header + "\r\n"
			}
			res := raw(t, to[0], to[1], request+"\r\n")
			if res.StatusCode != tt.status {
				t.Errorf("%s, %s: got %s, want %d", tt.name, to, res.Status, tt.status)
			}
			if tt.status == 401 && (res.Header.Get("WWW-Authenticate") != `Basic realm="default"` || !res.Close) {
				t.Errorf("%s, %s: %v", tt.name, to, res.Header)
			}
		}
	}
}

// TestHTTPVersions: keep-alive as the versions have it, a prefix for a path, chunks.
func TestHTTPVersions(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	addr := f.serveTCP(t, "", "")
	body := "<methodCall><methodName>supervisor.getPID</methodName></methodCall>"
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	for _, tt := range []struct {
		name, request string
		close         bool
	}{
		{"1.1", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n" + length, false},
		{"1.1 close", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + length, true},
		{"1.0", "POST /RPC2 HTTP/1.0\r\n" + length, true},
		{"1.0 keep-alive", "POST /RPC2 HTTP/1.0\r\nConnection: keep-alive\r\n" + length, false},
		{"prefix", "POST /RPC2foo HTTP/1.1\r\nHost: x\r\n" + length, false},
		{"escaped", "POST /%52PC2 HTTP/1.1\r\nHost: x\r\n" + length, false},
		{"no host", "POST /RPC2 HTTP/1.1\r\n" + length, false},
		{"no host and bare line ends", strings.ReplaceAll("POST /RPC2 HTTP/1.1\r\n"+length, "\r\n", "\n"), false},
		{"empty lines first", "\r\n\r\nPOST /RPC2 HTTP/1.1\r\n" + length, false},
		{"a long head", "POST /RPC2 HTTP/1.1\r\nX: " + strings.Repeat("x", 10000) + "\r\nHost: x\r\n" + length, false},
		{"chunks", fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := raw(t, "tcp", addr, tt.request)
			got := make([]byte, max(res.ContentLength, 0))
			if _, err := io.ReadFull(res.Body, got); err != nil || res.StatusCode != 200 {
				t.Fatalf("%s, %v", res.Status, err)
			}
			if answer := parseXML(t, got); answer != "4242" || res.Close != tt.close {
				t.Errorf("got %s, close %v; want close %v", answer, res.Close, tt.close)
			}
		})
	}
}

// TestXMLWaits: a waiting call holds up nobody, on its own connection included, and
// closing the connection ends the wait only.
func TestXMLWaits(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.hold = make(chan struct{})
	addr := f.serveTCP(t, "", "")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(body string) {
		fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	send(requestXML("supervisor.getState", nil)) // one that waits for nothing, and is not watched
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("getState: %v, %v", res, err)
	}
	send(requestXML("supervisor.startProcess", []any{"quick"}))
	eventually(t, "the wait", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.waiting == 1 })
	if _, b := postXML(t, http.DefaultClient, "http://"+addr+"/RPC2", requestXML("supervisor.getPID", nil)); parseXML(t, b) != "4242" {
		t.Errorf("got %s", b)
	}
	conn.Close()
	eventually(t, "its end", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.did) == 1 })
	if f.did[0] != "gave up waiting" {
		t.Errorf("did %q", f.did)
	}
}

// TestSlowBody: who sends a request by and by keeps nobody else waiting.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	addr := f.serveTCP(t, "", "")
	for range 50 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml")
	}
	if _, b := postXML(t, http.DefaultClient, "http://"+addr+"/RPC2", requestXML("supervisor.getPID", nil)); parseXML(t, b) != "4242" {
		t.Errorf("got %s", b)
	}
}

// TestLogtail: the end of the log at once, and then what comes, for both versions of HTTP.
func TestLogtail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path, version, start string
	}{
		{"process", "/logtail/cat", "HTTP/1.1", "hello ü\nworld\n"},
		{"stdout", "/logtail/cat/stdout", "HTTP/1.1", "hello ü\nworld\n"},
		{"escaped colon", "/logtail/cat%3Acat", "HTTP/1.1", "hello ü\nworld\n"},
		{"HTTP/1.0", "/logtail/cat", "HTTP/1.0", "hello ü\nworld\n"},
		{"main", "/mainlogtail", "HTTP/1.1", "2026-11-22 18:41:00,000 INFO supervisord started with pid 4242\n"},
		{"main, with more behind it", "/mainlogtailfoo", "HTTP/1.1", "2026-11-22 18:41:00,000 INFO supervisord started with pid 4242\n"},
		{"empty", "/logtail/fatal", "HTTP/1.1", ""},
		{"long", "/logtail/cat/stderr", "HTTP/1.1", strings.Repeat("y", 1024)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.write(t, "fatal.out", "")
			f.write(t, "cat.err", "not this"+strings.Repeat("y", 1024))
			addr := f.serveTCP(t, "", "")
			res := raw(t, "tcp", addr, "GET "+tt.path+" "+tt.version+"\r\nHost: x\r\n\r\n")
			h := res.Header
			if res.StatusCode != 200 || h.Get("Content-Type") != "text/plain;charset=utf-8" || h.Get("Last-Modified") == "" {
				t.Fatalf("%s %v", res.Status, h)
			}
			if process := strings.HasPrefix(tt.path, "/logtail"); process != (h.Get("X-Accel-Buffering") == "no") {
				t.Errorf("X-Accel-Buffering is %q", h.Get("X-Accel-Buffering"))
			}
			if chunked := len(res.TransferEncoding) == 1; chunked != (tt.version == "HTTP/1.1") {
				t.Errorf("transfer encoding %q", res.TransferEncoding)
			}
			expect := func(want string) {
				t.Helper()
				got := make([]byte, len(want))
				if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
			}
			expect(tt.start)
			x := f.follower(t, 0)
			x.push("more\n", 0)
			expect("more\n")
			x.push("late\n", 17)
			expect("==> 17 bytes left out <==\nlate\n")
			close(x.ready)
			if rest, err := io.ReadAll(res.Body); len(rest) != 0 || err != nil {
				t.Errorf("at the end: %q, %v", rest, err)
			}
			eventually(t, "the follower's end", x.isClosed)
		})
	}
}

// TestLogtailGone: when the reader goes, so does the follower, though nothing is written.
func TestLogtailGone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	addr := f.serveTCP(t, "", "")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n")
	x := f.follower(t, 0)
	conn.Close()
	eventually(t, "the follower's end", x.isClosed)
}

// TestUnixHTTP: the same unix socket speaks HTTP and JSON, also mode 0600 with uid.
func TestUnixHTTP(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{File: filepath.Join(t.TempDir(), "s"), Chmod: 0o600})
	if _, b := postXML(t, unixClient(path), "http://localhost/RPC2", requestXML("supervisor.getPID", nil)); parseXML(t, b) != "4242" {
		t.Errorf("got %s", b)
	}
	if _, last := dial(t, path).call(1, "supervisor.getPID", nil); string(last.OK) != "4242" {
		t.Errorf("got %v", last)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
}
