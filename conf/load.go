package conf

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say how to load a configuration.
type Options struct {
	Environ   []string   // "K=V", the environment for %(ENV_K)s; usually os.Environ()
	Overrides []Override // command-line flags; they beat the file
	Format    string     // "", "ini" or "toml"; "" decides by extension, then by content
	NoCtl     bool       // for LoadCtl: INI may do without [supervisorctl], as TOML may
}

// Override is an option of [supervisord] given on the command line.
type Override struct {
	Flag  string // as typed, "-l" or "--logfile", for error messages
	Key   string // the option's name, "logfile"
	Value string // "" for a flag without argument, which switches the option on
}

// Bounds that no honest configuration meets.
const (
	maxFile     = 16 << 20 // bytes of one file
	maxIncluded = 10_000   // files
	maxNumprocs = 10_000
)

// Load reads the configuration in file and what it includes. The error, if any, is an
// [Errors] with everything that is wrong, sorted by place.
func Load(file string, o Options) (*Config, error) {
	c, _, errs := Inspect(file, o)
	if len(errs) > 0 {
		return nil, errs
	}
	return c, nil
}

// Inspect is Load for those who want the notices of a configuration that has errors too:
// unknown options, for example, which may be why required ones are missing. The Config is
// nil when there are errors.
func Inspect(file string, o Options) (*Config, []Notice, Errors) {
	l := newLoader(file, o)
	doc := l.readMain()
	if doc != nil {
		l.include(doc)
		l.build(doc)
	}
	if len(l.errs) > 0 {
		l.errs.takeTurns()
		l.errs.Sort()
		return nil, l.cfg.Notices, l.errs
	}
	return l.cfg, l.cfg.Notices, nil
}

// Find is the file that Supervisor uses without -c, and the names it tries for it, in
// order. argv0 is how the program was called: as gosv it looks for a gosv.toml first, and
// names each file once.
// The path is "" when none of them exists.
func Find(argv0 string) (path string, tried []string) {
	modern := strings.HasPrefix(argv0, "gosv ")
	if modern {
		tried = []string{"gosv.toml", "/etc/gosv/gosv.toml", "/etc/gosv.toml"}
		argv0 = ""
	}
	if dir := dirname(dirname(argv0)); !modern {
		tried = append(tried, join(dir, "etc/supervisord.conf"), join(dir, "supervisord.conf"))
	}
	tried = append(tried,
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	)
	if dir, err := os.Getwd(); modern && err == nil && dir == "/" {
		tried = slices.DeleteFunc(tried, func(t string) bool { return slices.Contains(tried, "/"+t) })
	}
	for _, t := range tried {
		if _, err := os.Stat(t); err == nil {
			return t, tried
		}
	}
	return "", tried
}

// dirname and join are Python's: they do not clean the path, and its texts show that.
func dirname(path string) string {
	i := strings.LastIndexByte(path, '/') + 1
	dir := strings.TrimRight(path[:i], "/")
	if dir == "" {
		return path[:i]
	}
	return dir
}

func join(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "/") || dir == "":
		return name
	case strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

// loader is one run of Load.
type loader struct {
	want      func(section string) bool // whose options are kept; nil: all
	opts      Options
	cfg       *Config
	errs      Errors
	env       map[string]string // for %(ENV_X)s
	host      string
	toml      map[string]bool   // by file: it was read as TOML
	here      map[string]string // by file: %(here)s in it
	files     []string          // all files, for Origin
	textual   bool              // there is an [include]: %(here)s works in every option
	broken    bool              // some file has faults of syntax
	defaults  []setting         // [DEFAULT]
	sections  map[string]*section
	index     map[kinds]map[string]int
	said      map[string]bool // texts of errors
	noted     map[Notice]bool
	users     map[string]User
	templates map[kinds]*template
	sockets   map[string]*Socket
}

// template is a program-like section with nothing but defaults.
type template struct {
	process Process
	program programOptions
}

func newLoader(file string, o Options) *loader {
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	l := &loader{
		opts:      o,
		cfg:       &Config{File: abs},
		env:       map[string]string{},
		toml:      map[string]bool{},
		here:      map[string]string{file: filepath.Dir(abs)},
		files:     []string{file},
		sections:  map[string]*section{},
		index:     map[kinds]map[string]int{},
		said:      map[string]bool{},
		noted:     map[Notice]bool{},
		users:     map[string]User{},
		templates: map[kinds]*template{},
		sockets:   map[string]*Socket{},
	}
	l.host, _ = os.Hostname() // "" is what Python's platform.node says too
	for _, kv := range o.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			l.env[k] = v
		}
	}
	return l
}

// fail adds an error, unless it is there already: a section may be read for two groups.
func (l *loader) fail(e *Error) {
	if text := e.Error(); !l.said[text] {
		l.said[text] = true
		l.errs = append(l.errs, e)
	}
}

func (l *loader) notice(level, format string, args ...any) {
	n := Notice{Level: level, Text: fmt.Sprintf(format, args...)}
	if !l.noted[n] { // Supervisor repeats some for each of numprocs
		l.noted[n] = true
		l.cfg.Notices = append(l.cfg.Notices, n)
	}
}

// warn notes something that is not right but does no harm.
func (l *loader) warn(e *Error) { l.notice("WARN", "%s", e.Error()) }

// readMain reads the main file; nil means that the errors say why not.
func (l *loader) readMain() *document {
	file := l.files[0]
	text, err := readFile(file)
	switch {
	case os.IsNotExist(err):
		l.fail(&Error{Msg: "could not find config file " + file})
		return nil
	case err != nil:
		l.fail(&Error{Msg: "could not read config file " + file, Hint: reason(err)})
		return nil
	}
	doc, isTOML, errs := parse(file, text, l.opts.Format, l.want)
	l.toml[file] = isTOML
	l.cfg.TOML = isTOML
	l.errs = append(l.errs, errs...)
	l.broken = len(errs) > 0
	if doc != nil {
		doc.sections = l.own(doc)
		for _, s := range doc.sections {
			l.sections[s.name] = s
		}
	}
	return doc
}

// readFile is os.ReadFile with a bound.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return text, err
}

// reason is an error of the file system without the name that the caller says anyway.
func reason(err error) string {
	if p, ok := err.(*os.PathError); ok {
		return p.Err.Error()
	}
	return err.Error()
}
