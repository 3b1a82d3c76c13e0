// Package ctl is gosv's client: the command line and the interactive shell that people
// know as supervisorctl. It prints Supervisor's texts and ends with Supervisor's exit
// codes, because scripts read both; --json gives the same as one documented object.
//
// The socket is the contract: ctl knows the daemon only through daemon/wire, so that an old
// ctl talks to a new daemon, and through XML-RPC, so that it also talks to a Python
// supervisord. [client] is what both can do; client.go decides which one answers.
//
// Every action is a file cmd_x.go and a line of the list in command.go. An action writes
// through a [session], which knows whether text or JSON is wanted, and changes the exit
// status only where Supervisor does: success never resets it. Errors that an action does
// not explain itself are returned, and explained once, in failure.go.
//
// Output: data and Supervisor's own error texts go to stdout, as there; hints, the
// complaints of tail -f and those about the command line go to stderr. Names that come from
// a server are printed with their control characters escaped; log content is printed as it is.
//
// Start reading at [Main], then session.go.
package ctl
