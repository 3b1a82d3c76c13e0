package ctl

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"gosv/daemon/wire"
)

func cmdPid() *command {
	return &command{
		name:  "pid",
		words: processWords,
		help: []string{
			"pid\t\t\tGet the PID of supervisord.",
			"pid <name>\t\tGet the PID of a single child process by name.",
			"pid all\t\t\tGet the PID of every child process, one per line.",
		},
		run: runPid,
	}
}

// pidOf is a process in the result of pid.
type pidOf struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

func runPid(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	switch {
	case len(names) == 0:
		pid, err := c.PID(ctx)
		if err != nil {
			return err
		}
		s.say(pidOf{"supervisord", pid}, strconv.Itoa(pid))
		return nil
	case slices.Contains(names, "all"):
		all, err := c.Processes(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			s.say(pidOf{makeNamespec(p.Group, p.Name), p.PID}, strconv.Itoa(p.PID))
		}
		return nil
	}
	for _, name := range names {
		p, err := c.Process(ctx, name)
		fault := faultIn(err)
		switch {
		case err == nil:
			s.say(pidOf{makeNamespec(p.Group, p.Name), p.PID}, strconv.Itoa(p.PID))
			if p.PID == 0 {
				s.exit = exitNotRunning
			}
		case fault != nil && fault.Code == wire.BadName:
			s.exit = exitGeneric
			s.complain(problem{Name: name, Code: fault.Code, Msg: "no such process"}, "No such process "+escape(name))
		default:
			return err
		}
	}
	return nil
}
