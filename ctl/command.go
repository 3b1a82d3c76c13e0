package ctl

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// command is one action.
type command struct {
	name  string
	help  []string // lines of "help NAME", TABs as Supervisor's
	words words    // what its arguments are, for completion
	own   bool     // gosv's own: the list of help stays supervisorctl's, as scripts may read it
	run   func(ctx context.Context, s *session, arg string) error
}

// words says what completes an action's arguments.
type words uint8

const (
	noWords words = iota
	actionWords
	groupWords
	processWords
)

// commands is every action, in the order of help.
func commands() []*command {
	return []*command{
		cmdAdd(), cmdAvail(), cmdClear(), cmdExit(), cmdFg(), cmdMaintail(), cmdOpen(), cmdPid(),
		cmdQuit(), cmdReload(), cmdRemove(), cmdReread(), cmdRestart(), cmdShutdown(), cmdSignal(),
		cmdStart(), cmdStatus(), cmdStop(), cmdTail(), cmdUpdate(), cmdUpgrade(), cmdVersion(), cmdHelp(),
	}
}

// lookup is the action of this name, or nil.
func lookup(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// errLeave ends the shell.
var errLeave = errors.New("leave")

// parseLine takes a line apart as Python's cmd.Cmd does: "?x" is "help x", and the action
// ends before the first character that is not a letter, digit or underscore. name is ""
// where no action can be meant.
func parseLine(line string) (name, arg, whole string) {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "?"); ok {
		line = "help " + rest
	}
	i := 0
	for i < len(line) && (line[i] == '_' || '0' <= line[i] && line[i] <= '9' || 'a' <= line[i]|0x20 && line[i]|0x20 <= 'z') {
		i++
	}
	return line[:i], strings.TrimSpace(line[i:]), line
}

// do runs a line and says whether it ends the shell.
func (s *session) do(ctx context.Context, line string) (leave bool) {
	name, arg, line := parseLine(line)
	if line == "" {
		return false
	}
	s.cached = nil
	if s.set.json {
		s.rep = &report{Gosv: jsonVersion, Command: orText(name, line), Result: []any{}, Errors: []problem{}}
		defer func() {
			rep := s.rep
			s.rep, rep.Exit = nil, s.exit
			s.out.Write(jsonLine(rep))
			s.flush()
		}()
	}
	defer s.flush()
	defer s.disconnect()

	cmd := lookup(name)
	if name == "EOF" {
		cmd = cmdExit()
	}
	if cmd == nil {
		s.exit = exitGeneric
		s.complain(problem{Code: codeUnknown, Msg: "unknown action: " + line}, "*** Unknown syntax: "+escape(line))
		return false
	}
	for {
		err := cmd.run(ctx, s, arg)
		switch {
		case err == nil, errors.Is(err, errExplained):
			return false
		case errors.Is(err, errLeave):
			return true
		case unauthorized(err) && s.interactive():
			if s.authenticate(ctx) {
				continue
			}
			return false
		}
		s.explain(err)
		return false
	}
}

// unauthorized says that the server wants a name and a password.
func unauthorized(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.code == http.StatusUnauthorized
}

// authenticate asks for name and password, after which the action is tried again.
func (s *session) authenticate(ctx context.Context) bool {
	s.disconnect()
	s.line("Server requires authentication")
	username, err := s.ask(ctx, "Username:", true)
	if err != nil {
		return false
	}
	password, err := s.ask(ctx, "Password:", false)
	if err != nil {
		return false
	}
	s.line("")
	s.flush()
	s.server.username, s.server.password = username, password
	return true
}
