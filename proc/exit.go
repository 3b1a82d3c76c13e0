package proc

import (
	"fmt"
	"slices"
	"time"

	"gosv/conf"
	"gosv/proc/state"
)

// Verdict is why everything ends though nobody asked for it.
type Verdict struct {
	Group, Process string // whose end decided
	Code           int    // what the daemon exits with
	Reason         string // one line, for people
}

// Verdict is what exit_on or essential= decided; ok is false when they decided nothing. It
// may be asked when Run has returned.
func (m *Manager) Verdict() (v Verdict, ok bool) {
	if m.verdict == nil {
		return Verdict{}, false
	}
	return *m.verdict, true
}

// judge looks at a process that came to rest by itself, and begins the end of everything if
// the configuration says so.
func (m *Manager) judge(p *process) {
	if m.verdict != nil || m.closing != nil || m.Mood() < MoodRunning {
		return
	}
	v := decide(m.ExitOn, p, m.order)
	if v == nil {
		return
	}
	m.verdict = v
	level := LevelWarn
	if v.Code == 0 {
		level = LevelInfo
	}
	m.log.say(level, "%s", v.Reason)
	if m.Decided != nil {
		m.Decided(*v)
	}
	m.Shutdown(MoodShutdown)
}

// decide says whether the end of p, EXITED or FATAL and not to be started again, is the end
// of everything. It only reads.
func decide(on conf.ExitOn, p *process, groups []*group) *Verdict {
	rule := ""
	switch fatal := p.m.State == state.Fatal; {
	case p.conf.Essential:
		rule = "essential=true"
	case on.IsMain(p.conf),
		on.When == conf.ExitFatal && fatal,
		on.When == conf.ExitFailure && (fatal || !p.expected(p.status)),
		on.When == conf.ExitAny:
		rule = "exit_on=" + on.String()
	case on.When == conf.ExitAll && ended(groups):
		return verdictOfAll(p, groups)
	default:
		return nil
	}
	code := p.exitCode()
	return &Verdict{p.conf.Group, p.conf.Name, code, fmt.Sprintf(
		"%s, and with %s that is the end: stopping everything, then exit status %d", p.fate(), rule, code)}
}

// verdictOfAll is decided by the first program that failed, or else by the last one to end.
func verdictOfAll(last *process, groups []*group) *Verdict {
	p := last
	for _, g := range groups {
		for _, q := range g.procs {
			if q.failed() && (!p.failed() || q.stop.Before(p.stop)) {
				p = q
			}
		}
	}
	code := p.exitCode()
	return &Verdict{p.conf.Group, p.conf.Name, code, fmt.Sprintf(
		"every program has ended, and %s: with exit_on=all that is the end, exit status %d", p.fate(), code)}
}

// ended says whether no program runs or will run by itself. Event listeners do not count:
// they only watch.
func ended(groups []*group) bool {
	return !slices.ContainsFunc(groups, func(g *group) bool {
		return g.conf.Kind != conf.EventListener && (g.busy > 0 || g.leaving ||
			slices.ContainsFunc(g.procs, func(p *process) bool { return p.m.Again }))
	})
}

// failed says whether p's last run did not end as it should have.
func (p *process) failed() bool {
	switch p.m.State {
	case state.Fatal:
		return true
	case state.Exited:
		return !p.expected(p.status)
	}
	return false
}

// exitCode is p's end as a shell would have it: its exit status, or 128 and the number of
// the signal. A failure is never 0.
func (p *process) exitCode() int {
	code := 0
	switch {
	case p.status.Exited():
		code = p.status.ExitStatus()
	case p.status.Signaled():
		code = 128 + int(p.status.Signal())
	}
	if code == 0 && p.failed() {
		return 1
	}
	return code
}

// fate is p's end in words.
func (p *process) fate() string {
	if p.m.State == state.Fatal {
		return fmt.Sprintf("%s was given up (%s)", p.name(), p.err)
	}
	if p.expected(p.status) {
		return fmt.Sprintf("%s ended (%s)", p.name(), statusText(p.status))
	}
	return fmt.Sprintf("%s ended (%s; not expected)", p.name(), statusText(p.status))
}

// spent says whether p has used up its restarts.
func (m *Manager) spent(p *process) bool {
	c := p.conf
	if !c.MaxRestarts.Limited {
		return false
	}
	since := m.now() - time.Duration(c.RestartWindow)
	p.restarts = slices.DeleteFunc(p.restarts, func(at time.Duration) bool { return at <= since })
	return len(p.restarts) >= c.MaxRestarts.Most
}

// spend counts a restart that nobody asked for.
func (m *Manager) spend(p *process) {
	if p.conf.MaxRestarts.Limited {
		p.restarts = append(p.restarts, m.now())
	}
}

// budget is the restart budget of p in words.
func (p *process) budget() string {
	return fmt.Sprintf("more than %d restarts within %s seconds (max_restarts, restart_window)", p.conf.MaxRestarts.Most, p.conf.RestartWindow)
}
