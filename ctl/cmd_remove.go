package ctl

import "context"

func cmdRemove() *command {
	return &command{
		name:  "remove",
		words: groupWords,
		help:  []string{"remove <name> [...]\tRemoves process/group from active config"},
		run:   runRemove,
	}
}

func runRemove(ctx context.Context, s *session, arg string) error {
	return s.eachGroup(ctx, arg, "removed", "removed process group", client.Remove)
}
