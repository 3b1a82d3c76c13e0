// Package proc is the process manager: it starts, watches, restarts and stops processes
// the way supervisord does, and nothing else of gosv forks, execs or waits.
//
// One goroutine, in [Manager.Run], owns every process record. Everybody else sends it a
// message and gets an answer; nobody reads its fields. It decides by asking the pure
// [state.Next], and acts through a [Kernel] of four methods, which tests replace. It never
// blocks: launching, draining output and everything on disk happen elsewhere and come back
// as messages. Signalling and reaping happen in the loop alone, so a pid can never be
// recycled between the decision to signal it and the signal.
//
// Start reading at manager.go; what may be asked of a manager is in request.go.
package proc
