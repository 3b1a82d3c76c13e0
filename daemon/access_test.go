package daemon

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/proctest"
)

// The fake world with programs of two accounts: cat and grp:g1 run as 1001, the rest as 1002.
func newOwned(t *testing.T) *fake {
	f := newFake(t)
	for _, g := range f.cfg.Groups {
		for _, p := range g.Processes {
			p.User = conf.User{Set: true, UID: 1002}
			if p.Name == "cat" || p.Name == "g1" {
				p.User.UID = 1001
			}
		}
	}
	return f
}

// as is a call as a peer of the unix socket makes it.
func (f *fake) as(s *server, uid int, events *[]any) *call {
	c := s.request(s.authorise(peer{uid: uid}), nil)
	c.send = func(v any) error {
		if events != nil {
			*events = append(*events, v)
		}
		return nil
	}
	return c
}

func stranger(f *fake, cfg *conf.Config) *server {
	return &server{api: f.api, section: "unix_http_server", unix: &conf.UnixServer{}, uid: 0, owner: 0, users: cfg.Access}
}

// TestAuthoriseAccounts: what an account may do on the unix socket without a password.
func TestAuthoriseAccounts(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	users := []conf.Access{
		{Name: "ops", User: conf.User{Set: true, UID: 1002}, Role: conf.RoleAdmin},
		{Name: "look", User: conf.User{Set: true, UID: 1003}, Role: conf.RoleRead, Programs: []string{"grp"}},
		{Name: "far", Password: "x", Role: conf.RoleAdmin},
	}
	for _, tt := range []struct {
		name     string
		uid      int
		username string
		users    []conf.Access
		strict   bool
		file     *socketFile
		want     access
		limited  bool
	}{
		{"a program's account", 1001, "", nil, false, nil, operate, true},
		{"a program's account where a password is needed", 1001, "u", nil, false, nil, anyone, false},
		{"a program's account on an abstract socket", 1001, "", nil, false, &socketFile{}, operate, true},
		{"a program's account on a TOML file's open socket", 1001, "", nil, true, nil, operate, true},
		{"another, as in the original", 1005, "", nil, false, nil, admin, false},
		{"another on a TOML file's open socket", 1005, "", nil, true, nil, anyone, false},
		{"a program's account that [access:x] makes an admin", 1002, "", users, false, nil, admin, false},
		{"the same where a password is needed", 1002, "u", users, false, nil, admin, false},
		{"an account of [access:x]", 1003, "", users, true, nil, read, true},
		{"root, whatever [access:x] says", 0, "", []conf.Access{{Name: "r", User: conf.User{Set: true}}}, true, nil, admin, false},
	} {
		s := &server{api: f.api, uid: 1000, owner: 2000, username: tt.username, users: tt.users, strict: tt.strict, file: tt.file}
		w := s.authorise(peer{uid: tt.uid})
		if w.access != tt.want || (w.sees != nil) != tt.limited {
			t.Errorf("%s: got %v, limited %v; want %v, %v", tt.name, w.access, w.sees != nil, tt.want, tt.limited)
		}
	}
}

// hidden is a world whose configuration knows nothing of the programs that run.
type hidden struct{ *fake }

func (hidden) runsAs(int) bool { return false }

// TestHandedDown: an account whose programs are only in the manager, after an upgrade or a
// crash, is limited all the same; and so is everybody while the manager does not answer.
func TestHandedDown(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.api.sup = hidden{f}
	s := stranger(f, &conf.Config{})
	if w := s.authorise(peer{uid: 1001}); w.access != operate || w.sees == nil {
		t.Errorf("got %+v", w)
	}
	if w := s.authorise(peer{uid: 1005}); w.access != admin {
		t.Errorf("another: %+v", w)
	}
	f.api.mgr = deaf{f}
	if w := s.authorise(peer{uid: 1005}); w.access != operate || w.sees == nil {
		t.Errorf("without an answer: %+v", w)
	}
}

// deaf is a manager that does not answer.
type deaf struct{ *fake }

func (deaf) Groups(context.Context) ([]*conf.Group, error) { return nil, context.DeadlineExceeded }

// TestRefusedAdd: what was asked for in vain does not take the place of what is active, nor of
// what an update that is under way adds later.
func TestRefusedAdd(t *testing.T) {
	t.Parallel()
	d := &Daemon{bus: &event.Bus{}}
	d.pools = newPools(d)
	d.mgr = proc.New(proc.Options{Kernel: proctest.NewKernel(), Publish: d.publish, Adding: d.prepare})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.mgr.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
		d.calm.stop()
	}()
	group := func(uid int) *conf.Group {
		return &conf.Group{Name: "a", Processes: []*conf.Process{{Name: "a", Group: "a", User: conf.User{Set: true, UID: uid}}}}
	}
	first := group(1)
	if err := d.add(ctx, first); err != nil || d.active("a") != first {
		t.Fatalf("%v, %v is active", err, d.active("a"))
	}
	if err := d.add(ctx, group(2)); err == nil || d.active("a") != first {
		t.Errorf("%v, %v is active", err, d.active("a"))
	}
	if err := d.remove(ctx, "a"); err != nil || d.active("a") != nil {
		t.Errorf("%v, %v is active", err, d.active("a"))
	}
	second := group(1)
	if err := d.mgr.Add(ctx, second); err != nil || d.active("a") != second { // as an update under way does
		t.Errorf("%v, %v is active", err, d.active("a"))
	}
}

// TestRoles: name and password on TCP give a role, for the web page and XML-RPC alike.
func TestRoles(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	cfg := &conf.Config{
		InetServers: []conf.InetServer{{Section: "inet_http_server", Host: "127.0.0.1", Username: "boss", Password: "b", Metrics: true}},
		Access: []conf.Access{
			{Name: "looker", Password: "l", Role: conf.RoleRead},
			{Name: "doer", Password: "{SHA}0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33", Role: conf.RoleOperate, Programs: []string{"grp"}}, // foo
			{Name: "local", User: conf.User{Set: true, UID: 1001}, Role: conf.RoleAdmin},
		},
	}
	s := f.serveAll(t, cfg)[0]
	base := "http://" + s.ln.Addr().String()
	ask := func(user, method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(body, "action") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if name, password, ok := strings.Cut(user, ":"); ok {
			r.SetBasicAuth(name, password)
		}
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		where, _ := url.QueryUnescape(resp.Header.Get("Location"))
		return resp.StatusCode, string(data) + where
	}
	rpc := func(method string, params ...string) string {
		x := "<methodCall><methodName>" + method + "</methodName><params>"
		for _, p := range params {
			x += "<param><value>" + p + "</value></param>"
		}
		return x + "</params></methodCall>"
	}
	for _, tt := range []struct {
		user, method, path, body string
		code                     int
		want                     string // "!": not in it
	}{
		{"", "GET", "/", "", 401, ""},
		{"looker:wrong", "GET", "/", "", 401, ""},
		{"doer:{SHA}0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33", "GET", "/", "", 401, ""},
		{"local:", "GET", "/", "", 401, ""},
		{":", "GET", "/", "", 401, ""},
		{"boss:b", "POST", "/RPC2", rpc("supervisor.startProcess", "quick"), 200, "<boolean>1"},
		{"looker:l", "POST", "/RPC2", rpc("supervisor.getAllProcessInfo"), 200, "fatal"},
		{"looker:l", "POST", "/RPC2", rpc("supervisor.startProcess", "quick"), 200, "NOT_ALLOWED"},
		{"looker:l", "POST", "/RPC2", rpc("supervisor.readLog", "<int>0</int>", "<int>0</int>"), 200, "supervisord started"},
		{"looker:l", "POST", "/RPC2", rpc("supervisor.clearLog"), 200, "NOT_ALLOWED"},
		{"looker:l", "POST", "/?action=stop&processname=cat", "", 303, "NOT_ALLOWED"},
		{"looker:l", "GET", "/logtail/nope", "", 404, ""},
		{"doer:foo", "GET", "/", "", 200, "grp:g1|!fatal"},
		{"doer:foo", "POST", "/RPC2", rpc("supervisor.getAllProcessInfo"), 200, "g2|!fatal"},
		{"doer:foo", "POST", "/RPC2", rpc("supervisor.startProcess", "grp:g2"), 200, "<boolean>1"},
		{"doer:foo", "POST", "/RPC2", rpc("supervisor.startProcess", "quick"), 200, "BAD_NAME: quick"},
		{"doer:foo", "POST", "/RPC2", rpc("supervisor.shutdown"), 200, "NOT_ALLOWED"},
		{"doer:foo", "POST", "/?action=stop&processname=cat", "", 303, "No such process named cat"},
		{"doer:foo", "GET", "/tail.html?processname=cat", "", 200, "!hello"},
		{"doer:foo", "GET", "/logtail/cat", "", 404, ""},
		{"doer:foo", "GET", "/mainlogtail", "", 403, ""},
		{"doer:foo", "GET", "/metrics", "", 403, ""},
		{"doer:foo", "GET", "/readyz?verbose", "", 503, "grp:g2|!cat"},
	} {
		code, got := ask(tt.user, tt.method, tt.path, tt.body)
		if code != tt.code {
			t.Errorf("%s %s %s: status %d, want %d", tt.user, tt.path, tt.body, code, tt.code)
		}
		for _, part := range strings.Split(tt.want, "|") {
			if bad, not := strings.CutPrefix(part, "!"); not && strings.Contains(got, bad) || !not && !strings.Contains(got, part) {
				t.Errorf("%s %s %s: got %s, want %s", tt.user, tt.path, tt.body, got, part)
			}
		}
	}
	if got := withoutAuth([]*server{{users: cfg.Access}, {users: cfg.Access[2:]}}); len(got) != 1 {
		t.Errorf("servers without a password: %d", len(got))
	}
}

// TestEveryMethodHasItsAccess: a row cannot be made without one, and only the greeting is
// for everybody.
func TestEveryMethodHasItsAccess(t *testing.T) {
	t.Parallel()
	a := &api{}
	for name, m := range a.methods().byName {
		if (m.access == anyone) != (name == wire.MethodHello) {
			t.Errorf("%s is for level %d", name, m.access)
		}
		f := newFake(t)
		c := &call{api: f.api, access: m.access - 1}
		if m.access == anyone {
			continue
		}
		if _, err := c.invoke(t.Context(), name, args{}); err == nil || faultOf(err).Code != wire.NotAllowed {
			t.Errorf("%s below its level: %v", name, err)
		}
	}
}
