package daemon

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// stuck is a manager whose loop does not answer.
type stuck struct{ *fake }

func (stuck) Processes(ctx context.Context) ([]proc.Info, error) {
	return nil, context.DeadlineExceeded
}

func TestProbes(t *testing.T) {
	t.Parallel()
	info := func(name string, s state.State, change func(*proc.Info)) proc.Info {
		p := proc.Info{Group: name, Name: name, State: s, Config: &conf.Process{Name: name, Group: name, Autostart: true}}
		if change != nil {
			change(&p)
		}
		return p
	}
	up := func(p *proc.Info) { p.Life.BeenUp = true }
	manual := func(p *proc.Info) { p.Config.Autostart = false }
	done := func(p *proc.Info) { p.Life.BeenUp, p.Life.Expected = true, true }
	for _, test := range []struct {
		name                 string
		infos                []proc.Info
		mood                 proc.Mood
		live, startup, ready bool
	}{
		{"nothing to run", nil, proc.MoodRunning, true, true, true},
		{"all run", []proc.Info{info("a", state.Running, up), info("b", state.Running, up)}, proc.MoodRunning, true, true, true},
		{"one starts", []proc.Info{info("a", state.Running, up), info("b", state.Starting, nil)}, proc.MoodRunning, true, false, false},
		{"one starts again", []proc.Info{info("a", state.Starting, up)}, proc.MoodRunning, true, true, false},
		{"a job is done", []proc.Info{info("a", state.Exited, done)}, proc.MoodRunning, true, true, true},
		{"a job has failed", []proc.Info{info("a", state.Exited, up)}, proc.MoodRunning, true, true, false},
		{"given up", []proc.Info{info("a", state.Fatal, nil)}, proc.MoodRunning, true, false, false},
		{"given up later", []proc.Info{info("a", state.Fatal, up)}, proc.MoodRunning, true, true, false},
		{"stopped by somebody", []proc.Info{info("a", state.Stopped, up)}, proc.MoodRunning, true, true, false},
		{"not autostarted, so it does not matter", []proc.Info{info("a", state.Stopped, manual), info("b", state.Fatal, manual)}, proc.MoodRunning, true, true, true},
		{"shutting down", []proc.Info{info("a", state.Running, up)}, proc.MoodShutdown, true, true, false},
		{"restarting", []proc.Info{info("a", state.Running, up)}, proc.MoodRestarting, true, true, false},
	} {
		f := newFake(t)
		f.infos, f.mood = test.infos, test.mood
		for path, want := range map[string]bool{"/livez": test.live, "/startupz": test.startup, "/readyz": test.ready} {
			w := httptest.NewRecorder()
			if !f.serveProbe(w, httptest.NewRequest("GET", path, nil)) {
				t.Fatalf("%s is no probe", path)
			}
			if got := w.Code == http.StatusOK; got != want || !got && w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %s = %d %q, want ok %v", test.name, path, w.Code, w.Body, want)
			}
		}
	}
}

func TestProbeAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.infos = []proc.Info{
		{Group: "web", Name: "web", State: state.Running, Config: &conf.Process{Autostart: true}, Life: proc.Life{BeenUp: true}},
		{Group: "w", Name: "w_1", State: state.Fatal, SpawnErr: "can't find\ncommand", Config: &conf.Process{Autostart: true}},
		{Group: "job", Name: "job", State: state.Exited, ExitStatus: -1, Config: &conf.Process{Autostart: true}},
	}
	get := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		f.serveProbe(w, httptest.NewRequest(method, target, nil))
		return w
	}
	if w := get("GET", "/livez"); w.Body.String() != "ok\n" {
		t.Errorf("/livez = %q, want ok", w.Body)
	}
	if w := get("GET", "/livez?verbose"); !strings.HasPrefix(w.Body.String(), "[+]manager answered in ") || !strings.HasSuffix(w.Body.String(), "\nlivez ok\n") {
		t.Errorf("/livez?verbose = %q", w.Body)
	}
	w := get("GET", "/readyz")
	_, after, _ := strings.Cut(w.Body.String(), "\n")
	want := "[+]daemon running\n[+]web RUNNING\n[-]w:w_1 FATAL: can't find command\n[-]job EXITED by a signal\nreadyz failed\n"
	if after != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("/readyz = %q, want %q", after, want)
	}
	if w := get("HEAD", "/readyz"); w.Code != 503 || w.Body.Len() != 0 {
		t.Errorf("HEAD /readyz = %d %q", w.Code, w.Body)
	}
	if w := get("POST", "/readyz"); w.Code != 405 {
		t.Errorf("POST /readyz = %d, want 405", w.Code)
	}
	if f.serveProbe(httptest.NewRecorder(), httptest.NewRequest("GET", "/livez/x", nil)) {
		t.Error("/livez/x is a probe")
	}
	f.api.mgr = stuck{f}
	for _, path := range []string{"/livez", "/readyz", "/startupz"} {
		if w := get("GET", path); w.Code != 503 || !strings.Contains(w.Body.String(), "[-]manager no answer") {
			t.Errorf("%s of a stuck manager = %d %q", path, w.Code, w.Body)
		}
	}
}
