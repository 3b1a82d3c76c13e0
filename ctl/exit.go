package ctl

import "gosv/daemon/wire"

// The exit codes: Supervisor's LSBInitExitStatuses and LSBStatusExitStatuses. A session
// ends with the last one that was set.
const (
	exitOK            = 0
	exitGeneric       = 1
	exitUsage         = 2 // wrong arguments; also start of an unknown group
	exitStopped       = 3 // status: something listed is not up
	exitUnimplemented = 3 // the server has no supervisor.* methods
	exitUnknown       = 4 // status: no such name, or no answer
	exitRefused       = 4 // connection refused, or not allowed
	exitVersion       = 5 // the server speaks another API version
	exitNotRunning    = 7 // no socket, or a program that is not up
)

// exitOf is the exit code for a fault; ok is false when it does not count, because there
// is none or because it is the one that the action ignores.
func exitOf(f *wire.Fault, ignored string) (code int, ok bool) {
	switch {
	case f == nil, f.Code == ignored:
		return exitOK, false
	case f.Code == wire.SpawnError, f.Code == wire.AbnormalTermination, f.Code == wire.NotRunning:
		return exitNotRunning, true
	case f.Code == wire.NotAllowed:
		return exitRefused, true
	}
	return exitGeneric, true
}
