package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"gosv/conf"
)

// Main is gosv ctl (argv0 "gosv ctl") and supervisorctl (argv0 as called); args is what
// follows. It returns the exit code.
func Main(argv0 string, args []string) int {
	debug.SetGCPercent(400) // 12 instead of 16 ms of CPU for the status of 1,000 processes
	sys := system{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(),
		find: func() string { path, _ := conf.Find(argv0); return path },
	}
	return run(sys, argv0, args)
}

// run is Main with its surroundings.
func run(sys system, argv0 string, args []string) int {
	f, err := parseFlags(argv0, args, sys.out)
	var set settings
	if err == nil && !f.help {
		set, err = settle(f, sys)
	}
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(sys.err, "Error: %s\nFor help, use %s -h\n", escapeLines(string(usage)), argv0)
		return exitUsage
	case err != nil:
		fmt.Fprintf(sys.err, "Error: %s\n", escapeLines(err.Error()))
		return exitUsage
	case f.help:
		return exitOK
	}
	for _, w := range set.warnings {
		fmt.Fprintf(sys.err, "warning: %s\n", escapeLines(w))
	}
	s := newSession(sys, set)
	s.own = f.own
	ctx := context.Background()
	if len(f.words) == 0 {
		return s.shell(ctx)
	}
	s.do(ctx, strings.Join(f.words, " "))
	if f.interactive {
		return s.shell(ctx)
	}
	if err := s.out.Flush(); err != nil && !errors.Is(err, syscall.EPIPE) { // a full disk, say
		fmt.Fprintf(sys.err, "error: cannot write what there is to say: %v\n", err)
		return exitGeneric
	}
	return s.exit
}

// parseFlags reads the command line in the manner of the name that we were called by. It
// prints the help where that was asked for.
func parseFlags(argv0 string, args []string, out io.Writer) (*flags, error) {
	if argv0 == "gosv ctl" {
		return cliFlags(args, out)
	}
	f, err := getoptFlags(args)
	if err == nil && f.help {
		fmt.Fprintf(out, supervisorctlHelp, argv0)
	}
	return f, err
}
