package ctl

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func runConf(args ...string) outcome {
	var out, errOut bytes.Buffer
	exit := confRun(&out, &errOut, args)
	return outcome{out.String(), errOut.String(), exit}
}

func TestConfMain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	head := "[supervisord]\nlogfile=" + dir + "/log\npidfile=" + dir + "/pid\n"
	good := write("good.conf", head+"[program:cat]\ncommand=/bin/cat\nstartsecs=3\n")
	odd := write("odd.conf", head+"[program:cat]\ncommand=/bin/cat\nstartsec=3\n")
	bad := write("bad.conf", head+"[program:a]\nstartsecs=x\n[program:b]\ncommand=/nonexistent/b\nstopsignal=FOO\n")
	gone := write("gone.conf", head+"[program:a]\ncommand=/nonexistent/a\n")
	toml := write("good.toml", "[supervisord]\nlogfile = \""+dir+"/log\"\npidfile = \""+dir+"/pid\"\n[program.cat]\ncommand = \"/bin/cat\"\n")

	slow := write("slow.conf", head+"[program:a]\ncommand=/bin/cat\nstopwaitsecs=60\n")
	three := write("three.conf", head+"[program:a]\ncommand=/bin/cat\npriority=1\n[program:b]\ncommand=/bin/cat\npriority=2\n[program:c]\ncommand=/bin/cat\n")
	told := write("told.conf", head+"shutdown_timeout=70\n[program:a]\ncommand=/bin/cat\nstopwaitsecs=60\n")

	rows := []struct {
		name     string
		args     []string
		exit     int
		out, err []string // parts
	}{
		{"check", []string{"check", good}, 0, []string{good + ": no faults (1 group, 1 process)"}, nil},
		{"check TOML", []string{"check", toml}, 0, []string{"no faults"}, nil},
		{"check, warning", []string{"check", odd}, 0, []string{"no faults"}, []string{"warning: ", odd + ":6", "startsec", "did you mean startsecs?"}},
		{"check, all faults", []string{"check", bad}, 1, nil, []string{bad + ":4", bad + ":5", bad + ":8"}},
		{"check, command missing", []string{"check", gone}, 0, []string{"no faults"}, []string{"warning: " + gone + ":5: [program:a] command: "}},
		{"check strictly, command missing", []string{"check", "--strict", gone}, 1, nil, []string{gone + ":5: [program:a] command: "}},
		{"check, no file", []string{"check", dir + "/nope"}, 1, nil, []string{"could not find config file " + dir + "/nope"}},
		{"check, a program that process 1 would not wait for", []string{"check", slow}, 0, []string{"no faults"},
			[]string{"note: " + slow + ":6: [program:a] stopwaitsecs: stopping 'a' may take 60 seconds, but as process 1 everything is killed after 25 (set shutdown_timeout="}},
		{"check for a container", []string{"check", "--container", slow}, 0, []string{"no faults"}, []string{"warning: " + slow, "as process 1, stopping everything may take 60 seconds"}},
		{"check for a container, priorities", []string{"check", three, "--container"}, 0, []string{"no faults"}, []string{"warning: " + three, "may take 30 seconds"}},
		{"check, priorities", []string{"check", three}, 0, []string{"no faults"}, nil},
		{"check for a container, configured", []string{"check", "--container", told}, 0, []string{"no faults"}, nil},
		{"check nothing", []string{"check"}, 2, nil, []string{"gosv conf: one file is wanted"}},
		{"check two", []string{"check", good, bad}, 2, nil, []string{"gosv conf: one file is wanted"}},
		{"show", []string{"show", good}, 0, []string{"[supervisord]", "[program:cat]", "startsecs = 3", good + ":6"}, nil},
		{"show section", []string{"show", good, "program:cat"}, 0, []string{"[program:cat]"}, nil},
		{"convert", []string{"convert", good}, 0, []string{"[program.cat]", `command = "/bin/cat"`, "startsecs = 3"}, nil},
		{"convert back", []string{"convert", toml}, 0, []string{"[program:cat]", "command = /bin/cat"}, nil},
		{"convert, flag last", []string{"convert", good, "--to", "toml"}, 0, []string{"[program.cat]"}, nil},
		{"convert, flag first", []string{"convert", "--to=ini", toml}, 0, []string{"[program:cat]"}, nil},
		{"convert to something", []string{"convert", "--to", "yaml", good}, 2, nil, []string{`cannot convert to "yaml"`}},
		{"convert, no file", []string{"convert", dir + "/nope"}, 1, nil, []string{"nope"}},
		{"sample", []string{"sample"}, 0, []string{"[supervisord]", "[program:"}, nil},
		{"sample TOML", []string{"sample", "--format", "toml"}, 0, []string{"[supervisord]", "[program."}, nil},
		{"schema", []string{"schema"}, 0, []string{`"$schema"`}, nil},
		{"options", []string{"options"}, 0, []string{"startsecs"}, nil},
		{"nothing", nil, 2, nil, []string{"a command is missing"}},
		{"unknown", []string{"foo"}, 2, nil, []string{`"foo"`}},
		{"unknown flag", []string{"check", "--foo", good}, 2, nil, []string{"-foo"}},
		{"help", []string{"--help"}, 0, []string{"check", "convert"}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := runConf(row.args...)
			if o.exit != row.exit || row.out == nil && o.out != "" || row.err == nil && o.err != "" {
				t.Errorf("gosv conf %q: %v\nwant rc %d", row.args, o, row.exit)
			}
			for _, part := range row.out {
				if !strings.Contains(o.out, part) {
					t.Errorf("gosv conf %q: no %q in stdout\n%s", row.args, part, o.out)
				}
			}
			for _, part := range row.err {
				if !strings.Contains(o.err, part) {
					t.Errorf("gosv conf %q: no %q in stderr\n%s", row.args, part, o.err)
				}
			}
		})
	}

	t.Run("check --json", func(t *testing.T) {
		for _, args := range [][]string{{"check", "--json", bad}, {"check", bad, "--json"}} {
			o := runConf(args...)
			var got checked
			if err := json.Unmarshal([]byte(o.out), &got); err != nil {
				t.Fatalf("%v: %v", err, o)
			}
			if o.exit != 1 || o.err != "" || got.Exit != 1 || got.Command != "check" || len(got.Errors) < 3 || got.Errors[0].Line == 0 {
				t.Errorf("%q: %v", args, o)
			}
		}
		o := runConf("check", "--json", odd)
		var got checked
		if err := json.Unmarshal([]byte(o.out), &got); err != nil || o.exit != 0 || o.err != "" || len(got.Warnings) != 1 {
			t.Errorf("%v %v", err, o)
		}
	})
}

func TestFlagsFirst(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"check f --json":      "check --json f",
		"check --json f":      "check --json f",
		"convert f --to toml": "convert --to toml f",
		"convert f --to=toml": "convert --to=toml f",
		"convert f --to":      "convert --to f",
		"show f s":            "show f s",
		"--help":              "--help",
		"check -- --json":     "check -- --json",
	} {
		if got := strings.Join(flagsFirst(strings.Fields(in)), " "); got != want {
			t.Errorf("flagsFirst(%q) = %q, want %q", in, got, want)
		}
	}
	if got := flagsFirst(nil); !slices.Equal(got, nil) {
		t.Errorf("flagsFirst(nil) = %q", got)
	}
}
