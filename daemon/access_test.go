package daemon

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
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

// TestOwnPrograms: an account sees and controls its own programs over JSON and XML-RPC;
// the others' are not there.
func TestOwnPrograms(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.shared = true
	s := stranger(f, &conf.Config{})
	for _, tt := range []struct {
		method, params string
		want           string // of the answer as JSON, or of the fault
	}{
		{"status", `{}`, `"name":"cat"|"name":"g1"|!fatal|!quick|!"g2"`},
		{"status", `{"names":["fatal"]}`, `BAD_NAME: fatal`},
		{"status", `{"names":["grp:*"]}`, `"name":"g1"|!"g2"`},
		{"status", `{"names":["quick:*"]}`, `BAD_NAME: quick:*`},
		{"avail", `{}`, `"name":"cat"|"name":"g1"|!"g2"|!newone`},
		{"tail", `{"name":"fatal"}`, `BAD_NAME: fatal`},
		{"tail", `{"name":"cat"}`, `"count":1`},
		{"tail", `{"name":"grp:g1"}`, `NOT_ALLOWED: the log of grp:g1`}, // it is the main log
		{"tail", `{"name":"grp:g1","follow":true}`, `NOT_ALLOWED`},
		{"supervisor.readProcessStdoutLog", `["grp:g1",0,0]`, `NOT_ALLOWED`},
		{"supervisor.tailProcessStdoutLog", `["grp:g1",0,100]`, `NOT_ALLOWED`},
		{"tail", `{}`, `NOT_ALLOWED: the main log`},
		{"tail", `{"follow":true}`, `NOT_ALLOWED: the main log`},
		{"clear", `{"name":"fatal"}`, `BAD_NAME: fatal`},
		{"clear", `{}`, `"failed":1`},
		{"clear", `{"name":"grp:g1"}`, `"failed":1`}, // it is the main log
		{"clear", `{"name":"all"}`, `"count":2,"failed":1`},
		{"supervisor.clearProcessLogs", `["grp:g1"]`, `NOT_ALLOWED: the log of grp:g1`},
		{"stdin", `{"name":"quick","data":"eA=="}`, `BAD_NAME: quick`},
		{"shutdown", `{}`, `NOT_ALLOWED: shutdown`},
		{"update", `{}`, `NOT_ALLOWED: update`},
		{"reread", `{}`, `NOT_ALLOWED: reread`},
		{"reload", `{}`, `NOT_ALLOWED: reload`},
		{"add", `{"name":"newone"}`, `NOT_ALLOWED: add`},
		{"remove", `{"name":"cat"}`, `NOT_ALLOWED: remove`},
		{"signal", `{"name":"all","signal":"USR1"}`, `"count":2`},
		{"supervisor.getAllProcessInfo", `[]`, `"cat"|"g1"|!fatal|!quick|!"g2"`},
		{"supervisor.getAllConfigInfo", `[]`, `"cat"|"g1"|!fatal|!quick|!"g2"|!newone`},
		{"supervisor.getProcessInfo", `["fatal"]`, `BAD_NAME: fatal`},
		{"supervisor.startProcess", `["quick"]`, `BAD_NAME: quick`},
		{"supervisor.stopProcessGroup", `["fatal"]`, `BAD_NAME: fatal`},
		{"supervisor.signalProcess", `["fatal","99"]`, `BAD_NAME: fatal`},
		{"supervisor.signalProcess", `["fatal","HUP"]`, `BAD_NAME: fatal`},
		{"supervisor.signalAllProcesses", `["nosuch"]`, `"cat"|!fatal|!quick`},
		{"supervisor.stopAllProcesses", `[]`, `"cat"|"g1"|!fatal|!quick`},
		{"supervisor.readProcessStdoutLog", `["fatal",0,0]`, `BAD_NAME: fatal`},
		{"supervisor.tailProcessStderrLog", `["fatal",0,10]`, `BAD_NAME: fatal`},
		{"supervisor.readLog", `[0,0]`, `NOT_ALLOWED: the main log`},
		{"supervisor.readMainLog", `[0,0]`, `NOT_ALLOWED: the main log`},
		{"supervisor.clearLog", `[]`, `NOT_ALLOWED: supervisor.clearLog`},
		{"supervisor.clearProcessLogs", `["quick"]`, `BAD_NAME: quick`},
		{"supervisor.clearAllProcessLogs", `[]`, `"cat"|"g1"|!fatal|!quick`},
		{"supervisor.sendProcessStdin", `["quick","x"]`, `BAD_NAME: quick`},
		{"supervisor.sendRemoteCommEvent", `["a","b"]`, `NOT_ALLOWED`},
		{"supervisor.restart", `[]`, `NOT_ALLOWED`},
		{"supervisor.shutdown", `[]`, `NOT_ALLOWED`},
		{"system.multicall", `[[{"methodName":"supervisor.shutdown","params":[]},{"methodName":"supervisor.getProcessInfo","params":["fatal"]}]]`, `NOT_ALLOWED|BAD_NAME`},
	} {
		out, err := f.as(s, 1001, nil).invoke(t.Context(), tt.method, args{json: json.RawMessage(tt.params)})
		got := ""
		if err != nil {
			got = faultOf(err).Error()
		} else {
			b, err := encodeJSON(out)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		for _, part := range strings.Split(tt.want, "|") {
			if bad, not := strings.CutPrefix(part, "!"); not && strings.Contains(got, bad) || !not && !strings.Contains(got, part) {
				t.Errorf("%s %s: got %s, want %s", tt.method, tt.params, got, part)
			}
		}
	}
	for _, done := range f.did {
		if _, name, _ := strings.Cut(done, " "); name != "cat" && name != "g1" {
			t.Errorf("it did %q", done)
		}
	}
}

// TestOwnEvents: of events, too, an account gets those of its own programs.
func TestOwnEvents(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	b := scopedBus{f.bus, f, scope{own(1001)}}
	var got []string
	defer b.Subscribe([]event.Type{event.Any}, func(_ uint64, ev event.Event) {
		got = append(got, ev.Type.String()+" "+ev.Group+":"+ev.Process)
	})()
	for _, ev := range []event.Event{
		{Type: event.ProcessStateRunning, Group: "cat", Process: "cat"},
		{Type: event.ProcessStateRunning, Group: "grp", Process: "g2"},
		{Type: event.ProcessLogStdout, Group: "fatal", Process: "fatal"},
		{Type: event.ProcessStateExited, Group: "grp", Process: "g1"},
		{Type: event.ProcessStateExited, Group: "unknown", Process: "unknown"},
		{Type: event.ProcessGroupAdded, Group: "grp"},
		{Type: event.ProcessGroupAdded, Group: "newone"},
		{Type: event.RemoteCommunication, Kind: "x"},
		{Type: event.Tick5},
	} {
		f.bus.Publish(ev)
	}
	want := []string{"PROCESS_STATE_RUNNING cat:cat", "PROCESS_STATE_EXITED grp:g1", "PROCESS_GROUP_ADDED grp:", "TICK_5 :"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCurrent: an account whose programs are gone from the file, but may still run, stays
// limited; events of a process go to the account that it runs as, however often the configuration
// was read since, and to the new one after an update.
func TestCurrent(t *testing.T) {
	t.Parallel()
	cfg := func(uid int) *conf.Config {
		return &conf.Config{Groups: []*conf.Group{{Name: "a", Processes: []*conf.Process{{Name: "a", Group: "a", User: conf.User{Set: true, UID: uid}}}}}}
	}
	d := &Daemon{}
	if d.config() != nil || d.active("a") != nil || d.runsAs(1) {
		t.Error("something is known before the first configuration")
	}
	d.cfg.Store(cfg(1))
	d.cfg.Store(cfg(2))
	if !d.runsAs(1) || !d.runsAs(2) || d.runsAs(3) {
		t.Error("accounts are forgotten")
	}
	ev := event.Event{Type: event.ProcessStateExited, Group: "a", Process: "a"}
	is := func(want ...int) {
		t.Helper()
		for uid := 1; uid <= 2; uid++ {
			if got := (scopedBus{sup: d, scope: scope{own(uid)}}).shows(ev); got != slices.Contains(want, uid) {
				t.Errorf("%d hears of it: %v, want %v", uid, got, want)
			}
		}
	}
	is()
	d.roster.prepare(cfg(1).Groups[0])
	d.roster.added("a")
	is(1)
	for range 2 {
		d.cfg.Store(cfg(2))
		is(1)
	}
	d.roster.prepare(cfg(2).Groups[0])
	is(1)
	d.roster.removed("a")
	d.roster.added("a")
	is(2)
}

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
