package conf

import (
	"encoding/json"
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"
)

// setter is what all value types have.
type setter interface {
	Set(any) error
	fmt.Stringer
}

// newValue makes a value of a type, by name.
var newValue = map[string]func() setter{
	"Seconds":     func() setter { return new(Seconds) },
	"Bytes":       func() setter { return new(Bytes) },
	"Mode":        func() setter { return new(Mode) },
	"Signal":      func() setter { return new(Signal) },
	"Level":       func() setter { return new(Level) },
	"Autorestart": func() setter { return new(Autorestart) },
	"LogFile":     func() setter { return new(LogFile) },
}

func TestSet(t *testing.T) {
	t.Parallel()
	cases := []struct {
		typ  string
		in   any
		want string // as String shows it
		err  string
	}{
		{typ: "Seconds", in: "10", want: "10"},
		{typ: "Seconds", in: " +1_0 ", want: "10"},
		{typ: "Seconds", in: "-1", want: "-1"},
		{typ: "Seconds", in: "0", want: "0"},
		{typ: "Seconds", in: int64(90), want: "90"},
		{typ: "Seconds", in: 0.5, want: "500ms"},
		{typ: "Seconds", in: 2.0, want: "2"},
		{typ: "Seconds", in: "1m30s", want: "90"},
		{typ: "Seconds", in: "1m30.5s", want: "1m30.5s"},
		{typ: "Seconds", in: "250ms", want: "250ms"},
		{typ: "Seconds", in: "0.5", err: "invalid literal for int() with base 10: '0.5'"},
		{typ: "Seconds", in: "ten", err: "invalid literal for int() with base 10: 'ten'"},
		{typ: "Seconds", in: "", err: "invalid literal for int() with base 10: ''"},
		{typ: "Seconds", in: "0x10", err: "invalid literal for int() with base 10: '0x10'"},
		{typ: "Seconds", in: "99999999999", err: "99999999999 is too large a number of seconds"},
		{typ: "Seconds", in: math.Inf(1), err: "+Inf is too large a number of seconds"},
		{typ: "Seconds", in: math.NaN(), err: "NaN is too large a number of seconds"},
		{typ: "Seconds", in: true, err: "must be a whole number, not a boolean"},

		{typ: "Bytes", in: "50MB", want: "50MB"},
		{typ: "Bytes", in: "1024", want: "1KB"},
		{typ: "Bytes", in: "1 mb", want: "1MB"},
		{typ: "Bytes", in: "1_000", want: "1000"},
		{typ: "Bytes", in: "2gB", want: "2GB"},
		{typ: "Bytes", in: "0", want: "0"},
		{typ: "Bytes", in: "0KB", want: "0"},
		{typ: "Bytes", in: int64(52428800), want: "50MB"},
		{typ: "Bytes", in: "-1", want: "-1"},
		{typ: "Bytes", in: "1.5MB", err: "invalid literal for int() with base 10: '1.5'"},
		{typ: "Bytes", in: "1G", err: "invalid literal for int() with base 10: '1g'"},
		{typ: "Bytes", in: "10B", err: "invalid literal for int() with base 10: '10b'"},
		{typ: "Bytes", in: "MB", err: "invalid literal for int() with base 10: ''"},
		{typ: "Bytes", in: "9999999999GB", err: "'9999999999GB' is too large a size"},
		{typ: "Bytes", in: 1.5, err: "must be a whole number, not 1.5"},

		{typ: "Mode", in: "022", want: "0022"},
		{typ: "Mode", in: "22", want: "0022"},
		{typ: "Mode", in: "0o22", want: "0022"},
		{typ: "Mode", in: "0700", want: "0700"},
		{typ: "Mode", in: "1777", want: "1777"},
		{typ: "Mode", in: int64(0o700), want: "0700"},
		{typ: "Mode", in: int64(0o22), want: "0022"},
		{typ: "Mode", in: int64(700), err: `700 is a decimal number here: write "0700" or 0o700 if that is meant`},
		{typ: "Mode", in: int64(22), err: `22 is a decimal number here: write "0022" or 0o22 if that is meant`},
		{typ: "Mode", in: "9", err: "9 can not be converted to an octal type"},
		{typ: "Mode", in: "", err: " can not be converted to an octal type"},
		{typ: "Mode", in: "-1", err: "-1 can not be converted to an octal type"},
		{typ: "Mode", in: "77777", err: "77777 can not be converted to an octal type"},
		{typ: "Mode", in: 1.5, err: `must be a string such as "0700", not a number`},

		{typ: "Signal", in: "TERM", want: "TERM"},
		{typ: "Signal", in: " sigterm ", want: "TERM"},
		{typ: "Signal", in: "Usr1", want: "USR1"},
		{typ: "Signal", in: "9", want: "KILL"},
		{typ: "Signal", in: int64(2), want: "INT"},
		{typ: "Signal", in: "CLD", want: "CHLD"},
		{typ: "Signal", in: "POLL", want: "IO"},
		{typ: "Signal", in: "0", want: "0"},
		{typ: "Signal", in: "_DFL", want: "0"},
		{typ: "Signal", in: "RTMIN", want: "34"},
		{typ: "Signal", in: "34", want: "34"},
		{typ: "Signal", in: "64", want: "64"},
		{typ: "Signal", in: "16", want: "STKFLT"},
		{typ: "Signal", in: "FOO", err: "value 'FOO' is not a valid signal name"},
		{typ: "Signal", in: "SIGSIGTERM", err: "value 'SIGSIGTERM' is not a valid signal name"},
		{typ: "Signal", in: "", err: "value '' is not a valid signal name"},
		{typ: "Signal", in: "99", err: "value '99' is not a valid signal number"},
		{typ: "Signal", in: "32", err: "value '32' is not a valid signal number"},
		{typ: "Signal", in: "35", err: "value '35' is not a valid signal number"},
		{typ: "Signal", in: "-1", err: "value '-1' is not a valid signal number"},
		{typ: "Signal", in: []any{}, err: "must be a whole number, not a list"},

		{typ: "Level", in: "info", want: "info"},
		{typ: "Level", in: "CRITICAL", want: "critical"},
		{typ: "Level", in: "Blather", want: "blather"},
		{typ: "Level", in: "warning", err: "bad logging level name 'warning'"},
		{typ: "Level", in: "", err: "bad logging level name ''"},
		{typ: "Level", in: int64(20), err: "must be a string, not a number"},

		{typ: "Autorestart", in: "true", want: "true"},
		{typ: "Autorestart", in: "Off", want: "false"},
		{typ: "Autorestart", in: "UNEXPECTED", want: "unexpected"},
		{typ: "Autorestart", in: true, want: "true"},
		{typ: "Autorestart", in: false, want: "false"},
		{typ: "Autorestart", in: "Maybe", err: "invalid 'autorestart' value 'maybe'"},
		{typ: "Autorestart", in: []any{}, err: "must be true or false, not a list"},

		{typ: "LogFile", in: "NONE", want: "NONE"},
		{typ: "LogFile", in: "Off", want: "NONE"},
		{typ: "LogFile", in: "", want: "NONE"},
		{typ: "LogFile", in: false, want: "NONE"},
		{typ: "LogFile", in: "auto", want: "AUTO"},
		{typ: "LogFile", in: "SysLog", want: "syslog"},
		{typ: "LogFile", in: "x.log", want: "x.log"},
		{typ: "LogFile", in: "/dev/stdout", want: "/dev/stdout"},
		{typ: "LogFile", in: "/no/such/x", err: "The directory named as part of the path /no/such/x does not exist"},
		{typ: "LogFile", in: int64(1), err: "must be a string, not a number"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %v", c.typ, c.in), func(t *testing.T) {
			x := newValue[c.typ]()
			before := x.String()
			err := x.Set(c.in)
			if text(err) != c.err {
				t.Fatalf("fails with %v, want %q", err, c.err)
			}
			if err != nil {
				c.want = before
			}
			if got := x.String(); got != c.want {
				t.Fatalf("String() = %q, want %q", got, c.want)
			}
			if err != nil {
				return
			}
			again := newValue[c.typ]()
			if err := again.Set(x.String()); err != nil || again.String() != x.String() {
				t.Errorf("Set(%q) reads %q, %v", x.String(), again, err)
			}
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	var s Seconds
	var b Bytes
	var sig Signal
	var m Mode = Unset
	for _, err := range []error{s.Set("10"), b.Set("1KB"), sig.Set("hup")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if time.Duration(s) != 10*time.Second || b != 1024 || syscall.Signal(sig) != syscall.SIGHUP || m.String() != "" {
		t.Errorf("%v %v %v %q", s, b, sig, m)
	}
}

// TestDatatypesPython asks Supervisor's own datatypes.py, where it is installed.
func TestDatatypesPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	if a := o.ask(t, "have_supervisor", nil); a.Failed {
		t.Skipf("SKIPPED: not compared with Supervisor: %s", a.Error)
	}
	numbers := []string{"", "0", "1", "-1", "+7", "--1", "+-1", "007", " 12 ", "1_000", "_1", "1_", "1__0", "- 1", "1 0", "0x10", "0o17", "0O17", "0o_17", "0o",
		"1.5", "1e3", "ten", "٣", "１２", "²", "255", "256", "65535", "65536", "\u00a05\x1c", "9999999999", "it's", "8", "18", "\n3\n", "é", "a\\b"}
	words := []string{"yes", "YES", "true", "True", "on", "1", "no", "false", "OFF", "0", "y", "", " true", "unexpected", "Unexpected", "maybe", "None"}
	signals := []string{"TERM", "term", "SIGTERM", "sigKill", " HUP ", "FOO", "SIG", "SIGSIGTERM", "CLD", "IOT", "POLL", "_DFL", "SIG_IGN", "_BLOCK", "_SETMASK", "RTMIN", "RTMAX", "RTMIN+1", "NALS", "é"}
	for n := -1; n < 70; n++ {
		signals = append(signals, fmt.Sprint(n))
	}
	levels := []string{"critical", "error", "warn", "info", "debug", "trace", "blather", "INFO", "warning", "crit", "", "erro", "é"}
	sizes := []string{"50MB", "50mb", "1 MB", "1KB ", " 2gb", "kb", "1.5MB", "1G", "10B", "1kbkb", "1_0KB", "٣KB"}
	lists := []string{"", "a", "a,b", " a , b ", "a,", ",", "a\nb", "0,2", "0, 2", "0,256", "0,,1", "-1", "0;1"}
	addresses := []string{"9001", ":9001", "*:9001", "Host:80", "[::1]:9001", "::1", "abc", "", ":", "h:", ":abc", ":0", ":65536", "0", "65536", "a:b:1"}
	names := []string{"web", " web ", "a b", "a:b", "a/b", "", "a\tb", "é", "a'b c"}
	paths := []string{"", "x", "/tmp", "/tmp/", "/tmp/x", "/no/such/x", "//tmp//x", "~", "~/x", "~root", "~root/x", "~nosuch/x", "./x", "../x", "/", "tmp/x"}

	checks := []struct {
		function string
		texts    []string
		parse    func(string) (any, error)
	}{
		{"integer", numbers, func(s string) (any, error) { return parseInt(s) }},
		{"boolean", words, func(s string) (any, error) { return parseBool(s) }},
		{"auto_restart", words, func(s string) (any, error) {
			var x Autorestart
			err := x.Set(s)
			return map[Autorestart]any{RestartAlways: "RestartUnconditionally", RestartUnexpected: "RestartWhenExitUnexpected", RestartNever: false}[x], err
		}},
		{"signal_number", append(signals, numbers[:20]...), func(s string) (any, error) {
			var x Signal
			err := x.Set(s)
			return int(x), err
		}},
		{"logging_level", levels, func(s string) (any, error) {
			var x Level
			err := x.Set(s)
			return int(x), err
		}},
		{"byte_size", append(sizes, numbers...), func(s string) (any, error) {
			var x Bytes
			err := x.Set(s)
			return int64(x), err
		}},
		{"octal_type", []string{"", "0", "22", "022", "0o22", "0O22", "0o_22", "9", "8", " 7 ", "1_0", "0x1", "700", "abc", "0o"}, func(s string) (any, error) {
			var x Mode
			err := x.Set(s)
			return int(x), err
		}},
		{"list_of_strings", lists, func(s string) (any, error) { return parseList(s) }},
		{"list_of_exitcodes", append(lists, numbers...), func(s string) (any, error) { return parseExitcodes(s) }},
		{"inet_address", append(addresses, numbers...), func(s string) (any, error) {
			host, port, err := parseInet(s)
			return []any{host, port}, err
		}},
		{"process_or_group_name", names, func(s string) (any, error) { return checkName(s) }},
		{"existing_directory", paths, func(s string) (any, error) { return existingDir(s) }},
		{"existing_dirpath", paths, func(s string) (any, error) { return existingDirpath(s) }},
		{"logfile_name", append(paths, "none", "OFF", "Auto"), func(s string) (any, error) {
			var x LogFile
			err := x.Set(s)
			switch {
			case x.Kind == LogNone && s == "":
				return "", err // the same as None to all that read it
			case x.Kind == LogNone:
				return nil, err
			case x.Kind == LogAuto:
				return "Automatic", err
			}
			return x.Path, err
		}},
		{"name_to_uid", []string{"root", "0", " 0", "nosuchuser", "99999", "-1", "", "daemon", "nobody", "1_0"}, func(s string) (any, error) {
			u, err := parseUser(s)
			return u.UID, err
		}},
		{"name_to_gid", []string{"root", "0", "nosuchgroup", "99999", "-1", "", "daemon", "nogroup"}, func(s string) (any, error) { return parseGroup(s) }},
		{"colon_separated_user_group", []string{"root", "0", "root:root", "0:0", "root:", ":root", "nosuchuser", "root:nosuchgroup", "daemon:nogroup", "a:b:c", ""}, func(s string) (any, error) {
			x, err := parseOwner(s)
			return []any{x.UID, x.GID}, err
		}},
	}
	for _, c := range checks {
		var args []any
		for _, s := range c.texts {
			args = append(args, map[string]string{"function": c.function, "text": s})
		}
		for i, a := range o.askAll(t, "datatype", args) {
			got, err := c.parse(c.texts[i])
			if a.Failed || err != nil {
				if text(err) != a.Error {
					t.Errorf("%s(%q) fails with %v, Supervisor with %q", c.function, c.texts[i], err, a.Error)
				}
				continue
			}
			shown, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if !sameJSON(t, shown, a.Result) {
				t.Errorf("%s(%q) = %s, Supervisor has %s", c.function, c.texts[i], shown, a.Result)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func FuzzPyInt(f *testing.F) {
	for _, s := range []string{"0", "-1", "1_000", " +7 ", "0o17", "٣", "", "1__0"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, s string, octal bool) {
		if !sameLetters([]byte(s)) || !sameRepr(s) || len(s) > 18 {
			return
		}
		base := 10
		if octal {
			base = 8
		}
		a := o.ask(t, "integer", map[string]any{"text": s, "base": base})
		got, err := pyInt(s, base)
		if text(err) != a.Error {
			t.Errorf("pyInt(%q, %d) fails with %v, Python with %q", s, base, err, a.Error)
		} else if err == nil && got != result[int](t, a) {
			t.Errorf("pyInt(%q, %d) = %d, Python has %s", s, base, got, a.Result)
		}
	})
}
