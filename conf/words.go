package conf

// SplitWords splits a command line into words exactly as Python's shlex.split does.
// The errors are "No closing quotation" and "No escaped character".
func SplitWords(line string) ([]string, error) { panic("internal error: not built yet") }

// Words is the command as words: Argv, or Line split.
func (c Command) Words() ([]string, error) { panic("internal error: not built yet") }

// String is the command as one line.
func (c Command) String() string { panic("internal error: not built yet") }

// Set takes a line (string) or ready words ([]any of strings).
func (c *Command) Set(v any) error { panic("internal error: not built yet") }
