package proc

import "errors"

// Reason says why a wish was refused. The names are Supervisor's faults; daemon/fault.go
// has their numbers.
type Reason uint8

const (
	BadName Reason = iota
	ShutdownState
	NoFile
	NotExecutable
	Failed
	AbnormalTermination
	SpawnError
	AlreadyStarted
	NotRunning
	AlreadyAdded
	StillRunning
	Busy
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
