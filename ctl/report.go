package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// jsonVersion is the version of what --json prints; docs/json.md documents it. It grows
// when a program that reads it has to know; new fields alone are no reason.
const jsonVersion = 1

// report is what --json prints for one action.
type report struct {
	Gosv    int       `json:"gosv"`
	Command string    `json:"command"`
	Exit    int       `json:"exit"`
	Result  []any     `json:"result"`
	Errors  []problem `json:"errors"`
}

// problem is one thing that went wrong.
type problem struct {
	Name string `json:"name,omitempty"` // of the process or group concerned
	Code string `json:"code"`           // a fault name, or one of those below
	Msg  string `json:"msg"`
	Hint string `json:"hint,omitempty"`

	Details []string `json:"details,omitempty"` // each fault of a configuration, "file:line: ..."
}

// Codes of problems that are not a server's faults.
const (
	codeUsage       = "USAGE"          // wrong arguments
	codeUnknown     = "UNKNOWN_ACTION" // no such action
	codeRefused     = "REFUSED"        // nobody answers on the socket
	codeNoSocket    = "NO_SOCKET"      // the socket does not exist
	codeUnreachable = "UNREACHABLE"    // any other trouble with the connection
	codeTimeout     = "TIMEOUT"        // no answer in time
	codeHTTP        = "HTTP_ERROR"     // the web server refused
	codeAuth        = "UNAUTHORIZED"   // name and password wanted
	codeVersion     = "API_VERSION"    // the server speaks another API version
	codeNoTopic     = "NO_SUCH_TOPIC"  // help about something unknown
	codeInterrupted = "INTERRUPTED"    // Ctrl-C
)

// done is a thing that happened to a process or group.
type done struct {
	Name string `json:"name"`
	Did  string `json:"did"`
}

// row is one process in the result of status.
type row struct {
	Name        string `json:"name"` // namespec: process, or group:process
	Group       string `json:"group"`
	Process     string `json:"process"`
	State       string `json:"state"`
	StateCode   int    `json:"statecode"`
	PID         int    `json:"pid"`
	Start       int64  `json:"start"`
	Stop        int64  `json:"stop"`
	Now         int64  `json:"now"`
	ExitStatus  int    `json:"exitstatus"`
	SpawnErr    string `json:"spawnerr"`
	Description string `json:"description"`
	Stdout      string `json:"stdout_logfile"`
	Stderr      string `json:"stderr_logfile"`
}

// logText is a piece of a log: Data when it is UTF-8, else Base64.
type logText struct {
	Name   string  `json:"name"`
	Stream string  `json:"stream"`
	Data   *string `json:"data,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
	Lost   int64   `json:"lost,omitempty"`
}

// newLogText is data in the form that fits it.
func newLogText(name, stream string, data []byte, lost int64) logText {
	t := logText{Name: name, Stream: stream, Lost: lost}
	if utf8.Valid(data) {
		text := string(data)
		t.Data = &text
	} else {
		t.Base64 = data
	}
	return t
}

// piece is one line of a streaming action: the report's head with a logText.
type piece struct {
	Gosv    int    `json:"gosv"`
	Command string `json:"command"`
	logText
}

// wholeRunes cuts data before a character that is not complete yet.
func wholeRunes(data []byte) (whole, rest []byte) {
	for i := 1; i <= min(len(data), utf8.UTFMax-1); i++ {
		tail := data[len(data)-i:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return data[:len(data)-i], tail
			}
			break
		}
	}
	return data, nil
}

// jsonLine is v as one line. What could harm a terminal is escaped, as escape does.
func jsonLine(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("internal error: " + err.Error()) // only our own plain types come here
	}
	line := b.Bytes()
	if !bytes.ContainsFunc(line[:len(line)-1], hidden) {
		return line
	}
	safe := make([]byte, 0, len(line)+64)
	for _, r := range string(line) {
		if hidden(r) && r != '\n' { // in a string, where else; all are below U+10000
			safe = fmt.Appendf(safe, `\u%04x`, r)
			continue
		}
		safe = utf8.AppendRune(safe, r)
	}
	return safe
}
