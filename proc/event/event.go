package event

// Type is an event type; its name on the wire and its place in the tree are in the
// table of types (types.go).
type Type uint8

// The event types, abstract ones included, as in Supervisor's events.py.
const (
	Any Type = iota // EVENT
	ProcessState
	ProcessStateStarting
	ProcessStateRunning
	ProcessStateBackoff
	ProcessStateStopping
	ProcessStateExited
	ProcessStateStopped
	ProcessStateFatal
	ProcessStateUnknown
	ProcessCommunication
	ProcessCommunicationStdout
	ProcessCommunicationStderr
	ProcessLog
	ProcessLogStdout
	ProcessLogStderr
	RemoteCommunication
	SupervisorStateChange
	SupervisorStateChangeRunning
	SupervisorStateChangeStopping
	Tick
	Tick5
	Tick60
	Tick3600
	ProcessGroup
	ProcessGroupAdded
	ProcessGroupRemoved
)

// Event is one event. Which fields count depends on the type.
type Event struct {
	Type     Type
	Process  string // process name, without its group
	Group    string
	From     string // PROCESS_STATE_*: the state before
	Tries    int    // STARTING, BACKOFF: failed starts so far
	PID      int
	Expected bool   // EXITED
	When     int64  // TICK_*: seconds since 1970, a multiple of the period
	Kind     string // REMOTE_COMMUNICATION: its type
	Data     []byte // PROCESS_LOG_*, PROCESS_COMMUNICATION_*, REMOTE_COMMUNICATION
}
