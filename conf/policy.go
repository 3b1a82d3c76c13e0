package conf

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ExitOn is the value of exit_on: which end of a program is the end of gosv.
type ExitOn struct {
	When ExitWhen
	Main string // ExitMain: a program, or a process as ctl names it
}

// ExitWhen says when gosv ends by itself.
type ExitWhen uint8

const (
	ExitNever   ExitWhen = iota // Supervisor's way
	ExitFatal                   // a program is given up
	ExitFailure                 // that, or one exits unexpectedly and is not started again
	ExitAny                     // that, or one exits at all and is not started again
	ExitAll                     // every program has ended
	ExitMain                    // the program named ends
)

// exitWords are the words of exit_on, by ExitWhen. It is never changed.
var exitWords = []string{"never", "fatal", "failure", "any", "all", "main"}

// Set takes never, fatal, failure, any, all or main=NAME.
func (x *ExitOn) Set(v any) error {
	text, err := parseString(v)
	if err != nil {
		return err
	}
	word, name, named := strings.Cut(strings.TrimSpace(text), "=")
	word, name = strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(name)
	i := slices.Index(exitWords, word)
	if i < 0 || named != (ExitWhen(i) == ExitMain) || named && name == "" {
		return fmt.Errorf("must be %s, not %s", exitOnType.means, Repr(text))
	}
	*x = ExitOn{When: ExitWhen(i), Main: name}
	return nil
}

// String is the value as Set reads it.
func (x ExitOn) String() string {
	if x.When == ExitMain {
		return "main=" + x.Main
	}
	return exitWords[x.When]
}

// IsMain says whether p is what main=NAME names.
func (x ExitOn) IsMain(p *Process) bool {
	return x.When == ExitMain && (x.Main == p.Program || x.Main == namespec(p))
}

// Restarts is the value of max_restarts. The zero value is no limit.
type Restarts struct {
	Limited bool
	Most    int
}

// Set takes a number from 0, or unlimited.
func (x *Restarts) Set(v any) error {
	if text, ok := v.(string); ok && strings.EqualFold(strings.TrimSpace(text), "unlimited") {
		*x = Restarts{}
		return nil
	}
	n, err := parseInt(v)
	if err == nil && n < 0 {
		err = fmt.Errorf("must be %s, not %d", restartsType.means, n)
	}
	if err == nil {
		*x = Restarts{Limited: true, Most: n}
	}
	return err
}

// String is the value as Set reads it.
func (x Restarts) String() string {
	if !x.Limited {
		return "unlimited"
	}
	return fmt.Sprint(x.Most)
}

// DefaultTerminationLog is where Kubernetes looks for why a container ended.
const DefaultTerminationLog = "/dev/termination-log"

// NoTimeout is the shutdown_timeout of a configuration that does not say: there is none,
// but see DefaultTimeout.
const NoTimeout = Seconds(-time.Second)

// DefaultTimeout is what shutdown_timeout is as process 1, unless configured: less than
// the 30 seconds that Kubernetes gives a container.
const DefaultTimeout = Seconds(25 * time.Second)

// budget fills in what a program leaves to [supervisord], and checks it.
func (p *program) budget() {
	sd := &p.r.cfg.Supervisord
	if !p.r.has("max_restarts") {
		p.base.MaxRestarts = sd.MaxRestarts
	}
	if !p.r.has("restart_window") {
		p.base.RestartWindow = sd.RestartWindow
	} else {
		p.r.positive("restart_window", p.base.RestartWindow)
	}
}

// positive and notNegative refuse times that mean nothing.
func (r *reading) positive(key string, s Seconds) {
	if s <= 0 && !r.bad {
		r.refuse(key, "must be more than 0 seconds, not "+s.String(), "", "")
	}
}

func (r *reading) notNegative(key string, s Seconds) {
	if r.has(key) && s < 0 && !r.bad {
		r.refuse(key, "must not be negative, not "+s.String(), "", "")
	}
}

// supervisordPolicies checks what [supervisord] says about restarts and the end.
func (r *reading) supervisordPolicies(s *Supervisord) {
	r.positive("restart_window", s.RestartWindow)
	r.notNegative("drain_secs", s.DrainSecs)
	r.notNegative("shutdown_timeout", s.ShutdownTimeout)
}

// policies checks what can only be checked when all programs are known.
func (l *loader) policies() {
	s := &l.cfg.Supervisord
	if s.ExitOn.When == ExitMain && len(l.errs) == 0 && !slices.ContainsFunc(l.cfg.Groups, func(g *Group) bool {
		return slices.ContainsFunc(g.Processes, s.ExitOn.IsMain)
	}) {
		var names []string
		for _, g := range l.cfg.Groups {
			names = append(names, programNames(g)...)
		}
		e := &Error{Pos: s.Origin.Pos("exit_on"), Section: "supervisord", Key: "exit_on",
			Msg: fmt.Sprintf("there is no program %q", s.ExitOn.Main)}
		if x := suggest(s.ExitOn.Main, names); x != "" {
			e.Hint = "did you mean " + x + "?"
		}
		e.Compat = e.Msg
		l.fail(e)
	}
	if s.ShutdownTimeout > 0 {
		if e := shutdownFits(l.cfg, s.ShutdownTimeout); e != nil {
			l.warn(e)
		}
	}
}

// StopTime is the longest that a shutdown may take if every program uses the time it has:
// drain_secs, and for each priority of groups, since those stop one after another, its
// greatest stopwaitsecs.
func StopTime(c *Config) Seconds {
	longest := map[int]Seconds{}
	for _, g := range c.Groups {
		for _, p := range g.Processes {
			longest[g.Priority] = max(longest[g.Priority], p.Stopwaitsecs)
		}
	}
	sum := c.Supervisord.DrainSecs
	for _, secs := range longest {
		sum += secs
	}
	return sum
}

// LateStop is what to say of a configuration that leaves shutdown_timeout to the default of
// process 1, and has a program that may take longer than that to stop; nil if there is none.
func LateStop(c *Config) *Error {
	s := &c.Supervisord
	if s.ShutdownTimeout != NoTimeout {
		return nil
	}
	for _, g := range c.Groups {
		for _, p := range g.Processes {
			if need := s.DrainSecs + p.Stopwaitsecs; need > DefaultTimeout {
				e := &Error{Pos: p.Origin.Pos("stopwaitsecs").or(p.Pos), Section: p.Program, Key: "stopwaitsecs",
					Msg:  fmt.Sprintf("stopping '%s' may take %s seconds, but as process 1 everything is killed after %s", p.Name, need, DefaultTimeout),
					Hint: "set shutdown_timeout= in [supervisord], and let whoever runs the container wait as long"}
				if p.Origin != nil {
					e.Section = p.Origin.Section
				}
				return e
			}
		}
	}
	return nil
}

// ContainerFits is nil when a shutdown as process 1 is sure to be over within its default
// time, or another is configured, which was judged as the file was read.
func ContainerFits(c *Config) *Error {
	need := StopTime(c)
	if c.Supervisord.ShutdownTimeout != NoTimeout || need <= DefaultTimeout {
		return nil
	}
	return &Error{Pos: c.Supervisord.Origin.Start(), Section: "supervisord", Key: "shutdown_timeout",
		Msg: fmt.Sprintf("as process 1, stopping everything may take %s seconds (drain_secs, and the greatest stopwaitsecs of each priority, one after another), "+
			"but after %s, the default there, what is left is killed", need, DefaultTimeout),
		Hint: "set it, and let whoever runs the container wait as long"}
}

// shutdownFits is nil when a shutdown is sure to be over within budget, else what to say.
func shutdownFits(c *Config, budget Seconds) *Error {
	need := StopTime(c)
	if need <= budget {
		return nil
	}
	return &Error{Pos: c.Supervisord.Origin.Pos("shutdown_timeout"), Section: "supervisord", Key: "shutdown_timeout",
		Msg: fmt.Sprintf("stopping everything may take %s seconds (drain_secs, and the greatest stopwaitsecs of each priority, one after another), "+
			"but after %s what is left is killed", need, budget),
		Hint: "raise it, or lower stopwaitsecs"}
}
