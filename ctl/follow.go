package ctl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"

	"gosv/daemon/wire"
)

// follow prints a log as it grows until Ctrl-C. An empty name is the daemon's own log.
func (s *session) follow(ctx context.Context, c client, action, name, channel string) error {
	s.warnEncoding()
	s.line("==> Press Ctrl-C to exit <==")
	s.flush()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	shown := orText(name, "supervisord")
	var rest []byte
	err := c.Follow(ctx, name, channel, func(k wire.Chunk) { rest = s.chunk(action, shown, channel, rest, k) })
	if len(rest) > 0 {
		s.stream(action, shown, channel, rest, 0)
	}
	switch {
	case err == nil: // the server has ended it
	case ctx.Err() != nil:
		s.line("")
	default:
		s.exit = exitGeneric                                    // supervisorctl ends with 0 here
		path, _ := url.PathUnescape(logtailPath(name, channel)) // shown as it was typed
		s.notFollowed(shown, s.server.url+path, err)
	}
	return nil
}

// chunk prints a piece of a log. In JSON a character that has only begun waits for its
// rest, which is returned.
func (s *session) chunk(action, name, channel string, before []byte, k wire.Chunk) (rest []byte) {
	if k.Lost > 0 && s.rep == nil {
		s.flush()
		fmt.Fprintf(s.sys.err, "[%d bytes are left out here: they came faster than they could be shown]\n", k.Lost)
	}
	data := k.Data
	if s.rep != nil {
		data, rest = wholeRunes(append(before, k.Data...))
		rest = append([]byte(nil), rest...)
	}
	if len(data) > 0 || k.Lost > 0 {
		s.stream(action, name, channel, data, k.Lost)
	}
	return rest
}

// notFollowed says why a log cannot be followed: the one thing that supervisorctl says on stderr.
func (s *session) notFollowed(name, where string, err error) {
	fault := faultIn(err)
	var status *statusError
	code, text := codeUnreachable, "Cannot connect, error: "+err.Error()
	switch {
	case fault != nil && (fault.Code == wire.BadName || fault.Code == wire.NoFile):
		code, text = fault.Code, fmt.Sprintf("Cannot read, status code %d", http.StatusNotFound)
	case fault != nil:
		code, text = fault.Code, "Cannot read, "+fault.Error()
	case errors.As(err, &status):
		code, text = codeHTTP, fmt.Sprintf("Cannot read, status code %d", status.code)
	}
	if s.rep != nil {
		s.complain(problem{Name: name, Code: code, Msg: text}, "")
		return
	}
	s.flush()
	fmt.Fprintf(s.sys.err, "%s %s\n", escape(where), escape(text))
}

// warnEncoding warns where Supervisor does: when the terminal is not said to understand
// UTF-8. Nothing fails because of it.
func (s *session) warnEncoding() {
	if enc := encoding(s.sys.environ); enc != "" {
		s.line(fmt.Sprintf("Warning: sys.stdout.encoding is set to %s, so Unicode output may fail. Check your LANG and PYTHONIOENCODING environment settings.", escape(enc)))
	}
}

// encoding is the character set that the environment names, "" for UTF-8 and for none.
func encoding(environ []string) string {
	value := ""
	for _, name := range []string{"PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG"} {
		if value = getenv(environ, name); value == "" {
			continue
		}
		if name == "PYTHONIOENCODING" {
			value, _, _ = strings.Cut(value, ":") // errors=
		} else {
			_, value, _ = strings.Cut(value, ".") // language.charset@modifier
			value, _, _ = strings.Cut(value, "@")
		}
		break
	}
	if strings.HasPrefix(strings.ToLower(value), "utf") {
		return ""
	}
	return value
}

// getenv is a variable of an environment; the last one counts.
func getenv(environ []string, name string) string {
	value := ""
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}
