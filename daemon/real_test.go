package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/proctest"
)

// TestRealManager drives a process manager, with scripted children, over both protocols.
func TestRealManager(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	k := proctest.NewKernel()
	k.Behave = func(s proc.Spec, nth int) proctest.Behaviour {
		if s.Name == "quick" {
			return proctest.Behaviour{AtOnce: true, Status: proctest.Exit(3)}
		}
		return proctest.Behaviour{Dying: 20 * time.Millisecond}
	}
	m := proc.New(proc.Options{Kernel: k, Log: slog.New(slog.NewTextHandler(&f.log, nil)), Publish: f.bus.Publish})
	f.api.mgr = m
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	add := func(group string, names ...string) {
		g := &conf.Group{Name: group, Priority: 999}
		for _, n := range names {
			p := &conf.Process{
				Name: n, Group: group, Program: n, Command: conf.Command{Line: "/bin/sh"}, Priority: 999, Umask: conf.Unset,
				Startsecs: conf.Seconds(50 * time.Millisecond), Startretries: 1, Stopwaitsecs: conf.Seconds(10 * time.Second), Stopsignal: 15, Exitcodes: []int{0},
			}
			if n == "nofile" {
				p.Command.Line = "/nonexistent/command"
			}
			g.Processes = append(g.Processes, p)
		}
		if err := m.Add(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	add("web", "w1", "w2")
	add("quick", "quick")
	add("nofile", "nofile")
	_, path := f.serveUnix(t, conf.UnixServer{})
	c := dial(t, path)
	for i, tt := range []struct {
		method, params, events, last string
	}{
		{"start", `{"name":"web:w1"}`, `[{"name":"w1","group":"web","did":"started"}]`, `{"count":1,"failed":0}`},
		{"start", `{"name":"web:w1"}`, `[{"name":"w1","group":"web","err":{"code":"ALREADY_STARTED","number":60,"msg":"web:w1"}}]`, `{"count":1,"failed":1}`},
		{"start", `{"name":"web:*"}`, `[{"name":"w2","group":"web","did":"started"}]`, `{"count":1,"failed":0}`},
		{"start", `{"name":"quick"}`, `[{"name":"quick","group":"quick","err":{"code":"SPAWN_ERROR","number":50,"msg":"quick"}}]`, `{"count":1,"failed":1}`},
		{"start", `{"name":"nofile"}`, `[{"name":"nofile","group":"nofile","err":{"code":"NO_FILE","number":20,"msg":"can't find command '/nonexistent/command'"}}]`, `{"count":1,"failed":1}`},
		{"start", `{"name":"web:x"}`, `null`, `BAD_NAME: web:x`},
		{"start", `{"name":"web"}`, `null`, `BAD_NAME: web`},
		{"stop", `{"name":"nope:*"}`, `null`, `BAD_NAME: nope:*`},
		{"signal", `{"name":"web:w1","signal":"USR1"}`, `[{"name":"w1","group":"web","did":"signalled"}]`, `{"count":1,"failed":0}`},
		{"restart", `{"name":"web:w1"}`, `[{"name":"w1","group":"web","did":"stopped"},{"name":"w1","group":"web","did":"started"}]`, `{"count":2,"failed":0}`},
		{"stop", `{"name":"web:w1"}`, `[{"name":"w1","group":"web","did":"stopped"}]`, `{"count":1,"failed":0}`},
		{"stop", `{"name":"web:w1"}`, `[{"name":"w1","group":"web","err":{"code":"NOT_RUNNING","number":70,"msg":"web:w1"}}]`, `{"count":1,"failed":1}`},
		{"supervisor.stopProcessGroup", `["web"]`, `null`, `[{"name":"w2","group":"web","status":80,"description":"OK"}]`},
	} {
		events, last := c.call(uint64(i), tt.method, json.RawMessage(tt.params))
		got := string(last.OK)
		if last.Err != nil {
			got = last.Err.Error()
		}
		if e := asJSON(t, events); e != tt.events || got != tt.last {
			t.Errorf("%s %s:\ngot  %s %s\nwant %s %s", tt.method, tt.params, e, got, tt.events, tt.last)
		}
	}
	// A client that goes away while it waits stops nothing.
	c.line(`{"id":99,"m":"start","p":{"name":"web:w1"}}`)
	c.nc.Close()
	d := dial(t, path)
	eventually(t, "RUNNING without the client", func() bool {
		_, last := d.call(1, "status", wire.NamesIn{Names: []string{"web:w1"}})
		return strings.Contains(string(last.OK), `"RUNNING"`)
	})
	if faults := k.Faults(); len(faults) > 0 {
		t.Error(faults)
	}
}

// FuzzMethods: whatever is asked with whatever parameters, nothing but an answer or a fault
// comes of it.
func FuzzMethods(f *testing.F) {
	for _, seed := range []struct{ method, params string }{
		{"status", `{"names":["a:*","all"]}`}, {"start", `{"name":""}`}, {"stop", `{"name":":"}`},
		{"signal", `{"name":"cat","signal":"99999999999999999999"}`}, {"tail", `{"name":"cat","bytes":-1}`},
		{"tail", `{"bytes":9223372036854775807}`}, {"supervisor.readLog", `[-9223372036854775808,0]`},
		{"supervisor.tailProcessLog", `["cat",9223372036854775807,1e18]`}, {"supervisor.startProcess", `{"name":null}`},
		{"supervisor.readProcessLog", `["cat","-5",false]`}, {"system.multicall", `[[{"methodName":"system.multicall"},[],5,{"methodName":["x"]}]]`},
		{"supervisor.sendProcessStdin", `["cat",{"a":[]}]`}, {"events", `{"types":["TICK","x"]}`}, {"update", `{"groups":["all"]}`},
		{"system.methodHelp", `[[]]`}, {"hello", `"x"`}, {"clear", `{"name":"grp:*"}`}, {"stdin", `{"name":"cat","data":"!"}`},
	} {
		f.Add(seed.method, seed.params)
	}
	f.Fuzz(func(t *testing.T, method, params string) {
		w := newFake(t)
		c := &call{api: w.api, access: admin, send: func(v any) error { _, err := encodeJSON(v); return err }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // for events, which never ends
		defer cancel()
		var a args
		if json.Valid([]byte(params)) {
			a.json = json.RawMessage(params)
		} else {
			a.list = []any{params, 0, fmt.Sprint(len(params))}
			a.list = a.list[:len(params)%4]
		}
		out, err := c.invoke(ctx, method, a)
		if err != nil {
			if _, internal := err.(*errInternal); internal {
				t.Fatalf("%s(%s): %v\n%s", method, params, err, w.log.String())
			}
			if f := faultOf(err); f.Code == "" || number(f) == 0 {
				t.Fatalf("%s(%s): a fault without a name: %+v", method, params, f)
			}
			return
		}
		if _, err := encodeJSON(out); err != nil {
			t.Fatalf("%s(%s): %v", method, params, err)
		}
		xmlValue(out)
	})
}
