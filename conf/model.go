package conf

import (
	"syscall"
	"time"
)

// Config is everything that one configuration says, defaults included.
type Config struct {
	File     string   // the main file, absolute
	TOML     bool     // the main file is TOML: surprises that are kept for INI need not be
	Included []string // included files, in the order they were read
	Notices  []Notice // what the main log is told about the reading, in order

	Supervisord   Supervisord
	UnixServers   []UnixServer // [unix_http_server] and [unix_http_server:*]
	InetServers   []InetServer // [inet_http_server] and [inet_http_server:*]
	Access        []Access     // [access:*]
	Supervisorctl Supervisorctl
	Groups        []*Group // sorted by (Priority, Name), as supervisord does
}

// Notice is a remark of the reading that belongs into the main log.
type Notice struct {
	Level string // "CRIT", "WARN" or "INFO"
	Text  string // Supervisor's text where it has one
}

// Supervisord is the [supervisord] section.
type Supervisord struct {
	Logfile         string // absolute path, "syslog", or "" for none
	LogfileMaxbytes Bytes
	LogfileBackups  int
	Loglevel        Level
	Pidfile         string
	Umask           Mode
	Nodaemon        bool
	Silent          bool
	Minfds          int
	Minprocs        int
	Nocleanup       bool
	Childlogdir     string
	User            User
	Directory       string
	StripANSI       bool
	Environment     Env
	EnvFiles        []string // as written
	FileEnv         Env      // what they say, but what Environment has
	Secrets         Secrets
	Identifier      string
	Instance        string // Identifier where the file does not say it: the command line or the environment does; else ""
	ExitOn          ExitOn
	TerminationLog  string // "" for none
	MaxRestarts     Restarts
	RestartWindow   Seconds
	DrainSecs       Seconds
	LogFormat       LogFormat // of what goes to standard output and standard error
	LogOverflow     LogOverflow
	AuditLogfile    string // AuditNone, AuditMain, a path, or "" when not configured; see Audit
	AuditMaxbytes   Bytes
	AuditBackups    int
	ShutdownTimeout Seconds // 0: no limit; NoTimeout: not configured
	OnCrash         OnCrash
	Keeper          bool // have a parent that starts gosv again
	Origin          *Origin
}

// UnixServer is a [unix_http_server] section.
type UnixServer struct {
	Section            string
	File               string // absolute path, or "@name"
	Chmod              Mode
	Chown              Owner
	Username, Password string // empty Username: no authentication
	Metrics            bool   // serve /metrics
	Origin             *Origin
}

// InetServer is an [inet_http_server] section.
type InetServer struct {
	Section            string
	Host               string // "" is every address
	Port               int
	Username, Password string
	Insecure           bool // a password is not wanted, whoever can reach it
	Metrics            bool // serve /metrics
	Origin             *Origin
}

// Supervisorctl is the [supervisorctl] section.
type Supervisorctl struct {
	ServerURL          string
	Username, Password string
	Prompt             string
	HistoryFile        string
	Origin             *Origin
	Notices            []Notice // of LoadCtl: the plugins that are ignored
}

// Kind says which sort of section a group or process comes from.
type Kind uint8

const (
	Program       Kind = iota // [program:x], and groups of them
	EventListener             // [eventlistener:x]
	FCGIProgram               // [fcgi-program:x]
)

// Group is a [group:x], or a program that is in no group and so is a group of its own.
type Group struct {
	Name      string
	Priority  int
	Kind      Kind // EventListener: the group is a pool and Listener is set
	Listener  *Listener
	Processes []*Process // in Supervisor's order of start
	Pos       Pos        // where the group's section begins
	Origin    *Origin    // the group's section: [group:x], [program:x] and so on
}

// Listener is what only an [eventlistener:x] says.
type Listener struct {
	Events        []string // upper case, as written in events=
	BufferSize    int
	ResultHandler string // Supervisor's default, or "supervisor_stdout:event_handler"
	RestartDeaf   bool   // kill a process that broke the protocol
}

// Socket is what only an [fcgi-program:x] says. It is shared by all its processes.
type Socket struct {
	Name    string // of the fcgi-program
	URL     string // tcp://host:port or unix:///path
	Backlog int    // 0: the system's SOMAXCONN
	Owner   Owner
	Mode    Mode
}

// Process is one instance of a program: numprocs of them come from one section.
// Everything is expanded; nothing is left to do but split the command.
type Process struct {
	Name    string // process_name
	Group   string // the group it belongs to
	Program string // the section's name without its prefix
	Kind    Kind
	Num     int     // process_num
	Pos     Pos     // of the section
	Origin  *Origin // shared by all instances of the section

	Command        Command
	Directory      string
	Umask          Mode
	Priority       int
	Autostart      bool
	Autorestart    Autorestart
	MaxRestarts    Restarts
	RestartWindow  Seconds
	Essential      bool // its end is the end of gosv
	Startsecs      Seconds
	Startretries   int
	Exitcodes      []int
	Stopsignal     Signal
	Stopwaitsecs   Seconds
	Stopasgroup    bool
	Killasgroup    bool
	KillEscaped    bool // what it leaves behind is killed when it has ended
	User           User
	RedirectStderr bool
	Stdout, Stderr Output
	Environment    Env      // [supervisord] environment with the program's own over it
	EnvFiles       []string // as written
	FileEnv        Env      // likewise what files say, but what Environment has
	Secrets        Secrets  // likewise
	ServerURL      string
	Socket         *Socket // fcgi-program, also inside a [group:x]
}

// Output is where one of a process's streams goes: the std*_ options.
type Output struct {
	Logfile         LogFile
	LogfileMaxbytes Bytes
	LogfileBackups  int
	LogfileDirect   bool // the process has the file itself as its stream
	CaptureMaxbytes Bytes
	EventsEnabled   bool
	Syslog          bool
	Format          LogFormat
}

// LogFile is the value of stdout_logfile and stderr_logfile.
type LogFile struct {
	Kind LogKind
	Path string // for LogPath
}

// LogKind says which sort of log file is meant.
type LogKind uint8

const (
	LogNone LogKind = iota // NONE, off, empty
	LogAuto                // AUTO: a file in childlogdir with a random name
	LogPath                // a path
)

// Command is what to run: one line to be split as a shell would, or ready words (TOML arrays).
type Command struct {
	Line string
	Argv []string // when not nil, Line is only for showing
}

// Autorestart says whether a process that ended is started again.
type Autorestart uint8

const (
	RestartNever      Autorestart = iota // false
	RestartUnexpected                    // unexpected: when the exit code is not in exitcodes
	RestartAlways                        // true
)

// Seconds is a duration that is written as seconds ("10", TOML also 0.5 or "1m30s").
type Seconds time.Duration

// Bytes is a size that is written as "50MB", "1KB" or a plain number; KB is 1024.
type Bytes int64

// Mode is permission bits or a umask, written in octal; Unset when not configured.
type Mode int32

// Unset is the Mode of an option that is not configured.
const Unset Mode = -1

// Signal is a signal, written as a number or a name with or without SIG.
type Signal syscall.Signal

// User is the account of user=. The zero value means: not configured.
type User struct {
	Set  bool
	Text string // as written
	Name string // "" when only a number is known
	UID  int
	GID  int   // primary
	More []int // supplementary groups, the primary first, as Supervisor sets them
}

// Owner is the value of chown= and socket_owner=; -1 leaves an id as it is.
type Owner struct {
	Set      bool
	Text     string
	UID, GID int
}

// Level is a log level of the main log, with Python's numbers.
type Level int

const (
	Critical Level = 50
	Erro     Level = 40
	Warn     Level = 30
	Info     Level = 20
	Debug    Level = 10
	Trace    Level = 5
	Blather  Level = 3
)

// Env is a list of environment variables, each name once, in the order written.
type Env []Var

// Var is one environment variable.
type Var struct{ Name, Value string }

// Origin says where a section and its options are written. A nil Origin knows nothing.
type Origin struct {
	Section string // "program:web"
	pos     Pos
	files   []string // shared by the whole Config
	places  []place
	flags   map[string]string // [supervisord] only: flags of the command line, by option
}

// place is where one option is written, packed, because the daemon keeps them all.
type place struct {
	option uint16 // index into options
	file   uint16 // index into files
	line   int32
}

// Pos is a place in a configuration file. Line counts from 1; 0 means the whole file,
// an empty File a default or the command line.
type Pos struct {
	File string
	Line int
}
