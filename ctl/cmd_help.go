package ctl

import (
	"context"
	"strings"
)

func cmdHelp() *command {
	return &command{
		name:  "help",
		words: actionWords,
		help: []string{
			"help\t\tPrint a list of available actions",
			"help <action>\tPrint help for <action>",
		},
		run: runHelp,
	}
}

// topic is an action in the result of help.
type topic struct {
	Name string   `json:"name"`
	Help []string `json:"help"`
}

func runHelp(_ context.Context, s *session, arg string) error {
	if arg == "" {
		s.listTopics()
		return nil
	}
	cmd := lookup(arg)
	if cmd == nil {
		s.complain(problem{Code: codeNoTopic, Msg: "no help on " + arg}, "*** No help on "+escape(arg))
		return nil
	}
	s.say(topic{cmd.name, cmd.help}, strings.Join(cmd.help, "\n"))
	return nil
}

// listTopics prints the actions as Python's cmd.Cmd does, in columns.
func (s *session) listTopics() {
	var names []string
	for _, cmd := range commands() {
		if s.rep != nil {
			s.say(topic{cmd.name, cmd.help}, "")
		}
		if cmd.name != "help" && (s.own || !cmd.own) {
			names = append(names, cmd.name)
		}
	}
	const header = "default commands (type help <topic>):"
	s.line("")
	s.line(header)
	s.line(strings.Repeat("=", len(header)))
	for _, l := range columns(names, 79) {
		s.line(l)
	}
	s.line("")
}
