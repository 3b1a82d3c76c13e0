package ctl

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gosv/daemon/wire"
)

// fake is a supervisor with fixed answers, over JSON or XML-RPC. Its fields are set before
// it serves; tests that change them do so between requests.
type fake struct {
	procs   []wire.Process
	faults  map[string]*wire.Fault // by "action:namespec", "action" for all of them
	logs    map[string]string      // by "name:stream"; "" is the main log
	avail   []wire.Avail
	changes wire.Changes
	steps   []wire.UpdateStep
	api     string
	pieces  bool // lists and logs come in pieces
	shape   string
	auth    string // "name:password" for HTTP
	drop    string // the method at which the connection closes
	hang    string // the method that never answers
	ends    string // the namespec of a process that ends when it is written to

	mu    sync.Mutex // guards calls and hello
	calls []string   // "method name"
	hello wire.HelloIn
	ended chan struct{} // closed when ends has been written to
}

func newFake() *fake {
	proc := func(group, name, state string, code, pid int, desc string) wire.Process {
		p := wire.Process{
			Group: group, Name: name, State: state, StateCode: code, PID: pid, Description: desc,
			Start: 1763793600, Now: 1763794000, Stdout: "/var/log/" + name + ".log",
		}
		if code == 0 {
			p.Start = 0
		}
		if code == 100 || code == 200 {
			p.Stop, p.ExitStatus = 1763793900, 1
		}
		if code == 200 || code == 30 {
			p.SpawnErr = desc
		}
		return p
	}
	return &fake{
		api: apiVersion,
		procs: []wire.Process{
			proc("cat", "cat", "RUNNING", 20, 13359, "pid 13359, uptime 0:00:36"),
			proc("fatal", "fatal", "FATAL", 200, 0, "can't find command '/nonexistent/fatal'"),
			proc("flap", "flap", "BACKOFF", 30, 0, "Exited too quickly (process log may have details)"),
			proc("grp", "g1", "RUNNING", 20, 13360, "pid 13360, uptime 0:00:36"),
			proc("grp", "g2", "RUNNING", 20, 13361, "pid 13361, uptime 0:00:36"),
			proc("manual", "manual", "STOPPED", 0, 0, "Not started"),
			proc("quick0", "quick0", "EXITED", 100, 0, "Nov 22 06:41 PM"),
			proc("talk", "talk", "STARTING", 10, 13362, ""),
		},
		faults: map[string]*wire.Fault{},
		ended:  make(chan struct{}),
		logs: map[string]string{
			"cat:stdout": "one\ntwo\n", "cat:stderr": "oops\n", ":stdout": "the main log\n",
			"talk:stdout": "gr\u00fc\u00df \x1b[1mbold\x1b[0m\r\n", "grp:g1:stdout": "",
		},
		avail: []wire.Avail{
			{Name: "cat", Group: "cat", InUse: true, Autostart: true, GroupPriority: 10, ProcessPriority: 10},
			{Name: "g1", Group: "grp", InUse: true, Autostart: false, GroupPriority: 999, ProcessPriority: 5},
			{Name: "newone", Group: "newone", Autostart: true, GroupPriority: 999, ProcessPriority: 999},
			{Name: "a-name-of-more-than-thirty-two-characters", Group: "long", Autostart: true, GroupPriority: 1, ProcessPriority: 2},
		},
		changes: wire.Changes{Added: []string{}, Changed: []string{}, Removed: []string{}},
	}
}

func (f *fake) find(group, process string) []wire.Process {
	var found []wire.Process
	for _, p := range f.procs {
		if (group == "" || p.Group == group) && (process == "" || p.Name == process) {
			found = append(found, p)
		}
	}
	return found
}

func fault(code, msg string) *wire.Fault {
	return &wire.Fault{Code: code, Number: wire.Number(code), Msg: msg}
}

// act is what start, stop, signal, restart and clear do to a target: results, or a fault.
func (f *fake) act(action, did, target string) ([]wire.Result, *wire.Fault) {
	if fl := f.faults[action]; fl != nil {
		return nil, fl
	}
	group, process := splitNamespec(target)
	if target == "all" {
		group, process = "", ""
	}
	found := f.find(group, process)
	if len(found) == 0 && target != "all" {
		return nil, badName(target)
	}
	var results []wire.Result
	for _, p := range found {
		r := wire.Result{Name: p.Name, Group: p.Group, Did: did}
		if fl := f.faults[action+":"+makeNamespec(p.Group, p.Name)]; fl != nil {
			r.Did, r.Err = "", fl
		} else if fl := f.natural(action, p); fl != nil {
			if process == "" {
				continue // Supervisor leaves those out that there is nothing to do for
			}
			r.Did, r.Err = "", fl
		}
		results = append(results, r)
	}
	return results, nil
}

// natural is the fault that the state of a process means for an action.
func (f *fake) natural(action string, p wire.Process) *wire.Fault {
	up := p.State == "RUNNING" || p.State == "STARTING" || p.State == "BACKOFF"
	switch {
	case action == "start" && up:
		return fault(wire.AlreadyStarted, p.Name)
	case action == "stop" && !up, action == "signal" && p.PID == 0:
		return fault(wire.NotRunning, p.Name)
	}
	return nil
}

func (f *fake) log(name, stream string, n int64) ([]byte, *wire.Fault) {
	action := "tail"
	if name == "" {
		action = "maintail"
	}
	if fl := f.faults[action]; fl != nil {
		return nil, fl
	}
	if name != "" {
		if group, process := splitNamespec(name); process == "" || f.find(group, process) == nil {
			return nil, badName(name)
		}
	}
	text, ok := f.logs[name+":"+stream]
	if !ok {
		return nil, fault(wire.NoFile, "/var/log/x")
	}
	if n > 0 && int64(len(text)) > n {
		text = text[int64(len(text))-n:]
	}
	if n < 0 {
		text = text[min(-n, int64(len(text))):]
	}
	return []byte(text), nil
}

func (f *fake) called(method, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.TrimSpace(method+" "+name))
}

// took is the calls since the last took.
func (f *fake) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// await waits for a call.
func (f *fake) await(t testing.TB, call string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !slices.Contains(f.took(), call) {
		if time.Now().After(deadline) {
			t.Fatalf("no call %q", call)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// serve listens on a unix socket and is its URL.
func (f *fake) serve(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return "unix://" + l.Addr().String()
}

func (f *fake) serveJSON(t testing.TB) string { return f.serve(t, f.handleJSON) }

// handleJSON answers as gosv does: an HTTP request with 400, everything else as JSON.
func (f *fake) handleJSON(nc net.Conn) {
	r := bufio.NewReader(nc)
	if first, err := r.Peek(1); err != nil || first[0] != '{' {
		io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\nServer: gosv\r\nContent-Length: 0\r\n\r\n")
		return
	}
	c := wire.NewConn(nc, r)
	for {
		var req wire.Request
		if c.Read(&req) != nil || req.Method != "" && req.Method == f.drop {
			return
		}
		events, ok, fl := f.answerJSON(req)
		if req.Method == wire.MethodEvents && f.ends != "" {
			<-f.ended
		}
		if req.Method == f.hang {
			io.Copy(io.Discard, r) // until the client goes
			return
		}
		raw := func(v any) json.RawMessage { b, _ := json.Marshal(v); return b }
		for _, e := range events {
			if c.Write(wire.Reply{ID: req.ID, Event: raw(e)}) != nil {
				return
			}
		}
		reply := wire.Reply{ID: req.ID, Err: fl}
		if fl == nil {
			reply.OK = raw(ok)
		}
		if c.Write(reply) != nil {
			return
		}
	}
}

// events makes a list of any.
func events[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

func (f *fake) answerJSON(req wire.Request) (evs []any, ok any, fl *wire.Fault) {
	var in struct {
		Name, Stream, Signal string
		Names, Groups        []string
		Bytes                int64
	}
	json.Unmarshal(req.Params, &in)
	f.called(req.Method, orText(in.Name, strings.Join(append(in.Names, in.Groups...), " ")))
	results := func(action, did string) ([]any, any, *wire.Fault) {
		rs, fl := f.act(action, did, in.Name)
		return events(rs), wire.Count{Count: len(rs)}, fl
	}
	switch req.Method {
	case wire.MethodHello:
		f.mu.Lock()
		json.Unmarshal(req.Params, &f.hello)
		f.mu.Unlock()
		return nil, wire.HelloOut{Server: "gosv/0", Protocol: 1, API: f.api, Supervisor: "4.2.5", PID: 4711, State: "RUNNING"}, f.faults["hello"]
	case wire.MethodStatus:
		ps := f.procs
		if len(in.Names) > 0 {
			if ps = f.find(splitNamespec(in.Names[0])); ps == nil {
				return nil, nil, badName(in.Names[0])
			}
		}
		if f.pieces && len(ps) > 2 {
			return []any{ps[:1], ps[1:2]}, ps[2:], f.faults["status"]
		}
		return nil, ps, f.faults["status"]
	case wire.MethodStart:
		return results("start", "started")
	case wire.MethodStop:
		return results("stop", "stopped")
	case wire.MethodSignal:
		return results("signal", "signalled")
	case wire.MethodClear:
		return results("clear", "cleared")
	case wire.MethodRestart:
		return f.restartJSON(in.Name)
	case wire.MethodTail:
		data, fl := f.log(in.Name, in.Stream, in.Bytes)
		half := len(data) / 2
		return []any{wire.Chunk{Data: data[:half]}, wire.Chunk{Data: data[half:]}}, wire.Count{}, fl
	case wire.MethodStdin:
		if in.Name == f.ends {
			defer close(f.ended)
		}
		return nil, true, f.faults["stdin"]
	case wire.MethodEvents:
		if f.ends == "" {
			break
		}
		about := func(name string) wire.Event {
			return wire.Event{Type: "PROCESS_STATE_EXITED", Payload: "processname:" + name + " groupname:" + name + " from_state:RUNNING expected:1 pid:1"}
		}
		return []any{about("other"), about(f.ends)}, wire.Count{}, nil
	case wire.MethodReread:
		return nil, f.changes, f.faults["reread"]
	case wire.MethodUpdate:
		return events(f.steps), wire.Count{}, f.faults["update"]
	case wire.MethodAdd, wire.MethodRemove:
		return nil, true, f.faults[req.Method+":"+in.Name]
	case wire.MethodAvail:
		return nil, f.avail, f.faults["avail"]
	case wire.MethodUpgrade:
		return nil, wire.UpgradeOut{Version: "1.1", From: "1.0", PID: 4000}, f.faults[req.Method]
	case wire.MethodReload, wire.MethodShutdown:
		return nil, true, f.faults[req.Method]
	}
	return nil, nil, fault(wire.UnknownMethod, req.Method)
}

// restartJSON answers restart in the shapes that a server may choose: both halves
// (default), or the "start" alone.
func (f *fake) restartJSON(target string) ([]any, any, *wire.Fault) {
	stops, fl := f.act("stop", "stopped", target)
	if fl != nil {
		return nil, nil, fl
	}
	if f.shape == "start" {
		stops = nil
	}
	var evs []any
	for _, r := range stops {
		evs = append(evs, r)
	}
	group, process := splitNamespec(target)
	start := wire.Result{Name: process, Group: group, Did: "started", Err: f.faults["start:"+target]}
	if start.Err != nil {
		start.Did = ""
	}
	return append(evs, start), wire.Count{}, nil
}
