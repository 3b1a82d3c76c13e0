package web

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestHost: names that DNS rebinding could give us.
func TestHost(t *testing.T) {
	t.Parallel()
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		host    string
		options Options
		ok      bool
	}{
		{"127.0.0.1", Options{}, true},
		{"127.0.0.1:9001", Options{}, true},
		{"192.168.1.7:9001", Options{}, true},
		{"[::1]:9001", Options{}, true},
		{"[::1]", Options{}, true},
		{"[fe80::1%25eth0]:9001", Options{}, true},
		{"localhost", Options{}, true},
		{"LocalHost.:9001", Options{}, true},
		{"web.localhost:9001", Options{}, true},
		{own + ":9001", Options{}, true},
		{strings.ToUpper(own), Options{}, true},
		{"", Options{}, true},
		{"evil.example", Options{}, false},
		{"evil.example:9001", Options{}, false},
		{"127.0.0.1.evil.example:9001", Options{}, false},
		{"localhost.evil.example", Options{}, false},
		{own + ".evil.example", Options{}, false},
		{"127.0.0.1:9001:80", Options{}, false},
		{"0x7f000001", Options{}, false},
		{"sup.example", Options{Hosts: []string{"sup.example"}}, true},
		{"sup.example:443", Options{Hosts: []string{"sup.example"}}, true},
		{"SUP.example", Options{Hosts: []string{"sup.example:9001"}}, true},
		{"other.example", Options{Hosts: []string{"sup.example"}}, false},
		{"other.example", Options{Hosts: []string{"*"}}, true},
	} {
		f := newFake(process("a", "a", "RUNNING", ""))
		h := New(f, x.options)
		for _, path := range []string{"/", "/tail.html", "/events", "/stylesheets/supervisor.css", "/nothing"} {
			if path == "/events" && x.ok {
				continue // would go on
			}
			w := send(h, "GET", path, "", map[string]string{"Host": x.host})
			if ok := w.Code != http.StatusMisdirectedRequest; ok != x.ok {
				t.Errorf("Host %q, %v: %s: %d, want let in: %t", x.host, x.options.Hosts, path, w.Code, x.ok)
			} else if !ok && !strings.Contains(w.Body.String(), "answers to IP addresses, to localhost") {
				t.Errorf("Host %q: the refusal says only %q", x.host, w.Body)
			}
		}
		// A rebound page is of the same origin as its own requests.
		send(h, "POST", "/", "action=stopall", map[string]string{
			"Host": x.host, "Origin": "http://" + x.host, "Sec-Fetch-Site": "same-origin"})
		if did := len(f.done()) > 0; did != x.ok {
			t.Errorf("Host %q, %v: POST did %q", x.host, x.options.Hosts, f.done())
		}
	}
}

// TestUnixSocket: nobody can be rebound to a unix socket.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "http://evil.example/", nil)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Net: "unix", Name: "/run/x.sock"}))
	w := httptest.NewRecorder()
	New(newFake(), Options{}).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("by the unix socket: %d, want 200", w.Code)
	}
}

func TestOwnNames(t *testing.T) {
	t.Parallel()
	const hosts = "127.0.0.1 localhost\n127.0.1.1\tWeb1.example.com web1 # comment web9\n10.0.0.9 other web1.lan\n#1.2.3.4 web1 commented\nweb1 odd\n\n"
	for _, x := range []struct {
		hostname, hosts string
		want            []string
	}{
		{"web1", hosts, []string{"web1", "web1", "web1.local", "web1.example.com", "web1"}},
		{"Web1.Example.com", hosts, []string{"web1.example.com", "web1", "web1.local", "web1.example.com", "web1"}},
		{"web2", hosts, []string{"web2", "web2", "web2.local"}},
		{"", hosts, nil},
	} {
		if got := ownNames(x.hostname, x.hosts); !slices.Equal(got, x.want) {
			t.Errorf("ownNames(%q) = %q, want %q", x.hostname, got, x.want)
		}
	}
}

// TestOrigin: what other sites' pages can make a browser send.
func TestOrigin(t *testing.T) {
	t.Parallel()
	type header = map[string]string
	proxied := Options{Hosts: []string{"sup.example", "sup.example:8443"}}
	for _, x := range []struct {
		name    string
		header  header
		options Options
		ok      bool
	}{
		{"our page, modern browser", header{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:9001"}, Options{}, true},
		{"our page over plain HTTP", header{"Origin": "http://127.0.0.1:9001"}, Options{}, true},
		{"our page, old browser", header{"Referer": "http://127.0.0.1:9001/index.html"}, Options{}, true},
		{"curl", header{}, Options{}, true},
		{"typed by the user", header{"Sec-Fetch-Site": "none"}, Options{}, true},
		{"another site", header{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, Options{}, false},
		{"another site, no Origin", header{"Sec-Fetch-Site": "cross-site"}, Options{}, false},
		{"another site over plain HTTP", header{"Origin": "http://evil.example"}, Options{}, false},
		{"another port of this machine", header{"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8080"}, Options{}, false},
		{"another port over plain HTTP", header{"Origin": "http://127.0.0.1:8080"}, Options{}, false},
		{"a sandboxed frame", header{"Origin": "null"}, Options{}, false},
		{"another site, old browser", header{"Referer": "http://evil.example/127.0.0.1:9001"}, Options{}, false},
		{"nonsense as Referer", header{"Referer": "::"}, Options{}, false},
		{"Referer does not excuse Origin", header{"Origin": "http://evil.example", "Referer": "http://127.0.0.1:9001/"}, Options{}, false},
		{"proxy that changes Host", header{"Origin": "https://sup.example"}, proxied, true},
		{"proxy on a port", header{"Origin": "https://sup.example:8443"}, proxied, true},
		{"proxy, old browser", header{"Referer": "https://sup.example/sv/"}, proxied, true},
		{"proxy not told of", header{"Origin": "https://sup.example"}, Options{}, false},
		{"every Host, not every Origin", header{"Origin": "http://evil.example"}, Options{Hosts: []string{"*"}}, false},
	} {
		f := newFake(process("a", "a", "RUNNING", ""))
		h := New(f, x.options)
		w := send(h, "POST", "/index.html?processname=a", "action=stop", x.header)
		did := len(f.done()) > 0
		if did != x.ok || x.ok != (w.Code == 303) || !x.ok && w.Code != 403 {
			t.Errorf("%s: %d, did %q, want done: %t", x.name, w.Code, f.done(), x.ok)
		}
		if !x.ok && !strings.Contains(w.Body.String(), "Nothing was done") {
			t.Errorf("%s: the refusal says only %s", x.name, w.Body)
		}
		if err := x.options.CheckOrigin(httptest.NewRequest("GET", "/", nil)); err != nil {
			t.Errorf("%s: GET: %v", x.name, err)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:80", "a:b:c", "[", "]:", "1.2.3.4.", "::ffff:1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := &http.Request{Host: host, URL: &url.URL{}, Header: http.Header{}}
		if (Options{}).CheckHost(r) == nil && strings.HasSuffix(hostName(host), ".example") {
			t.Errorf("Host %q was let in", host)
		}
	})
}
