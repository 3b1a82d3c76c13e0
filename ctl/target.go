package ctl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gosv/daemon/wire"
)

// verb is an action on processes: what it is called and which of its faults mean what.
type verb struct {
	done     string // "started"
	ignored  string // the fault that does not count: the process is as wished already
	noGroup  int    // exit code for an unknown group
	failed   string // text for FAILED, "" for the fault's own
	anyFault bool   // FAILED has no text: start
}

// The verbs, as Supervisor's _startresult, _stopresult, _signalresult and _clearresult.
func startVerb() verb {
	return verb{done: "started", ignored: wire.AlreadyStarted, noGroup: exitUsage, anyFault: true}
}
func stopVerb() verb   { return verb{done: "stopped", ignored: wire.NotRunning, noGroup: exitGeneric} }
func signalVerb() verb { return verb{done: "signalled", noGroup: exitGeneric} }
func clearVerb() verb  { return verb{done: "cleared", noGroup: exitGeneric, failed: "failed"} }

// reason is Supervisor's text for a fault, "" when it has none.
func (v verb) reason(code string) string {
	switch code {
	case wire.BadName:
		return "no such process"
	case wire.BadSignal:
		return "bad signal name"
	case wire.NoFile:
		return "no such file"
	case wire.NotExecutable:
		return "file is not executable"
	case wire.AlreadyStarted:
		return "already started"
	case wire.NotRunning:
		return "not running"
	case wire.SpawnError:
		return "spawn error"
	case wire.AbnormalTermination:
		return "abnormal termination"
	case wire.NotAllowed:
		return "not allowed"
	case wire.Failed:
		return v.failed
	}
	return ""
}

// result prints what became of one process and sets the exit code.
func (s *session) result(v verb, r wire.Result) {
	name := makeNamespec(r.Group, r.Name)
	if r.Err == nil {
		s.say(done{name, v.done}, escape(name)+": "+v.done)
		s.flush()
		return
	}
	reason := v.reason(r.Err.Code)
	text := fmt.Sprintf("%s: ERROR (%s)", escape(name), reason)
	if reason == "" {
		reason = orText(r.Err.Msg, r.Err.Code)
		switch {
		case r.Err.Code == wire.Failed && !v.anyFault:
			text = escape(r.Err.Error())
		case r.Err.Number != 0:
			text = fmt.Sprintf("error: Unknown result code %d for %s: %s", r.Err.Number, escape(name), escape(r.Err.Error()))
		default:
			text = fmt.Sprintf("%s: ERROR (%s)", escape(name), escape(r.Err.Error()))
		}
	}
	if code, ok := exitOf(r.Err, v.ignored); ok {
		s.exit = code
	}
	msg := r.Err.Msg // Supervisor's is often nothing but the name again
	if msg == "" || msg == name || msg == r.Name || msg == r.Group+":"+r.Name {
		msg = reason
	}
	s.complain(problem{Name: name, Code: r.Err.Code, Msg: msg, Hint: r.Err.Hint}, text)
	s.flush()
}

// act does something to every target, one after another as Supervisor does; "all" among
// the names means all.
func (s *session) act(v verb, names []string, do func(target string, each func(wire.Result)) error) error {
	each := func(r wire.Result) { s.result(v, r) }
	if slices.Contains(names, "all") {
		return do("all", each)
	}
	for _, name := range names {
		group, process := splitNamespec(name)
		target := name
		if process == "" {
			target = group + ":*"
		}
		err := do(target, each)
		fault := faultIn(err)
		switch {
		case err == nil:
		case fault == nil, fault.Code == wire.ShutdownState, process == "" && fault.Code != wire.BadName:
			return err
		case process == "":
			s.exit = v.noGroup
			s.complain(problem{Name: group, Code: fault.Code, Msg: "no such group"}, escape(group)+": ERROR (no such group)")
		default:
			each(wire.Result{Name: process, Group: group, Err: fault})
		}
		s.flush()
	}
	return nil
}

// stop and start are what restart does too, with the same words.

func (s *session) stop(ctx context.Context, c client, arg string) error {
	return s.act(stopVerb(), strings.Fields(arg), func(target string, each func(wire.Result)) error {
		return c.Stop(ctx, target, each)
	})
}

func (s *session) start(ctx context.Context, c client, arg string) error {
	return s.act(startVerb(), strings.Fields(arg), func(target string, each func(wire.Result)) error {
		return c.Start(ctx, target, each)
	})
}
