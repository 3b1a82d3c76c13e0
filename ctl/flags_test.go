package ctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCommandLine is section 1 of what is known of supervisorctl, and the same for gosv ctl.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	url := newFake().serveJSON(t)
	const help = "\nFor help, use ARGV0 -h\n"
	rows := []struct {
		name string
		ctl  bool // gosv ctl instead of supervisorctl
		args []string
		exit int
		out  string // beginning of stdout
		err  string // all of stderr
	}{
		{"action", false, []string{"-s", url, "version"}, 0, "4.2.5\n", ""},
		{"long option", false, []string{"--serverurl", url, "version"}, 0, "4.2.5\n", ""},
		{"long option with equals sign", false, []string{"--serverurl=" + url, "version"}, 0, "4.2.5\n", ""},
		{"shortened option", false, []string{"--server", url, "version"}, 0, "4.2.5\n", ""},
		{"one word for action and name", false, []string{"-s", url, "pid cat"}, 0, "13359\n", ""},
		{"options end at the action", false, []string{"-s", url, "status", "-c", "cat"}, 4, "-c: ERROR (no such process)\ncat  ", ""},
		{"argument like an option", false, []string{"-s", url, "tail", "-3", "cat"}, 0, "wo\n\n", ""},
		{"json is an addition", false, []string{"--json", "-s", url, "version"}, 0, `{"gosv":1,`, ""},
		{"no version option", false, []string{"-v"}, 2, "", "Error: option -v not recognized" + help},
		{"unknown long option", false, []string{"--foo"}, 2, "", "Error: option --foo not recognized" + help},
		{"missing argument", false, []string{"-c"}, 2, "", "Error: option -c requires argument" + help},
		{"no URL", false, []string{"-s", "foo", "status"}, 2, "", "Error: invalid value for -s 'foo': value 'foo' is not a URL" + help},
		{"no URL, long", false, []string{"--serverurl=unix:", "status"}, 2, "", "Error: invalid value for --serverurl 'unix:': value 'unix:' is not a URL" + help},
		{"twice", false, []string{"-s", url, "-s", url}, 2, "", "Error: conflicting command line option '-s'" + help},
		{"flag twice", false, []string{"-i", "-i"}, 2, "", "Error: conflicting command line option '-i'" + help},
		{"missing config", false, []string{"-c", "/nonexistent/x.conf", "status"}, 2, "", "Error: could not find config file /nonexistent/x.conf" + help},
		{"help", false, []string{"-h"}, 0, "supervisorctl -- control applications run by supervisord from the cmd line.\n\nUsage: ARGV0 [options] [action [arguments]]\n", ""},
		{"question mark", false, []string{"-?", "-Z"}, 2, "", "Error: option -Z not recognized" + help},
		{"help before other faults", false, []string{"-h", "-s", "foo"}, 0, "supervisorctl -- control", ""},
		{"other protocol", false, []string{"-s", "https://x", "status"}, 1, "error: Unknown protocol for serverurl https://x\n", ""},
		{"bad timeout", false, []string{"--timeout", "soon", "status"}, 2, "", "Error: invalid value for --timeout 'soon': neither seconds nor a duration such as 30s" + help},

		{"ctl", true, []string{"-s", url, "version"}, 0, "4.2.5\n", ""},
		{"ctl, equals sign", true, []string{"-s=" + url, "version"}, 0, "4.2.5\n", ""},
		{"ctl, options end at the action", true, []string{"-s", url, "status", "-c", "cat"}, 4, "-c: ERROR", ""},
		{"ctl, argument like an option", true, []string{"-s", url, "tail", "-3", "cat"}, 0, "wo\n\n", ""},
		{"supervisorctl, help lists Supervisor's", false, []string{"-s", url, "help"}, 0, "\ndefault commands (type help <topic>):\n=====================================\nadd    exit      open  reload  restart   start   tail   \n", ""},
		{"ctl, help lists gosv's own", true, []string{"-s", url, "help"}, 0, "\ndefault commands (type help <topic>):\n=====================================\nadd    exit      open  reload  restart   start   tail     version\navail  fg        pid   remove  shutdown  status  update \nclear  maintail  quit  reread  signal    stop    upgrade\n", ""},
		{"ctl, help is an action", true, []string{"-s", url, "help", "pid"}, 0, "pid\t\t\tGet", ""},
		{"ctl, json", true, []string{"--json", "-s", url, "version"}, 0, `{"gosv":1,`, ""},
		{"ctl, json last", true, []string{"-s", url, "version", "--json"}, 0, `{"gosv":1,`, ""},
		{"ctl, timeout", true, []string{"--timeout=30s", "-s", url, "version"}, 0, "4.2.5\n", ""},
		{"ctl, unknown option", true, []string{"--foo"}, 2, "", "Error: flag provided but not defined: -foo" + help},
		{"ctl, no URL", true, []string{"-s", "foo", "status"}, 2, "", "Error: invalid value for --serverurl 'foo': value 'foo' is not a URL" + help},
		{"ctl, -h", true, []string{"-h"}, 0, "NAME:\n   gosv ctl", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			argv0 := "/usr/bin/supervisorctl"
			if row.ctl {
				argv0 = "gosv ctl"
			}
			o := runCtl(t, argv0, "", row.args...)
			out, err := strings.ReplaceAll(row.out, "ARGV0", argv0), strings.ReplaceAll(row.err, "ARGV0", argv0)
			if o.exit != row.exit || !strings.HasPrefix(o.out, out) || o.err != err {
				t.Errorf("%q: %v\nwant rc %d, stdout from %q, stderr %q", row.args, o, row.exit, out, err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	f := newFake()
	url := f.serveJSON(t)
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	section := "[supervisorctl]\nserverurl=" + url + "\n"
	rows := []struct {
		name, file, text string
		exit             int
		out, err         string
	}{
		{"section", "s.conf", section, 0, "4.2.5\n", ""},
		{"broken program", "s.conf", section + "[program:x]\nstartsecs=soon\n", 0, "4.2.5\n", ""},
		{"broken line", "s.conf", section + "[program:x]\ncommand\n", 2, "", "Source contains parsing errors"},
		{"no section", "s.conf", "[supervisord]\n", 2, "", "Error: .ini file does not include supervisorctl section\n"},
		{"environment", "s.conf", "[supervisorctl]\nserverurl=%(ENV_URL)s\n", 0, "4.2.5\n", ""},
		{"TOML", "s.toml", "[supervisorctl]\nserverurl = \"" + url + "\"\n", 0, "4.2.5\n", ""},
		{"TOML without section", "s.toml", "[unix_http_server]\nfile = \"" + strings.TrimPrefix(url, "unix://") + "\"\n", 0, "4.2.5\n", ""},
	}
	t.Run("gosv ctl without a section", func(t *testing.T) {
		file := write("s.conf", "[supervisord]\n[unix_http_server]\nfile="+strings.TrimPrefix(url, "unix://")+"\n[program:x]\nstartsecs=soon\n")
		if o := runCtl(t, "gosv ctl", "", "-c", file, "version"); o.exit != 0 || o.out != "4.2.5\n" {
			t.Errorf("%v", o)
		}
	})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := runEnv(t, []string{"URL=" + url}, "supervisorctl", "", "-c", write(row.file, row.text), "version")
			if o.exit != row.exit || o.out != row.out || !strings.Contains(o.err, row.err) {
				t.Errorf("%v\nwant rc %d, stdout %q, stderr with %q", o, row.exit, row.out, row.err)
			}
		})
	}

	t.Run("command line beats file", func(t *testing.T) {
		file := write("s.conf", section+"username=u\npassword=p\nprompt=me\n")
		set, err := settle(&flags{config: file, serverURL: "http://h", username: "v", given: map[string]bool{"configuration": true, "username": true}, words: []string{"x"}}, system{})
		if err != nil {
			t.Fatal(err)
		}
		if set.url != "http://h" || set.username != "v" || set.password != "p" || set.prompt != "me" {
			t.Errorf("settle: %+v", set)
		}
	})
	t.Run("defaults", func(t *testing.T) {
		set, err := settle(&flags{username: "half", given: map[string]bool{"username": true}}, system{find: func() string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		if set.url != "http://localhost:9001" || set.prompt != "supervisor" || set.username != "" || !set.interactive {
			t.Errorf("settle: %+v", set)
		}
	})
	t.Run("password goes along", func(t *testing.T) {
		act(t, url, "version", "-u", "me", "-p", "secret")
		if f.hello.Username != "me" || f.hello.Password != "secret" {
			t.Errorf("hello: %+v", f.hello)
		}
	})
}

func TestParseTimeout(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"30", 30 * time.Second, true}, {"0.5", 500 * time.Millisecond, true}, {"2m", 2 * time.Minute, true},
		{"0", 0, false}, {"-1", 0, false}, {"", 0, false}, {"x", 0, false}, {"NaN", 0, false}, {"1e300", 0, false},
	} {
		if got, err := parseTimeout(row.in); got != row.want || (err == nil) != row.ok {
			t.Errorf("parseTimeout(%q) = %v, %v, want %v", row.in, got, err, row.want)
		}
	}
}

func TestIsURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"http://localhost:9001": true, "unix:///tmp/s": true, "localhost:9001": true, "https://x": true,
		"foo": false, "": false, "unix:": false, "unix://": false, ":x": false, "1x:y": false, "a b:c": false,
	} {
		if got := isURL(in); got != want {
			t.Errorf("isURL(%q) = %v, want %v", in, got, want)
		}
	}
}
