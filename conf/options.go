package conf

import "sync"

// kinds is a set of kinds of sections.
type kinds uint16

const (
	inSupervisord kinds = 1 << iota
	inUnix
	inInet
	inCtl
	inProgram
	inGroup
	inListener
	inFCGI
	inInclude
	inRPC
	inPlugin
	inAccess

	inPrograms = inProgram | inListener | inFCGI // everything that becomes processes
)

// scope says which %(name)s a value may use. %(ENV_X)s may be used everywhere.
type scope uint8

const (
	useHere    scope = 1 << iota // here: the directory of the file
	useHost                      // host_node_name
	useProgram                   // program_name
	useGroup                     // group_name
	useNum                       // process_num, numprocs
	useOwn                       // ENV_X of the section's own environment=

	perSection = useHere | useHost | useProgram | useGroup
	perProcess = perSection | useNum | useOwn
)

// option is one option of one or more kinds of sections. It is all that there is to say
// about it: reading, defaults, checks, show, convert, the sample file, the docs, the
// schema and the diff follow from it.
type option struct {
	in   kinds
	name string
	field
	def    string // default, as text
	unset  string // without a default: what happens then, for people
	use    scope
	twice  bool   // Supervisor expands the value twice
	bare   bool   // errors of expansion name the option without its section
	flags  string // supervisord's flags for it, "-l, --logfile"
	diff   bool   // a new value makes the group count as changed
	live   bool   // the new value matters later: a running process may stay
	above  bool   // a program that does not have it gets [supervisord]'s
	absent string // Supervisor's error when a required option is missing; %s is the section
	fail   string // Supervisor's error for a bad value; %s is the value; "" for that of the type
	sample string // value in the sample file, "" for the default
	shown  bool   // the sample file has it without a comment sign
	doc    string
}

// options is the table. It is never changed, and made when it is needed first: no command that reads
// no configuration has to.
var options = sync.OnceValue(func() []option {
	return []option{
		// [unix_http_server]
		{in: inUnix, name: "file", field: pathField(pathType, socketPath, func(v *values) *string { return &v.unix.File }),
			use: useHere, absent: "section [%s] has no file value", sample: "/tmp/supervisor.sock", shown: true,
			doc: "Path of the socket, or @ and a name for one without a file (Linux), which only root, gosv's own user and the accounts of programs and of [access:x] may use without a password."},
		{in: inUnix, name: "chmod", field: typedField(modeType, func(v *values) *Mode { return &v.unix.Chmod }),
			def: "0700", fail: "Invalid chmod value %s",
			doc: "Permissions of the socket file."},
		{in: inUnix, name: "chown", field: ownerField(func(v *values) *Owner { return &v.unix.Chown }),
			unset: "the account that gosv runs as", fail: "Invalid sockchown value %s", sample: "nobody:nogroup",
			doc: "Owner of the socket file, as user or user:group."},
		{in: inUnix, name: "username", field: stringField(stringType, func(v *values) *string { return &v.unix.Username }),
			unset: "everybody who may open the socket is let in", sample: "user",
			doc: "Name that clients must give. Needs password."},
		{in: inUnix, name: "password", field: stringField(stringType, func(v *values) *string { return &v.unix.Password }),
			unset: "no password", sample: "123",
			doc: "Password that clients must give: as it is, or {SHA} and its SHA-1 in hex."},
		{in: inUnix, name: "metrics", field: boolField(func(v *values) *bool { return &v.unix.Metrics }),
			def: "false",
			doc: "Serve /metrics for Prometheus here, to who may use the socket. See docs/metrics.md."},

		// [inet_http_server]
		{in: inInet, name: "port", field: inetField(func(v *values) *InetServer { return v.inet }),
			absent: "section [%s] has no port value", sample: "127.0.0.1:9001",
			doc: "Where to listen: port, host:port or *:port."},
		{in: inInet, name: "username", field: stringField(stringType, func(v *values) *string { return &v.inet.Username }),
			unset: "everybody is let in", sample: "user",
			doc: "Name that clients must give. Needs password."},
		{in: inInet, name: "password", field: stringField(stringType, func(v *values) *string { return &v.inet.Password }),
			unset: "no password", sample: "123",
			doc: "Password that clients must give: as it is, or {SHA} and its SHA-1 in hex."},
		{in: inInet, name: "metrics", field: boolField(func(v *values) *bool { return &v.inet.Metrics }),
			def: "false",
			doc: "Serve /metrics for Prometheus here, to who gives name and password. See docs/metrics.md."},
		{in: inInet, name: "insecure", field: boolField(func(v *values) *bool { return &v.inet.Insecure }),
			def: "false",
			doc: "That there is no password is meant, although others than this machine reach the address. Only TOML files ask for it."},

		// [access:x]
		{in: inAccess, name: "password", field: stringField(stringType, func(v *values) *string { return &v.access.Password }),
			unset: "no server lets this name in", sample: "123",
			doc: "Password that goes with the section's name: as it is, or {SHA} and its SHA-1 in hex."},
		{in: inAccess, name: "user", field: userField(func(v *values) *User { return &v.access.User }),
			unset: "none", sample: "chrism",
			doc: "Account that is this user on a unix socket, without a password."},
		{in: inAccess, name: "role", field: typedField(roleType, func(v *values) *Role { return &v.access.Role }),
			def: "read", sample: "operate",
			doc: "What may be done: read (look at programs and logs), operate (start, stop, signal, clear, write to their input), admin (everything)."},
		{in: inAccess, name: "programs", field: listField(patternsType, patternList, func(v *values) *[]string { return &v.access.Programs }),
			unset: "all", sample: "web:*,worker*",
			doc: "Programs and groups, or group:process, that may be seen; *, ? and [] are patterns. Others are as if they were not there."},

		// [supervisord]
		{in: inSupervisord, name: "logfile", field: pathField(pathType, mainLog, func(v *values) *string { return &v.supervisord.Logfile }),
			def: "supervisord.log", use: useHere, flags: "-l, --logfile", sample: "/tmp/supervisord.log", shown: true,
			doc: "The main log; syslog sends it to syslog, none keeps no file."},
		{in: inSupervisord, name: "logfile_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.supervisord.LogfileMaxbytes }),
			def: "50MB", use: useHere, flags: "-y, --logfile_maxbytes", shown: true,
			doc: "Size at which the main log is rotated; 0 means never."},
		{in: inSupervisord, name: "logfile_backups", field: intField(func(v *values) *int { return &v.supervisord.LogfileBackups }),
			def: "10", use: useHere, flags: "-z, --logfile_backups", shown: true,
			doc: "How many old main logs to keep; 0 means none."},
		{in: inSupervisord, name: "loglevel", field: typedField(levelType, func(v *values) *Level { return &v.supervisord.Loglevel }),
			def: "info", use: useHere, flags: "-e, --loglevel", shown: true,
			doc: "The least important messages that the main log shows: critical, error, warn, info, debug, trace or blather."},
		{in: inSupervisord, name: "log_format", field: typedField(formatType, func(v *values) *LogFormat { return &v.supervisord.LogFormat }),
			def: "raw", use: useHere,
			doc: "How lines look that go to gosv's own standard output and standard error, its own and those of programs that log to /dev/stdout or /dev/stderr: raw, lines (each whole), prefix (time name stream | line) or json."},
		{in: inSupervisord, name: "log_overflow", field: typedField(overflowType, func(v *values) *LogOverflow { return &v.supervisord.LogOverflow }),
			def: "patient", use: useHere,
			doc: "What happens when nobody reads gosv's standard output fast enough, past the MiB that is kept: block (programs that log there wait), drop (their output is lost, lines counted), or patient (they wait, and lose output once nothing was read for a second)."},
		{in: inSupervisord, name: "audit_logfile", field: pathField(pathType, auditPath, func(v *values) *string { return &v.supervisord.AuditLogfile }),
			unset: "main in TOML files, none in INI files", use: useHere, sample: "/tmp/audit.log",
			doc: "Where each change gets a line of who, from where, what and its result: a file, main for the main log, or none. See docs/access.md."},
		{in: inSupervisord, name: "audit_logfile_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.supervisord.AuditMaxbytes }),
			def: "50MB", use: useHere,
			doc: "Size at which audit_logfile is rotated; 0 means never."},
		{in: inSupervisord, name: "audit_logfile_backups", field: intField(func(v *values) *int { return &v.supervisord.AuditBackups }),
			def: "10", use: useHere,
			doc: "How many old files of audit_logfile to keep; 0 means none."},
		{in: inSupervisord, name: "pidfile", field: pathField(pathType, noneOrFile, func(v *values) *string { return &v.supervisord.Pidfile }),
			def: "supervisord.pid", use: useHere, flags: "-j, --pidfile", sample: "/tmp/supervisord.pid", shown: true,
			doc: "File that holds gosv's process id; none for no file."},
		{in: inSupervisord, name: "nodaemon", field: boolField(func(v *values) *bool { return &v.supervisord.Nodaemon }),
			def: "false", use: useHere, flags: "-n, --nodaemon", shown: true,
			doc: "Stay in the foreground."},
		{in: inSupervisord, name: "silent", field: boolField(func(v *values) *bool { return &v.supervisord.Silent }),
			def: "false", use: useHere, flags: "-s, --silent", shown: true,
			doc: "In the foreground, do not copy the main log to standard output."},
		{in: inSupervisord, name: "minfds", field: intField(func(v *values) *int { return &v.supervisord.Minfds }),
			def: "1024", use: useHere, flags: "-a, --minfds", shown: true,
			doc: "File descriptors that must be available at the start."},
		{in: inSupervisord, name: "minprocs", field: intField(func(v *values) *int { return &v.supervisord.Minprocs }),
			def: "200", use: useHere, flags: "--minprocs", shown: true,
			doc: "Processes that must be available at the start."},
		{in: inSupervisord, name: "umask", field: typedField(modeType, func(v *values) *Mode { return &v.supervisord.Umask }),
			def: "022", use: useHere, flags: "-m, --umask",
			doc: "umask of gosv itself when it runs in the background."},
		{in: inSupervisord, name: "user", field: userField(func(v *values) *User { return &v.supervisord.User }),
			unset: "gosv stays who started it", use: useHere, flags: "-u, --user", sample: "supervisord",
			doc: "Account that gosv becomes when root starts it."},
		{in: inSupervisord, name: "identifier", field: stringField(stringType, func(v *values) *string { return &v.supervisord.Identifier }),
			def: "supervisor", use: useHere, flags: "-i, --identifier",
			doc: "Name of this gosv in events, log file names and the API."},
		{in: inSupervisord, name: "directory", field: pathField(directoryType, existingDir, func(v *values) *string { return &v.supervisord.Directory }),
			unset: "the current directory", use: useHere, flags: "-d, --directory", sample: "/tmp",
			doc: "Where gosv goes when it moves into the background."},
		{in: inSupervisord, name: "nocleanup", field: boolField(func(v *values) *bool { return &v.supervisord.Nocleanup }),
			def: "false", use: useHere, flags: "-k, --nocleanup", sample: "true",
			doc: "Keep the AUTO log files of earlier runs."},
		{in: inSupervisord, name: "childlogdir", field: pathField(directoryType, existingDir, func(v *values) *string { return &v.supervisord.Childlogdir }),
			unset: "$TMPDIR, or /tmp", use: useHere, flags: "-q, --childlogdir", sample: "/tmp",
			doc: "Directory for AUTO log files."},
		{in: inSupervisord, name: "environment", field: environmentField(func(v *values) *Env { return &v.supervisord.Environment }),
			unset: "nothing is added", use: useHere | useHost, bare: true, sample: `KEY="value"`,
			doc: "Variables for every program, which may also use them as %(ENV_X)s."},
		{in: inSupervisord, name: "env_file", field: listField(listType, parseList, func(v *values) *[]string { return &v.supervisord.EnvFiles }),
			unset: "none", use: useHere | useHost, sample: "-/etc/default/gosv",
			doc: "Files of NAME=value lines for every program, which may also use them as %(ENV_X)s. They are relative to this file's directory, and read again by reread; one after a - may be absent."},
		{in: inSupervisord, name: "environment_from_files", field: secretsField(func(v *values) *Secrets { return &v.supervisord.Secrets }),
			unset: "none", use: useHere | useHost, sample: "DB_PASSWORD:/run/secrets/db",
			doc: "Variables for every program whose values are files: read at each start, and never shown. One newline at the end is left out."},
		{in: inSupervisord, name: "strip_ansi", field: boolField(func(v *values) *bool { return &v.supervisord.StripANSI }),
			def: "false", use: useHere, flags: "-t, --strip_ansi",
			doc: "Remove ANSI escape sequences from the programs' logs."},
		{in: inSupervisord, name: "exit_on", field: typedField(exitOnType, func(v *values) *ExitOn { return &v.supervisord.ExitOn }),
			def: "never", use: useHere,
			doc: "When gosv ends by itself, with the exit status of the program that decided: never, fatal (a program is given up), failure (that, or it exits unexpectedly for good), any (it exits for good), all (every program has), main=NAME (that program has). See docs/policies.md."},
		{in: inSupervisord, name: "termination_log", field: pathField(stringType, optionalFile, func(v *values) *string { return &v.supervisord.TerminationLog }),
			def: DefaultTerminationLog, use: useHere,
			doc: "File that gets the reason when gosv ends by itself or cannot start, if it exists: Kubernetes shows it. Empty for none."},
		{in: inSupervisord, name: "max_restarts", field: typedField(restartsType, func(v *values) *Restarts { return &v.supervisord.MaxRestarts }),
			def: "unlimited", use: useHere,
			doc: "How often within restart_window a program is started again by itself before it is given up (FATAL), for programs that do not say."},
		{in: inSupervisord, name: "restart_window", field: typedField(secondsType, func(v *values) *Seconds { return &v.supervisord.RestartWindow }),
			def: "60", use: useHere,
			doc: "The time within which max_restarts counts, for programs that do not say."},
		{in: inSupervisord, name: "drain_secs", field: typedField(secondsType, func(v *values) *Seconds { return &v.supervisord.DrainSecs }),
			def: "0", use: useHere,
			doc: "How long programs go on after gosv was told to end, while it already says that it is not ready."},
		{in: inSupervisord, name: "on_crash", field: typedField(onCrashType, func(v *values) *OnCrash { return &v.supervisord.OnCrash }),
			def: "adopt", use: useHere,
			doc: "What becomes of programs that survived a gosv that was killed, when it is started again: adopt (they run on and are supervised as before) or kill (they are stopped with their process groups and started anew). Linux only. See docs/crash.md."},
		{in: inSupervisord, name: "keeper", field: boolField(func(v *values) *bool { return &v.supervisord.Keeper }),
			def: "false", use: useHere,
			doc: "Have a tiny parent process that starts gosv again when it is killed, and keeps pipes and exit statuses meanwhile. Linux only. See docs/crash.md."},
		{in: inSupervisord, name: "shutdown_timeout", field: typedField(secondsType, func(v *values) *Seconds { return &v.supervisord.ShutdownTimeout }),
			unset: "no limit, and 25 as process 1", use: useHere, sample: "25",
			doc: "How long the whole shutdown may take, drain_secs included; shortly before, what is left is killed. 0 means no limit."},

		// [supervisorctl]
		{in: inCtl, name: "serverurl", field: pathField(stringType, serverURL, func(v *values) *string { return &v.ctl.ServerURL }),
			def: "http://localhost:9001", use: useHere, sample: "unix:///tmp/supervisor.sock", shown: true,
			doc: "Where ctl finds the daemon: unix:///path or http://host:port."},
		{in: inCtl, name: "username", field: stringField(stringType, func(v *values) *string { return &v.ctl.Username }),
			unset: "none", sample: "chris",
			doc: "Name to give to the daemon."},
		{in: inCtl, name: "password", field: stringField(stringType, func(v *values) *string { return &v.ctl.Password }),
			unset: "none", sample: "123",
			doc: "Password to give to the daemon."},
		{in: inCtl, name: "prompt", field: stringField(stringType, func(v *values) *string { return &v.ctl.Prompt }),
			def: "supervisor", sample: "mysupervisor",
			doc: "What the interactive shell shows in front of the cursor."},
		{in: inCtl, name: "history_file", field: pathField(stringType, optionalFile, func(v *values) *string { return &v.ctl.HistoryFile }),
			unset: "no history is kept", use: useHere, sample: "~/.sc_history",
			doc: "File that keeps the interactive shell's history."},

		// [program:x], [eventlistener:x], [fcgi-program:x]
		{in: inPrograms, name: "command", field: commandField(func(v *values) *Command { return &v.process.Command }),
			use: perProcess, absent: "program section %s does not specify a command", diff: true, sample: "/bin/cat",
			doc: "What to run. Words are split as a shell does, but no shell is involved: no variables, pipes or globs."},
		{in: inPrograms, name: "process_name", field: stringField(stringType, func(v *values) *string { return &v.program.processName }),
			def: "%(program_name)s", use: perProcess, bare: true, sample: "%(program_name)s",
			doc: "Name of a process; must contain %(process_num) when numprocs is above 1."},
		{in: inPrograms, name: "numprocs", field: intField(func(v *values) *int { return &v.program.numprocs }),
			def: "1", use: perSection,
			doc: "How many processes to make of this section."},
		{in: inPrograms, name: "numprocs_start", field: intField(func(v *values) *int { return &v.program.numprocsStart }),
			def: "0", use: perSection,
			doc: "The first process_num."},
		{in: inListener, name: "events", field: listField(listType, eventList, func(v *values) *[]string { return &v.program.listener.Events }),
			use: useHere, absent: `[%s] section requires an "events" line`, diff: true, sample: "EVENT",
			doc: "Event types that the listener wants, abstract ones included."},
		{in: inListener, name: "buffer_size", field: intField(func(v *values) *int { return &v.program.listener.BufferSize }),
			def: "10", use: useHere, diff: true,
			doc: "How many events wait for a busy listener before the oldest is dropped."},
		{in: inListener, name: "result_handler", field: stringField(stringType, func(v *values) *string { return &v.program.listener.ResultHandler }),
			def: defaultHandler, use: useHere, diff: true, sample: "",
			doc: "What judges a listener's answers. " + stdoutHandler + " copies them to gosv's standard output."},
		{in: inListener, name: "restart_deaf", field: boolField(func(v *values) *bool { return &v.program.listener.RestartDeaf }),
			def: "false", diff: true, sample: "true",
			doc: "A listener that breaks the protocol is killed, so that it starts again as autorestart says; otherwise it stays deaf, as with Supervisor."},
		{in: inFCGI, name: "socket", field: stringField(stringType, func(v *values) *string { return &v.program.socket.URL }),
			use: useHere | useProgram, absent: `[%s] section requires a "socket" line`, diff: true, sample: "unix:///tmp/%(program_name)s.sock",
			doc: "FastCGI socket that all processes share: tcp://host:port or unix:///path."},
		{in: inFCGI, name: "socket_backlog", field: intField(func(v *values) *int { return &v.program.socket.Backlog }),
			unset: "the system's SOMAXCONN", use: useHere, sample: "128",
			doc: "Length of the socket's queue, from 1 to 65535."},
		{in: inFCGI, name: "socket_owner", field: ownerField(func(v *values) *Owner { return &v.program.socket.Owner }),
			unset: "user and its primary group", use: useHere, fail: "Invalid socket_owner value %s", sample: "nobody:nogroup",
			doc: "Owner of the socket file (unix only), as user or user:group."},
		{in: inFCGI, name: "socket_mode", field: typedField(modeType, func(v *values) *Mode { return &v.program.socket.Mode }),
			unset: "0700", use: useHere, fail: "Invalid socket_mode value %s", sample: "0700",
			doc: "Permissions of the socket file (unix only)."},
		{in: inPrograms, name: "directory", field: stringField(stringType, func(v *values) *string { return &v.process.Directory }),
			unset: "where gosv is", use: perProcess, diff: true, sample: "/tmp",
			doc: "Where the process starts."},
		{in: inPrograms, name: "umask", field: typedField(modeType, func(v *values) *Mode { return &v.process.Umask }),
			unset: "that of gosv", use: perSection, diff: true, sample: "022",
			doc: "umask of the process."},
		{in: inProgram | inFCGI, name: "priority", field: intField(func(v *values) *int { return &v.process.Priority }),
			def: "999", use: perSection, diff: true, live: true,
			doc: "Lower numbers start first and stop last."},
		{in: inListener, name: "priority", field: intField(func(v *values) *int { return &v.program.priority }),
			def: "-1", use: useHere, diff: true, live: true,
			doc: "Lower numbers start first and stop last."},
		{in: inPrograms, name: "autostart", field: boolField(func(v *values) *bool { return &v.process.Autostart }),
			def: "true", use: perSection, diff: true, live: true,
			doc: "Start it together with gosv."},
		{in: inPrograms, name: "startsecs", field: typedField(secondsType, func(v *values) *Seconds { return &v.process.Startsecs }),
			def: "1", use: perSection, diff: true, live: true,
			doc: "How long a process must stay up to count as running; 0 means at once."},
		{in: inPrograms, name: "startretries", field: intField(func(v *values) *int { return &v.process.Startretries }),
			def: "3", use: perSection, diff: true, live: true,
			doc: "How many failed starts in a row are tried again."},
		{in: inPrograms, name: "autorestart", field: typedField(autorestartType, func(v *values) *Autorestart { return &v.process.Autorestart }),
			def: "unexpected", use: perSection, diff: true, live: true,
			doc: "Start it again when it ends: always, never, or only when exitcodes does not list its exit code."},
		{in: inPrograms, name: "max_restarts", field: typedField(restartsType, func(v *values) *Restarts { return &v.process.MaxRestarts }),
			unset: "that of [supervisord]", use: perSection, diff: true, live: true, above: true, sample: "5",
			doc: "How often within restart_window it is started again by itself before it is given up (FATAL)."},
		{in: inPrograms, name: "restart_window", field: typedField(secondsType, func(v *values) *Seconds { return &v.process.RestartWindow }),
			unset: "that of [supervisord]", use: perSection, diff: true, live: true, above: true, sample: "60",
			doc: "The time within which max_restarts counts."},
		{in: inPrograms, name: "essential", field: boolField(func(v *values) *bool { return &v.process.Essential }),
			def: "false", use: perSection, diff: true, live: true,
			doc: "When it is given up, or exits for good, gosv stops everything and exits with its exit status."},
		{in: inPrograms, name: "exitcodes", field: exitcodesField(func(v *values) *[]int { return &v.process.Exitcodes }),
			def: "0", use: perSection, diff: true, live: true,
			doc: "Exit codes that are expected."},
		{in: inPrograms, name: "stopsignal", field: typedField(signalType, func(v *values) *Signal { return &v.process.Stopsignal }),
			def: "TERM", use: perSection, diff: true, live: true, sample: "QUIT",
			doc: "Signal that asks a process to stop."},
		{in: inPrograms, name: "stopwaitsecs", field: typedField(secondsType, func(v *values) *Seconds { return &v.process.Stopwaitsecs }),
			def: "10", use: perSection, diff: true, live: true,
			doc: "How long to wait after the signal before SIGKILL."},
		{in: inPrograms, name: "stopasgroup", field: boolField(func(v *values) *bool { return &v.process.Stopasgroup }),
			def: "false", use: perSection, diff: true, live: true,
			doc: "Send the stop signal to the whole process group; also sets killasgroup."},
		{in: inPrograms, name: "killasgroup", field: boolField(func(v *values) *bool { return &v.process.Killasgroup }),
			unset: "the value of stopasgroup", use: perSection, diff: true, live: true, sample: "false",
			doc: "Send SIGKILL to the whole process group."},
		{in: inPrograms, name: "kill_escaped", field: boolField(func(v *values) *bool { return &v.process.KillEscaped }),
			def: "false", use: perSection, diff: true,
			doc: "When the process has ended, kill what it left behind, wherever that went: double forks, other sessions and process groups. Linux only. See docs/crash.md."},
		{in: inPrograms, name: "user", field: userField(func(v *values) *User { return &v.process.User }),
			unset: "the account that gosv runs as", use: perSection, diff: true, sample: "chrism",
			doc: "Account that runs the process."},
		{in: inPrograms, name: "redirect_stderr", field: boolField(func(v *values) *bool { return &v.process.RedirectStderr }),
			def: "false", use: perSection, diff: true, sample: "true",
			doc: "Send standard error where standard output goes. Not for event listeners."},
		{in: inPrograms, name: "stdout_logfile", field: typedField(logfileType, func(v *values) *LogFile { return &v.process.Stdout.Logfile }),
			def: "AUTO", use: perProcess, twice: true, diff: true, sample: "/a/path",
			doc: "Log of standard output: a path, AUTO for a temporary file, or NONE."},
		{in: inPrograms, name: "stdout_logfile_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.process.Stdout.LogfileMaxbytes }),
			def: "50MB", use: perProcess, diff: true, sample: "1MB",
			doc: "Size at which the log of standard output is rotated; 0 means never."},
		{in: inPrograms, name: "stdout_logfile_backups", field: intField(func(v *values) *int { return &v.process.Stdout.LogfileBackups }),
			def: "10", use: perProcess, diff: true,
			doc: "How many old logs of standard output to keep."},
		{in: inPrograms, name: "stdout_logfile_direct", field: boolField(func(v *values) *bool { return &v.process.Stdout.LogfileDirect }),
			def: "false", use: perProcess, diff: true,
			doc: "The program writes its log by itself: the file is its standard output. That costs gosv nothing, but " +
				"nothing else can be done with the output: no rotation (so stdout_logfile_maxbytes must be 0), capture, events, syslog or format."},
		{in: inPrograms, name: "stdout_capture_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.process.Stdout.CaptureMaxbytes }),
			def: "0", use: perSection, diff: true, sample: "1MB",
			doc: "Most bytes captured between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END-->; 0 turns capture off."},
		{in: inPrograms, name: "stdout_events_enabled", field: boolField(func(v *values) *bool { return &v.process.Stdout.EventsEnabled }),
			def: "false", use: perSection, diff: true,
			doc: "Emit PROCESS_LOG_STDOUT events."},
		{in: inPrograms, name: "stdout_syslog", field: boolField(func(v *values) *bool { return &v.process.Stdout.Syslog }),
			def: "false", use: perProcess, diff: true,
			doc: "Send standard output to syslog too."},
		{in: inPrograms, name: "stdout_logfile_format", field: typedField(formatType, func(v *values) *LogFormat { return &v.process.Stdout.Format }),
			unset: "log_format of [supervisord] where the log is /dev/stdout or /dev/stderr, else raw", use: perSection, diff: true, sample: "prefix",
			doc: "How the log of standard output has its lines: raw, lines, prefix or json."},
		{in: inPrograms, name: "stderr_logfile", field: typedField(logfileType, func(v *values) *LogFile { return &v.process.Stderr.Logfile }),
			def: "AUTO", use: perProcess, twice: true, diff: true, sample: "/a/path",
			doc: "Log of standard error: a path, AUTO for a temporary file, or NONE."},
		{in: inPrograms, name: "stderr_logfile_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.process.Stderr.LogfileMaxbytes }),
			def: "50MB", use: perProcess, diff: true, sample: "1MB",
			doc: "Size at which the log of standard error is rotated; 0 means never."},
		{in: inPrograms, name: "stderr_logfile_backups", field: intField(func(v *values) *int { return &v.process.Stderr.LogfileBackups }),
			def: "10", use: perProcess, diff: true,
			doc: "How many old logs of standard error to keep."},
		{in: inPrograms, name: "stderr_logfile_direct", field: boolField(func(v *values) *bool { return &v.process.Stderr.LogfileDirect }),
			def: "false", use: perProcess, diff: true,
			doc: "As stdout_logfile_direct, for standard error."},
		{in: inPrograms, name: "stderr_capture_maxbytes", field: typedField(bytesType, func(v *values) *Bytes { return &v.process.Stderr.CaptureMaxbytes }),
			def: "0", use: perSection, diff: true, sample: "1MB",
			doc: "As stdout_capture_maxbytes, for standard error."},
		{in: inPrograms, name: "stderr_events_enabled", field: boolField(func(v *values) *bool { return &v.process.Stderr.EventsEnabled }),
			def: "false", use: perSection, diff: true,
			doc: "Emit PROCESS_LOG_STDERR events."},
		{in: inPrograms, name: "stderr_syslog", field: boolField(func(v *values) *bool { return &v.process.Stderr.Syslog }),
			def: "false", use: perProcess, diff: true,
			doc: "Send standard error to syslog too."},
		{in: inPrograms, name: "stderr_logfile_format", field: typedField(formatType, func(v *values) *LogFormat { return &v.process.Stderr.Format }),
			unset: "log_format of [supervisord] where the log is /dev/stdout or /dev/stderr, else raw", use: perSection, diff: true, sample: "prefix",
			doc: "As stdout_logfile_format, for standard error."},
		{in: inPrograms, name: "environment", field: environmentField(func(v *values) *Env { return &v.process.Environment }),
			unset: "only that of [supervisord]", use: perSection | useNum, bare: true, diff: true, sample: `A="1",B="2"`,
			doc: "Variables of the process, over those of [supervisord]; other options may use them as %(ENV_X)s."},
		{in: inPrograms, name: "env_file", field: listField(listType, parseList, func(v *values) *[]string { return &v.process.EnvFiles }),
			unset: "only those of [supervisord]", use: perSection, diff: true, sample: "-/etc/default/web",
			doc: "Files of NAME=value lines, under environment= and over what [supervisord] has; other options may use them as %(ENV_X)s. They are relative to this file's directory, and read again by reread; one after a - may be absent."},
		{in: inPrograms, name: "environment_from_files", field: secretsField(func(v *values) *Secrets { return &v.process.Secrets }),
			unset: "only those of [supervisord]", use: perProcess, diff: true, sample: "DB_PASSWORD:/run/secrets/db",
			doc: "Variables whose values are files: read at each start, and never shown. One newline at the end is left out."},
		{in: inPrograms, name: "serverurl", field: pathField(stringType, childURL, func(v *values) *string { return &v.process.ServerURL }),
			unset: "the daemon's own address", use: perSection, diff: true, sample: "AUTO",
			doc: "SUPERVISOR_SERVER_URL of the process; AUTO is the daemon's own address."},

		// [group:x]
		{in: inGroup, name: "programs", field: listField(listType, programList, func(v *values) *[]string { return &v.group.programs }),
			unset: "an empty group", use: useHere, sample: "progname1,progname2",
			doc: "The programs and fcgi-programs in the group, in order of start."},
		{in: inGroup, name: "priority", field: intField(func(v *values) *int { return &v.group.priority }),
			def: "999", use: useHere, diff: true, live: true,
			doc: "Lower numbers start first and stop last."},

		// [include]
		{in: inInclude, name: "files", field: filesField(func(v *values) *[]string { return &v.include.files }),
			use: useHere | useHost, absent: ".ini file has [include] section, but no files setting", sample: "relative/directory/*.ini",
			doc: "Files to read too; *, ? and [] are patterns. Relative names are relative to this file's directory. Included files cannot include."},

		// [rpcinterface:x], [ctlplugin:x]
		{in: inRPC, name: "supervisor.rpcinterface_factory", field: stringField(stringType, func(v *values) *string { return &v.plugin.factory }),
			absent: "section [%s] does not specify a supervisor.rpcinterface_factory", sample: mainRPC, shown: true,
			doc: "Accepted for Supervisor's sake: gosv always serves its interface, and loads no others."},
		{in: inPlugin, name: "supervisor.ctl_factory", field: stringField(stringType, func(v *values) *string { return &v.plugin.factory }),
			unset: "nothing", sample: "",
			doc: "Accepted for Supervisor's sake and ignored: gosv loads no plugins."},
	}
})

// Names that Supervisor gives to Python objects and that gosv knows.
const (
	defaultHandler = "supervisor.dispatchers:default_handler"
	stdoutHandler  = "supervisor_stdout:event_handler"
	mainRPC        = "supervisor.rpcinterface:make_main_rpcinterface"
)
