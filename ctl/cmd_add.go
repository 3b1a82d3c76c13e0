package ctl

import (
	"context"
	"strings"

	"gosv/daemon/wire"
)

func cmdAdd() *command {
	return &command{
		name:  "add",
		words: groupWords,
		help:  []string{"add <name> [...]\tActivates any updates in config for process/group"},
		run:   runAdd,
	}
}

func runAdd(ctx context.Context, s *session, arg string) error {
	return s.eachGroup(ctx, arg, "added", "added process group", client.Add)
}

// eachGroup adds or removes groups, one after another.
func (s *session) eachGroup(ctx context.Context, arg, did, text string, do func(client, context.Context, string) error) error {
	names := strings.Fields(arg)
	if len(names) == 0 {
		return nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := do(c, ctx, name)
		if err == nil {
			s.say(done{name, did}, escape(name)+": "+text)
			s.flush()
			continue
		}
		fault := faultIn(err)
		if fault == nil {
			return err
		}
		line := ""
		switch {
		case fault.Code == wire.BadName:
			line = "no such process/group: " + escape(name)
		case fault.Code == wire.AlreadyAdded && did == "added":
			line = "process group already active"
		case fault.Code == wire.ShutdownState && did == "added":
			line = "shutting down"
		case fault.Code == wire.StillRunning && did == "removed":
			line = "process/group still running: " + escape(name)
		default:
			return err
		}
		if fault.Code != wire.AlreadyAdded { // the group is as wished
			s.exit = exitGeneric
		}
		s.complain(problem{Name: name, Code: fault.Code, Msg: line, Hint: fault.Hint}, "ERROR: "+line)
		s.flush()
	}
	return nil
}
