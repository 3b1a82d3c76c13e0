package ctl

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// shell reads actions and runs them until the end of the input, exit, quit or Ctrl-C. It
// begins with status. Its exit code is always 0, as Supervisor's.
func (s *session) shell(ctx context.Context) int {
	s.set.interactive = true
	read := s.plainPrompt
	if isTerminal(s.sys.in) && isTerminal(s.sys.out) && !s.set.json {
		t := newTerminal(s)
		defer t.close()
		read = t.prompt
		s.ask = t.ask
	}
	line := "status"
	for {
		// Ctrl-C ends what an action waits for, not the shell.
		acting, stop := signal.NotifyContext(ctx, os.Interrupt)
		leave := s.do(acting, line)
		stop()
		if leave {
			return exitOK
		}
		s.exit = exitOK
		var err error
		if line, err = read(ctx); err != nil {
			return exitOK
		}
	}
}

// plainPrompt reads a line where no person types: the prompt is written all the same.
func (s *session) plainPrompt(ctx context.Context) (string, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if !s.set.json {
		s.out.WriteString(escape(s.set.prompt) + "> ")
		s.flush()
	}
	line, err := s.lines.read(ctx)
	if err != nil && !s.set.json {
		s.out.WriteByte('\n')
		s.flush()
	}
	return line, err
}

// terminal is line editing with history and completion.
type terminal struct {
	s       *session
	state   *liner.State
	cooked  *unix.Termios // the terminal as it was, for actions
	editing *unix.Termios // as liner wants it, for prompts
	sigint  chan os.Signal
}

func newTerminal(s *session) *terminal {
	t := &terminal{s: s, cooked: terminalMode(s.sys.in), sigint: make(chan os.Signal, 1)}
	t.state = liner.NewLiner()
	t.editing = terminalMode(s.sys.in)
	// liner makes Ctrl-C a character only after it has shown the prompt: too late for
	// somebody quick. Nor may a Ctrl-C between action and prompt kill us.
	t.editing.Lflag &^= unix.ISIG
	signal.Notify(t.sigint, os.Interrupt)
	t.state.SetCtrlCAborts(true)
	t.state.SetTabCompletionStyle(liner.TabPrints)
	t.state.SetBeep(false)
	t.state.SetWordCompleter(func(line string, pos int) (string, []string, string) {
		runes := []rune(line)
		head, candidates := s.completions(string(runes[:pos]))
		return head, candidates, string(runes[pos:])
	})
	if f, err := os.Open(s.set.history); err == nil {
		t.state.ReadHistory(f) // errors are ignored, as by Supervisor
		f.Close()
	}
	t.act()
	return t
}

// act and edit switch the terminal between actions and prompts.
func (t *terminal) act()  { setTerminalMode(t.s.sys.in, t.cooked) }
func (t *terminal) edit() { setTerminalMode(t.s.sys.in, t.editing) }

func (t *terminal) close() {
	signal.Stop(t.sigint)
	t.state.Close() // the terminal is as it was
	if t.s.set.history == "" {
		return
	}
	if f, err := os.OpenFile(t.s.set.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err == nil {
		t.state.WriteHistory(f)
		f.Close()
	}
}

// prompt reads the next line. Ctrl-C and Ctrl-D are errors, which end the shell.
func (t *terminal) prompt(context.Context) (string, error) {
	t.edit()
	defer t.act()
	line, err := t.state.Prompt(escape(t.s.set.prompt) + "> ")
	switch {
	case err == nil && line != "":
		t.state.AppendHistory(line)
	case errors.Is(err, io.EOF):
		t.s.out.WriteByte('\n')
		t.s.flush()
	}
	return line, err
}

// ask reads the answer to a question.
func (t *terminal) ask(_ context.Context, question string, echo bool) (string, error) {
	t.s.flush()
	t.edit()
	defer t.act()
	if echo {
		return t.state.Prompt(question)
	}
	return t.state.PasswordPrompt(question)
}
