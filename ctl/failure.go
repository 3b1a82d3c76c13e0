package ctl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"

	"gosv/conf"
	"gosv/daemon/wire"
)

// errExplained says that an action has failed and that everything was said about it.
var errExplained = errors.New("explained")

// errAgain is what connecting to a unix socket with a full queue gives.
const errAgain = syscall.EAGAIN

// faultIn is the fault in err, or nil.
func faultIn(err error) *wire.Fault {
	var f *wire.Fault
	errors.As(err, &f)
	return f
}

// cause is the reason of a failed connection in the system's words.
func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		text := errno.Error() // "permission denied"; strerror has a capital letter
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

// upcheck makes sure that a supervisor answers: Supervisor's upcheck, with its texts and
// exit codes. Errors that it does not know are returned as they are.
func (s *session) upcheck(ctx context.Context) (client, error) {
	c, err := s.connect(ctx)
	var api string
	if err == nil {
		api, err = c.Check(ctx)
	}
	fault := faultIn(err)
	switch {
	case err == nil && api == apiVersion:
		return c, nil
	case err == nil:
		text := fmt.Sprintf("Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the remote version is %s.", apiVersion, escape(api))
		s.exit = exitVersion
		s.complain(problem{Code: codeVersion, Msg: text}, text)
		return nil, errExplained
	case fault != nil && fault.Code == wire.UnknownMethod:
		const text = "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf)."
		s.exit = exitUnimplemented
		s.complain(problem{Code: fault.Code, Msg: text}, text)
		return nil, errExplained
	case errors.Is(err, syscall.ECONNREFUSED):
		s.exit = exitRefused
		s.unreachable(codeRefused, "%s refused connection", err)
		return nil, errExplained
	case errors.Is(err, syscall.ENOENT):
		s.exit = exitNotRunning
		s.unreachable(codeNoSocket, "%s no such file", err)
		return nil, errExplained
	}
	return nil, err
}

// unreachable complains that there is no server, in format, which has the URL in it.
func (s *session) unreachable(code, format string, err error) {
	text := fmt.Sprintf(format, s.server.url)
	s.complain(problem{Code: code, Msg: fmt.Sprintf("cannot connect to %s: %s", s.server.url, cause(err)), Hint: s.whereabouts()}, escape(text))
}

// explain says what no action knows better. Supervisor prints "error: " and Python's view
// of the exception; only the prefix and the exit code can be the same.
func (s *session) explain(err error) {
	s.exit = exitGeneric
	fault := faultIn(err)
	var late *timeoutError
	var status *statusError
	var link *linkError
	switch {
	case fault != nil:
		if fault.Code == wire.NotAllowed {
			s.exit = exitRefused
		}
		msg := orText(fault.Msg, fault.Code)
		if fault.Code == wire.ShutdownState {
			msg = "supervisord is shutting down"
		}
		s.complain(problem{Code: fault.Code, Msg: msg, Hint: fault.Hint}, "error: "+escapeLines(fault.Error()))
	case errors.As(err, &late):
		s.complain(problem{Code: codeTimeout, Msg: late.Error(), Hint: "supervisord may be stopped or hanging; --timeout sets how long to wait"}, "error: "+escape(late.Error()))
	case errors.As(err, &status) && status.code == http.StatusUnauthorized:
		s.complain(problem{Code: codeAuth, Msg: status.Error(), Hint: "give username and password in [supervisorctl], or with -u and -p"}, "Server requires authentication")
	case errors.As(err, &status):
		s.complain(problem{Code: codeHTTP, Msg: status.Error()}, "error: "+escape(status.Error()))
	case errors.Is(err, syscall.ECONNREFUSED):
		s.unreachable(codeRefused, "%s refused connection", err)
	case errors.Is(err, syscall.ENOENT):
		s.unreachable(codeNoSocket, "%s no such file", err)
	case errors.Is(err, syscall.EACCES):
		s.complain(problem{Code: codeUnreachable, Msg: err.Error(), Hint: "the socket's owner and mode are chown= and chmod= in [unix_http_server]; try as root"}, "error: "+escape(err.Error()))
	case errors.Is(err, context.Canceled):
		s.complain(problem{Code: codeInterrupted, Msg: "interrupted"}, "")
	case errors.As(err, &link):
		s.complain(problem{Code: codeUnreachable, Msg: err.Error()}, "error: "+escape(err.Error()))
	default:
		s.complain(problem{Code: wire.Failed, Msg: err.Error()}, "error: "+escape(err.Error()))
	}
}

// orText is text, or other when there is none.
func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// whereabouts says where the server's address comes from and whether a daemon seems to
// live: the two things that help when its socket is not there.
func (s *session) whereabouts() string {
	if s.set.file == "" {
		if s.set.urlGiven {
			return "the address was given with -s"
		}
		return "no configuration file was found, so this is the default address; use -c FILE or -s URL"
	}
	from := fmt.Sprintf("the address is serverurl in %s", s.set.file)
	if s.set.urlGiven {
		from = fmt.Sprintf("the address was given with -s; the configuration is %s", s.set.file)
	}
	cfg, err := conf.Load(s.set.file, conf.Options{Environ: s.sys.environ})
	if err != nil || cfg == nil {
		return from
	}
	return from + "; " + lifeSign(cfg.Supervisord.Pidfile)
}
