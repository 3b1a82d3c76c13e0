package event

import (
	"strings"
	"unicode/utf8"
)

// Verdict says what a result meant.
type Verdict uint8

const (
	Processed Verdict = iota // the event is done with
	Rejected                 // the listener cannot do it: somebody else may, or itself later
	Broken                   // the result made no sense: no more events for this process
)

// Handler judges the result that a listener gave for ev, like a result_handler of
// Supervisor's configuration. print is text for the daemon's standard output.
type Handler func(ev Event, result []byte) (v Verdict, print string)

// The names of the handlers there are, as written in result_handler=.
const (
	DefaultHandlerName = "supervisor.dispatchers:default_handler"
	StdoutHandlerName  = "supervisor_stdout:event_handler"
)

// HandlerByName finds a handler. Supervisor can import any Python function; the second
// one here is built in because many container images use it.
func HandlerByName(name string) (Handler, bool) {
	switch name {
	case DefaultHandlerName:
		return DefaultHandler, true
	case StdoutHandlerName:
		return StdoutHandler, true
	}
	return nil, false
}

// DefaultHandler takes exactly "OK" for success, and rejects everything else.
func DefaultHandler(_ Event, result []byte) (Verdict, string) {
	if string(result) == "OK" {
		return Processed, ""
	}
	return Rejected, ""
}

// StdoutHandler is the result handler of the Python package supervisor-stdout. Its
// listener gives the payload of a PROCESS_LOG event back as the result; the handler
// prints each line of it as "NAME CHANNEL | LINE". Unlike the package's it does not
// print an empty line after output that ends with a newline.
func StdoutHandler(_ Event, result []byte) (Verdict, string) {
	head, data, found := strings.Cut(string(result), "\n")
	if !found {
		return Broken, ""
	}
	token := map[string]string{}
	for _, word := range strings.Fields(head) {
		key, value, found := strings.Cut(word, ":")
		if !found || strings.Contains(value, ":") {
			return Broken, ""
		}
		token[key] = value
	}
	name, okName := token["processname"]
	channel, okChannel := token["channel"]
	if !okName || !okChannel {
		return Broken, ""
	}
	var out strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(data, "\n"), "\n") {
		out.WriteString(name + " " + channel + " | " + line + "\n")
	}
	return Processed, out.String()
}

// readable is as_string of Supervisor: text, or a description of what is not.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return "Undecodable: " + string(appendBytesRepr(nil, b))
}
