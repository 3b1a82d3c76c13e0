package conf

// Options say how to load a configuration.
type Options struct {
	Environ   []string   // "K=V", the environment for %(ENV_K)s; usually os.Environ()
	Overrides []Override // command-line flags; they beat the file
	Format    string     // "", "ini" or "toml"; "" decides by extension, then by content
}

// Override is an option of [supervisord] given on the command line.
type Override struct {
	Flag  string // as typed, "-l" or "--logfile", for error messages
	Key   string // the option's name, "logfile"
	Value string
}

// Load reads the configuration in file and what it includes. The error, if any, is an
// [Errors] with everything that is wrong, sorted by place.
func Load(file string, o Options) (*Config, error) { panic("internal error: not built yet") }
