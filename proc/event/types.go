package event

import "strings"

const numTypes = int(ProcessGroupRemoved) + 1

// types is the table of types: the name in configuration and on the wire, and the type
// above. Any is its own parent.
var types = [numTypes]struct {
	name   string
	parent Type
}{
	Any:                           {"EVENT", Any},
	ProcessState:                  {"PROCESS_STATE", Any},
	ProcessStateStarting:          {"PROCESS_STATE_STARTING", ProcessState},
	ProcessStateRunning:           {"PROCESS_STATE_RUNNING", ProcessState},
	ProcessStateBackoff:           {"PROCESS_STATE_BACKOFF", ProcessState},
	ProcessStateStopping:          {"PROCESS_STATE_STOPPING", ProcessState},
	ProcessStateExited:            {"PROCESS_STATE_EXITED", ProcessState},
	ProcessStateStopped:           {"PROCESS_STATE_STOPPED", ProcessState},
	ProcessStateFatal:             {"PROCESS_STATE_FATAL", ProcessState},
	ProcessStateUnknown:           {"PROCESS_STATE_UNKNOWN", ProcessState},
	ProcessCommunication:          {"PROCESS_COMMUNICATION", Any},
	ProcessCommunicationStdout:    {"PROCESS_COMMUNICATION_STDOUT", ProcessCommunication},
	ProcessCommunicationStderr:    {"PROCESS_COMMUNICATION_STDERR", ProcessCommunication},
	ProcessLog:                    {"PROCESS_LOG", Any},
	ProcessLogStdout:              {"PROCESS_LOG_STDOUT", ProcessLog},
	ProcessLogStderr:              {"PROCESS_LOG_STDERR", ProcessLog},
	RemoteCommunication:           {"REMOTE_COMMUNICATION", Any},
	SupervisorStateChange:         {"SUPERVISOR_STATE_CHANGE", Any},
	SupervisorStateChangeRunning:  {"SUPERVISOR_STATE_CHANGE_RUNNING", SupervisorStateChange},
	SupervisorStateChangeStopping: {"SUPERVISOR_STATE_CHANGE_STOPPING", SupervisorStateChange},
	Tick:                          {"TICK", Any},
	Tick5:                         {"TICK_5", Tick},
	Tick60:                        {"TICK_60", Tick},
	Tick3600:                      {"TICK_3600", Tick},
	ProcessGroup:                  {"PROCESS_GROUP", Any},
	ProcessGroupAdded:             {"PROCESS_GROUP_ADDED", ProcessGroup},
	ProcessGroupRemoved:           {"PROCESS_GROUP_REMOVED", ProcessGroup},
}

// String is the type's name on the wire.
func (t Type) String() string {
	if int(t) >= numTypes {
		return "UNKNOWN_EVENT"
	}
	return types[t].name
}

// Parse finds the type with that name, in upper or lower case.
func Parse(name string) (Type, bool) {
	for t, row := range types {
		if strings.EqualFold(row.name, name) {
			return Type(t), true
		}
	}
	return 0, false
}

// Is reports whether t is above or lies below it in the tree: who subscribed to above gets t.
func (t Type) Is(above Type) bool {
	for int(t) < numTypes {
		if t == above {
			return true
		}
		if t == Any {
			return false
		}
		t = types[t].parent
	}
	return false
}
