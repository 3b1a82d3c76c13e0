package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"gosv/conf"
	"gosv/proc/vfork"
)

// Spec is one launch, ready for the kernel: everything is looked up and decided.
type Spec struct {
	Group, Name string   // of the process, for messages
	Path        string   // the file to execute, found already
	Argv        []string // the words of the command as written
	Env         []string // "K=V", complete
	Dir         string   // to change to first; "" to stay
	Umask       conf.Mode
	Mark        string    // of this process and all that descends from it, for Kernel.Sweep; "" for none
	User        conf.User // to become; the zero value: nobody else

	// The child's descriptors 0, 1 and 2. The launcher closes them afterwards.
	Stdin, Stdout, Stderr *os.File
}

// ExecError is a failure between fork and exec. Supervisor's child writes it to its own
// stderr, so it goes into the program's log, and exits with status 127.
type ExecError struct {
	Step   string // "setuid", "chdir" or "exec"
	Target string // the uid, the directory, the command as written
	Err    error
}

// Error is Supervisor's line without its prefix.
func (e *ExecError) Error() string {
	verb := e.Step
	if verb != "exec" {
		verb += " to"
	}
	return fmt.Sprintf("couldn't %s %s: %s", verb, e.Target, errnoName(e.Err))
}

// Unwrap is what went wrong.
func (e *ExecError) Unwrap() error { return e.Err }

// Lines are the two lines that Supervisor's child leaves in its stderr log.
func (e *ExecError) Lines() string {
	return "supervisor: " + e.Error() + "\nsupervisor: child process was not spawned\n"
}

// notSpawned is the exit status of a child that failed between fork and exec.
const notSpawned = 127

// asErrno is the error number behind err, if there is one.
func asErrno(err error) (syscall.Errno, bool) {
	var errno syscall.Errno
	ok := errors.As(err, &errno)
	return errno, ok
}

// GrowStack has the stack of the calling goroutine be at once as large as the start of a daemon needs it.
func GrowStack() { vfork.Grow() }
