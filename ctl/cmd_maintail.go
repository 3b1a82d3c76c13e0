package ctl

import (
	"context"
	"strings"
)

func cmdMaintail() *command {
	return &command{
		name: "maintail",
		help: []string{
			"maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)",
			"maintail -100\tlast 100 *bytes* of supervisord main log file",
			"maintail\tlast 1600 *bytes* of supervisor main log file",
			"",
		},
		run: runMaintail,
	}
}

func runMaintail(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	args := strings.Fields(arg)
	modifier := ""
	switch {
	case len(args) > 1:
		s.misuse(exitGeneric, "Error: too many arguments", cmdMaintail())
		return nil
	case len(args) == 1 && !strings.HasPrefix(args[0], "-"):
		s.misuse(exitGeneric, "Error: bad argument "+escape(args[0]), nil)
		return nil
	case len(args) == 1:
		modifier = args[0]
	}
	if modifier == "-f" {
		return s.follow(ctx, c, "maintail", "", "stdout")
	}
	n, ok := s.tailSize(modifier)
	if !ok {
		return nil
	}
	data, err := c.Tail(ctx, "", "stdout", n)
	return s.showTail("supervisord", "stdout", data, err)
}
