package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Every type here has Set, which takes what the file says (INI: string; TOML: string, int64,
// float64, bool, []any, map[string]any), and String, which Set reads back. A failed Set
// changes nothing. Errors are Supervisor's texts where it has one, without section and key.
// Kinds without a type of their own, and those whose type has a field called Set, have parse
// functions in scalar.go and account.go.

// Set takes whole seconds by the rules of Python's int, "1m30s", and numbers.
func (x *Seconds) Set(v any) error {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.Abs(v) > math.MaxInt64/float64(time.Second) {
			return fmt.Errorf("%v is too large a number of seconds", v)
		}
		*x = Seconds(math.Round(v * float64(time.Second)))
		return nil
	case string:
		n, err := pyInt(v, 10)
		if err == nil {
			return x.Set(int64(n))
		}
		// Only with a unit: "0.5" is refused, as Python's int does.
		if d, failed := time.ParseDuration(v); failed == nil && strings.ContainsAny(v, "smh") {
			*x = Seconds(d)
			return nil
		}
		return err
	}
	n, err := parseInt(v)
	if err != nil {
		return err
	}
	const most = math.MaxInt64 / int64(time.Second)
	if int64(n) > most || int64(n) < -most {
		return fmt.Errorf("%d is too large a number of seconds", n)
	}
	*x = Seconds(time.Duration(n) * time.Second)
	return nil
}

// String is "90", and "1m30.5s" where seconds are not enough.
func (x Seconds) String() string {
	d := time.Duration(x)
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10)
	}
	return d.String()
}

// byteUnits are Supervisor's, from the greatest.
var byteUnits = [...]struct {
	suffix string
	size   int64
}{{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}}

// Set is Supervisor's byte_size: a whole number, with KB, MB or GB in any case after it.
func (x *Bytes) Set(v any) error {
	text, ok := v.(string)
	if !ok {
		n, err := parseInt(v)
		if err == nil {
			*x = Bytes(n)
		}
		return err
	}
	number, unit := strings.ToLower(text), int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = rest, u.size
			break
		}
	}
	n, err := pyInt(number, 10)
	if err != nil {
		return err
	}
	if int64(n) > math.MaxInt64/unit || int64(n) < math.MinInt64/unit {
		return fmt.Errorf("%s is too large a size", Repr(text))
	}
	*x = Bytes(int64(n) * unit)
	return nil
}

// String is the size in the greatest unit that divides it, as "50MB".
func (x Bytes) String() string {
	for _, u := range byteUnits {
		if n := int64(x) / u.size; x != 0 && int64(x)%u.size == 0 {
			return strconv.FormatInt(n, 10) + strings.ToUpper(u.suffix)
		}
	}
	return strconv.FormatInt(int64(x), 10)
}

// Set is Supervisor's octal_type, for permission bits: "022", "22" and "0o22" are the same.
// A TOML integer is the number that it is, so 0o700 is right; 700 is refused, because it
// would be 0o1274.
func (x *Mode) Set(v any) error {
	switch v := v.(type) {
	case string:
		n, err := pyInt(v, 8)
		if err != nil || n < 0 || n > 0o7777 {
			return fmt.Errorf("%s can not be converted to an octal type", v)
		}
		*x = Mode(n)
		return nil
	case int64:
		switch {
		case v < 0 || v > 0o7777:
			return fmt.Errorf("%d can not be converted to an octal type", v)
		case v > 0o777, v == 22, v == 27, v == 77, v == 400, v == 440, v == 444:
			return fmt.Errorf(`%d is a decimal number here: write "%04d" or 0o%[1]d if that is meant`, v, v)
		}
		*x = Mode(v)
		return nil
	}
	return fmt.Errorf(`must be a string such as "0700", not %s`, kindOf(v))
}

// String is "0700"; "" for Unset, which Set does not take.
func (x Mode) String() string {
	if x == Unset {
		return ""
	}
	return fmt.Sprintf("%04o", int(x))
}

// signalNames are names of Python's signal module, without SIG, that package unix lacks. Since
// Supervisor looks for any SIG*, some are no signals at all.
var signalNames = map[string]int{
	"CLD": int(syscall.SIGCHLD), "IOT": int(syscall.SIGABRT), "POLL": int(syscall.SIGIO),
	"RTMIN": 34, "RTMAX": 64,
	"_DFL": 0, "_IGN": 1, "_BLOCK": 0, "_UNBLOCK": 1, "_SETMASK": 2,
}

// Set is Supervisor's signal_number: a number, or a name in any case with or without SIG.
// The number must be that of a named signal, or 0.
func (x *Signal) Set(v any) error {
	text, ok := v.(string)
	if !ok {
		n, err := parseInt(v)
		if err != nil {
			return err
		}
		text = strconv.Itoa(n)
	}
	n, err := pyInt(text, 10)
	if err != nil {
		if n, ok = signalNumber(text); !ok {
			return fmt.Errorf("value %s is not a valid signal name", Repr(text))
		}
	}
	if !knownSignal(n) {
		return fmt.Errorf("value %s is not a valid signal number", Repr(text))
	}
	*x = Signal(n)
	return nil
}

func signalNumber(name string) (int, bool) {
	name = strings.TrimPrefix(strings.ToUpper(strings.TrimFunc(name, isSpace)), "SIG")
	if n, ok := signalNames[name]; ok {
		return n, true
	}
	n := unix.SignalNum("SIG" + name)
	return int(n), n != 0
}

func knownSignal(n int) bool {
	return n == 0 || n == signalNames["RTMIN"] || n == signalNames["RTMAX"] || unix.SignalName(syscall.Signal(n)) != ""
}

// String is the name without SIG, or the number if there is no name.
func (x Signal) String() string {
	if name := unix.SignalName(syscall.Signal(x)); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(x))
}

// levelNames are the levels of Supervisor's loggers.
var levelNames = map[Level]string{
	Critical: "critical", Erro: "error", Warn: "warn", Info: "info",
	Debug: "debug", Trace: "trace", Blather: "blather",
}

// Set is Supervisor's logging_level: the name of a level in any case.
func (x *Level) Set(v any) error {
	text, err := parseString(v)
	if err != nil {
		return err
	}
	for level, name := range levelNames {
		if name == strings.ToLower(text) {
			*x = level
			return nil
		}
	}
	return fmt.Errorf("bad logging level name %s", Repr(text))
}

// String is the name of the level, or its number if it has none.
func (x Level) String() string {
	if name, ok := levelNames[x]; ok {
		return name
	}
	return strconv.Itoa(int(x))
}

// Set is Supervisor's auto_restart: a boolean or "unexpected", in any case.
func (x *Autorestart) Set(v any) error {
	text, isText := v.(string)
	text = strings.ToLower(text)
	if text == "unexpected" {
		*x = RestartUnexpected
		return nil
	}
	always, err := parseBool(v)
	if err != nil && isText {
		return fmt.Errorf("invalid 'autorestart' value %s", Repr(text))
	}
	switch {
	case err != nil:
		return err
	case always:
		*x = RestartAlways
	default:
		*x = RestartNever
	}
	return nil
}

// String is "true", "false" or "unexpected".
func (x Autorestart) String() string {
	switch x {
	case RestartAlways:
		return "true"
	case RestartUnexpected:
		return "unexpected"
	}
	return "false"
}

// syslogFile is the path that stands for the old way to say stdout_syslog=true. No real
// path is the same: that word is never taken as a file.
const syslogFile = "syslog"

// Set is Supervisor's logfile_name: none, off, auto and syslog in any case, or a path whose
// directory exists. An empty value is no file. "syslog" is left as the path syslogFile.
func (x *LogFile) Set(v any) error {
	if on, ok := v.(bool); ok && !on {
		*x = LogFile{Kind: LogNone}
		return nil
	}
	text, err := parseString(v)
	if err != nil {
		return err
	}
	switch strings.ToLower(text) {
	case "none", "off", "":
		*x = LogFile{Kind: LogNone}
	case "auto":
		*x = LogFile{Kind: LogAuto}
	case syslogFile:
		*x = LogFile{LogPath, syslogFile}
	default:
		path, err := existingDirpath(text)
		if err != nil {
			return err
		}
		*x = LogFile{LogPath, path}
	}
	return nil
}

// String is "NONE", "AUTO" or the path.
func (x LogFile) String() string {
	switch x.Kind {
	case LogNone:
		return "NONE"
	case LogAuto:
		return "AUTO"
	}
	return x.Path
}
