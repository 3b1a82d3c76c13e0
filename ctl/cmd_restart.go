package ctl

import (
	"context"
	"errors"
	"strings"

	"gosv/daemon/wire"
)

func cmdRestart() *command {
	return &command{
		name:  "restart",
		words: processWords,
		help: []string{
			"restart <name>\t\tRestart a process",
			"restart <gname>:*\tRestart all processes in a group",
			"restart <name> <name>\tRestart multiple processes or groups",
			"restart all\t\tRestart all processes",
			"Note: restart does not reread config files. For that, see reread and update.",
		},
		run: runRestart,
	}
}

// runRestart restarts a single process as one wish, so that nobody's stop falls between;
// several are all stopped before any is started, as Supervisor does.
func runRestart(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse(exitGeneric, "Error: restart requires a process name", cmdRestart())
		return nil
	}
	if len(names) == 1 && names[0] != "all" {
		if group, process := splitNamespec(names[0]); process != "" {
			if err := s.restartOne(ctx, c, group, process, names[0]); !errors.Is(err, errNoRestart) {
				return err
			}
		}
	}
	if err := s.stop(ctx, c, arg); err != nil {
		return err
	}
	return s.start(ctx, c, arg)
}

// restartOne prints a result of stopping and one of starting, whatever the server tells.
func (s *session) restartOne(ctx context.Context, c client, group, process, name string) error {
	stopped := false
	err := c.Restart(ctx, name, func(r wire.Result) {
		stopping := r.Did == "stopped" || r.Err != nil && r.Err.Code == wire.NotRunning && !stopped
		if stopping {
			s.result(stopVerb(), r)
			stopped = true
			return
		}
		if !stopped { // it was down, and the server has only told of the start
			s.result(stopVerb(), wire.Result{Name: r.Name, Group: r.Group, Err: stopFault(r)})
			stopped = true
		}
		s.result(startVerb(), r)
	})
	fault := faultIn(err)
	if fault == nil {
		return err
	}
	r := wire.Result{Name: process, Group: group, Err: fault}
	if !stopped {
		s.result(stopVerb(), wire.Result{Name: process, Group: group, Err: stopFault(r)})
	}
	s.result(startVerb(), r)
	return nil
}

// stopFault is what stopping alone would have said of a process of which only the result of
// starting is known: that there is none, or that it was down.
func stopFault(r wire.Result) *wire.Fault {
	if r.Err != nil && (r.Err.Code == wire.BadName || r.Err.Code == wire.NotAllowed || r.Err.Code == wire.ShutdownState) {
		return r.Err
	}
	return &wire.Fault{Code: wire.NotRunning, Number: wire.Number(wire.NotRunning), Msg: makeNamespec(r.Group, r.Name)}
}
