package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"gosv/daemon/wire"
)

// fakeDaemon is a Backend whose processes do at once what they are told.
type fakeDaemon struct {
	mu    sync.Mutex // guards what follows
	procs []wire.Process
	logs  map[string]string // "group:name/stream"
	err   error             // of every call
	fault *wire.Fault       // of every action's result
	acts  []string
	bells map[chan struct{}]bool
	asked chan struct{} // if not nil, actions wait until they can receive
}

func newFake(procs ...wire.Process) *fakeDaemon {
	return &fakeDaemon{procs: procs, logs: map[string]string{}, bells: map[chan struct{}]bool{}}
}

func process(group, name, state, description string) wire.Process {
	p := wire.Process{Group: group, Name: name, State: state, Description: description, Now: 1_700_000_100}
	if state == "RUNNING" {
		p.Start, p.PID = 1_700_000_000, 4711
	}
	return p
}

func (f *fakeDaemon) Processes(context.Context) ([]wire.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.procs), f.err
}

func (f *fakeDaemon) Act(ctx context.Context, action, group, name string) ([]wire.Result, error) {
	f.mu.Lock()
	asked := f.asked
	f.acts = append(f.acts, strings.TrimSpace(fmt.Sprint(action, " ", group, " ", name)))
	f.mu.Unlock()
	if asked != nil {
		select {
		case <-asked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	var list []wire.Result
	for i := range f.procs {
		p := &f.procs[i]
		if group != "" && (p.Group != group || p.Name != name) {
			continue
		}
		list = append(list, wire.Result{Group: p.Group, Name: p.Name, Err: f.fault})
		if f.fault != nil {
			continue
		}
		switch action {
		case Start, Restart, RestartAll:
			*p = running(*p)
		case Stop, StopAll:
			*p = process(p.Group, p.Name, "STOPPED", "Nov 22 06:44 PM")
		case ClearLog:
			delete(f.logs, p.Group+":"+p.Name+"/stdout")
		}
	}
	f.ring()
	return list, nil
}

func running(p wire.Process) wire.Process {
	return process(p.Group, p.Name, "RUNNING", "pid 4711, uptime 0:01:40")
}

func (f *fakeDaemon) Tail(_ context.Context, group, name, stream string, n int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	text, ok := f.logs[group+":"+name+"/"+stream]
	if !ok {
		return nil, &wire.Fault{Code: wire.NoFile, Msg: group + ":" + name}
	}
	return []byte(text[max(0, len(text)-int(n)):]), nil
}

func (f *fakeDaemon) Watch(ctx context.Context) <-chan struct{} {
	bell := make(chan struct{}, 1)
	f.mu.Lock()
	f.bells[bell] = true
	f.mu.Unlock()
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.bells, bell)
	})
	return bell
}

func (f *fakeDaemon) Identification() string { return "supervisor" }
func (f *fakeDaemon) Version() string        { return "1.2.3" }

// set changes what there is and rings.
func (f *fakeDaemon) set(change func(*fakeDaemon)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
	f.ring()
}

func (f *fakeDaemon) ring() { // f.mu is held
	for bell := range f.bells {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

func (f *fakeDaemon) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acts)
}

// get and post are requests as a browser on this machine makes them.
func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	return send(h, http.MethodGet, target, "", nil)
}

func post(t *testing.T, h http.Handler, target string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	return send(h, http.MethodPost, target, form.Encode(), map[string]string{"Origin": "http://127.0.0.1:9001"})
}

func send(h http.Handler, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:9001"
	for k, v := range header {
		if k == "Host" {
			r.Host = v
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
