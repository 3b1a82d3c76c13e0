package ctl

import "context"

func cmdVersion() *command {
	return &command{
		name: "version",
		help: []string{"version\t\t\tShow the version of the remote supervisord process"},
		run:  runVersion,
	}
}

// versionOf is the result of version.
type versionOf struct {
	Version string `json:"version"` // of Supervisor, whose behaviour is offered
}

func runVersion(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: version accepts no arguments", cmdVersion())
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	version, err := c.Version(ctx)
	if err != nil {
		return err
	}
	s.say(versionOf{version}, escape(version))
	return nil
}
