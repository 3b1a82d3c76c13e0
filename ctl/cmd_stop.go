package ctl

import "context"

func cmdStop() *command {
	return &command{
		name:  "stop",
		words: processWords,
		help: []string{
			"stop <name>\t\tStop a process",
			"stop <gname>:*\t\tStop all processes in a group",
			"stop <name> <name>\tStop multiple processes or groups",
			"stop all\t\tStop all processes",
		},
		run: runStop,
	}
}

func runStop(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	if arg == "" {
		s.misuse(exitGeneric, "Error: stop requires a process name", cmdStop())
		return nil
	}
	return s.stop(ctx, c, arg)
}
