package ctl

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"gosv/conf"
)

// flags is the command line.
type flags struct {
	config, serverURL, username, password, history string
	interactive, json, help                        bool
	own                                            bool // gosv ctl, which needs no [supervisorctl]
	timeout                                        time.Duration
	given                                          map[string]bool // by full name: what the command line has, "" too
	words                                          []string        // the action and its arguments
}

// usageError is a wrong command line, which ends with exit code 2.
type usageError string

func (e usageError) Error() string { return string(e) }

// set takes one option. given is as typed, for complaints; Supervisor allows each once.
func (f *flags) set(given, name, value string) error {
	var field *string
	switch name {
	case "configuration":
		field = &f.config
	case "serverurl":
		if !isURL(value) {
			return usageError(fmt.Sprintf("invalid value for %s %s: value %s is not a URL", given, conf.Repr(value), conf.Repr(value)))
		}
		field = &f.serverURL
	case "username":
		field = &f.username
	case "password":
		field = &f.password
	case "history_file":
		field = &f.history
	case "interactive":
		if f.interactive {
			return conflict(given)
		}
		f.interactive = true
		return nil
	case "timeout":
		d, err := parseTimeout(value)
		if err != nil {
			return usageError(fmt.Sprintf("invalid value for %s %s: %v", given, conf.Repr(value), err))
		}
		f.timeout = d
		return nil
	case "json":
		f.json = true
		return nil
	default:
		panic("internal error: unknown option " + name)
	}
	if f.given[name] {
		return conflict(given)
	}
	if f.given == nil {
		f.given = map[string]bool{}
	}
	*field, f.given[name] = value, true
	return nil
}

func conflict(given string) error {
	return usageError("conflicting command line option " + conf.Repr(given))
}

// isURL is Supervisor's test of a URL: a scheme and something after it.
func isURL(s string) bool {
	scheme, rest, found := strings.Cut(s, ":")
	if !found || scheme == "" {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	rest = strings.TrimPrefix(rest, "//")
	return rest != "" && rest[0] != '?' && rest[0] != '#'
}

// parseTimeout reads seconds ("30", "1.5") or a duration ("2m").
func parseTimeout(s string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 0 && n < 1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("neither seconds nor a duration such as 30s")
}

// getoptFlags reads supervisorctl's command line.
func getoptFlags(args []string) (*flags, error) {
	const short = "h?c:is:u:p:r:"
	long := []string{"help", "configuration=", "interactive", "serverurl=", "username=", "password=", "history_file=", "json", "timeout="}
	opts, rest, err := conf.Getopt(args, short, long)
	if err != nil {
		return nil, usageError(err.Error())
	}
	f := &flags{words: rest}
	for _, o := range opts {
		name := strings.TrimPrefix(o.Flag, "--")
		switch o.Flag {
		case "-h", "-?", "--help":
			f.help = true
			return f, nil // at once, as Supervisor does
		case "-c":
			name = "configuration"
		case "-i":
			name = "interactive"
		case "-s":
			name = "serverurl"
		case "-u":
			name = "username"
		case "-p":
			name = "password"
		case "-r":
			name = "history_file"
		}
		if err := f.set(o.Flag, name, o.Value); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// supervisorctlHelp is what supervisorctl -h prints, with %s for the program.
const supervisorctlHelp = `supervisorctl -- control applications run by supervisord from the cmd line.

Usage: %s [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- configuration file path (searches if not given)
-h/--help -- print usage message and exit
-i/--interactive -- start an interactive shell after executing commands
-s/--serverurl URL -- URL on which supervisord server is listening
     (default "http://localhost:9001").
-u/--username USERNAME -- username to use for authentication with server
-p/--password PASSWORD -- password to use for authentication with server
-r/--history_file FILENAME -- keep the shell's history in this file
--json -- print one JSON object per action instead of text (gosv)
--timeout SECONDS -- wait no longer than this for an answer (gosv)

action [arguments] -- see below

Actions are commands like "tail" or "stop".  If -i is specified or no action is
specified on the command line, a "shell" interpreting actions typed
interactively is started.  Use the action "help" to find out about available
actions.

`

// cliFlags reads the command line of gosv ctl. The first word that is no option ends the
// options, so that "tail -100 web" needs no quoting. Only --json may also come last, since
// it cannot mean anything else.
func cliFlags(args []string, out io.Writer) (*flags, error) {
	command := &conf.CommandLine{
		Name:  "gosv ctl",
		Usage: "control the programs that a supervisor runs",
		Line:  "[options] [action [arguments]]",
		More:  "Without an action a shell is started. \"gosv ctl help\" lists the actions.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "configuration", Aliases: []string{"c"}, Usage: "configuration `FILE` (searched if not given)"},
			&cli.StringFlag{Name: "serverurl", Aliases: []string{"s"}, Usage: "the supervisor's address, unix:///path or http://host:port"},
			&cli.StringFlag{Name: "username", Aliases: []string{"u"}, Usage: "`NAME` for the supervisor's web server"},
			&cli.StringFlag{Name: "password", Aliases: []string{"p"}, Usage: "`PASSWORD` for it"},
			&cli.StringFlag{Name: "history_file", Aliases: []string{"r"}, Usage: "keep the shell's history in `FILE`"},
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "start a shell after the action"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object per action (docs/json.md)"},
			&cli.StringFlag{Name: "timeout", Usage: "wait no longer than `SECONDS` for an answer"},
		},
	}
	c, err := command.Parse(args)
	switch {
	case err == conf.ErrHelp:
		command.Help(out)
		return &flags{help: true}, nil
	case err != nil:
		return nil, usageError(err.Error())
	}
	f := &flags{own: true, words: c.Args().Slice()}
	for _, flag := range command.Flags {
		name := flag.Names()[0]
		if _, isBool := flag.(*cli.BoolFlag); !c.IsSet(name) || isBool && !c.Bool(name) {
			continue
		}
		if err := f.set("--"+name, name, c.String(name)); err != nil {
			return nil, usageError(err.Error())
		}
	}
	if n := len(f.words) - 1; n > 0 && f.words[n] == "--json" {
		f.words, f.json = f.words[:n], true
	}
	return f, nil
}
