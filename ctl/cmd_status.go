package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gosv/daemon/wire"
)

func cmdStatus() *command {
	return &command{
		name:  "status",
		words: processWords,
		help: []string{
			"status <name>\t\tGet status for a single process",
			"status <gname>:*\tGet status for all processes in a group",
			"status <name> <name>\tGet status for multiple named processes",
			"status\t\t\tGet all process status info",
		},
		run: runStatus,
	}
}

func runStatus(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		if errors.Is(err, errExplained) {
			s.exit = exitUnknown // whatever the upcheck has set
		}
		return err
	}
	all, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	listed := all
	if names := strings.Fields(arg); len(names) > 0 && !slices.Contains(names, "all") {
		listed = s.matching(all, names)
	}
	s.showStatus(listed)
	for i := range listed {
		switch listed[i].State {
		case "STOPPED", "EXITED", "FATAL", "UNKNOWN":
			s.exit = exitStopped
		}
	}
	return nil
}

// matching is the processes that names mean, in the order of the names; the same name
// twice gives its rows twice.
func (s *session) matching(all []wire.Process, names []string) []wire.Process {
	var listed []wire.Process
	for _, name := range names {
		group, process := splitNamespec(name)
		found := false
		for _, p := range all {
			if p.Group == group && (process == "" || p.Name == process) {
				listed = append(listed, p)
				found = true
			}
		}
		if found {
			continue
		}
		s.exit = exitUnknown
		what := "process"
		if process == "" {
			what, name = "group", group
		}
		s.complain(problem{Name: name, Code: wire.BadName, Msg: "no such " + what}, fmt.Sprintf("%s: ERROR (no such %s)", escape(name), what))
	}
	return listed
}
