package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"gosv/conf"
)

// maxProbe is how much of a probe's answer is read, in bytes.
const maxProbe = 1 << 20

// healthFlags is the command line of gosv healthcheck.
type healthFlags struct {
	flags
	path            string // of the probe
	consul, verbose bool
}

const healthHelp = `gosv healthcheck asks a running daemon how it is, for images without curl.

Usage: gosv healthcheck [OPTIONS]

  --ready      every autostart program runs, and the daemon is not ending (default)
  --startup    every autostart program has been up once
  --live       the daemon answers
  --consul     exit 0 passing, 1 warning (live, but the probe says no), 2 critical
  -c, --configuration FILE
               ask the server that FILE configures
  -s, --serverurl URL
               ask unix:///PATH or http://HOST:PORT
  -u, --username NAME
  -p, --password PASSWORD
  --timeout TIME
               for the whole, as 5s (default)
  -v, --verbose
               print every check, not only those that failed
  -h, --help

Exit status: 0 yes; 1 no, or no answer; 2 wrong command line or configuration.
`

// HealthMain is gosv healthcheck. It returns the exit code.
func HealthMain(args []string) int {
	return health(system{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(),
		find: func() string { path, _ := conf.Find("gosv healthcheck"); return path },
	}, args)
}

func health(sys system, args []string) int {
	f, err := parseHealth(args)
	if err == nil && f.help {
		fmt.Fprint(sys.out, healthHelp)
		return exitOK
	}
	var s *server
	if err == nil {
		s, err = healthServer(f, sys)
	}
	if err != nil {
		fmt.Fprintf(sys.err, "gosv healthcheck: %s\n", escapeLines(err.Error()))
		return exitUsage
	}
	ctx, cancel := s.bound(context.Background())
	defer cancel()
	ok, text := s.probe(ctx, f.path, f.verbose)
	fmt.Fprintln(sys.out, escapeLines(text))
	switch {
	case ok:
		return exitOK
	case !f.consul:
		return exitGeneric
	}
	if live, _ := s.probe(ctx, "/livez", false); live {
		return consulWarning
	}
	return consulCritical
}

// What Consul makes of the exit code of a check; 0 is passing.
const (
	consulWarning  = 1
	consulCritical = 2
)

func parseHealth(args []string) (*healthFlags, error) {
	f := &healthFlags{path: "/readyz"}
	f.timeout = 5 * time.Second
	opts, rest, err := conf.Getopt(args, "c:s:u:p:vh", []string{
		"ready", "startup", "live", "consul", "configuration=", "serverurl=", "username=", "password=", "timeout=", "verbose", "help"})
	if err != nil {
		return nil, err
	}
	long := map[string]string{"-c": "configuration", "-s": "serverurl", "-u": "username", "-p": "password", "-v": "verbose", "-h": "help"}
	for _, o := range opts {
		name := long[o.Flag]
		if name == "" {
			name = strings.TrimPrefix(o.Flag, "--")
		}
		switch name {
		case "ready", "live", "startup":
			f.path = "/" + name + "z"
		case "consul":
			f.consul = true
		case "verbose":
			f.verbose = true
		case "help":
			f.help = true
		default:
			if err := f.set(o.Flag, name, o.Value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(rest) > 0:
		return nil, fmt.Errorf("unexpected argument %q", rest[0])
	case f.timeout <= 0:
		return nil, errors.New("--timeout must be above 0")
	}
	return f, nil
}

// healthServer is the server that is asked: the one of the command line, else the one that
// ctl would use with the configuration, else the configuration's first.
func healthServer(f *healthFlags, sys system) (*server, error) {
	s := &server{url: f.serverURL, username: f.username, password: f.password, timeout: f.timeout}
	if file := f.config; file != "" || f.serverURL == "" {
		if file == "" {
			file = sys.find()
		}
		if file == "" {
			return nil, errors.New("there is no configuration in the usual places: say which server with -c FILE or -s URL")
		}
		o := conf.Options{Environ: sys.environ}
		c, err := conf.LoadCtl(file, o)
		if err != nil {
			cfg, err := conf.Load(file, o)
			if err != nil {
				return nil, err
			}
			d := conf.CtlDefaults(cfg)
			c = &d
		}
		s.url = orText(s.url, c.ServerURL)
		s.username, s.password = orText(s.username, c.Username), orText(s.password, c.Password)
	}
	if !strings.HasPrefix(s.url, "unix://") && !strings.HasPrefix(s.url, "http://") {
		return nil, fmt.Errorf("unknown protocol for serverurl %s", s.url)
	}
	return s, nil
}

// probe asks one path; text is the answer, or why there is none.
func (s *server) probe(ctx context.Context, path string, verbose bool) (ok bool, text string) {
	nc, err := s.dial(ctx)
	if err != nil {
		return false, err.Error()
	}
	x := &exchange{nc: nc, r: bufio.NewReader(nc)}
	x.stop = context.AfterFunc(ctx, func() { nc.Close() })
	defer x.close()
	if verbose {
		path += "?verbose"
	}
	err = x.do(s, http.MethodGet, path, nil)
	switch {
	case x.resp == nil:
		return false, s.explain(ctx, err).Error()
	case x.resp.StatusCode == http.StatusUnauthorized:
		return false, s.url + " wants a name and a password: they come from the configuration, or from -u and -p"
	case x.resp.StatusCode == http.StatusForbidden && strings.HasPrefix(s.url, "unix://"):
		return false, s.url + " does not let this account in: only root, the account that gosv runs as, those of its programs, and those of [access:NAME]"
	case x.resp.StatusCode == http.StatusNotFound:
		return false, s.url + " answers, but does not know " + path + ": it is not gosv"
	}
	body, err := io.ReadAll(io.LimitReader(x.resp.Body, maxProbe))
	if err != nil {
		return false, s.explain(ctx, err).Error()
	}
	return x.resp.StatusCode == http.StatusOK, strings.TrimSpace(string(body))
}
