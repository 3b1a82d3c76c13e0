package ctl

import "context"

func cmdReload() *command {
	return &command{
		name: "reload",
		help: []string{"reload \t\tRestart the remote supervisord."},
		run:  runReload,
	}
}

// runReload restarts supervisord. A broken configuration, with which supervisord would
// end, is refused by gosv with CANT_REREAD, as reread says it.
func runReload(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: reload accepts no arguments", cmdReload())
		return nil
	}
	if !s.confirm(ctx, "Really restart the remote supervisord process y/N? ") {
		return nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := c.Reload(ctx); err != nil {
		return s.cantReread(err, "ERROR: already shutting down", "ERROR: ")
	}
	s.say(done{"supervisord", "restarted"}, "Restarted supervisord")
	return nil
}
