package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosv/daemon/wire"
)

// TestStatusPage: what the original's page shows.
func TestStatusPage(t *testing.T) {
	t.Parallel()
	h := New(newFake(
		process("web", "web_1", "STARTING", ""),
		process("web", "web_0", "RUNNING", "pid 4711, uptime 0:01:40"),
		process("cat", "cat", "FATAL", "can't find command 'ct'"),
		process("a", "z", "BACKOFF", "Exited too quickly"),
		process("b", "b", "STOPPED", "Not started"),
		process("c", "c", "EXITED", "Nov 22 06:44 PM"),
		process("d", "d", "STOPPING", ""),
		process("e", "e", "UNKNOWN", ""),
	), Options{})
	for _, path := range []string{"/", "/index.html", "//index.html"} {
		w := get(t, h, path)
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(body, "<title>Supervisor Status</title>") {
			t.Fatalf("%s: %d %s", path, w.Code, body)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/html;charset=utf-8", "Pragma": "no-cache", "Cache-Control": "no-cache, no-store",
			"Expires": "Thu, 01 Jan 1970 00:00:00 GMT", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "same-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") ||
			!strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("Content-Security-Policy: %q", csp)
		}
		if regexp.MustCompile(`\son\w+=|style=|<script>|src="http`).MatchString(body) {
			t.Errorf("%s: something inline or from elsewhere in %s", path, body)
		}
	}

	body := get(t, h, "/").Body.String()
	heads := regexp.MustCompile(`<th [^>]*>(.*?)</th>`).FindAllStringSubmatch(body, -1)
	var columns []string
	for _, m := range heads {
		columns = append(columns, m[1])
	}
	if want := []string{"State", "Description", "Name", "Action"}; !slices.Equal(columns, want) {
		t.Errorf("columns %q, want %q", columns, want)
	}
	for _, link := range []string{
		`<a href="index.html?action=refresh">Refresh</a>`,
		`<a href="index.html?action=restartall" data-confirm="restartall">Restart All</a>`,
		`<a href="index.html?action=stopall" data-confirm="stopall">Stop All</a>`,
		`<a href="http://supervisord.org"`, `gosv 1.2.3`,
		`<p id="summary">8 processes: 1 running, 1 starting, 1 stopping, 1 backoff, 1 fatal, 1 exited, 1 stopped, 1 unknown</p>`,
	} {
		if !strings.Contains(body, link) {
			t.Errorf("no %s in the page", link)
		}
	}

	rows := regexp.MustCompile(`(?s)<tr role="row" data-name.*?</tr>`).FindAllString(body, -1)
	type place struct{ class, state, info, name, href, actions string }
	const up, down, other = "Restart, Stop, Clear Log, Tail -f Stdout, Tail -f Stderr",
		"Start, -, Clear Log, Tail -f Stdout, Tail -f Stderr", "-, -, Clear Log, Tail -f Stdout, Tail -f Stderr"
	want := []place{
		{"statuserror", "backoff", "Exited too quickly", "a:z", "a%3Az", other},
		{"statusnominal", "stopped", "Not started", "b", "b", down},
		{"statusnominal", "exited", "Nov 22 06:44 PM", "c", "c", down},
		{"statuserror", "fatal", "can&#39;t find command &#39;ct&#39;", "cat", "cat", down},
		{"statusnominal", "stopping", "", "d", "d", other},
		{"statusnominal", "unknown", "", "e", "e", other},
		{"statusrunning", "running", "pid 4711, uptime 0:01:40", "web:web_0", "web%3Aweb_0", up},
		{"statusnominal", "starting", "", "web:web_1", "web%3Aweb_1", other},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	first := func(pattern, s string) []string {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(s); m != nil {
			return m
		}
		return make([]string, 4)
	}
	for i, row := range rows {
		state := first(`<span class="(\w+)" data-state="\w+">(\w+)</span>`, row)
		name := first(`<a href="tail.html\?processname=(.*?)" target="_blank" rel="noopener">(.*?)</a>`, row)
		var actions []string
		for _, m := range regexp.MustCompile(`<li[^>]*>(.*?)</li>`).FindAllStringSubmatch(row, -1) {
			label := "-"
			if m[1] != "" {
				label = first(`>(.*?)<`, m[1])[1]
			}
			actions = append(actions, label)
		}
		got := place{state[1], state[2], first(`<span class="info">(.*?)</span>`, row)[1], name[2], name[1], strings.Join(actions, ", ")}
		if got != want[i] {
			t.Errorf("row %d:\n%+v, want\n%+v", i, got, want[i])
		}
		if shade := strings.Contains(row, `class="shade"`); shade != (i%2 == 1) {
			t.Errorf("row %d: shade %t", i, shade)
		}
		for _, href := range []string{`"logtail/` + want[i].href + `"`, `"logtail/` + want[i].href + `/stderr"`} {
			if !strings.Contains(row, href) {
				t.Errorf("row %d: no %s", i, href)
			}
		}
	}
}

func TestNoPrograms(t *testing.T) {
	t.Parallel()
	body := get(t, New(newFake(), Options{}), "/").Body.String()
	if !strings.Contains(body, "No programs to manage") || strings.Contains(body, "<table") {
		t.Errorf("an empty daemon shows %s", body)
	}
}

func TestTailPage(t *testing.T) {
	t.Parallel()
	f := newFake(process("web", "web_0", "RUNNING", ""), process("cat", "cat", "RUNNING", ""))
	long := strings.Repeat("0123456789abcde\n", 256) // 4096 bytes
	f.logs["web:web_0/stdout"] = long
	f.logs["web:web_0/stderr"] = "<script>alert('log')</script>\n\xff"
	h := New(f, Options{})
	refresh := func(limit string) string {
		return `href="tail.html?processname=web%3Aweb_0&amp;limit=` + limit + `">Refresh`
	}
	for _, x := range []struct{ name, query, title, text, more string }{
		{"default", "?processname=web:web_0", "web:web_0", long[:1024], refresh("1024")},
		{"limit", "?processname=web%3Aweb_0&limit=2048", "web:web_0", long[:2048], refresh("2048")},
		{"small limit", "?processname=web:web_0&limit=16", "web:web_0", long[:1024], refresh("1024")},
		{"no number", "?processname=web:web_0&limit=2k", "web:web_0", long[:1024], refresh("1024")},
		{"negative", "?processname=web:web_0&limit=-4096", "web:web_0", long[:1024], refresh("1024")},
		{"more than there is", "?processname=web:web_0&limit=99999", "web:web_0", long, refresh("99999")},
		{"more than anybody wants", "?processname=web:web_0&limit=99999999999999999999", "web:web_0", long, refresh("16777216")},
		{"stderr", "?processname=web:web_0&stream=stderr", "web:web_0", "&lt;script&gt;alert(&#39;log&#39;)&lt;/script&gt;\n\uFFFD", `data-href="logtail/web%3Aweb_0/stderr"`},
		{"no name", "", "None", "No process name found", ""},
		{"empty name", "?processname=", "None", "No process name found", ""},
		{"no log", "?processname=cat", "cat", "No file for cat", ""},
		{"unknown", "?processname=dog", "dog", "ERROR: unexpected rpc fault [10] BAD_NAME: dog", ""},
		{"a group", "?processname=web:*", "web:*", "ERROR: unexpected rpc fault [10] BAD_NAME: web:*", ""},
		{"hostile", "?processname=%3C/title%3E%22", "&lt;/title&gt;&#34;", "ERROR: unexpected rpc fault [10] BAD_NAME: &lt;/title&gt;&#34;", ""},
	} {
		w := get(t, h, "/tail.html"+x.query)
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(body, "<title>Supervisor tail of process "+x.title+"</title>") {
			t.Errorf("%s: %d, no title of %s in %s", x.name, w.Code, x.title, body)
		}
		_, after, _ := strings.Cut(body, "<pre id=\"log\"")
		_, after, _ = strings.Cut(after, ">\n")
		text, _, _ := strings.Cut(after, "</pre>")
		if text != x.text {
			t.Errorf("%s: the text is %q, want %q", x.name, text, x.text)
		}
		if !strings.Contains(body, x.more) {
			t.Errorf("%s: no %s in %s", x.name, x.more, body)
		}
		if following := strings.Contains(body, `id="follow"`); following != (x.more != "") {
			t.Errorf("%s: can be followed: %t", x.name, following)
		}
	}
	f.err = &wire.Fault{Code: wire.ShutdownState}
	if body := get(t, h, "/tail.html?processname=cat").Body.String(); !strings.Contains(body, "ERROR: unexpected rpc fault [6] SHUTDOWN_STATE") {
		t.Errorf("in a shutdown: %s", body)
	}
}

func TestOther(t *testing.T) {
	t.Parallel()
	h := New(newFake(), Options{})
	for _, x := range []struct {
		method, path, host string
		code               int
		kind, body         string // body: a part
	}{
		{"GET", "/ok.html", "", 200, "text/plain", "OK"},
		{"GET", "/ok.html", "balancer.example", 200, "text/plain", "OK"},
		{"POST", "/ok.html", "", 200, "text/plain", "OK"},
		{"GET", "/stylesheets/supervisor.css", "", 200, "text/css; charset=utf-8", "prefers-color-scheme"},
		{"GET", "/scripts/supervisor.js", "", 200, "text/javascript; charset=utf-8", "EventSource"},
		{"GET", "/images/icon.png", "", 200, "image/png", "\x89PNG"},
		{"GET", "/images/icon.svg", "", 200, "image/svg+xml", "<svg"},
		{"GET", "/images/supervisor.gif", "", 200, "image/gif", "GIF89a"},
		{"GET", "/images", "", 301, "text/plain;charset=utf-8", ""},
		{"GET", "/images/", "", 404, "text/plain;charset=utf-8", "/images/"},
		{"GET", "/nothing", "", 404, "text/plain;charset=utf-8", "/nothing"},
		{"GET", "/status.html", "", 404, "text/plain;charset=utf-8", ""},
		{"GET", "/images/../status.html", "", 404, "text/plain;charset=utf-8", ""},
		{"GET", "/../web.go", "", 404, "text/plain;charset=utf-8", ""},
		{"GET", "/index.html/", "", 404, "text/plain;charset=utf-8", ""},
		{"POST", "/stylesheets/supervisor.css", "", 400, "text/plain;charset=utf-8", ""},
		{"PUT", "/", "", 400, "text/plain;charset=utf-8", ""},
		{"DELETE", "/nothing", "", 400, "text/plain;charset=utf-8", ""},
		{"POST", "/events", "", 400, "text/plain;charset=utf-8", ""},
	} {
		header := map[string]string{}
		if x.host != "" {
			header["Host"] = x.host
		}
		w := send(h, x.method, x.path, "", header)
		if w.Code != x.code || w.Header().Get("Content-Type") != x.kind || !strings.Contains(w.Body.String(), x.body) {
			t.Errorf("%s %s: %d %q %.60q, want %d %q ...%q...", x.method, x.path, w.Code, w.Header().Get("Content-Type"), w.Body, x.code, x.kind, x.body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: headers %v", x.method, x.path, w.Header())
		}
	}
	if body := get(t, h, "/ok.html").Body.String(); body != "OK" {
		t.Errorf("/ok.html is %q, want OK and no more", body)
	}
	modified := get(t, h, "/stylesheets/supervisor.css").Header().Get("Last-Modified")
	w := send(h, "GET", "/stylesheets/supervisor.css", "", map[string]string{"If-Modified-Since": modified})
	if modified == "" || w.Code != http.StatusNotModified {
		t.Errorf("If-Modified-Since %q: %d, want 304", modified, w.Code)
	}
	if to := get(t, h, "/images").Header().Get("Location"); to != "./images/" {
		t.Errorf("/images leads to %q", to)
	}
}

// TestUnavailable: a page that says what is the matter.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		err  error
		code int
		text string
	}{
		{"shutdown", &wire.Fault{Code: wire.ShutdownState}, 503, "Supervisor is shutting down"},
		{"error", errors.New("no <loop>"), 503, "ERROR: no &lt;loop&gt;"},
		{"not allowed", &wire.Fault{Code: wire.NotAllowed, Msg: "you"}, 403, "NOT_ALLOWED: you"},
	} {
		f := newFake()
		f.err = x.err
		h := New(f, Options{})
		for _, path := range []string{"/?message=All+stopped", "/?action=stop&processname=a"} {
			w := get(t, h, path)
			if w.Code != x.code || !strings.Contains(w.Body.String(), x.text) {
				t.Errorf("%s %s: %d %s", x.name, path, w.Code, w.Body)
			}
			if strings.Contains(path, "message") && !strings.Contains(w.Body.String(), `<div class="status_msg" role="status">All stopped</div>`) {
				t.Errorf("%s: the message is lost: %s", x.name, w.Body)
			}
			if again := strings.Contains(w.Body.String(), "http-equiv"); again != (x.code == 503) {
				t.Errorf("%s: asks again: %t", x.name, again)
			}
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{ // by Python's urllib.parse.quote
		"a:b/ü c'~!*()": "a%3Ab/%C3%BC%20c%27~%21%2A%28%29", "": "", "a_b-c.d": "a_b-c.d", "\x00%+&=?#": "%00%25%2B%26%3D%3F%23",
	} {
		if got := quote(s); got != want {
			t.Errorf("quote(%q) = %q, want %q", s, got, want)
		}
	}
}

// FuzzEscape: whatever names, descriptions, messages and logs hold, the page has as many
// tags and attributes as with harmless ones.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{`"><script>`, `'--></title>`, "{{.}}", "javascript:alert(1)", "\x00\xff", "%3Cb%3E", "a:b", "</pre>", "`${1}`", "\u202e"} {
		f.Add(s)
	}
	count := func(s string) (out [4]int) {
		page := func(h http.Handler, target string) string {
			r, _ := http.NewRequest("GET", target, nil)
			w := &recorder{header: http.Header{}}
			h.ServeHTTP(w, r)
			return w.String()
		}
		d := newFake(process("g"+s, "n"+s, "FATAL", "d"+s))
		d.logs["g"+s+":n"+s+"/stdout"] = "l" + s
		h := New(d, Options{})
		all := page(h, "http://127.0.0.1/?message=m"+url.QueryEscape(s)) +
			page(h, "http://127.0.0.1/tail.html?processname="+url.QueryEscape("g"+s+":n"+s)) +
			page(h, "http://127.0.0.1/?action=stop&processname="+url.QueryEscape("g"+s+":n"+s))
		for i, c := range []string{"<", ">", `"`, "'"} {
			out[i] = strings.Count(all, c)
		}
		return out
	}
	want := count("x")
	f.Fuzz(func(t *testing.T, s string) {
		if valid(s) != s || strings.Contains(s, ":") || strings.Contains(s, ";") {
			return // such a name cannot be asked for: the page is another one
		}
		if got := count(s); got != want {
			t.Errorf("with %q the page has %v of < > \" ', want %v", s, got, want)
		}
	})
}

type recorder struct {
	strings.Builder
	header http.Header
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}

func TestCtime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 8, 3, 9, 0, time.UTC)
	if got, want := at.Format(time.ANSIC), "Mon Nov  2 08:03:09 2026"; got != want {
		t.Errorf("%q, want %q as Python's time.ctime", got, want)
	}
}
