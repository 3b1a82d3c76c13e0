package proc

import "errors"

// Reason says why a wish was refused. The names are Supervisor's faults; daemon/fault.go
// has their numbers.
type Reason uint8

const (
	BadName             Reason = iota // there is no process or group of that name
	ShutdownState                     // the daemon is ending
	NoFile                            // the command is not there
	NotExecutable                     // the command may not be executed
	Failed                            // anything else; Fault.Text says what
	AbnormalTermination               // it came to rest, or is STOPPING, before it was RUNNING
	SpawnError                        // it went to BACKOFF before it was RUNNING; Info.SpawnErr says why
	AlreadyStarted                    // it is up
	NotRunning                        // it is not up
	AlreadyAdded                      // there is a group of that name
	StillRunning                      // a group with processes that are up is not removed
	Busy                              // its group is just being removed or replaced, or another update is under way
)

// Fault is a refused wish. Text is Supervisor's extra text, usually the name given.
type Fault struct {
	Reason Reason
	Text   string
}

// Error is the text; the reason's name is the front end's business.
func (f *Fault) Error() string { return f.Text }

// ErrClosed is the answer of a manager whose loop has ended.
var ErrClosed = errors.New("the process manager has stopped")
