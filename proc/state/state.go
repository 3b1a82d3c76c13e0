// Package state is the life of one process as a pure function: given a machine, an
// event and a policy, [Next] says what the machine becomes and what must be done about
// it. It reads no clock, logs nothing and signals nobody, so a test can walk every
// machine under every event (model_test.go), and docs/states.md is written by that walk.
//
// States, their names and their numbers are Supervisor's (process.py, states.py).
// Child is kept apart from State: it is what the kernel still owes us, not what users see.
package state

import "time"

// State is a process state with Supervisor's number.
type State int

// The states of a process. UNKNOWN exists for clients only: no machine ever enters it.
const (
	Stopped  State = 0
	Starting State = 10
	Running  State = 20
	Backoff  State = 30
	Stopping State = 40
	Exited   State = 100
	Fatal    State = 200
	Unknown  State = 1000
)

// String is Supervisor's name of the state, as users see it.
func (s State) String() string {
	switch s {
	case Stopped:
		return "STOPPED"
	case Starting:
		return "STARTING"
	case Running:
		return "RUNNING"
	case Backoff:
		return "BACKOFF"
	case Stopping:
		return "STOPPING"
	case Exited:
		return "EXITED"
	case Fatal:
		return "FATAL"
	}
	return "UNKNOWN"
}

// Up says whether start refuses a process in this state (Supervisor's RUNNING_STATES).
func (s State) Up() bool { return s == Starting || s == Running || s == Backoff }

// Down says whether a process in this state is at rest (Supervisor's STOPPED_STATES).
func (s State) Down() bool { return s == Stopped || s == Exited || s == Fatal || s == Unknown }

// Signallable says whether a process in this state may be sent a signal
// (Supervisor's SIGNALLABLE_STATES).
func (s State) Signallable() bool { return s == Starting || s == Running || s == Stopping }

// Child is what the kernel owes us for a process.
type Child uint8

const (
	None      Child = iota
	Launching       // Launch was asked for and has not answered
	Live            // a pid that has not been reaped
)

// Machine is the whole memory of one process's life. It is plain data and may be copied.
type Machine struct {
	State    State
	Child    Child
	Failures int  // failed starts in a row; Supervisor's backoff
	Again    bool // STOPPING: start again once stopped, a restart is under way; EXITED: once the pause is over
	GaveUp   bool // FATAL once stopped: unhealthy, and no restart is left
}

// Kind says what happened.
type Kind uint8

const (
	Start        Kind = iota // an operator, autostart or update wants it up
	Stop                     // an operator or update wants it down
	Restart                  // down and up again as one wish
	Shutdown                 // the daemon ends: as Stop, but BACKOFF becomes FATAL
	Launched                 // the kernel gave us a child
	LaunchFailed             // it did not
	Elapsed                  // the armed time is over
	ChildExited              // the child was reaped
	Unhealthy                // a liveness check gave up on it
)

// Event is something that happened to a process. Time is the event Elapsed.
type Event struct {
	Kind     Kind
	Expected bool          // ChildExited: the exit status is in exitcodes
	Pause    time.Duration // ChildExited: before it is started again by itself; 0 or less: none
}

// Autorestart is the autorestart option.
type Autorestart uint8

const (
	Never Autorestart = iota
	Unexpected
	Always
)

// Policy is what the configuration says about a process's life.
type Policy struct {
	Startsecs    time.Duration // how long it must stay up to be RUNNING; 0 or less: at once
	Startretries int           // failed starts that are forgiven
	Autorestart  Autorestart
	Stopwaitsecs time.Duration // between the stop signal and SIGKILL
	Closing      bool          // the daemon is shutting down: nothing starts any more
	Spent        bool          // max_restarts within restart_window are used up: nothing restarts by itself
}

// Do is a kind of action.
type Do uint8

const (
	Enter    Do = iota // the state is now State; the only way the world hears of one
	Launch             // start a child; answer with Launched or LaunchFailed
	SendStop           // send the stop signal to the live child
	SendKill           // send SIGKILL to the live child
	Arm                // deliver Elapsed after Delay, in place of what was armed before
	Disarm             // deliver no Elapsed
	Spend              // one restart that nobody asked for is used up
)

// Action is one thing to be done.
type Action struct {
	Do    Do
	State State         // Enter
	Tries int           // Enter: failed starts in a row so far, this one included
	Delay time.Duration // Arm
	Spent bool          // Enter FATAL: because no restart is left
}
