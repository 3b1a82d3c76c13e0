package conf

// valueType is a grammar that options share: how docs name it, what an error message
// says about it, and its JSON Schema.
type valueType struct {
	name    string
	means   string   // completes "must be ..."
	toml    string   // how TOML writes it, for docs/options.md
	schema  string   // JSON Schema of its TOML form
	example string   // a good value, as text
	words   []string // the words it knows, for did-you-mean
}

// expandable is the part of a schema that lets a string with an expansion stand for
// a value of another type.
const expandable = `{"type":"string","pattern":"%\\(|\\$\\{"}`

// The types. They are never changed.
var (
	stringType = &valueType{name: "string", means: "a string", toml: `"text"`,
		schema: `{"type":"string"}`, example: "text"}
	boolType = &valueType{name: "boolean", means: "true or false", toml: `true`,
		schema: `{"anyOf":[{"type":"boolean"},` + expandable + `]}`, example: "true",
		words: []string{"true", "false"}}
	intType = &valueType{name: "integer", means: "a whole number", toml: `3`,
		schema: `{"anyOf":[{"type":"integer"},` + expandable + `]}`, example: "4"}
	secondsType = &valueType{name: "seconds", means: "a number of seconds", toml: `10, 0.5 or "1m30s"`,
		schema: `{"type":["number","string"]}`, example: "7"}
	bytesType = &valueType{name: "size", means: "a size like 50MB, 512KB, 1GB or a whole number of bytes",
		toml: `"50MB" or 52428800`, schema: `{"type":["integer","string"],"pattern":"^\\s*[-+]?[0-9_]+\\s*([kKmMgG][bB])?\\s*$|%\\(|\\$\\{"}`, example: "2MB"}
	modeType = &valueType{name: "octal", means: "an octal number like 022 or 0700", toml: `"0700" or 0o700`,
		schema: `{"type":["integer","string"]}`, example: "0750"}
	signalType = &valueType{name: "signal", means: "the name or number of a signal", toml: `"TERM"`,
		schema: `{"type":["string","integer"]}`, example: "QUIT",
		words: []string{"TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH", "ABRT", "ALRM"}}
	userType = &valueType{name: "user", means: "the name or number of an account", toml: `"www-data"`,
		schema: `{"type":["string","integer"]}`, example: "root"}
	ownerType = &valueType{name: "user:group", means: "user, user:group or numbers of them", toml: `"www-data:www-data"`,
		schema: `{"type":["string","integer"]}`, example: "root:root"}
	pathType = &valueType{name: "path", means: "a path in a directory that exists", toml: `"/run/x"`,
		schema: `{"type":"string"}`, example: "/tmp/x"}
	directoryType = &valueType{name: "directory", means: "a directory that exists", toml: `"/srv"`,
		schema: `{"type":"string"}`, example: "/tmp"}
	logfileType = &valueType{name: "log file", means: "a path in a directory that exists, AUTO or NONE", toml: `"/var/log/x.log"`,
		schema: `{"type":"string"}`, example: "/tmp/x.log"}
	levelType = &valueType{name: "log level", means: "a log level: critical, error, warn, info, debug, trace or blather", toml: `"info"`,
		schema: `{"anyOf":[{"enum":["critical","error","warn","info","debug","trace","blather"]},{"type":"string","pattern":"%\\(|[A-Z]|\\$\\{"}]}`, example: "debug",
		words: []string{"critical", "error", "warn", "info", "debug", "trace", "blather"}}
	autorestartType = &valueType{name: "autorestart", means: "true, false or unexpected", toml: `true, false or "unexpected"`,
		schema: `{"anyOf":[{"type":"boolean"},{"type":"string"}]}`, example: "true",
		words: []string{"true", "false", "unexpected"}}
	restartsType = &valueType{name: "restarts", means: "a whole number from 0, or unlimited", toml: `5 or "unlimited"`,
		schema: `{"anyOf":[{"type":"integer","minimum":0},{"type":"string"}]}`, example: "5",
		words: []string{"unlimited"}}
	exitOnType = &valueType{name: "exit policy", means: "never, fatal, failure, any, all or main=NAME", toml: `"fatal"`,
		schema: `{"type":"string"}`, example: "failure",
		words: []string{"never", "fatal", "failure", "any", "all", "main=NAME"}}
	roleType = &valueType{name: "role", means: "read, operate or admin", toml: `"operate"`,
		schema: `{"anyOf":[{"enum":["read","operate","admin"]},{"type":"string","pattern":"%\\(|[A-Z]|\\$\\{"}]}`, example: "operate", words: roleWords}
	formatType = &valueType{name: "log format", means: "raw, lines, prefix or json", toml: `"json"`,
		schema: `{"anyOf":[{"enum":["raw","lines","prefix","json"]},{"type":"string","pattern":"%\\(|[A-Z]|\\$\\{"}]}`, example: "json", words: formatWords}
	overflowType = &valueType{name: "overflow", means: "patient, block or drop", toml: `"drop"`,
		schema: `{"anyOf":[{"enum":["patient","block","drop"]},{"type":"string","pattern":"%\\(|[A-Z]|\\$\\{"}]}`, example: "drop", words: overflowWords}
	onCrashType = &valueType{name: "crash policy", means: "adopt or kill", toml: `"kill"`,
		schema: `{"anyOf":[{"enum":["adopt","kill"]},{"type":"string","pattern":"%\\(|[A-Z]|\\$\\{"}]}`, example: "kill", words: onCrashWords}
	exitcodesType = &valueType{name: "exit codes", means: "exit codes from 0 to 255 with commas between", toml: `[0, 2]`,
		schema: `{"anyOf":[{"type":"array","items":{"type":"integer","minimum":0,"maximum":255}},{"type":"integer","minimum":0,"maximum":255},{"type":"string"}]}`, example: "0,2"}
	listType = &valueType{name: "list", means: "words with commas between", toml: `["a", "b"]`,
		schema: `{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"string"}]}`, example: "a,b"}
	patternsType = &valueType{name: "patterns", means: "names and patterns like web:* with commas between, every [ with its ]", toml: `["web:*", "worker"]`,
		schema: `{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"string"}]}`, example: "other*"}
	filesType = &valueType{name: "list of files", means: "file names or patterns with blanks between", toml: `["conf.d/*.toml"]`,
		schema: `{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"string"}]}`, example: "conf.d/*.ini"}
	environmentType = &valueType{name: "environment", means: `KEY="value" with commas between`, toml: `{ KEY = "value" }`,
		schema: `{"anyOf":[{"type":"object","additionalProperties":{"type":["string","integer","number","boolean"]}},{"type":"string"}]}`, example: `A="1",B="2"`}
	secretsType = &valueType{name: "secrets", means: "NAME:/path with commas between", toml: `{ NAME = "/path" }`,
		schema: `{"anyOf":[{"type":"object","additionalProperties":{"type":"string"}},{"type":"array","items":{"type":"string"}},{"type":"string"}]}`, example: "DB_PASSWORD:/run/secrets/db"}
	commandType = &valueType{name: "command", means: "a command line", toml: `"/bin/cat -u" or ["/bin/cat", "-u"]`,
		schema: `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]}`, example: "/bin/cat -u"}
	inetType = &valueType{name: "address", means: "port, host:port or *:port with a port from 1 to 65535", toml: `"127.0.0.1:9001"`,
		schema: `{"anyOf":[{"type":"integer","minimum":1,"maximum":65535},{"type":"string"}]}`, example: "127.0.0.1:9001"}
)
