package daemon

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"gosv/conf"
)

// flags is what the command line of supervisord says.
type flags struct {
	file      string // -c
	fileGiven bool
	overrides []conf.Override
	help      bool
	version   bool
}

// flagRow is one flag of supervisord: its letter ("" for none), its name, the option of
// [supervisord] that it sets, and whether it takes a value.
type flagRow struct {
	short, long, key string
	value            bool
	usage            string
}

func flagRows() []flagRow {
	return []flagRow{
		{"c", "configuration", "", true, "configuration file (looked for in the usual places if not given)"},
		{"n", "nodaemon", "nodaemon", false, "run in the foreground"},
		{"s", "silent", "silent", false, "in the foreground, do not log to stdout as well"},
		{"u", "user", "user", true, "run as this user (or numeric uid)"},
		{"m", "umask", "umask", true, "umask of the daemon (default is 022)"},
		{"d", "directory", "directory", true, "directory to change to when daemonized"},
		{"l", "logfile", "logfile", true, "use FILENAME as log"},
		{"y", "logfile_maxbytes", "logfile_maxbytes", true, "size at which the log is rotated"},
		{"z", "logfile_backups", "logfile_backups", true, "how many rotated logs are kept"},
		{"e", "loglevel", "loglevel", true, "how much is logged (debug,info,warn,error,critical)"},
		{"j", "pidfile", "pidfile", true, "write the daemon's pid to FILENAME"},
		{"i", "identifier", "identifier", true, "name of this instance of supervisord"},
		{"q", "childlogdir", "childlogdir", true, "directory of the programs' AUTO logs"},
		{"k", "nocleanup", "nocleanup", false, "do not delete old AUTO logs at the start"},
		{"a", "minfds", "minfds", true, "least number of file descriptors to start with"},
		{"t", "strip_ansi", "strip_ansi", false, "strip ansi escape codes from the programs' output"},
		{"", "minprocs", "minprocs", true, "least number of processes to start with"},
		{"", "profile_options", "", true, "accepted and ignored: a profiler of the original"},
	}
}

// parseSupervisord reads the flags as the original does with Python's getopt: left to
// right, long names by unique prefix, and -h or -v act when they are reached.
func parseSupervisord(args []string) (*flags, error) {
	rows := flagRows()
	var short strings.Builder
	var long []string
	for _, r := range rows {
		short.WriteString(r.short)
		name := r.long
		if r.value {
			name += "="
			if r.short != "" {
				short.WriteByte(':')
			}
		}
		long = append(long, name)
	}
	opts, rest, err := conf.Getopt(args, short.String()+"hv?", append(long, "help", "version"))
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("positional arguments are not supported: %s", pyList(rest))
	}
	f := &flags{}
	seen := map[string]bool{}
	for _, o := range opts {
		switch o.Flag {
		case "-h", "-?", "--help":
			f.help = true
			return f, nil
		case "-v", "--version":
			f.version = true
			return f, nil
		}
		r := rowOf(rows, o.Flag)
		if seen[r.long] {
			return nil, fmt.Errorf("conflicting command line option '%s'", o.Flag)
		}
		seen[r.long] = true
		f.set(r, o.Flag, o.Value)
	}
	return f, nil
}

func (f *flags) set(r flagRow, typed, value string) {
	switch {
	case r.long == "configuration":
		f.file, f.fileGiven = value, true
	case r.key == "":
	case !r.value:
		f.overrides = append(f.overrides, conf.Override{Flag: typed, Key: r.key, Value: "true"})
	default:
		f.overrides = append(f.overrides, conf.Override{Flag: typed, Key: r.key, Value: value})
	}
}

func rowOf(rows []flagRow, typed string) flagRow {
	name := strings.TrimLeft(typed, "-")
	for _, r := range rows {
		if name == r.long || name == r.short {
			return r
		}
	}
	panic("internal error: no such flag " + typed)
}

// pyList is a list of strings as Python prints it.
func pyList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = conf.Repr(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// usage is the help of supervisord, a line a flag.
func usage(argv0 string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "supervisord -- run a set of applications as daemons.\n\nUsage: %s [options]\n\nOptions:\n", argv0)
	fmt.Fprintf(&b, "-h/--help -- print this usage message and exit\n-v/--version -- print supervisord version number and exit\n")
	for _, r := range flagRows() {
		name := "--" + r.long
		if r.short != "" {
			name = "-" + r.short + "/" + name
		}
		if r.value {
			name += " " + valueWord(r.long)
		}
		text := r.usage
		if r.long == "logfile" {
			text = "use FILENAME as logfile path"
		}
		fmt.Fprintf(&b, "%s -- %s\n", name, text)
	}
	return b.String()
}

func valueWord(long string) string {
	switch long {
	case "configuration", "logfile", "pidfile":
		return "FILENAME"
	case "directory", "childlogdir":
		return "DIRECTORY"
	case "logfile_maxbytes":
		return "BYTES"
	case "logfile_backups", "minfds", "minprocs":
		return "NUM"
	case "identifier":
		return "STR"
	case "profile_options":
		return "OPTIONS"
	}
	return strings.ToUpper(long)
}

// command is the command line of gosv daemon: the same flags in gosv's own manner.
func command() *conf.CommandLine {
	c := &conf.CommandLine{
		Name:    "gosv daemon",
		Usage:   "run a set of programs, start them again when they end, and log what they write",
		Line:    "[options]",
		Version: Version,
	}
	for _, r := range flagRows() {
		var alias []string
		if r.short != "" {
			alias = []string{r.short}
		}
		if r.value {
			c.Flags = append(c.Flags, &cli.StringFlag{Name: r.long, Aliases: alias, Usage: r.usage})
		} else {
			c.Flags = append(c.Flags, &cli.BoolFlag{Name: r.long, Aliases: alias, Usage: r.usage})
		}
	}
	return c
}

// parseGosv reads the command line of gosv daemon. An error may be conf.ErrHelp or
// conf.ErrVersion.
func parseGosv(args []string) (*flags, error) {
	c, err := command().Parse(args)
	if err != nil {
		return nil, err
	}
	if c.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q (gosv daemon takes flags only; the file is given with -c)", c.Args().First())
	}
	f := &flags{}
	for _, r := range flagRows() {
		if c.IsSet(r.long) {
			f.set(r, "--"+r.long, c.String(r.long))
		}
	}
	return f, nil
}
