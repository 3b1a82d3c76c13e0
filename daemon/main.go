package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gosv/conf"
	"gosv/proc"
)

// Main is gosv daemon (argv0 "gosv daemon") and supervisord (argv0 the path it was called
// by); it returns the exit status.
func Main(argv0 string, args []string) int {
	l := &launch{argv0: argv0, args: args}
	if argv0 == "gosv daemon" {
		// Most calls read the same either way, and this one costs less.
		if f, err := parseSupervisord(args); err == nil && !f.help && !f.version {
			return l.run(f)
		}
		f, err := parseGosv(args)
		switch {
		case err == conf.ErrHelp:
			command().Help(os.Stdout)
			return 0
		case err == conf.ErrVersion:
			fmt.Println("gosv daemon version " + Version)
			return 0
		case err != nil:
			fmt.Fprintf(os.Stderr, "gosv daemon: %v\nsee: gosv daemon --help\n", err)
			return 2
		}
		return l.run(f)
	}
	l.compat = true
	f, err := parseSupervisord(args)
	if err != nil {
		return l.fail(err)
	}
	if f.help || f.version { // what stands before them is checked
		if err := conf.CheckFlags(f.overrides); err != nil {
			return l.fail(err)
		}
	}
	switch {
	case f.help:
		fmt.Print(usage(argv0))
		return 0
	case f.version:
		fmt.Println(SupervisorVersion)
		return 0
	}
	return l.run(f)
}

// launch is one call of the daemon's command line, which a reload goes through again.
type launch struct {
	argv0  string
	args   []string
	compat bool // called as supervisord: errors look like the original's
	flags  *flags
	cfg    *conf.Config // what the next run begins with
	file   string       // the absolute name of the file it was read from

	signals    *caught
	notify     *notifier // nil: no service manager asked for it
	given      *given    // sockets that it opened for us
	foreground bool
	ready      *os.File   // in the background: tells the parent that the daemon is up; nil then
	again      bool       // not the first run: a reload came before
	link       *proc.Link // to the keeper; nil: there is none
	dir        string     // where the first of us was started
	keeping    sync.Mutex // guards renewed, and alone of the Daemon
	renewed    time.Time  // when we have started a keeper
	current    atomic.Pointer[Daemon]
	kernel     atomic.Pointer[proc.UnixKernel]
	log        atomic.Pointer[slog.Logger]
	ledger     string          // directory of the ledger; "" for none
	ledgerOf   proc.LedgerName // whose it is
	over       bool            // only to end what is in it
	program    string          // where the next version of it is looked for; "" when nobody knows
	kept       *kept           // what an earlier version of it has left, until the next life has begun; nil: none has
	masked     []int           // signals that are blocked since an upgrade
	code       int             // what to exit with: 0, or what exit_on or essential= decided
}

// run loads the configuration, goes into the background unless told not to, and runs the
// daemon until it is shut down.
func (l *launch) run(f *flags) int {
	return besideFirst(func() int { return l.first(f) })
}

func (l *launch) first(f *flags) int {
	l.flags = f
	l.program = programPath()
	l.dir, _ = os.Getwd()
	l.ready = readyPipe()
	l.link = proc.TakeLink()
	limitCores()
	hasten()
	prepareThreads() // first: some of them are made a little later, and no program may run then
	l.signals = prepareSignals()
	if err := l.load(); err != nil {
		return l.fail(err)
	}
	if !l.cfg.Supervisord.Nodaemon && l.top() != 1 && l.ready == nil && !l.behind() {
		return l.detach()
	}
	if l.cfg.Supervisord.Keeper && l.link == nil {
		return l.fail(l.becomeKeeper())
	}
	l.foreground = l.ready == nil && !l.behind()
	l.signals.begin()
	if l.link != nil {
		<-l.signals.done
		l.link.Hears()
	}
	l.connect()
	return l.lives()
}

// lives is one life of the daemon after the other, as long as reloads ask for another.
func (l *launch) lives() int {
	for {
		again, err := l.runOnce()
		if err != nil {
			l.dropLedger()
			return l.fail(err)
		}
		if !again {
			l.dropLedger()
			l.link.Bye()
			return l.code
		}
	}
}

// connect reaches the service manager that started us, if there is one. Without it the
// daemon runs all the same.
func (l *launch) connect() {
	var err error
	if l.notify, err = newNotifier(os.Getenv, l.top()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	l.given = takeSockets(os.Getenv, l.top())
}

// load reads the configuration that the flags name, or that is found in the usual places.
func (l *launch) load() error {
	file, searched := l.flags.file, false
	switch {
	case l.file != "": // again: the daemon may have gone to another directory meanwhile
		file = l.file
	case file == "" && l.flags.fileGiven: // Supervisor reads nothing then, and falls over that
		return errors.New(`-c needs the name of a file, not ""`)
	case file == "":
		found, tried := conf.Find(l.argv0)
		if found == "" {
			return fmt.Errorf("No config file found at default paths (%s); use the -c option to specify a config file at a different path", strings.Join(tried, ", "))
		}
		file, searched = found, os.Getuid() == 0 && l.cfg == nil && l.ready == nil && !l.behind()
	}
	cfg, err := conf.Load(file, conf.Options{Environ: os.Environ(), Overrides: l.flags.overrides})
	var errs conf.Errors
	if badFlag := errors.As(err, &errs) && strings.HasPrefix(errs.Compat(), "invalid value for -"); searched && !badFlag {
		fmt.Fprintln(os.Stderr, `Supervisord is running as root and it is searching for its configuration file in default locations (including its current working directory); you probably want to specify a "-c" argument specifying an absolute path to a configuration file for improved security.`)
	}
	if err != nil {
		return err
	}
	if l.file, err = filepath.Abs(file); err != nil {
		return fmt.Errorf("cannot tell where %q is: %w", file, err)
	}
	l.cfg = cfg
	return nil
}

// fail says why the daemon does not run. As supervisord the first line is the original's,
// so that scripts find it; each fault follows with file, line and remedy.
func (l *launch) fail(err error) int {
	log := conf.DefaultTerminationLog
	if l.cfg != nil {
		log = l.cfg.Supervisord.TerminationLog
	}
	writeTermination(log, err.Error()) // that it cannot is the lesser fault
	var errs conf.Errors
	isConf := errors.As(err, &errs)
	if !l.compat {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if isConf {
		fmt.Fprintf(os.Stderr, "Error: %s\n", errs.Compat())
		if text := errs.Error(); text != errs.Compat() {
			fmt.Fprintln(os.Stderr, text)
		}
	} else {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
	}
	fmt.Fprintf(os.Stderr, "For help, use %s -h\n", l.argv0)
	return 2
}
