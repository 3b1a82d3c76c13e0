package daemon

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"gosv/proc"
)

// readyEnv names the descriptor on which a detached daemon tells its parent that it is up.
// A Go program cannot fork without exec, so the parent starts this program again.
const readyEnv = proc.ReadyEnv

// detach starts the daemon in the background and returns when it is up (0) or has failed
// (its exit status; it has said why on stderr, which it keeps until then).
func (l *launch) detach() int {
	if st, err := os.Stat(l.file); err == nil && !st.Mode().IsRegular() {
		return l.fail(fmt.Errorf("the configuration %s can be read only once, and the daemon in the background has to read it again: use -n or a file", l.file))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return l.fail(fmt.Errorf("cannot go into the background: %w", err))
	}
	exe, err := os.Executable()
	if err != nil {
		return l.fail(fmt.Errorf("cannot go into the background: %w", err))
	}
	p, err := os.StartProcess(exe, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), readyEnv+"=3"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, w},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	if err != nil {
		return l.fail(fmt.Errorf("cannot go into the background: %w", err))
	}
	if answer, _ := io.ReadAll(r); string(answer) == "up" {
		return 0
	}
	state, err := p.Wait()
	if err == nil && state.ExitCode() > 0 {
		return state.ExitCode()
	}
	fmt.Fprintf(os.Stderr, "the daemon ended before it was up: %v\n", state)
	return 1
}

// readyPipe is the descriptor for the parent's answer, out of the environment so that no
// child inherits either. It is taken once, before anything else is opened.
func readyPipe() *os.File {
	fd, err := strconv.Atoi(os.Getenv(readyEnv))
	if err != nil {
		return nil
	}
	os.Unsetenv(readyEnv)
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "ready")
}

// tellReady lets go of the terminal and tells the parent that the daemon is up.
func tellReady(ready *os.File) error {
	defer ready.Close()
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := dup(int(null.Fd()), fd); err != nil {
			return err
		}
	}
	_, err = ready.WriteString("up")
	return err
}
