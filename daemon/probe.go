package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gosv/proc"
	"gosv/proc/state"
)

// probeTime is how long the manager may take to answer before it counts as stuck. A probe
// of an orchestrator usually gives up sooner.
const probeTime = 5 * time.Second

// check is one line of a probe's answer.
type check struct {
	name string
	ok   bool
	text string // what is so, or what is wrong
}

// probes are the questions that an orchestrator asks, by path.
func probes() map[string]func(context.Context, *api) []check {
	return map[string]func(context.Context, *api) []check{
		"/livez":    livez,
		"/readyz":   readyz,
		"/startupz": startupz,
	}
}

// livez: the manager's loop answers. Whoever restarts what is not live loses all programs,
// so no program's fate counts.
func livez(ctx context.Context, a *api) []check {
	_, checks := a.ask(ctx)
	return checks
}

// startupz: every autostart program has been up once, or has ended as it should.
func startupz(ctx context.Context, a *api) []check {
	infos, checks := a.ask(ctx)
	for i := range infos {
		if p := &infos[i]; autostarts(p) {
			checks = append(checks, check{namespec(p.Group, p.Name), p.Life.BeenUp, stateText(p)})
		}
	}
	return checks
}

// readyz: the daemon is not about to end, and every autostart program runs, or has ended
// as it should. What an operator has stopped is missing, too.
func readyz(ctx context.Context, a *api) []check {
	infos, checks := a.ask(ctx)
	mood := check{"daemon", true, "running"}
	switch a.mgr.Mood() {
	case proc.MoodShutdown:
		mood = check{"daemon", false, "shutting down"}
	case proc.MoodRestarting:
		mood = check{"daemon", false, "restarting"}
	}
	checks = append(checks, mood)
	for i := range infos {
		if p := &infos[i]; autostarts(p) {
			ok := p.State == state.Running || p.State == state.Exited && p.Life.Expected
			checks = append(checks, check{namespec(p.Group, p.Name), ok, stateText(p)})
		}
	}
	return checks
}

// ask asks the manager about all processes, with the first check: whether it answered.
func (a *api) ask(ctx context.Context) ([]proc.Info, []check) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	begin := time.Now()
	infos, err := a.mgr.Processes(ctx)
	if err != nil {
		return nil, []check{{"manager", false, fmt.Sprintf("no answer: %v", err)}}
	}
	return infos, []check{{"manager", true, "answered in " + time.Since(begin).Round(time.Microsecond).String()}}
}

func autostarts(p *proc.Info) bool { return p.Config != nil && p.Config.Autostart }

// stateText is a state, with the reason where there is one.
func stateText(p *proc.Info) string {
	text := p.State.String()
	switch p.State {
	case state.Exited:
		text = fmt.Sprintf("EXITED with exit status %d", p.ExitStatus)
		if p.ExitStatus < 0 {
			text = "EXITED by a signal"
		}
	case state.Fatal, state.Backoff:
		if p.SpawnErr != "" {
			text += ": " + p.SpawnErr
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

// serveProbe answers a probe: 200 and "ok", or 503 and a line for each check, as it also
// does with ?verbose. It says whether the path is that of one.
func (a *api) serveProbe(w http.ResponseWriter, r *http.Request) bool {
	probe := probes()[r.URL.Path]
	if probe == nil {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
		return true
	}
	checks := probe(r.Context(), a)
	var b strings.Builder
	passed := true
	for _, c := range checks {
		mark := "+"
		if !c.ok {
			mark, passed = "-", false
		}
		fmt.Fprintf(&b, "[%s]%s %s\n", mark, safeText(c.name), safeText(c.text))
	}
	code, verdict := http.StatusOK, "ok"
	if !passed {
		code, verdict = http.StatusServiceUnavailable, "failed"
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	body := verdict + "\n"
	if _, verbose := r.URL.Query()["verbose"]; verbose || !passed {
		body = b.String() + name + " " + verdict + "\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(code)
	if r.Method == http.MethodGet {
		fmt.Fprint(w, body)
	}
	return true
}
