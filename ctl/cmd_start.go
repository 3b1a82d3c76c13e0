package ctl

import "context"

func cmdStart() *command {
	return &command{
		name:  "start",
		words: processWords,
		help: []string{
			"start <name>\t\tStart a process",
			"start <gname>:*\t\tStart all processes in a group",
			"start <name> <name>\tStart multiple processes or groups",
			"start all\t\tStart all processes",
		},
		run: runStart,
	}
}

func runStart(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	if arg == "" {
		s.misuse(exitUsage, "Error: start requires a process name", cmdStart())
		return nil
	}
	return s.start(ctx, c, arg)
}
