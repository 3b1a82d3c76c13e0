package conf

// expand is Python's format % mapping. lookup answers with a string or an int.
// The error is an *expandError.
func expand(format string, lookup func(name string) (any, bool)) (string, error) {
	panic("internal error: not built yet")
}

// expandError says why expand failed.
type expandError struct {
	Name    string // the name that is not in the mapping, when Unknown
	Unknown bool
	Msg     string // Python's text: for an unknown name, its repr
}

// Error is Python's text.
func (e *expandError) Error() string { return e.Msg }

// expansionError is Supervisor's text for an error of expand. where is "section.option",
// or the option alone for those that Supervisor expands by themselves.
func expansionError(value, where string, err error, available []string) string {
	panic("internal error: not built yet")
}

// pyRepr is Python's repr of a string.
func pyRepr(s string) string { panic("internal error: not built yet") }
