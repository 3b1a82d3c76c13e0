package daemon

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gosv/conf"
	"gosv/proc/event"
)

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
