package ctl

import (
	"context"
	"maps"
	"slices"

	"gosv/daemon/wire"
)

func cmdReread() *command {
	return &command{
		name: "reread",
		help: []string{"reread \t\t\tReload the daemon's configuration files without add/remove"},
		run:  runReread,
	}
}

// change is a group in the result of reread, with the options that differ where the
// server says so.
type change struct {
	Name    string        `json:"name"`
	Change  string        `json:"change"` // available, changed, disappeared
	Reasons []wire.Reason `json:"reasons,omitempty"`
}

func runReread(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: reread accepts no arguments", cmdReread())
		return nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	changes, err := c.Reread(ctx)
	if err != nil {
		return s.cantReread(err, "ERROR: supervisor shutting down", "ERROR: ")
	}
	what := map[string]string{}
	for _, g := range changes.Added {
		what[g] = "available"
	}
	for _, g := range changes.Changed {
		what[g] = "changed"
	}
	for _, g := range changes.Removed {
		what[g] = "disappeared"
	}
	for _, g := range slices.Sorted(maps.Keys(what)) {
		var reasons []wire.Reason
		for _, r := range changes.Reasons {
			if r.Group == g {
				reasons = append(reasons, r)
			}
		}
		s.say(change{g, what[g], reasons}, escape(g)+": "+what[g])
	}
	if len(what) == 0 {
		s.line("No config updates to processes")
	}
	return nil
}

// cantReread explains the faults SHUTDOWN_STATE, with the text down, and CANT_REREAD, after
// the given prefix; other errors are returned.
func (s *session) cantReread(err error, down, prefix string) error {
	fault := faultIn(err)
	if fault == nil || fault.Code != wire.CantReread {
		return s.shuttingDown(err, down)
	}
	s.exit = exitGeneric
	s.complain(problem{Code: fault.Code, Msg: fault.Msg, Hint: fault.Hint, Details: fault.Details}, prefix+escapeLines(fault.Error()))
	return nil
}
