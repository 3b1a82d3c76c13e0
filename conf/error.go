package conf

// Error is one fault in a configuration, in the user's words.
type Error struct {
	Pos     Pos
	Section string // "program:web"; "" for the file as a whole
	Key     string // "startsecs"; "" for the section as a whole
	Msg     string
	Hint    string // one thing to try, or ""
	Compat  string // the one-line text Supervisor gives for this fault, or "" where Msg is it
}

// Errors is a list of faults, sorted by file and line.
type Errors []*Error

// Error is "file:line: [section] key: message (hint)".
func (e *Error) Error() string { panic("internal error: not built yet") }

// Error is all faults, one a line.
func (e Errors) Error() string { panic("internal error: not built yet") }
