package conf

// Every type has Set, which takes what the file says (INI: string; TOML: string, int64,
// float64, bool, []any, map[string]any), and String, which Set reads back. Errors are
// Supervisor's texts, without section and key. Kinds without a type of their own, and
// those whose type has a field called Set, have a parse function.

func (x *Seconds) Set(v any) error     { panic("internal error: not built yet") }
func (x Seconds) String() string       { panic("internal error: not built yet") }
func (x *Bytes) Set(v any) error       { panic("internal error: not built yet") }
func (x Bytes) String() string         { panic("internal error: not built yet") }
func (x *Mode) Set(v any) error        { panic("internal error: not built yet") }
func (x Mode) String() string          { panic("internal error: not built yet") }
func (x *Signal) Set(v any) error      { panic("internal error: not built yet") }
func (x Signal) String() string        { panic("internal error: not built yet") }
func (x *Level) Set(v any) error       { panic("internal error: not built yet") }
func (x Level) String() string         { panic("internal error: not built yet") }
func (x *Autorestart) Set(v any) error { panic("internal error: not built yet") }
func (x Autorestart) String() string   { panic("internal error: not built yet") }
func (x *LogFile) Set(v any) error     { panic("internal error: not built yet") }
func (x LogFile) String() string       { panic("internal error: not built yet") }
func (x User) String() string          { panic("internal error: not built yet") }
func (x Owner) String() string         { panic("internal error: not built yet") }

func parseUser(v any) (User, error)       { panic("internal error: not built yet") }
func parseOwner(v any) (Owner, error)     { panic("internal error: not built yet") }
func parseString(v any) (string, error)   { panic("internal error: not built yet") }
func parseBool(v any) (bool, error)       { panic("internal error: not built yet") }
func parseInt(v any) (int, error)         { panic("internal error: not built yet") }
func parseList(v any) ([]string, error)   { panic("internal error: not built yet") }
func parseExitcodes(v any) ([]int, error) { panic("internal error: not built yet") }
func parseInet(v any) (host string, port int, err error) {
	panic("internal error: not built yet")
}
func formatList(x []string) string { panic("internal error: not built yet") } // parseList reads it back
func formatInts(x []int) string    { panic("internal error: not built yet") } // parseExitcodes reads it back

// checkName is Supervisor's process_or_group_name: the name, stripped.
func checkName(s string) (string, error) { panic("internal error: not built yet") }

// existingDir is Supervisor's existing_directory: the path with ~ expanded.
func existingDir(path string) (string, error) { panic("internal error: not built yet") }

// existingDirpath is Supervisor's existing_dirpath: the path with ~ expanded.
func existingDirpath(path string) (string, error) { panic("internal error: not built yet") }

// expandUser is Python's os.path.expanduser.
func expandUser(path string) string { panic("internal error: not built yet") }
