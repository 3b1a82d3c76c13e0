package ctl

import (
	"context"
	"slices"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// completions is what the last word of a line may become, as Supervisor's completer has
// it: actions first, then what the action takes. Each ends with a blank.
func (s *session) completions(line string) (head string, candidates []string) {
	head, word := line, ""
	if i := strings.LastIndexAny(line, " \t"); i+1 < len(line) {
		head, word = line[:i+1], line[i+1:]
	}
	var all []string
	words := strings.Fields(line)
	if len(words) == 0 || len(words) == 1 && word != "" {
		all = actionNames()
	} else if cmd := lookup(words[0]); cmd != nil {
		switch cmd.words {
		case actionWords:
			all = actionNames()
		case groupWords:
			all = groupNames(s.known())
		case processWords:
			all = processNames(s.known(), strings.Contains(word, ":"))
		}
	}
	for _, c := range all {
		if strings.HasPrefix(c, word) {
			candidates = append(candidates, c+" ")
		}
	}
	slices.Sort(candidates) // as readline shows them
	return head, candidates
}

func actionNames() []string {
	names := []string{"help"}
	for _, cmd := range commands() {
		if cmd.name != "help" {
			names = append(names, cmd.name)
		}
	}
	return names
}

func groupNames(ps []wire.Process) []string {
	var names []string
	for _, p := range ps {
		if !slices.Contains(names, p.Group) {
			names = append(names, p.Group)
		}
	}
	return names
}

// processNames is the names of processes; whole says that a colon was typed, so that all
// have the form group:process.
func processNames(ps []wire.Process, whole bool) []string {
	var names []string
	for _, p := range ps {
		if !whole && p.Name == p.Group {
			names = append(names, p.Name)
			continue
		}
		names = append(names, p.Group+":"+p.Name)
		if all := p.Group + ":*"; !slices.Contains(names, all) {
			names = append(names, all)
		}
	}
	return names
}

// completeTime is how long a press of TAB may wait for the server.
const completeTime = 2 * time.Second

// known is the processes there are, asked once between two actions. Without an answer
// there is nothing to complete.
func (s *session) known() []wire.Process {
	if s.cached == nil {
		ctx, cancel := context.WithTimeout(context.Background(), completeTime)
		defer cancel()
		c, err := connect(ctx, &s.server)
		if err != nil {
			return nil
		}
		defer c.Close()
		s.cached, _ = c.Processes(ctx)
	}
	return s.cached
}
