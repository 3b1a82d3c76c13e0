package conf

// Opt is one option found by Getopt.
type Opt struct {
	Flag  string // "-c" or the full "--configuration"
	Value string // "" for an option without argument
}

// Getopt is Python's getopt.getopt: options until the first word that is none. short is
// like "nc:", long like {"nodaemon", "configuration="}; a long option may be shortened to
// a unique prefix.
func Getopt(args []string, short string, long []string) (opts []Opt, rest []string, err error) {
	panic("internal error: not built yet")
}
