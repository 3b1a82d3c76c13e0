package ctl

import (
	"context"
	"strings"
)

func cmdOpen() *command {
	return &command{
		name: "open",
		help: []string{
			"open <url>\tConnect to a remote supervisord process.",
			"\t\t(for UNIX domain socket, use unix:///socket/path)",
		},
		run: runOpen,
	}
}

// runOpen switches to another server and shows its status, whose exit code does not count.
func runOpen(ctx context.Context, s *session, arg string) error {
	scheme, _, found := strings.Cut(arg, ":")
	if !found || scheme != "unix" && scheme != "http" {
		s.misuse(exitGeneric, "ERROR: url must be http:// or unix://", nil)
		return nil
	}
	s.disconnect()
	s.server.url, s.server.xmlrpc = arg, false
	s.set.url, s.set.urlGiven = arg, true
	exit := s.exit
	defer func() { s.exit = exit }()
	return runStatus(ctx, s, "")
}
