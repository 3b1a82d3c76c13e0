package ctl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gosv/daemon/wire"
)

func cmdUpdate() *command {
	return &command{
		name:  "update",
		words: groupWords,
		help: []string{
			"update\t\t\tReload config and add/remove as necessary, and will restart affected programs",
			"update all\t\tReload config and add/remove as necessary, and will restart affected programs",
			"update <gname> [...]\tUpdate specific groups",
		},
		run: runUpdate,
	}
}

func runUpdate(ctx context.Context, s *session, arg string) error {
	groups := []string{}
	for _, g := range strings.Fields(arg) {
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if slices.Contains(groups, "all") {
		groups = nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	err = c.Update(ctx, groups, s.updateStep)
	return s.cantReread(err, "ERROR: already shutting down", "error: ")
}

// updateStep prints one step in Supervisor's words.
func (s *session) updateStep(u wire.UpdateStep) {
	name := escape(u.Group)
	did := map[string]string{"removed": "removed process group", "updated": "updated process group", "added": "added process group"}
	switch {
	case u.Err == nil:
		s.say(done{u.Group, u.Did}, name+": "+orText(did[u.Did], escape(u.Did)))
	case u.Err.Code == wire.BadName:
		s.exit = exitGeneric
		s.complain(problem{Name: u.Group, Code: u.Err.Code, Msg: "no such group"}, "ERROR: no such group: "+name)
	case u.Err.Code == wire.Failed, u.Err.Code == wire.StillRunning:
		s.exit = exitGeneric
		s.complain(problem{Name: u.Group, Code: u.Err.Code, Msg: orText(u.Err.Msg, "has problems; not removing"), Hint: u.Err.Hint}, name+": has problems; not removing")
	default:
		s.exit = exitGeneric
		s.complain(problem{Name: u.Group, Code: u.Err.Code, Msg: orText(u.Err.Msg, u.Err.Code), Hint: u.Err.Hint}, fmt.Sprintf("%s: ERROR (%s)", name, escape(u.Err.Error())))
	}
	s.flush()
}
