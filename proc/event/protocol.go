package event

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ListenerState is where a listener process stands in its conversation with its pool;
// Supervisor's EventListenerStates.
type ListenerState uint8

const (
	Acknowledged ListenerState = iota // has not said READY, at first or since its last result
	Ready                             // may be sent one event
	Busy                              // was sent an event, owes a result
	Unknown                           // broke the protocol, gets nothing until it is restarted
)

// String is Supervisor's name of the state.
func (s ListenerState) String() string {
	return [...]string{"ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN"}[s]
}

// Bounds on what a listener may make us keep. Supervisor has none.
const (
	maxResultLine = 64 << 10
	maxResult     = 1 << 20
)

const readyToken = "READY\n"

// Listener is one listener process as its standard output shows it. It is pure: bytes
// go in, what follows from them comes out. The zero value, with Name and Handle set, is
// a process that was just started.
type Listener struct {
	Name   string  // of the process, for log lines
	Handle Handler // nil: DefaultHandler

	state   ListenerState
	event   Event // what a Busy process works on
	input   []byte
	length  int // of the result that is being collected, if gathers
	gathers bool
}

// Do says what a Step asks for.
type Do uint8

const (
	Log      Do = iota // a line for the main log
	Print              // text for the daemon's standard output
	Done               // the event that was sent is dealt with
	Return             // the event that was sent goes back to its pool
	Violated           // the process has become Unknown
)

// Step is one thing to do after input; steps are to be done in order.
type Step struct {
	Do    Do
	Level string // Log: "DEBG" or "WARN"
	Text  string // Log, Print
}

// State is where the conversation stands.
func (l *Listener) State() ListenerState { return l.state }

// Sent says that a Ready process was sent ev. (Supervisor logs no line for this change.)
func (l *Listener) Sent(ev Event) { l.state, l.event = Busy, ev }

// Unsent takes the last Sent back: the process never got the event.
func (l *Listener) Unsent() { l.state, l.event = Ready, Event{} }

// Feed takes in what the process wrote to its standard output. It is Supervisor's
// PEventListenerDispatcher.handle_listener_state_change with its leniency: nobody reads
// the word RESULT, only the number after it; up to five bytes wait while Acknowledged,
// so a newline after the result is harmless as long as READY does not follow it; and the
// body of a result of length 0 counts as read when something comes after it.
func (l *Listener) Feed(data []byte) []Step {
	var s steps
	l.input = append(l.input, data...)
	for len(l.input) > 0 && l.advance(&s) {
	}
	if len(l.input) == 0 {
		l.input = nil // a big result is not kept for the listener's life
	}
	return s
}

// advance uses up some input; it reports false when more is needed to go on.
func (l *Listener) advance(s *steps) bool {
	switch l.state {
	case Acknowledged:
		if len(l.input) < len(readyToken) {
			return false
		}
		if !bytes.HasPrefix(l.input, []byte(readyToken)) {
			l.violate(s)
			return false
		}
		l.enter(s, Ready)
		l.input = l.input[len(readyToken):]
	case Ready:
		l.violate(s)
	case Busy:
		if l.gathers {
			return l.gather(s)
		}
		return l.resultLine(s)
	case Unknown:
		l.input = nil
	}
	return true
}

func (l *Listener) resultLine(s *steps) bool {
	line, rest, found := bytes.Cut(l.input, []byte("\n"))
	if !found && len(l.input) <= maxResultLine {
		return false
	}
	n, ok := resultLength(line)
	if len(line) > maxResultLine {
		line, ok = line[:80], false
	}
	if !ok {
		s.log("WARN", "%s: bad result line: '%s'", l.Name, readable(line))
		l.violate(s)
		s.add(Return)
		return false
	}
	l.input, l.length, l.gathers = rest, n, true
	return true
}

func (l *Listener) gather(s *steps) bool {
	if len(l.input) < l.length {
		return false
	}
	result := l.input[:l.length]
	l.input = l.input[l.length:]
	l.length, l.gathers = 0, false

	handle := l.Handle
	if handle == nil {
		handle = DefaultHandler
	}
	verdict, print := handle(l.event, result)
	l.event = Event{}
	if print != "" {
		*s = append(*s, Step{Do: Print, Text: print})
	}
	switch verdict {
	case Processed:
		s.log("DEBG", "%s: event was processed", l.Name)
		l.enter(s, Acknowledged)
		s.add(Done)
	case Rejected:
		s.log("WARN", "%s: event was rejected", l.Name)
		l.enter(s, Acknowledged)
		s.add(Return)
	default:
		s.log("WARN", "%s: event caused an error", l.Name)
		l.violate(s)
		s.add(Return)
	}
	return true
}

func (l *Listener) enter(s *steps, to ListenerState) {
	s.log("DEBG", "%s: %s -> %s", l.Name, l.state, to)
	l.state = to
}

// violate gives the process up: what it said and will say means nothing.
func (l *Listener) violate(s *steps) {
	l.enter(s, Unknown)
	s.log("WARN", "%s: has entered the UNKNOWN state and will no longer receive events, "+
		"this usually indicates the process violated the eventlistener protocol", l.Name)
	s.add(Violated)
	l.event, l.input, l.length, l.gathers = Event{}, nil, 0, false
}

type steps []Step

func (s *steps) add(do Do) { *s = append(*s, Step{Do: do}) }

func (s *steps) log(level, format string, args ...any) {
	*s = append(*s, Step{Do: Log, Level: level, Text: fmt.Sprintf(format, args...)})
}

// resultLength reads the number from byte 7 of the line on, as Python's int does: blanks
// around it, a sign, and single underscores between digits are fine. A length that cannot
// be waited for is none.
func resultLength(line []byte) (int, bool) {
	const blanks = " \t\n\r\v\f"
	digits := strings.Trim(string(line[min(len("RESULT "), len(line)):]), blanks)
	digits, negative := strings.CutPrefix(digits, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if digits == "" || digits[0] == '_' || digits[len(digits)-1] == '_' || strings.Contains(digits, "__") {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(digits, "_", ""), 10, 63)
	if err != nil || n > maxResult || n > math.MaxInt || negative && n > 0 {
		return 0, false
	}
	return int(n), true
}
