package ctl

import (
	"context"
	"strings"

	"gosv/daemon/wire"
)

func cmdClear() *command {
	return &command{
		name:  "clear",
		words: processWords,
		help: []string{
			"clear <name>\t\tClear a process' log files.",
			"clear <name> <name>\tClear multiple process' log files",
			"clear all\t\tClear all process' log files",
		},
		run: runClear,
	}
}

// runClear also takes "group:*", for which supervisorctl prints "group:None: ERROR".
func runClear(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	if arg == "" {
		s.misuse(exitGeneric, "Error: clear requires a process name", cmdClear())
		return nil
	}
	return s.act(clearVerb(), strings.Fields(arg), func(target string, each func(wire.Result)) error {
		return c.Clear(ctx, target, each)
	})
}
