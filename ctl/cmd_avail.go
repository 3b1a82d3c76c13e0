package ctl

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"gosv/daemon/wire"
)

func cmdAvail() *command {
	return &command{
		name: "avail",
		help: []string{"avail\t\t\tDisplay all configured processes"},
		run:  runAvail,
	}
}

// availRow is a process in the result of avail.
type availRow struct {
	Name            string `json:"name"`
	Group           string `json:"group"`
	Process         string `json:"process"`
	InUse           bool   `json:"inuse"`
	Autostart       bool   `json:"autostart"`
	GroupPriority   int    `json:"group_prio"`
	ProcessPriority int    `json:"process_prio"`
}

func runAvail(ctx context.Context, s *session, arg string) error {
	if arg != "" {
		s.misuse(exitGeneric, "Error: avail accepts no arguments", cmdAvail())
		return nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	list, err := c.Avail(ctx)
	if err != nil {
		return s.shuttingDown(err, "ERROR: supervisor shutting down")
	}
	for _, a := range list {
		inuse, auto := "avail", "manual"
		if a.InUse {
			inuse = "in use"
		}
		if a.Autostart {
			auto = "auto"
		}
		name := makeNamespec(a.Group, a.Name)
		shown := escape(name)
		gap := strings.Repeat(" ", max(0, 32-utf8.RuneCountInString(shown)))
		s.say(availRow{name, a.Group, a.Name, a.InUse, a.Autostart, a.GroupPriority, a.ProcessPriority},
			fmt.Sprintf("%s%s %-9s %-9s %d:%d", shown, gap, inuse, auto, a.GroupPriority, a.ProcessPriority))
	}
	return nil
}

// shuttingDown explains the fault SHUTDOWN_STATE with text; other errors are returned.
func (s *session) shuttingDown(err error, text string) error {
	fault := faultIn(err)
	if fault == nil || fault.Code != wire.ShutdownState {
		return err
	}
	s.exit = exitGeneric
	s.complain(problem{Code: fault.Code, Msg: "supervisord is shutting down"}, text)
	return nil
}
