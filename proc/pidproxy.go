//go:build unix

package proc

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pidproxyUsage is the original's help, word for word.
const pidproxyUsage = `pidproxy -- run command and proxy signals to it via its pidfile.

This executable runs a command and then monitors a pidfile.  When this
executable receives a signal, it sends the same signal to the pid
in the pidfile.

Usage: %s <pidfile name> <command> [<cmdarg1> ...]

`

// PidProxy is Supervisor's program of that name (pidproxy.py): it runs a command and passes
// signals on to the pid in a file, for a server whose own start script goes away. args are
// the words after the program's name argv0. It returns the exit status: 0 when the command
// has ended, however it did, or when it was told to end itself. A command that cannot be run
// is 127 (the original says nothing and exits 0), and the end of the command is noticed at
// once (the original looks every five seconds).
func PidProxy(argv0 string, args []string) int {
	if len(args) < 2 {
		fmt.Printf(pidproxyUsage, argv0)
		return 1
	}
	pidfile, argv := args[0], args[1:]
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	path, err := filepath.Abs(argv[0]) // not looked for in PATH, as in the original
	if err == nil {
		var ended <-chan struct{}
		if ended, err = runBeside(path, argv); err == nil {
			return passOn(pidfile, signals, ended)
		}
	}
	fmt.Fprintf(os.Stderr, "pidproxy: cannot run %q: %v\n", argv[0], err)
	return notSpawned
}

// runBeside starts a command with our own files and process group, and says when it has ended.
func runBeside(path string, argv []string) (ended <-chan struct{}, err error) {
	p, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return nil, err
	}
	c := make(chan struct{})
	go func() { // ends with the command, or with us
		defer close(c)
		p.Wait()
	}()
	return c, nil
}

func passOn(pidfile string, signals <-chan os.Signal, ended <-chan struct{}) int {
	for {
		select {
		case <-ended:
			return 0
		case s := <-signals:
			sig := s.(syscall.Signal)
			last := sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT
			pid, err := pidIn(pidfile)
			if err != nil {
				fmt.Printf("Can't read child pidfile %s!\n", pidfile)
				continue
			}
			switch err := syscall.Kill(pid, sig); {
			case err != nil:
				fmt.Fprintf(os.Stderr, "pidproxy: cannot send %s to %d of %s: %v\n", signalName(sig), pid, pidfile, err)
				if last {
					return 1
				}
			case last:
				return 0
			}
		}
	}
}

// pidIn is the pid in a file. A number that would mean a process group, or everybody, is none.
func pidIn(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && pid <= 0 {
		err = fmt.Errorf("%d is no pid", pid)
	}
	return pid, err
}
