package ctl

import "context"

func cmdExit() *command {
	return &command{name: "exit", help: []string{"exit\tExit the supervisor shell."}, run: runExit}
}

func runExit(_ context.Context, s *session, _ string) error {
	s.line("")
	return errLeave
}
