package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestFnmatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a", true}, {"*.conf", "a.conf", true}, {"*.conf", "a.confx", false}, {"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false}, {"?", "ü", true}, {"?", "", false}, {"??", "a", false}, {"[ab]", "b", true}, {"[!ab]", "b", false},
		{"[!ab]", "c", true}, {"[a-c]x", "bx", true}, {"[a-c]x", "dx", false}, {"[]]", "]", true}, {"[!]]", "]", false}, {"[", "[", true},
		{"[a", "[a", true}, {"[a", "a", false}, {"[-a]", "-", true}, {"[a-]", "-", true}, {"[^a]", "^", true}, {"**", "abc", true},
		{`\*`, "*", false}, {`\*`, `\x`, true}, {"a[*]b", "a*b", true}, {"a[*]b", "axb", false}, {"*ü*", "xüy", true},
	} {
		if got := fnmatch(test.pattern, test.name); got != test.want {
			t.Errorf("fnmatch(%q, %q) = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}

func TestIncludeGlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, f := range []string{"a/x.conf", "a/y.conf", "b/x.conf", "b/.h.conf", ".c/x.conf", "b/x.txt", "b/[z].conf"} {
		file := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ pattern, want string }{
		{"*/x.conf", "a/x.conf b/x.conf"}, {"a/*.conf", "a/x.conf a/y.conf"}, {"?/[xy].conf", "a/x.conf a/y.conf b/x.conf"},
		{"b/*.conf", "b/[z].conf b/x.conf"}, {"b/.*", "b/.h.conf"}, {".*/x.conf", ".c/x.conf"}, {"a/x.conf", "a/x.conf"}, {"a/z.conf", ""},
		{"no/*.conf", ""}, {"a", "a"}, {"b/[[]z].conf", "b/[z].conf"}, {"**/y.conf", "a/y.conf"}, {"./a/y.*", "./a/y.conf"},
	} {
		got := glob(join(dir, test.pattern))
		slices.Sort(got)
		if text := strings.ReplaceAll(strings.Join(got, " "), dir+"/", ""); text != test.want {
			t.Errorf("glob(%q) = %q, want %q", test.pattern, text, test.want)
		}
	}
}

func TestInclude(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, `[supervisord]
environment = NAME="world"
[include]
files = conf.d/*.ini conf.d/*.toml none/*.ini
[program:main]
command = %(here)s/main
-- conf.d/a.ini --
[program:a]
command = %(here)s/a %(ENV_NAME)s
-- conf.d/b.toml --
[program.b]
command = ["%(here)s/b", "%(ENV_NAME)s"]
[program.a]
priority = 5
-- conf.d/c.toml --
[supervisord]
identifier = "from toml"
`)
	for _, main := range []string{"supervisord.conf", "main.toml"} {
		if main == "main.toml" {
			var b strings.Builder
			if err := Convert(&b, filepath.Join(dir, "supervisord.conf"), "toml"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, main), []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Load(filepath.Join(dir, main), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range c.Groups {
			p := g.Processes[0]
			got = append(got, fmt.Sprint(g.Name, " ", p.Priority, " ", p.Command.String(), " ", filepath.Base(p.Pos.File), " ", p.Pos.Line))
		}
		for _, n := range c.Notices {
			got = append(got, n.Level+" "+n.Text)
		}
		got = append(got, c.Supervisord.Identifier)
		line := "supervisord.conf 5"
		if main == "main.toml" {
			line = "main.toml 7"
		}
		want := []string{
			"a 5 " + dir + "/conf.d/a world a.ini 1",
			"b 999 " + dir + "/conf.d/b world b.toml 1",
			"main 999 " + dir + "/main " + line,
			`INFO Included extra file "` + dir + `/conf.d/a.ini" during parsing`,
			`INFO Included extra file "` + dir + `/conf.d/b.toml" during parsing`,
			`INFO Included extra file "` + dir + `/conf.d/c.toml" during parsing`,
			`WARN No file matches via include "` + dir + `/none/*.ini"`,
			"from toml",
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", main, got, want)
		}
		if len(c.Included) != 3 || c.Groups[0].Processes[0].Origin.Pos("priority").File != dir+"/conf.d/b.toml" {
			t.Errorf("included %q, priority of a at %v", c.Included, c.Groups[0].Processes[0].Origin.Pos("priority"))
		}
	}
}

func TestIncludeTooMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, "[supervisord]\n[include]\nfiles = "+strings.Repeat("a.ini ", maxIncluded+1)+"\n-- a.ini --\n[program:a]\ncommand=a\n")
	_, err := Load(filepath.Join(dir, "supervisord.conf"), Options{})
	if err == nil || !strings.Contains(err.Error(), "supervisord.conf:3: [include] files: more than 10000 files are included") {
		t.Errorf("got %v", err)
	}
}

func TestIncludeUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, "[supervisord]\n[include]\nfiles = d\n-- d/x --\n")
	c, err := Load(filepath.Join(dir, "supervisord.conf"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := c.Notices[len(c.Notices)-1]; n.Text != "could not read included file "+dir+"/d: is a directory" {
		t.Errorf("got %+v", c.Notices)
	}
}

func TestNumprocsTooMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, "[supervisord]\n[program:a]\ncommand=a\nprocess_name=%(process_num)d\nnumprocs="+strconv.Itoa(maxNumprocs+1)+"\n")
	_, err := Load(filepath.Join(dir, "supervisord.conf"), Options{})
	if err == nil || !strings.Contains(err.Error(), "supervisord.conf:5: [program:a] numprocs: must be at most 10000") {
		t.Errorf("got %v", err)
	}
}
