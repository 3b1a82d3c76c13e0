package event

import (
	"strconv"
	"unicode/utf8"
)

// Payload is what follows the header line on the way to a listener, as the payload
// methods of Supervisor's events.py write it. Only PROCESS_GROUP_* ends with a newline
// of its own.
func (e Event) Payload() []byte {
	switch e.Type {
	case ProcessStateStarting, ProcessStateBackoff:
		return appendInt(e.state(), " tries:", e.Tries)
	case ProcessStateExited:
		expected := 0
		if e.Expected {
			expected = 1
		}
		return appendInt(appendInt(e.state(), " expected:", expected), " pid:", e.PID)
	case ProcessStateRunning, ProcessStateStopping, ProcessStateStopped:
		return appendInt(e.state(), " pid:", e.PID)
	case ProcessStateFatal, ProcessStateUnknown:
		return e.state()
	case ProcessCommunicationStdout, ProcessCommunicationStderr:
		return appendData(append(appendInt(e.process(), " pid:", e.PID), '\n'), e.Data)
	case ProcessLogStdout:
		return appendData(append(appendInt(e.process(), " pid:", e.PID), " channel:stdout\n"...), e.Data)
	case ProcessLogStderr:
		return appendData(append(appendInt(e.process(), " pid:", e.PID), " channel:stderr\n"...), e.Data)
	case RemoteCommunication:
		return appendData(append(append([]byte("type:"), e.Kind...), '\n'), e.Data)
	case Tick5, Tick60, Tick3600:
		return strconv.AppendInt([]byte("when:"), e.When, 10)
	case ProcessGroupAdded, ProcessGroupRemoved:
		return append(append([]byte("groupname:"), e.Group...), '\n')
	}
	return nil // SUPERVISOR_STATE_CHANGE_*; abstract types are never published
}

func (e Event) process() []byte {
	b := make([]byte, 0, 96+len(e.Process)+len(e.Group)+len(e.Data))
	b = append(append(b, "processname:"...), e.Process...)
	return append(append(b, " groupname:"...), e.Group...)
}

func (e Event) state() []byte {
	return append(append(e.process(), " from_state:"...), e.From...)
}

func appendInt(b []byte, key string, n int) []byte {
	return strconv.AppendInt(append(b, key...), int64(n), 10)
}

// appendData keeps the stream of payloads valid UTF-8, in the form that Supervisor's
// users know: "Undecodable: " and Python's repr of the bytes.
func appendData(b, data []byte) []byte {
	if utf8.Valid(data) {
		return append(b, data...)
	}
	return appendBytesRepr(append(b, "Undecodable: "...), data)
}

// Text is output as Supervisor's main log shows it: text, or a description of what is not.
func Text(data []byte) string { return readable(data) }

// Repr is output as Supervisor's main log shows that of a listener: Python's repr of bytes.
func Repr(data []byte) string { return string(appendBytesRepr(nil, data)) }

// appendBytesRepr appends data as Python's repr of a bytes object writes it.
func appendBytesRepr(b, data []byte) []byte {
	const hex = "0123456789abcdef"
	quote := byte('\'')
	single, double := false, false
	for _, c := range data {
		single = single || c == '\''
		double = double || c == '"'
	}
	if single && !double {
		quote = '"'
	}
	b = append(b, 'b', quote)
	for _, c := range data {
		switch {
		case c == quote, c == '\\':
			b = append(b, '\\', c)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < ' ' || c > '~':
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, quote)
}

// Header is the line before a payload.
type Header struct {
	Server     string // the daemon's identifier
	Serial     uint64 // of the event
	Pool       string
	PoolSerial uint64 // of the event in this pool
	Type       Type
	ByteLen    bool // len counts bytes; false: characters, as Supervisor counts
}

// Append appends the header line, with its newline, and the payload, which is all that
// a listener gets for one event.
//
// Supervisor's len is the number of characters of a payload that is sent as UTF-8. That
// suits listeners that read text (most of those in Python), so it is the default here.
func (h Header) Append(b, payload []byte) []byte {
	n := len(payload)
	if !h.ByteLen {
		n = utf8.RuneCount(payload)
	}
	b = append(append(b, "ver:3.0 server:"...), h.Server...)
	b = strconv.AppendUint(append(b, " serial:"...), h.Serial, 10)
	b = append(append(b, " pool:"...), h.Pool...)
	b = strconv.AppendUint(append(b, " poolserial:"...), h.PoolSerial, 10)
	b = append(append(b, " eventname:"...), h.Type.String()...)
	b = append(appendInt(b, " len:", n), '\n')
	return append(b, payload...)
}
