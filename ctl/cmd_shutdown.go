package ctl

import (
	"context"
	"errors"
	"syscall"

	"gosv/daemon/wire"
)

func cmdShutdown() *command {
	return &command{
		name: "shutdown",
		help: []string{"shutdown \tShut the remote supervisord down."},
		run:  runShutdown,
	}
}

func runShutdown(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: shutdown accepts no arguments", cmdShutdown())
		return nil
	}
	if !s.confirm(ctx, "Really shut the remote supervisord process down y/N? ") {
		return nil
	}
	c, err := s.connect(ctx)
	if err == nil {
		err = c.Shutdown(ctx)
	}
	fault := faultIn(err)
	switch {
	case err == nil:
		s.say(done{"supervisord", "shut down"}, "Shut down")
	case fault != nil && fault.Code == wire.ShutdownState: // as wished: exit code 0
		s.complain(problem{Code: fault.Code, Msg: "already shutting down"}, "ERROR: already shutting down")
	case errors.Is(err, syscall.ECONNREFUSED):
		s.exit = exitGeneric
		s.unreachable(codeRefused, "ERROR: %s refused connection (already shut down?)", err)
	case errors.Is(err, syscall.ENOENT):
		s.exit = exitGeneric
		s.unreachable(codeNoSocket, "ERROR: %s no such file (already shut down?)", err)
	default:
		return err
	}
	return nil
}
