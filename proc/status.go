package proc

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalName is the name of a signal as Python's signal module, and so Supervisor, has it;
// "signal 37" when it has none.
func signalName(sig syscall.Signal) string {
	if name, ok := pythonSignals[int(sig)]; ok {
		return name
	}
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}

// unknownStatus is the wait status of a process that was not our child, where nobody tells
// how it ended. No real one has that bit.
const unknownStatus syscall.WaitStatus = 1<<24 | 255<<8

// statusText is Supervisor's text for how a child ended (options.py, decode_wait_status).
func statusText(s syscall.WaitStatus) string {
	switch {
	case s == unknownStatus:
		return "exit status unknown"
	case s.Exited():
		return fmt.Sprintf("exit status %d", s.ExitStatus())
	case s.Signaled() && s.CoreDump():
		return fmt.Sprintf("terminated by %s (core dumped)", signalName(s.Signal()))
	case s.Signaled():
		return "terminated by " + signalName(s.Signal())
	}
	return fmt.Sprintf("unknown termination cause 0x%04x", uint32(s))
}

// exitStatus is the exit status of a child, -1 when it did not exit by itself.
func exitStatus(s syscall.WaitStatus) int {
	if s.Exited() && s != unknownStatus {
		return s.ExitStatus()
	}
	return -1
}

// errnoName is the name of an error number ("ENOENT"), or the error's text.
func errnoName(err error) string {
	errno, ok := asErrno(err)
	if !ok {
		return err.Error()
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return fmt.Sprint(int(errno))
}
