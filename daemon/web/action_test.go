package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gosv/daemon/wire"
)

func TestMessageBox(t *testing.T) {
	t.Parallel()
	h := New(newFake(), Options{})
	for _, x := range []struct{ query, want string }{
		{"", `class="hidden" role="status"></div>`},
		{"?message=", `class="hidden" role="status"></div>`},
		{"?message=Process%20a%3Ab%20started", `class="status_msg" role="status">Process a:b started</div>`},
		{"?message=one&message=two", `role="status">one</div>`},
		{"?message=%3Cscript%3Ealert(1)%3C/script%3E", `role="status">&lt;script&gt;alert(1)&lt;/script&gt;</div>`},
		{"?message=ERROR:+Process+a:+spawn+error", `class="status_msg bad" role="status">ERROR: Process a: spawn error</div>`},
		{"?message=%ff", "role=\"status\">\uFFFD</div>"},
	} {
		if body := get(t, h, "/"+x.query).Body.String(); !strings.Contains(body, x.want) {
			t.Errorf("%s: no %s in %s", x.query, x.want, body)
		}
	}
}

// message is what a redirection back to the status page carries.
func message(t *testing.T, header http.Header) string {
	t.Helper()
	location := header.Get("Location")
	quoted, ok := strings.CutPrefix(location, "./?message=")
	if !ok || strings.Contains(quoted, "+") || strings.Contains(quoted, ":") {
		t.Fatalf("Location: %q, want ./?message= quoted as the original does", location)
	}
	text, err := url.PathUnescape(quoted)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestActions(t *testing.T) {
	t.Parallel()
	const ctime = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d \d{4}$`
	fault := func(code, msg string) *wire.Fault { return &wire.Fault{Code: code, Msg: msg} }
	for _, x := range []struct {
		name, action, spec string
		fault              *wire.Fault
		err                error
		message            string // a pattern
		act                string // what the daemon is asked, "" for nothing
	}{
		{name: "refresh", action: "refresh", message: "^Page refreshed at " + ctime},
		{name: "stopall", action: "stopall", message: "^All stopped at " + ctime, act: "stopall"},
		{name: "restartall", action: "restartall", message: "^All restarted at " + ctime, act: "restartall"},
		{name: "stopall whatever came of each", action: "stopall", fault: fault(wire.NotRunning, "x"), message: "^All stopped at ", act: "stopall"},
		{name: "stopall in a shutdown", action: "stopall", err: fault(wire.ShutdownState, ""), message: `^unexpected rpc fault \[6\] SHUTDOWN_STATE$`, act: "stopall"},
		{name: "all-actions do not look at the name", action: "stopall", spec: "nobody", message: "^All stopped at ", act: "stopall"},
		{name: "start", action: "start", spec: "web:web_0", message: "^Process web:web_0 started$", act: "start web web_0"},
		{name: "short name", action: "start", spec: "cat", message: "^Process cat started$", act: "start cat cat"},
		{name: "long name of a short one", action: "start", spec: "cat:cat", message: "^Process cat:cat started$", act: "start cat cat"},
		{name: "no such file", action: "start", spec: "cat", fault: fault(wire.NoFile, "x"), message: "^ERROR: Process cat: no such file$", act: "start cat cat"},
		{name: "not executable", action: "start", spec: "cat", fault: fault(wire.NotExecutable, "x"), message: "^ERROR: Process cat: file not executable$", act: "start cat cat"},
		{name: "already started", action: "start", spec: "cat", fault: fault(wire.AlreadyStarted, "cat"), message: "^ERROR: Process cat: already started$", act: "start cat cat"},
		{name: "spawn error", action: "start", spec: "cat", fault: fault(wire.SpawnError, "cat"), message: "^ERROR: Process cat: spawn error$", act: "start cat cat"},
		{name: "abnormal termination", action: "start", spec: "cat", fault: fault(wire.AbnormalTermination, "cat"), message: "^ERROR: Process cat: abnormal termination$", act: "start cat cat"},
		{name: "other fault", action: "start", spec: "cat", fault: fault(wire.Failed, "why"), message: `^ERROR: Process cat: unexpected rpc fault \[30\] FAILED: why$`, act: "start cat cat"},
		{name: "start in a shutdown", action: "start", spec: "cat", err: fault(wire.ShutdownState, ""), message: `^ERROR: Process cat: unexpected rpc fault \[6\] SHUTDOWN_STATE$`},
		{name: "start with an error", action: "start", spec: "cat", err: errors.New("broken"), message: `^ERROR: Process cat: broken$`},
		{name: "stop", action: "stop", spec: "cat", message: "^Process cat stopped$", act: "stop cat cat"},
		{name: "stop what is stopped", action: "stop", spec: "cat", fault: fault(wire.NotRunning, "cat:cat"), message: `^unexpected rpc fault \[70\] NOT_RUNNING: cat$`, act: "stop cat cat"},
		{name: "restart", action: "restart", spec: "cat", message: "^Process cat restarted$", act: "restart cat cat"},
		{name: "restart whatever came of it", action: "restart", spec: "cat", fault: fault(wire.SpawnError, "cat"), message: "^Process cat restarted$", act: "restart cat cat"},
		{name: "clearlog", action: "clearlog", spec: "cat", message: "^Log for cat cleared$", act: "clearlog cat cat"},
		{name: "clearlog fails", action: "clearlog", spec: "cat", fault: fault(wire.Failed, "cat:cat"), message: `^unexpected rpc fault \[30\] FAILED: cat$`, act: "clearlog cat cat"},
		{name: "gosv's own fault", action: "stop", spec: "cat", fault: fault(wire.NotAllowed, "cat"), message: `^ERROR: NOT_ALLOWED: cat$`, act: "stop cat cat"},
		{name: "unknown process", action: "stop", spec: "dog", message: "^No such process named dog$"},
		{name: "unknown process and action", action: "feed", spec: "dog", message: "^No such process named dog$"},
		{name: "a group is no process", action: "stop", spec: "web:*", message: `^No such process named web:\*$`},
		{name: "nor its name", action: "stop", spec: "web", message: "^No such process named web$"},
		{name: "nor is all", action: "stop", spec: "all", message: "^No such process named all$"},
		{name: "nor an empty second half", action: "stop", spec: "web:", message: "^No such process named web:$"},
		{name: "a name to be quoted", action: "stop", spec: "a&message=b <i>\n", message: "^No such process named a&message=b <i>\n$"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(process("web", "web_0", "STOPPED", ""), process("cat", "cat", "STOPPED", ""))
			f.fault, f.err = x.fault, x.err
			form := url.Values{"action": {x.action}}
			if x.spec != "" {
				form.Set("processname", x.spec)
			}
			w := post(t, New(f, Options{}), "/index.html", form)
			if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
				t.Fatalf("%d %v, want 303 and no caching", w.Code, w.Header())
			}
			if got := message(t, w.Header()); !regexp.MustCompile(x.message).MatchString(got) {
				t.Errorf("message %q, want %s", got, x.message)
			}
			if got := strings.Join(f.done(), "; "); got != x.act {
				t.Errorf("the daemon was asked %q, want %q", got, x.act)
			}
		})
	}
}

// TestBadAction: where the original answers 500 with a traceback in its log.
func TestBadAction(t *testing.T) {
	t.Parallel()
	f := newFake(process("cat", "cat", "STOPPED", ""))
	h := New(f, Options{})
	for _, form := range []url.Values{
		{"action": {"feed"}}, {"action": {"feed"}, "processname": {"cat"}}, {"action": {"stop"}}, {"action": {"stop"}, "processname": {""}},
	} {
		for _, w := range []interface{ Result() *http.Response }{post(t, h, "/", form), get(t, h, "/?"+form.Encode())} {
			if r := w.Result(); r.StatusCode != http.StatusBadRequest {
				t.Errorf("%v: %d, want 400", form, r.StatusCode)
			}
		}
	}
	if got := f.done(); len(got) > 0 {
		t.Errorf("the daemon was asked %q", got)
	}
}

// TestGetChangesNothing: old bookmarks ask first.
func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ query, question string }{
		{"action=stop&processname=web%3Aweb_0", "Stop web:web_0?"},
		{"action=start&processname=cat", "Start cat?"},
		{"action=restart&processname=cat", "Restart cat?"},
		{"action=clearlog&processname=cat", "Clear the log of cat?"},
		{"action=stopall", "Stop all processes?"},
		{"action=restartall&processname=cat", "Restart all processes?"},
	} {
		f := newFake(process("web", "web_0", "RUNNING", ""), process("cat", "cat", "RUNNING", ""))
		h := New(f, Options{})
		for _, method := range []string{"GET", "HEAD"} {
			w := send(h, method, "/index.html?"+x.query, "", nil)
			body := w.Body.String()
			if w.Code != 200 || !strings.Contains(body, ">"+x.question+"<") {
				t.Errorf("%s %s: %d %s", method, x.query, w.Code, body)
			}
			if got := f.done(); len(got) > 0 {
				t.Fatalf("%s %s did %q", method, x.query, got)
			}
			// What the form posts does what was asked.
			form := url.Values{}
			for _, m := range regexp.MustCompile(`<input type="hidden" name="(.*?)" value="(.*?)">`).FindAllStringSubmatch(body, -1) {
				form.Set(m[1], m[2])
			}
			if method == "GET" {
				post(t, h, "/index.html", form)
				if want, _, _ := strings.Cut(strings.TrimPrefix(x.query, "action="), "&"); len(f.done()) != 1 || !strings.HasPrefix(f.done()[0], want) {
					t.Errorf("%s: the form %v did %q", x.query, form, f.done())
				}
				f.acts = nil
			}
		}
		if w := get(t, h, "/?action=refresh"); w.Code != 303 || !strings.HasPrefix(message(t, w.Header()), "Page refreshed at ") {
			t.Errorf("refresh: %d", w.Code)
		}
		if w := get(t, h, "/?action=stop&processname=dog"); w.Code != 303 || message(t, w.Header()) != "No such process named dog" {
			t.Errorf("unknown process: %d", w.Code)
		}
	}
}

// TestForm: the query's first value counts, the body's last, and the body wins.
func TestForm(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ query, body, want string }{
		{"processname=a", "action=stop", "stop a a"},
		{"processname=a&processname=b", "action=stop", "stop a a"},
		{"processname=b", "action=stop&processname=a", "stop a a"},
		{"", "action=start&action=stop&processname=b&processname=a", "stop a a"},
		{"action=start", "action=stop&processname=a", "stop a a"},
		{"processname=a", "action=stop&processname=", "stop a a"},
		{"action=stop&processname=a", "", "stop a a"},
		{"processname=&processname=a", "action=stop&%zz=1", "stop a a"},
	} {
		f := newFake(process("a", "a", "RUNNING", ""), process("b", "b", "RUNNING", ""))
		send(New(f, Options{}), "POST", "/?"+x.query, x.body, nil)
		if got := strings.Join(f.done(), "; "); got != x.want {
			t.Errorf("?%s with %q did %q, want %q", x.query, x.body, got, x.want)
		}
	}
	f := newFake(process("a", "a", "RUNNING", ""))
	if w := send(New(f, Options{}), "POST", "/", "action=stopall&x="+strings.Repeat("x", maxForm), nil); w.Code != 400 || len(f.done()) > 0 {
		t.Errorf("a form without end: %d, did %q", w.Code, f.done())
	}
}
