package ctl

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gosv/conf"
	"gosv/daemon/wire"
)

func cmdTail() *command {
	return &command{
		name:  "tail",
		words: processWords,
		help: []string{
			"tail [-f] <name> [stdout|stderr] (default stdout)",
			"Ex:",
			"tail -f <name>\t\tContinuous tail of named process stdout",
			"\t\t\tCtrl-C to exit.",
			"tail -100 <name>\tlast 100 *bytes* of process stdout",
			"tail <name> stderr\tlast 1600 *bytes* of process stderr",
		},
		run: runTail,
	}
}

// tailBytes is how much tail shows when it is not told.
const tailBytes = 1600

func runTail(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	args := strings.Fields(arg)
	switch {
	case len(args) == 0:
		s.misuse(exitGeneric, "Error: too few arguments", cmdTail())
		return nil
	case len(args) > 3:
		s.misuse(exitGeneric, "Error: too many arguments", cmdTail())
		return nil
	}
	modifier := ""
	if strings.HasPrefix(args[0], "-") {
		modifier, args = args[0], args[1:]
	}
	if len(args) == 0 {
		s.misuse(exitGeneric, "Error: tail requires process name", nil)
		return nil
	}
	name, channel := args[0], "stdout"
	if len(args) > 1 {
		channel = strings.ToLower(args[len(args)-1])
		if channel != "stdout" && channel != "stderr" {
			s.misuse(exitGeneric, "Error: bad channel "+escape(conf.Repr(channel)), nil)
			return nil
		}
	}
	if modifier == "-f" {
		return s.follow(ctx, c, "tail", name, channel)
	}
	n, ok := s.tailSize(modifier)
	if !ok {
		return nil
	}
	s.warnEncoding()
	data, err := c.Tail(ctx, name, channel, n)
	return s.showTail(name, channel, data, err)
}

// tailSize reads "-100"; an empty modifier means the default.
func (s *session) tailSize(modifier string) (int64, bool) {
	if modifier == "" {
		return tailBytes, true
	}
	n, err := strconv.ParseInt(modifier[1:], 10, 64)
	if err != nil {
		s.misuse(exitGeneric, "Error: bad argument "+escape(modifier), nil)
	}
	return n, err == nil
}

// showTail prints the end of a log, or why there is none. An empty name in a request is
// the daemon's own log.
func (s *session) showTail(name, channel string, data []byte, err error) error {
	if err == nil {
		s.say(newLogText(name, channel, data, 0), string(data))
		return nil
	}
	fault := faultIn(err)
	if fault == nil {
		return err
	}
	reason := ""
	switch fault.Code {
	case wire.NoFile:
		reason = "no log file"
	case wire.Failed:
		reason = "unknown error reading log"
	case wire.BadName:
		reason = "no such process name"
	default:
		return err
	}
	s.exit = exitGeneric
	s.complain(problem{Name: name, Code: fault.Code, Msg: reason, Hint: fault.Hint}, fmt.Sprintf("%s: ERROR (%s)", escape(name), reason))
	return nil
}
