package ctl

import (
	"context"
	"strings"

	"gosv/daemon/wire"
)

func cmdSignal() *command {
	return &command{
		name:  "signal",
		words: processWords,
		help: []string{
			"signal <signal name> <name>\t\tSignal a process",
			"signal <signal name> <gname>:*\t\tSignal all processes in a group",
			"signal <signal name> <name> <name>\tSignal multiple processes or groups",
			"signal <signal name> all\t\tSignal all processes",
		},
		run: runSignal,
	}
}

func runSignal(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	args := strings.Fields(arg)
	if len(args) < 2 {
		s.misuse(exitGeneric, "Error: signal requires a signal name and a process name", cmdSignal())
		return nil
	}
	return s.act(signalVerb(), args[1:], func(target string, each func(wire.Result)) error {
		return c.Signal(ctx, target, args[0], each)
	})
}
