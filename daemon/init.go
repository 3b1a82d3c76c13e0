package daemon

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"gosv/conf"
	"gosv/proc"
)

// initDialect is what a name that gosv is called by expects of an init.
type initDialect struct {
	name    string // in messages
	session bool   // a session of its own and signals to its group, unless told otherwise
	misuse  int    // exit status for a wrong command line
}

// IsInit says whether a program's name is one of those that gosv answers to as an init.
func IsInit(name string) bool {
	_, ok := initNames()[name]
	return ok
}

func initNames() map[string]initDialect {
	return map[string]initDialect{
		"tini":        {name: "tini", misuse: 1},
		"tini-static": {name: "tini", misuse: 1},
		"docker-init": {name: "docker-init", misuse: 1},
		"dumb-init":   {name: "dumb-init", session: true, misuse: 1},
	}
}

// InitMain is gosv init, gosv --, and what gosv does under the names of other inits; name
// is "gosv init" or the other's. It returns the exit status. Nothing of the daemon is made.
func InitMain(name string, args []string) int {
	d, ok := initNames()[name]
	if !ok {
		d = initDialect{name: "gosv init", misuse: 2}
	}
	f := &initFlags{verbosity: int(proc.InitWarn), louder: 1}
	f.Adopt = !ok // the others do so only when asked
	if d.session {
		f.verbosity, f.louder = int(proc.InitFatal), int(proc.InitDebug)
	}
	f.Env = os.Environ()
	f.environment(d, os.LookupEnv)
	switch err := f.parse(d, args); {
	case errors.Is(err, errInitHelp):
		initHelp(os.Stdout, d)
		return 0
	case errors.Is(err, errInitLicense):
		fmt.Println("gosv is free software under the MIT License")
		return 0
	case errors.Is(err, errInitVersion):
		fmt.Println("gosv " + Version)
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\nsee: %s --help\n", d.name, err, d.name)
		return d.misuse
	}
	// Nothing is allocated while waiting, so nothing needs to be collected.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(64 << 20)
	f.Log = func(l proc.InitLevel, text string) {
		if int(l) <= f.verbosity {
			fmt.Fprintf(os.Stderr, "[%-5s %s (%d)] %s\n", initLevelName(l), d.name, os.Getpid(), text)
		}
	}
	return f.Run()
}

func initLevelName(l proc.InitLevel) string {
	return [...]string{"FATAL", "WARN", "INFO", "DEBUG", "TRACE"}[l]
}

var (
	errInitHelp    = errors.New("help")
	errInitVersion = errors.New("version")
	errInitLicense = errors.New("license")
)

// initFlags is the command line of an init.
type initFlags struct {
	proc.Init
	verbosity int // a proc.InitLevel
	louder    int // what one --verbose adds to it: dumb-init knows all or nothing
}

// environment reads the variables that tini and dumb-init read.
func (f *initFlags) environment(d initDialect, lookup func(string) (string, bool)) {
	_, f.Subreaper = lookup("TINI_SUBREAPER")
	_, f.Group = lookup("TINI_KILL_PROCESS_GROUP")
	if v, ok := lookup("TINI_VERBOSITY"); ok {
		f.verbosity, _ = strconv.Atoi(v)
	}
	if !d.session {
		return
	}
	setsid, _ := lookup("DUMB_INIT_SETSID")
	f.Session = setsid != "0"
	f.Group = f.Group || f.Session
	if v, _ := lookup("DUMB_INIT_DEBUG"); v == "1" {
		f.verbosity = int(proc.InitDebug)
	}
}

// initRow is one flag: what it is called, what it does, what it says in the help.
type initRow struct {
	short, long string
	value       string // "" for a flag without one
	usage       string
	set         func(f *initFlags, value string) error
}

func initRows() []initRow {
	return []initRow{
		{"g", "group", "", "send signals to the command's process group, not to it alone",
			func(f *initFlags, _ string) error { f.Group = true; return nil }},
		{"", "setsid", "", "make the command the leader of a session; implies --group, and what is left of the group is sent TERM when the command ends",
			func(f *initFlags, _ string) error { f.Session, f.Group = true, true; return nil }},
		{"c", "single-child", "", "neither of the two (the default, but for the name dumb-init)",
			func(f *initFlags, _ string) error { f.Session, f.Group = false, false; return nil }},
		{"r", "rewrite", "FROM=TO", "send TO when FROM is received, names or numbers; TO 0 drops it; repeatable, FROM:TO works too",
			(*initFlags).rewrite},
		{"", "remap-exit", "CODE=TO", "exit with TO when the command ends with CODE (128+N for a signal); repeatable",
			(*initFlags).remap},
		{"e", "", "CODE", "the same as --remap-exit CODE=0",
			func(f *initFlags, v string) error { return f.remap(v + "=0") }},
		{"s", "subreaper", "", "collect orphans although this is not PID 1 (the default, but for the other names)",
			func(f *initFlags, _ string) error { f.Subreaper = true; return nil }},
		{"p", "parent-death", "SIGNAL", "be sent SIGNAL when the parent ends; the command is sent it if this is killed",
			(*initFlags).parentDeath},
		{"w", "warn-on-reap", "", "print a warning for every orphan that is collected",
			func(f *initFlags, _ string) error { f.WarnReaped = true; return nil }},
		{"v", "verbose", "", "say more on stderr; up to three times",
			func(f *initFlags, _ string) error { f.verbosity += f.louder; return nil }},
		{"h", "help", "", "print this and exit",
			func(*initFlags, string) error { return errInitHelp }},
		{"l", "", "", "print the license and exit",
			func(*initFlags, string) error { return errInitLicense }},
		{"V", "version", "", "print the version and exit",
			func(*initFlags, string) error { return errInitVersion }},
	}
}

// parse reads flags up to the first word that is none, or "--"; the rest is the command.
func (f *initFlags) parse(d initDialect, args []string) error {
	var short string
	var long []string
	rows := initRows()
	for _, r := range rows {
		if r.short != "" {
			short += r.short
			if r.value != "" {
				short += ":"
			}
		}
		switch {
		case r.long == "":
		case r.value != "":
			long = append(long, r.long+"=")
		default:
			long = append(long, r.long)
		}
	}
	opts, rest, err := conf.Getopt(args, short, long)
	if err != nil {
		return err
	}
	for _, o := range opts {
		name := strings.TrimLeft(o.Flag, "-")
		for _, r := range rows {
			if name != r.short && name != r.long {
				continue
			}
			if err := r.set(f, o.Value); err != nil {
				return err
			}
		}
	}
	if len(rest) == 0 {
		return fmt.Errorf("no command (%s [OPTIONS] -- COMMAND [ARG...])", d.name)
	}
	f.Argv = rest
	return nil
}

func (f *initFlags) rewrite(v string) error {
	for pair := range strings.SplitSeq(v, ",") {
		from, to, ok := cutPair(pair)
		a, okA := proc.SignalByName(from)
		b, okB := proc.SignalByName(to)
		if !ok || !okA || !okB || a == 0 {
			return fmt.Errorf("bad --rewrite %q: FROM=TO is two signals by name or number, TO may be 0", pair)
		}
		if a == syscall.SIGKILL || a == syscall.SIGSTOP {
			return fmt.Errorf("bad --rewrite %q: nobody is told of %s", pair, from)
		}
		if f.Rewrite == nil {
			f.Rewrite = map[syscall.Signal]syscall.Signal{}
		}
		f.Rewrite[a] = b
	}
	return nil
}

func (f *initFlags) remap(v string) error {
	for pair := range strings.SplitSeq(v, ",") {
		from, to, ok := cutPair(pair)
		a, errA := strconv.ParseUint(from, 10, 8)
		b, errB := strconv.ParseUint(to, 10, 8)
		if !ok || errA != nil || errB != nil {
			return fmt.Errorf("bad exit status %q: CODE=TO is two numbers from 0 to %d", pair, math.MaxUint8)
		}
		if f.Remap == nil {
			f.Remap = map[int]int{}
		}
		f.Remap[int(a)] = int(b)
	}
	return nil
}

func (f *initFlags) parentDeath(v string) error {
	sig, ok := proc.SignalByName(v)
	if !ok || sig == 0 {
		return fmt.Errorf("bad --parent-death %q: it is a signal by name or number, as TERM", v)
	}
	f.ParentDeath = sig
	return nil
}

// cutPair cuts "a=b" or dumb-init's "a:b".
func cutPair(s string) (a, b string, ok bool) {
	if a, b, ok = strings.Cut(s, "="); !ok {
		a, b, ok = strings.Cut(s, ":")
	}
	return a, b, ok
}

func initHelp(w io.Writer, d initDialect) {
	fmt.Fprintf(w, `%s runs one command as the first process of a container should: signals are
passed on to it, orphans are collected, and its exit status becomes this one's
(128+N when a signal ended it, 127 not found, 126 not executable).

Usage: %[1]s [OPTIONS] [--] COMMAND [ARG...]

`, d.name)
	for _, r := range initRows() {
		var names []string
		if r.short != "" {
			names = append(names, "-"+r.short)
		}
		if r.long != "" {
			names = append(names, "--"+r.long)
		}
		fmt.Fprintf(w, "  %s\n        %s\n", strings.TrimSuffix(strings.Join(names, ", ")+" "+r.value, " "), r.usage)
	}
	fmt.Fprint(w, `
Environment: TINI_SUBREAPER (set: --subreaper), TINI_KILL_PROCESS_GROUP (set: --group),
TINI_VERBOSITY (0 to 4, default 1). Under the name dumb-init, --setsid is the default;
DUMB_INIT_SETSID=0 is --single-child and DUMB_INIT_DEBUG=1 prints debugging.
`)
}
