package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// web is an HTTP client that reaches the box's unix socket whatever host a URL names.
func (b *box) web() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", b.path("s.sock"))
	}}}
}

// send sends a request and returns status and body.
func (b *box) send(c *http.Client, method, url, body string, header ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	resp, err := c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric is a figure of /metrics, whose name may have labels; the socket must serve it.
func (b *box) metric(name string) float64 {
	b.t.Helper()
	_, text := b.send(b.web(), "GET", "http://x/metrics", "")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				b.t.Fatal(err)
			}
			return f
		}
	}
	b.t.Fatalf("no metric %s in:\n%s", name, text)
	return 0
}

// withMetrics lets the unix socket serve /metrics.
func (b *box) withMetrics() *box {
	b.t.Helper()
	b.write("s.conf", strings.Replace(b.read("s.conf"), "[unix_http_server]\n", "[unix_http_server]\nmetrics = true\n", 1))
	return b
}
