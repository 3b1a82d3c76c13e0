package ctl

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"gosv/daemon/wire"
)

func cmdFg() *command {
	return &command{
		name:  "fg",
		words: processWords,
		help: []string{
			"fg <process>\tConnect to a process in foreground mode",
			"\t\tCtrl-C to exit",
		},
		run: runFg,
	}
}

func runFg(ctx context.Context, s *session, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	switch {
	case len(names) == 0:
		s.misuse(exitGeneric, "ERROR: no process name supplied", cmdFg())
		return nil
	case len(names) > 1:
		s.misuse(exitGeneric, "ERROR: too many process names supplied", nil)
		return nil
	}
	name := names[0]
	p, err := c.Process(ctx, name)
	fault := faultIn(err)
	switch {
	case fault != nil && fault.Code == wire.BadName:
		s.exit = exitGeneric
		s.complain(problem{Name: name, Code: fault.Code, Msg: "no such process"}, "ERROR: bad process name supplied")
		return nil
	case fault != nil: // supervisorctl does not count it
		s.complain(problem{Name: name, Code: fault.Code, Msg: orText(fault.Msg, fault.Code), Hint: fault.Hint}, "ERROR: "+escapeLines(fault.Error()))
		return nil
	case err != nil:
		return err
	case p.State != "RUNNING":
		s.exit = exitGeneric
		s.complain(problem{Name: name, Code: wire.NotRunning, Msg: "process not running"}, "ERROR: process not running")
		return nil
	}
	s.line("==> Press Ctrl-C to exit <==")
	s.flush()
	return s.foreground(ctx, c, name, p)
}

// lastOutput is how long a process must have been quiet, after its end or that of input that
// comes from a pipe, before we leave: its last words shall be seen, what is piped in be
// answered. supervisorctl takes up to a second to leave, and people have come to rely on it.
const (
	lastOutput = 300 * time.Millisecond
	enough     = 2 * time.Second // and no longer than this
)

// foreground shows what a process writes and sends it what is typed, until Ctrl-C, the
// end of the input or the end of the process.
func (s *session) foreground(ctx context.Context, c client, name string, p wire.Process) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	alive, died := context.WithCancelCause(ctx) // the process, as far as we are told
	defer died(nil)

	following, leave := context.WithCancel(ctx)
	defer leave()
	var printing sync.Mutex // guards the session's output while the followers run
	var followers, connecting sync.WaitGroup
	own := func() (client, error) {
		return connect(following, &server{url: s.server.url, username: s.server.username, password: s.server.password, xmlrpc: s.server.xmlrpc})
	}
	followers.Go(func() {
		if ec, err := own(); err == nil {
			defer ec.Close()
			if ec.Ended(following, p) == nil {
				died(errKilled)
			}
		}
	})
	news := make(chan struct{}, 1)
	for _, channel := range []string{"stdout", "stderr"} {
		connecting.Add(1)
		followers.Go(func() {
			fc, err := own()
			connecting.Done()
			if err != nil {
				return
			}
			defer fc.Close()
			var rest []byte
			fc.Follow(following, name, channel, func(k wire.Chunk) { // a stream without a log has nothing to show
				printing.Lock()
				defer printing.Unlock()
				rest = s.chunk("fg", name, channel, rest, k)
				select {
				case news <- struct{}{}:
				default:
				}
			})
		})
	}
	err := s.converse(alive, c, name)
	if err == nil && !isTerminal(s.sys.in) || errors.Is(context.Cause(alive), errKilled) {
		connecting.Wait()
		untilQuiet(ctx, news)
	}
	if err == nil && errors.Is(context.Cause(alive), errKilled) {
		err = errKilled
	}
	leave()
	followers.Wait()

	fault := faultIn(err)
	switch {
	case fault != nil:
		s.complain(problem{Name: name, Code: fault.Code, Msg: orText(fault.Msg, fault.Code), Hint: fault.Hint}, "ERROR: "+escapeLines(fault.Error()))
	case errors.Is(err, errKilled):
		s.complain(problem{Name: name, Code: wire.NotRunning, Msg: "the process is not running any more"}, "Process got killed")
	case err != nil:
		return err
	}
	s.line("Exiting foreground")
	return nil
}

// untilQuiet returns when there was no news for lastOutput, or at last after enough.
func untilQuiet(ctx context.Context, news <-chan struct{}) {
	end := time.After(enough)
	for {
		select {
		case <-news:
		case <-time.After(lastOutput):
			return
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

// errKilled says that the process in the foreground has ended.
var errKilled = errors.New("process got killed")

// converse sends lines until the input ends or ctx is done, which is no error, or until
// the process is gone. That is looked at after each line, as supervisorctl does, for over
// XML-RPC nobody tells us.
func (s *session) converse(ctx context.Context, c client, name string) error {
	for {
		line, err := s.lines.read(ctx)
		if err != nil {
			return nil
		}
		err = c.Stdin(ctx, name, []byte(line+"\n"))
		if fault := faultIn(err); fault != nil && fault.Code == wire.NotRunning {
			return errKilled
		}
		if err == nil {
			var p wire.Process
			if p, err = c.Process(ctx, name); err == nil && p.State != "RUNNING" {
				return errKilled
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}
