package wire

// The methods of the JSON protocol: a constant for the name, and the types of what goes
// in and what comes out. Times are seconds since 1970, 0 for never; durations are seconds.
//
// "-> T" is a plain answer. "-> T..." is a stream: every T is an event as soon as it is
// known, and ok is a Count. "-> []T" is a list; one that would not fit into a line comes in
// pieces, the first ones as events (each a []T), the last as ok.

const (
	MethodHello    = "hello"    // HelloIn -> HelloOut
	MethodStatus   = "status"   // NamesIn -> []Process; unknown names are the fault BAD_NAME
	MethodStart    = "start"    // TargetIn -> Result...
	MethodStop     = "stop"     // TargetIn -> Result...
	MethodRestart  = "restart"  // TargetIn -> Result...; for each process one indivisible wish
	MethodSignal   = "signal"   // SignalIn -> Result...
	MethodTail     = "tail"     // TailIn -> Chunk...; with Follow until cancelled
	MethodClear    = "clear"    // TargetIn -> Result...; an empty name: the daemon's own log
	MethodStdin    = "stdin"    // StdinIn -> true
	MethodReread   = "reread"   // {} -> Changes
	MethodUpdate   = "update"   // UpdateIn -> UpdateStep...
	MethodAdd      = "add"      // GroupIn -> true
	MethodRemove   = "remove"   // GroupIn -> true
	MethodAvail    = "avail"    // {} -> []Avail
	MethodReload   = "reload"   // {} -> true; the daemon starts again with its configuration read anew
	MethodShutdown = "shutdown" // {} -> true
	MethodUpgrade  = "upgrade"  // {} -> UpgradeOut, from the version that has taken over
	MethodEvents   = "events"   // EventsIn -> Event... until cancelled
)

// Count is the end of a stream: how many results there were and how many had a fault.
type Count struct {
	Count  int `json:"count"`
	Failed int `json:"failed"`
}

// HelloIn says who calls. A name and password are needed where the socket has them
// configured and the caller is not root, the daemon's user or the socket's owner.
type HelloIn struct {
	Client   string `json:"client"`   // "gosv-ctl/1.0"
	Protocol int    `json:"protocol"` // the client's Version
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// HelloOut says who answers.
type HelloOut struct {
	Server         string `json:"server"`     // "gosv/1.0"
	Protocol       int    `json:"protocol"`   // the server's Version
	API            string `json:"api"`        // Supervisor's API version, "3.0"
	Supervisor     string `json:"supervisor"` // the Supervisor version whose behaviour is offered
	Identification string `json:"identification"`
	PID            int    `json:"pid"`
	State          string `json:"state"` // RUNNING, RESTARTING, SHUTDOWN
}

// NamesIn names processes: "name", "group:name", "group:*"; none means all.
type NamesIn struct {
	Names []string `json:"names,omitempty"`
}

// Process is one process as status shows it.
type Process struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	State       string `json:"state"`
	StateCode   int    `json:"statecode"`
	PID         int    `json:"pid"`
	Start       int64  `json:"start"`
	Stop        int64  `json:"stop"`
	Now         int64  `json:"now"`
	ExitStatus  int    `json:"exitstatus"`
	SpawnErr    string `json:"spawnerr"`
	Description string `json:"description"` // Supervisor's text
	Stdout      string `json:"stdout_logfile"`
	Stderr      string `json:"stderr_logfile"`
}

// TargetIn names what to act on: "name", "group:name", "group:*" or "all".
type TargetIn struct {
	Name   string `json:"name"`
	NoWait bool   `json:"nowait,omitempty"` // answer when begun, not when done
}

// SignalIn is TargetIn with a signal, a name or a number.
type SignalIn struct {
	Name   string `json:"name"`
	Signal string `json:"signal"`
}

// Result is what became of one process. Err is nil when it went well.
type Result struct {
	Name  string `json:"name"`
	Group string `json:"group"`
	Did   string `json:"did,omitempty"` // started, stopped, signalled, cleared
	Err   *Fault `json:"err,omitempty"`
}

// TailIn asks for the end of a log. An empty Name is the daemon's own log.
type TailIn struct {
	Name   string `json:"name,omitempty"`
	Stream string `json:"stream,omitempty"` // stdout (default) or stderr
	Bytes  int64  `json:"bytes,omitempty"`  // how many; 0: the whole current file
	Follow bool   `json:"follow,omitempty"`
}

// Chunk is a piece of a log, in order. With Follow, what follows the first ones is new output.
type Chunk struct {
	Data []byte `json:"data"`           // base64 in JSON; at most 256 KiB
	Lost int64  `json:"lost,omitempty"` // bytes left out before Data because the client was slow
}

// StdinIn is input for a process.
type StdinIn struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// Changes is what reread found: group names.
type Changes struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	Reasons []Reason `json:"reasons,omitempty"` // why a group counts as changed
}

// Reason is one option that differs between the running and the new configuration.
type Reason struct {
	Group   string `json:"group"`
	Process string `json:"process,omitempty"`
	Option  string `json:"option"`
	Old     string `json:"old"`
	New     string `json:"new"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// UpdateIn says which groups update may touch; none means all.
type UpdateIn struct {
	Groups []string `json:"groups,omitempty"`
}

// UpdateStep is one thing that update did to a group.
type UpdateStep struct {
	Group string `json:"group"`
	Did   string `json:"did,omitempty"` // stopped, removed, updated, added
	Err   *Fault `json:"err,omitempty"`
}

// GroupIn names a group.
type GroupIn struct {
	Name string `json:"name"`
}

// Avail is one configured process, in use or not.
type Avail struct {
	Name            string `json:"name"`
	Group           string `json:"group"`
	InUse           bool   `json:"inuse"`
	Autostart       bool   `json:"autostart"`
	GroupPriority   int    `json:"group_prio"`
	ProcessPriority int    `json:"process_prio"`
}

// EventsIn says which event types to send, by Supervisor's names; none means EVENT, all.
type EventsIn struct {
	Types []string `json:"types,omitempty"`
}

// Event is one event, while subscribed.
type Event struct {
	Serial  uint64 `json:"serial"`
	Type    string `json:"type"`           // PROCESS_STATE_RUNNING
	Payload string `json:"payload"`        // Supervisor's text
	Cut     int64  `json:"cut,omitempty"`  // bytes left out at the payload's end, past 128 KiB
	Lost    int64  `json:"lost,omitempty"` // events left out before this one because the client was slow
}

// UpgradeOut says who has taken over from whom.
type UpgradeOut struct {
	Version string `json:"version"`
	From    string `json:"from"`
	PID     int    `json:"pid"`
}
