//go:build unix

package proc

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Modes of the exec shim when it serves an Init.
const (
	modeForeground = "foreground" // the command's group becomes the terminal's foreground group
	modeControl    = "control"    // the terminal becomes the command's controlling terminal
)

// terminal is what an Init does about the terminal on its standard input.
type terminal struct {
	handed     bool // the command's process group has it, or had it when it was stopped
	jobControl bool // a shell above us waits for us to stop when the command does
}

// open finds out whether the command gets the terminal, and how: the shim's mode, "" for
// no terminal or one that is not ours to give.
func (t *terminal) open(r *initRun) (mode string) {
	ours, err := foreground()
	if err != nil {
		return "" // no terminal, or not our controlling one
	}
	leader, _ := unix.Getsid(0)
	if r.Session {
		if leader == os.Getpid() && unix.IoctlSetInt(0, unix.TIOCNOTTY, 0) == nil && ours {
			// The kernel tells the foreground group, us too, that the terminal is gone.
			r.ignored[syscall.SIGHUP]++
			r.ignored[syscall.SIGCONT]++
		}
		return modeControl
	}
	if !ours {
		return ""
	}
	t.handed, t.jobControl = true, leader != os.Getpid()
	return modeForeground
}

// opened is called when the command runs. From now on the terminal may treat us as a
// background process: it must not stop us when we read its state or write a warning.
func (t *terminal) opened() {
	if t.handed {
		signal.Ignore(syscall.SIGTTIN, syscall.SIGTTOU)
	}
}

// give makes the command's group the foreground one, if ours is it.
func (t *terminal) give(pid int) {
	if ours, err := foreground(); err == nil && ours {
		unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, pid)
	}
}

// take makes our group the foreground one again, for the shell or script above us.
func (t *terminal) take() {
	if t.handed {
		unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp())
	}
}

// foreground says whether our group is the foreground one of the terminal on standard
// input; an error when there is no controlling terminal there.
func foreground() (bool, error) {
	group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return group == unix.Getpgrp(), err
}

// takeTerminal is done in the child. The terminal would stop a background process that
// does it, so SIGTTOU is ignored for that moment only.
func takeTerminal(mode string) {
	switch mode {
	case modeForeground:
		signal.Ignore(syscall.SIGTTOU)
		unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp())
		signal.Reset(syscall.SIGTTOU)
	case modeControl:
		unix.IoctlSetInt(0, unix.TIOCSCTTY, 0)
	}
}
