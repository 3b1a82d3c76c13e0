package conf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
)

// convert converts a text that can be converted.
func convert(t testing.TB, name, text, to string) string {
	t.Helper()
	var b strings.Builder
	if err := Convert(&b, write(t, name, text), to); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return b.String()
}

// TestConvertEveryOption converts each option there and back.
func TestConvertEveryOption(t *testing.T) {
	t.Parallel()
	for i := range sectionKinds {
		k := &sectionKinds[i]
		for j := range options() {
			o := &options()[j]
			if o.in&k.kind == 0 {
				continue
			}
			t.Run(k.name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				ini := asINI(exampleSection(k, o))
				asTOML := convert(t, "x.ini", ini, "toml")
				back := convert(t, "x.toml", asTOML, "ini")
				want := load(t, "x.ini", ini)
				if diff := cmp.Diff(want, load(t, "x.toml", asTOML), sameModel); diff != "" {
					t.Errorf("in TOML it means something else:\n%s\n%s", asTOML, diff)
				}
				if diff := cmp.Diff(want, load(t, "x.ini", back), sameModel); diff != "" {
					t.Errorf("back in INI it means something else:\n%s\n%s", back, diff)
				}
			})
		}
	}
}

// TestConvertCompat converts the files that are compared with Supervisor's reading.
func TestConvertCompat(t *testing.T) {
	t.Parallel()
	environ := []string{"PATH=/usr/bin:/bin", "HOME=/root", "EMPTY=", "NAME=joe", "PERCENT=%x", "QUOTE=it's"}
	for name, text := range compatCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, text)
			ini := filepath.Join(dir, "supervisord.conf")
			want, err := Load(ini, Options{Environ: environ})
			if err != nil {
				return
			}
			there, back := filepath.Join(dir, "x.toml"), filepath.Join(dir, "back.ini")
			convertFile(t, ini, there, "toml")
			convertFile(t, there, back, "ini")
			for _, file := range []string{there, back} {
				got, err := Load(file, Options{Environ: environ})
				if err != nil {
					t.Errorf("%s: %v", file, err)
				} else if diff := cmp.Diff(want, got, sameModel); diff != "" {
					written, _ := os.ReadFile(file)
					t.Errorf("%s means something else:\n%s\n%s", file, written, diff)
				}
			}
		})
	}
}

func convertFile(t *testing.T, from, to, format string) {
	t.Helper()
	var b strings.Builder
	if err := Convert(&b, from, format); err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	if err := os.WriteFile(to, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestConvertCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			if err := Convert(&b, f, "toml"); err != nil {
				if strings.HasPrefix(filepath.Base(f), "07") {
					return // no configuration at all
				}
				t.Fatal(err)
			}
			var x map[string]any
			if _, err := toml.Decode(b.String(), &x); err != nil {
				t.Errorf("%v in\n%s", err, b.String())
			}
			file := write(t, "x.toml", b.String())
			_, err := Load(file, Options{})
			if err != nil && strings.Contains(err.Error(), "unknown") {
				t.Error(err)
			}
			b.Reset()
			if err := Convert(&b, file, "ini"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConvertGolden(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, to string }{
		{"convert.ini", "toml"}, {"convert.toml", "ini"},
	} {
		var b strings.Builder
		if err := Convert(&b, "testdata/"+test.file, test.to); err != nil {
			t.Errorf("%s: %v", test.file, err)
			continue
		}
		golden(t, test.file+".golden", b.String())
		dir := t.TempDir() // both in one directory, for %(here)s
		text, err := os.ReadFile("testdata/" + test.file)
		if err != nil {
			t.Fatal(err)
		}
		var models [2]*Config
		for i, file := range []struct{ name, text string }{{test.file, string(text)}, {"x." + test.to, b.String()}} {
			name := filepath.Join(dir, file.name)
			if err := os.WriteFile(name, []byte(file.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if models[i], err = Load(name, Options{Environ: []string{"X=y"}}); err != nil {
				t.Fatal(err)
			}
		}
		want, got := models[0], models[1]
		if diff := cmp.Diff(want, got, sameModel); diff != "" {
			t.Errorf("%s means something else:\n%s", test.file, diff)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, text, to, want string }{
		{"format", "x.ini", "[supervisord]\n", "yaml", `cannot convert to "yaml"`},
		{"broken", "x.ini", "[supervisord\n", "toml", "x.ini:1:"},
		{"comment in a value", "x.toml", "[supervisord]\nidentifier = 'a ; b'\n", "ini", `x.toml:2: [supervisord] identifier: INI cannot have the value "a ; b"`},
		{"blanks", "x.toml", "[supervisord]\nidentifier = ' a'\n", "ini", "INI cannot have"},
		{"name", "x.toml", "[program.\"a\\nb\"]\ncommand='x'\n", "ini", "INI cannot have a section of this name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			err := Convert(&b, write(t, test.file, test.text), test.to)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if b.Len() > 0 {
				t.Errorf("wrote %q", b.String())
			}
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	c, err := Load("testdata/convert.ini", Options{Environ: []string{"X=y"}, Overrides: []Override{{"-e", "loglevel", "debug"}}})
	if err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(` +; `) // depends on the length of cwd
	show := func(section string) (string, error) {
		var b strings.Builder
		err := Show(&b, c, section)
		return column.ReplaceAllString(strings.ReplaceAll(b.String(), cwd, "/CWD"), "  ; "), err
	}
	text, err := show("")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "show.golden", text)
	if strings.Contains(text, "s3cret") {
		t.Error("it shows the password")
	}
	for _, test := range []struct {
		section string
		blocks  int
	}{{"program:web", 2}, {"web", 2}, {"web:web_01", 1}, {"supervisord", 1}, {"unix_http_server", 1}, {"group:g", 1}, {"g", 2}} {
		text, err := show(test.section)
		if got := strings.Count("\n"+text, "\n["); err != nil || got != test.blocks {
			t.Errorf("Show(%q) has %d blocks, %v, want %d", test.section, got, err, test.blocks)
		}
	}
	if _, err := show("program:wen"); err == nil || !strings.Contains(err.Error(), "did you mean program:web?") {
		t.Errorf("got %v", err)
	}
}

// TestSample loads the samples, and looks for everything that Supervisor's own sample has.
func TestSample(t *testing.T) {
	t.Parallel()
	echo, err := os.ReadFile("testdata/echo_supervisord_conf.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"ini", "toml"} {
		var b strings.Builder
		if err := Sample(&b, format); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "Sample supervisor config file") {
			t.Errorf("%s: it does not say what it is", format)
		}
		golden(t, "sample."+format+".golden", b.String())
		c := load(t, "sample."+format, b.String())
		if len(c.UnixServers) != 1 || c.UnixServers[0].File != "/tmp/supervisor.sock" || c.Supervisorctl.ServerURL != "unix:///tmp/supervisor.sock" {
			t.Errorf("%s: got %+v", format, c)
		}
		if format != "ini" {
			continue
		}
		for line := range strings.Lines(string(echo)) {
			if text := strings.TrimSpace(line); !strings.Contains("\n"+b.String(), "\n"+text+" ") && !strings.Contains("\n"+b.String(), "\n"+text+"\n") {
				t.Errorf("it lacks %s", text)
			}
		}
	}
	if Sample(&strings.Builder{}, "yaml") == nil {
		t.Error("there is a sample in yaml")
	}
}

// TestSampleUncommented turns every option of the samples on.
func TestSampleUncommented(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"ini", "toml"} {
		var b strings.Builder
		if err := Sample(&b, format); err != nil {
			t.Fatal(err)
		}
		sign := map[string]string{"ini": ";", "toml": "#"}[format]
		text := b.String()
		for _, word := range []string{"[", "a", "b", "c", "d", "e", "f", "h", "i", "k", "l", "n", "p", "r", "s", "u"} {
			text = strings.ReplaceAll(text, "\n"+sign+word, "\n"+word)
		}
		for _, missing := range []string{"nobody:nogroup", "chrism", "user=supervisord", "/a/path", `"supervisord"`} {
			known := map[string]string{"nobody:nogroup": "root:root", "chrism": "root", "user=supervisord": "user=root", "/a/path": "/tmp/x", `"supervisord"`: `"root"`}[missing]
			text = strings.ReplaceAll(text, missing, known)
		}
		text = strings.ReplaceAll(text, "progname1,progname2", "theprogramname")
		text = strings.ReplaceAll(text, `["progname1", "progname2"]`, `["theprogramname"]`)
		c := load(t, "x."+format, text)
		if len(c.Groups) != 3 {
			t.Errorf("%s: %d groups", format, len(c.Groups))
		}
		for _, n := range c.Notices {
			if strings.Contains(n.Text, "unknown") {
				t.Error(n.Text)
			}
		}
	}
}

// TestSchema checks the schema against what Load takes and refuses.
func TestSchema(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Schema(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/gosv.schema.json", b.String())
	var schema jsonschema.Schema
	if err := json.Unmarshal([]byte(b.String()), &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text string) error {
		var x map[string]any
		if _, err := toml.Decode(text, &x); err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		var y any
		if err := json.Unmarshal(plain, &y); err != nil {
			t.Fatal(err)
		}
		return resolved.Validate(y)
	}
	var sample strings.Builder
	if err := Sample(&sample, "toml"); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/convert.toml")
	if err != nil {
		t.Fatal(err)
	}
	good := []string{"", sample.String(), string(file), "[unix_http_server]\nfile='/a'\n[unix_http_server.b]\nfile='/b'\n"}
	for i := range sectionKinds {
		k := &sectionKinds[i]
		for j := range options() {
			if o := &options()[j]; o.in&k.kind != 0 {
				good = append(good, asTOML(k.kind, exampleSection(k, o)))
			}
		}
	}
	for _, text := range good {
		if err := validate(text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	for _, text := range []string{"x = 1", "[supervisor]", "[program.a]\ncomand = 'x'", "[program.a]\nautostart = true",
		"[program.a]\ncommand = 'x'\nautostart = 'maybe'", "[program.a]\ncommand = 'x'\npriority = 'x'", "[program]\ncommand = 'x'",
		"[program.a]\ncommand = 'x'\nexitcodes = [300]", "[supervisord]\nloglevel = 'warning'"} {
		if validate(text) == nil {
			t.Errorf("the schema takes %q", text)
		}
	}
}

func TestOptionsDoc(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := OptionsDoc(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/options.md", b.String())
	for i := range options() {
		if row := fmt.Sprintf("| `%s` |", options()[i].name); !strings.Contains(b.String(), row) {
			t.Errorf("%s is not documented", options()[i].name)
		}
	}
}
