package conf

import (
	"errors"
	"testing"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		err  Error
		want string
	}{
		{"all", Error{Pos: Pos{"web.conf", 14}, Section: "program:web", Key: "startsec", Msg: "unknown option", Hint: "did you mean startsecs?"},
			"web.conf:14: [program:web] startsec: unknown option (did you mean startsecs?)"},
		{"no hint", Error{Pos: Pos{"web.conf", 14}, Section: "a", Key: "b", Msg: "m"}, "web.conf:14: [a] b: m"},
		{"section", Error{Pos: Pos{"web.conf", 14}, Section: "a", Msg: "m"}, "web.conf:14: [a]: m"},
		{"file", Error{Pos: Pos{"web.conf", 0}, Msg: "m"}, "web.conf: m"},
		{"command line", Error{Key: "-l", Msg: "m"}, "-l: m"},
		{"message only", Error{Msg: "m"}, "m"},
	}
	for _, c := range cases {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	last := &Error{Pos: Pos{"b", 1}, Msg: "4"}
	list := Errors{last, {Pos: Pos{"a", 9}, Msg: "2", Compat: "two"}, {Pos: Pos{"a", 10}, Msg: "3"}, {Pos: Pos{"a", 0}, Msg: "1", Compat: "one"}}
	list.Sort()
	if got, want := list.Error(), "a: 1\na:9: 2\na:10: 3\nb:1: 4"; got != want {
		t.Errorf("sorted %q, want %q", got, want)
	}
	if got := list.Compat(); got != "one" {
		t.Errorf("Compat() = %q, want that of the first", got)
	}
	if got := list[3:].Compat(); got != "4" {
		t.Errorf("Compat() = %q, want the message", got)
	}
	if got := (Errors)(nil).Compat(); got != "" {
		t.Errorf("Compat() of nothing = %q", got)
	}
	var err error = list
	if !errors.Is(err, last) {
		t.Error("errors.Is does not find a fault of the list")
	}
	var one *Error
	if !errors.As(err, &one) || one.Msg != "1" {
		t.Errorf("errors.As finds %v", one)
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	known := []string{"command", "startsecs", "startretries", "stopwaitsecs", "user", "umask", "stdout_logfile", "autostart", "autorestart", "1"}
	cases := map[string]string{
		"startsec": "startsecs", "comand": "command", "Command": "command", "usr": "user", "stdout_log_file": "stdout_logfile",
		"autorestrat": "autorestart", "start_secs": "startsecs", "colour": "", "x": "", "1": "1", "": "", "priority": "", "unmask": "umask",
	}
	for word, want := range cases {
		if got := suggest(word, known); got != want {
			t.Errorf("suggest(%q) = %q, want %q", word, got, want)
		}
	}
}
