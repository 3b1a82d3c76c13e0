package ctl

import (
	"context"
	"errors"
	"fmt"

	"gosv/daemon/wire"
)

// errNoUpgrade says that a server has no upgrade, or none over this connection.
var errNoUpgrade = errors.New("upgrade is gosv's own, and goes over its unix socket only: use -s unix:///PATH")

func cmdUpgrade() *command {
	return &command{
		name: "upgrade",
		own:  true,
		help: []string{
			"upgrade\t\tPut the gosv that is on disk now in the place of the running one.",
			"\t\tNothing is stopped. If it cannot take over, nothing changes.",
		},
		run: runUpgrade,
	}
}

func runUpgrade(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: upgrade accepts no arguments", cmdUpgrade())
		return nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	out, err := c.Upgrade(ctx)
	fault := faultIn(err)
	switch {
	case errors.Is(err, errNoUpgrade):
		s.exit = exitGeneric
		s.complain(problem{Code: wire.UnknownMethod, Msg: err.Error()}, "ERROR: "+err.Error())
		return nil
	case fault != nil && fault.Code == wire.NotAllowed: // in the words of the other actions
		return err
	case fault != nil:
		s.exit = exitGeneric
		s.complain(problem{Code: fault.Code, Msg: orText(fault.Msg, fault.Code), Hint: fault.Hint}, "ERROR: nothing was upgraded: "+escapeLines(orText(fault.Msg, fault.Error())))
		return nil
	case err != nil:
		return err
	}
	s.say(out, fmt.Sprintf("Upgraded from gosv %s to %s, pid %d goes on", escape(out.From), escape(out.Version), out.PID))
	return nil
}
