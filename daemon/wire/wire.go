// Package wire is the contract between gosv's daemon and everyone who talks to it over
// the socket: newline-delimited JSON, one object a line. It has the messages ([Request],
// [Reply]), what the methods take and give (methods.go), and a codec ([Conn]); no
// behaviour. docs/protocol.md says the same in prose, testdata/*.golden are transcripts.
//
// A request is {"id":1,"m":"start","p":{...}}. Its answer is any number of
// {"id":1,"ev":...} and then exactly one {"id":1,"ok":...} or {"id":1,"err":{...}}.
// {"id":1,"cancel":true} ends the waiting for request 1, which answers with the fault
// CANCELLED; it never undoes what was begun. Unknown fields are ignored, unknown methods
// are the fault UNKNOWN_METHOD. The first request of a connection should be "hello".
package wire

import "encoding/json"

// Version is the version of the protocol. It grows when a client has to know.
const Version = 1

// MaxLine is the longest line, in bytes, its newline included, that either side reads.
const MaxLine = 1 << 20

// Request is what a client sends.
type Request struct {
	ID     uint64          `json:"id"`
	Method string          `json:"m,omitempty"`
	Params json.RawMessage `json:"p,omitempty"`
	Cancel bool            `json:"cancel,omitempty"`
}

// Reply is one line of an answer: exactly one of Event, OK and Err is set.
type Reply struct {
	ID    uint64          `json:"id"`
	Event json.RawMessage `json:"ev,omitempty"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Err   *Fault          `json:"err,omitempty"`
}

// Fault is a refusal. Code is one of Supervisor's fault names (BAD_NAME, SPAWN_ERROR...)
// or one of gosv's own; Number is Supervisor's number for it, 0 if it has none.
type Fault struct {
	Code    string   `json:"code"`
	Number  int      `json:"number,omitempty"`
	Msg     string   `json:"msg,omitempty"`     // what exactly: Supervisor's extra text
	Hint    string   `json:"hint,omitempty"`    // one thing to try
	Details []string `json:"details,omitempty"` // CANT_REREAD: everything that is wrong, "file:line: ..."
}

// Error is "CODE: msg", as Supervisor's faultString.
func (f *Fault) Error() string {
	if f.Msg == "" {
		return f.Code
	}
	return f.Code + ": " + f.Msg
}

// Codes that Supervisor does not have.
const (
	Cancelled    = "CANCELLED"      // the client cancelled the request
	NotAllowed   = "NOT_ALLOWED"    // this user may not do that
	TooManyCalls = "TOO_MANY_CALLS" // more requests at once than one connection may have
	Busy         = "BUSY"           // another update is under way
)

// Supervisor's fault names and numbers (xmlrpc.py, class Faults).
const (
	UnknownMethod        = "UNKNOWN_METHOD"        // 1
	IncorrectParameters  = "INCORRECT_PARAMETERS"  // 2
	BadArguments         = "BAD_ARGUMENTS"         // 3
	SignatureUnsupported = "SIGNATURE_UNSUPPORTED" // 4
	ShutdownState        = "SHUTDOWN_STATE"        // 6
	BadName              = "BAD_NAME"              // 10
	BadSignal            = "BAD_SIGNAL"            // 11
	NoFile               = "NO_FILE"               // 20
	NotExecutable        = "NOT_EXECUTABLE"        // 21
	Failed               = "FAILED"                // 30
	AbnormalTermination  = "ABNORMAL_TERMINATION"  // 40
	SpawnError           = "SPAWN_ERROR"           // 50
	AlreadyStarted       = "ALREADY_STARTED"       // 60
	NotRunning           = "NOT_RUNNING"           // 70
	Success              = "SUCCESS"               // 80
	AlreadyAdded         = "ALREADY_ADDED"         // 90
	StillRunning         = "STILL_RUNNING"         // 91
	CantReread           = "CANT_REREAD"           // 92
)

// Number is Supervisor's number of a fault name, 0 for a name that it does not have.
func Number(code string) int {
	switch code {
	case UnknownMethod:
		return 1
	case IncorrectParameters:
		return 2
	case BadArguments:
		return 3
	case SignatureUnsupported:
		return 4
	case ShutdownState:
		return 6
	case BadName:
		return 10
	case BadSignal:
		return 11
	case NoFile:
		return 20
	case NotExecutable:
		return 21
	case Failed:
		return 30
	case AbnormalTermination:
		return 40
	case SpawnError:
		return 50
	case AlreadyStarted:
		return 60
	case NotRunning:
		return 70
	case Success:
		return 80
	case AlreadyAdded:
		return 90
	case StillRunning:
		return 91
	case CantReread:
		return 92
	}
	return 0
}
