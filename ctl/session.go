package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gosv/daemon/wire"
)

// system is what ctl needs of its surroundings.
type system struct {
	in       *os.File
	out, err io.Writer
	environ  []string
	find     func() string // the configuration to use without -c, "" for none
}

// session is one run of ctl: where it talks to and writes to, and the exit status so far.
// With --json, what an action says is collected in rep and printed at its end.
type session struct {
	sys    system
	set    settings
	server server
	out    *bufio.Writer
	lines  *lineReader
	exit   int
	own    bool // called as gosv ctl: help lists gosv's own actions too

	// ask reads a line after a question. The shell on a terminal has its own.
	ask func(ctx context.Context, question string, echo bool) (string, error)

	client client // of the action under way, nil before its first request
	rep    *report
	cached []wire.Process // for completion, until the next action
}

func newSession(sys system, set settings) *session {
	s := &session{
		sys:    sys,
		set:    set,
		server: server{url: set.url, username: set.username, password: set.password, timeout: set.timeout},
		out:    bufio.NewWriterSize(sys.out, 32<<10),
		lines:  newLineReader(sys.in),
	}
	s.ask = s.askPlainly
	return s
}

// interactive says that a person may be asked.
func (s *session) interactive() bool { return s.set.interactive && !s.set.json }

// connect gives the client of the action under way.
func (s *session) connect(ctx context.Context) (client, error) {
	if s.client == nil {
		c, err := connect(ctx, &s.server)
		if err != nil {
			return nil, err
		}
		s.client = c
	}
	return s.client, nil
}

// disconnect ends the connection, so that every action has its own: the daemon may be
// another one by the next.
func (s *session) disconnect() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// say gives a result: v in JSON, else the line text.
func (s *session) say(v any, text string) {
	if s.rep != nil {
		s.rep.Result = append(s.rep.Result, v)
		return
	}
	s.line(text)
}

// complain gives a problem: p in JSON, else the line text.
func (s *session) complain(p problem, text string) {
	if s.rep != nil {
		s.rep.Errors = append(s.rep.Errors, p)
		return
	}
	s.line(text)
	if len(p.Details) > 0 {
		s.flush()
		for _, d := range p.Details {
			fmt.Fprintln(s.sys.err, escape(d))
		}
	}
	if p.Hint != "" {
		s.hint(p.Hint)
	}
}

// misuse is complain for wrong arguments, with the action's help where cmd is not nil.
func (s *session) misuse(exit int, text string, cmd *command) {
	s.exit = exit
	_, msg, _ := strings.Cut(text, ": ")
	s.complain(problem{Code: codeUsage, Msg: msg}, text)
	if cmd != nil && s.rep == nil {
		for _, l := range cmd.help {
			s.line(l)
		}
	}
}

// line prints a line of text; with --json there is none.
func (s *session) line(text string) {
	if s.rep == nil {
		s.out.WriteString(text)
		s.out.WriteByte('\n')
	}
}

// flush shows what was printed so far, where somebody waits for it.
func (s *session) flush() { s.out.Flush() }

// stream prints a piece of a log at once.
func (s *session) stream(action, name, stream string, data []byte, lost int64) {
	if s.rep == nil {
		s.out.Write(data)
	} else {
		s.out.Write(jsonLine(piece{jsonVersion, action, newLogText(name, stream, data, lost)}))
	}
	s.out.Flush()
}

// hint says on a terminal what might help. It goes to stderr: scripts read stdout.
func (s *session) hint(text string) {
	if isTerminal(s.sys.err) {
		s.out.Flush()
		fmt.Fprintf(s.sys.err, "hint: %s\n", escape(text))
	}
}

// askPlainly reads a line after a question from stdin.
func (s *session) askPlainly(ctx context.Context, question string, echo bool) (string, error) {
	s.out.WriteString(question)
	s.out.Flush()
	if echo {
		return s.lines.read(ctx)
	}
	restore := echoOff(s.sys.in)
	defer restore()
	return s.lines.read(ctx)
}

// confirm asks a yes-or-no question of a person, as Supervisor does before reload and
// shutdown; nobody else is asked.
func (s *session) confirm(ctx context.Context, question string) bool {
	if !s.interactive() {
		return true
	}
	answer, err := s.ask(ctx, question, true)
	if errors.Is(err, io.EOF) { // the original shows a Python exception
		s.line("error: the input ended where an answer was expected")
		return false
	}
	return err == nil && strings.HasPrefix(strings.ToLower(answer), "y")
}
