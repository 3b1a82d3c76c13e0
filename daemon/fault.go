package daemon

import (
	"context"
	"errors"
	"io/fs"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
)

// fault is a fault with its number. msg is Supervisor's extra text, "" for none.
func fault(code, msg string) *wire.Fault {
	return &wire.Fault{Code: code, Number: wire.Number(code), Msg: msg}
}

// reasonCode is the fault's name for a refusal of the process manager.
func reasonCode(r proc.Reason) string {
	switch r {
	case proc.BadName:
		return wire.BadName
	case proc.ShutdownState:
		return wire.ShutdownState
	case proc.NoFile:
		return wire.NoFile
	case proc.NotExecutable:
		return wire.NotExecutable
	case proc.AbnormalTermination:
		return wire.AbnormalTermination
	case proc.SpawnError:
		return wire.SpawnError
	case proc.AlreadyStarted:
		return wire.AlreadyStarted
	case proc.NotRunning:
		return wire.NotRunning
	case proc.AlreadyAdded:
		return wire.AlreadyAdded
	case proc.StillRunning:
		return wire.StillRunning
	case proc.Busy:
		return wire.Busy
	}
	return wire.Failed
}

// faultOf turns whatever a method failed with into a fault.
func faultOf(err error) *wire.Fault {
	var (
		f      *wire.Fault
		refuse *proc.Fault
		broken conf.Errors
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refuse):
		if refuse.Reason == proc.ShutdownState {
			return fault(wire.ShutdownState, "")
		}
		return fault(reasonCode(refuse.Reason), refuse.Text)
	case errors.As(err, &broken):
		f := fault(wire.CantReread, broken.Compat())
		for _, e := range broken {
			f.Details = append(f.Details, e.Error())
		}
		return f
	case errors.Is(err, proc.ErrClosed):
		return fault(wire.ShutdownState, "")
	case errors.Is(err, context.Canceled):
		return fault(wire.Cancelled, "")
	case errors.Is(err, fs.ErrNotExist):
		return fault(wire.NoFile, "")
	}
	return fault(wire.Failed, err.Error())
}

// named is faultOf with the name that the caller gave in place of the manager's text,
// for the faults whose extra text is that name (rpcinterface.py).
func named(err error, name string) *wire.Fault {
	f := faultOf(err)
	switch f.Code {
	case wire.BadName, wire.AlreadyStarted, wire.NotRunning, wire.SpawnError,
		wire.AbnormalTermination, wire.AlreadyAdded, wire.StillRunning:
		g := *f
		g.Msg = name
		return &g
	}
	return f
}

// faultString is a fault's text over XML-RPC. A name is shown there even if it is empty.
func faultString(f *wire.Fault) string {
	if (f.Code == wire.BadName || f.Code == wire.BadSignal) && f.Msg == "" {
		return f.Code + ": "
	}
	return f.Error()
}

// number is a fault's number over XML-RPC, where every fault must have one: those that
// Supervisor does not know are its FAILED.
func number(f *wire.Fault) int {
	if f.Number != 0 {
		return f.Number
	}
	return wire.Number(wire.Failed)
}
