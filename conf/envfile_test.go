package conf

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseEnvFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       string // environment as String shows it, or the error after its line
	}{
		{"plain", "A=1\nB=two words\n", `A=1,B="two words"`},
		{"no last newline", "A=1", "A=1"},
		{"empty", "", ""},
		{"empty value", "A=\nB=''\nC=\"\"\n", `A="",B="",C=""`},
		{"comments", "# one\n\n  # two\nA=1 # three\nB=a#b\nC=#c\nD='x # y' # z\n", `A=1,B="a#b",C="",D="x # y"`},
		{"blanks", "  A = 1  \n\tB\t=\t2\t\n", "A=1,B=2"},
		{"export", "export A=1\nexport B='2'\n", "A=1,B=2"},
		{"no shell", "A=$HOME\nB=\"${HOME} $(id) `id`\"\nC=~/x\nD=a\\nb\n", "A=\"$HOME\",B=\"${HOME} $(id) `id`\",C=\"~/x\",D=\"a\\\\nb\""},
		{"escapes", `A="a\nb\t\"c\" \\ \$x \q"` + "\nB='a\\nb'\n", "A=\"a\nb\t\\\"c\\\" \\\\ $x \\\\q\",B=\"a\\\\nb\""},
		{"lines", "A=\"-----BEGIN\nxyz\n-----END\"\nB=2\n", "A=\"-----BEGIN\nxyz\n-----END\",B=2"},
		{"CRLF and BOM", "\ufeffA=1\r\nB='2'\r\n", "A=1,B=2"},
		{"twice", "A=1\nB=2\nA=3\n", "A=3,B=2"},
		{"equals in a value", "A=b=c==\n", `A="b=c=="`},
		{"percent and unicode", "A=100%(x)s\nÜ=ß\n", `A="100%(x)s",Ü=ß`},
		{"no equals", "A=1\nnonsense\n", "2: there is no ="},
		{"no secrets in errors", "\nsuper-secret-password-that-is-long\n", "2: there is no ="},
		{"nor in what may be half a key", "A=1\nMIIB IjAN+Bg==\n", "2: what is before the = cannot be the name of an environment variable"},
		{"no name", "=1\n", "1: what is before the = cannot be the name of an environment variable"},
		{"blank in a name", "A B=1\n", "1: what is before the = cannot be the name of an environment variable"},
		{"open quote", "A=1\nB=\"x\ny\nz", "2: B: the closing quote is missing"},
		{"after a quote", "A='x'y\n", "1: A: there is more after the closing quote"},
		{"line after lines", "A='x\ny'\n\nB\n", "4: there is no ="},
		{"NUL", "A=x\x00y\n", "1: A: the value of an environment variable cannot hold a NUL"},
	} {
		env, line, err := parseEnvFile(test.text)
		got := env.String()
		if err != nil {
			got = string(rune('0'+line)) + ": " + err.Error()
		}
		if got != test.want {
			t.Errorf("%s: parseEnvFile(%q) = %s, want %s", test.name, test.text, got, test.want)
		}
	}
}

func FuzzParseEnvFile(f *testing.F) {
	for _, s := range []string{"A=1\n", "export A='x\ny' # z\n", "A=\"\\", "=\n", "#\n\nA", "A=\"\\n\\q\"\r\nB=", "A='"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		env, line, err := parseEnvFile(s)
		if lines := strings.Count(s, "\n") + 1; err != nil && (line < 1 || line > lines) {
			t.Errorf("the error is in line %d of %d", line, lines)
		}
		var text strings.Builder // what came out goes in again
		for _, v := range env {
			text.WriteString(v.Name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(v.Value) + "\"\n")
		}
		again, _, err := parseEnvFile(text.String())
		if err != nil || !slices.Equal(env, again) {
			t.Errorf("%q is read back as %q, %v", env, again, err)
		}
	})
}

// envDir is a directory with a configuration and what it needs.
func envDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Files and environment= of both sections: the more special over the more general, and in
// one section what is written there over what a file says.
func TestEnvFileOrder(t *testing.T) {
	t.Parallel()
	dir := envDir(t, map[string]string{
		"all.env":   "A=all\nB=all\nC=all\nD=all\nLOG=all.log\n",
		"web.env":   "B=web file\nC=web file\nF=f\nNUM=7\n",
		"local.env": "F=local\n",
		"x.ini": `[supervisord]
env_file = all.env, -absent.env
environment = B=sup,C=sup,E=sup,G="%(ENV_A)s!"
logfile = /tmp/%(ENV_LOG)s
[program:web]
command = /bin/echo %(ENV_F)s %(ENV_C)s %(ENV_A)s %(process_num)d
env_file = web.env,local.env
environment = C=web
process_name = web%(process_num)d
numprocs = 2
[program:own]
command = /bin/echo
[program:file]
command = /bin/echo %(ENV_NUM)s
env_file = web.env
`})
	c, err := Load(filepath.Join(dir, "x.ini"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Supervisord.Logfile != "/tmp/all.log" {
		t.Errorf("logfile %s", c.Supervisord.Logfile)
	}
	for name, want := range map[string]string{
		"web":  `A=all,B="web file",C=web,D=all,E=sup,F=local,G="all!",LOG=all.log,NUM=7`,
		"own":  `A=all,B=sup,C=sup,D=all,E=sup,G="all!",LOG=all.log`,
		"file": `A=all,B="web file",C="web file",D=all,E=sup,F=f,G="all!",LOG=all.log,NUM=7`,
	} {
		for _, g := range c.Groups {
			if g.Name != name {
				continue
			}
			for _, p := range g.Processes {
				env := p.Env()
				slices.SortFunc(env, func(a, b Var) int { return strings.Compare(a.Name, b.Name) })
				if env.String() != want {
					t.Errorf("%s: %s, want %s", p.Name, env, want)
				}
			}
		}
	}
	for _, g := range c.Groups {
		if g.Name == "web" && g.Processes[1].Command.Line != "/bin/echo local web all 1" {
			t.Errorf("command %q", g.Processes[1].Command.Line)
		}
	}
	var shown bytes.Buffer
	if err := Show(&shown, c, ""); err != nil || strings.Contains(shown.String(), "web file") || !strings.Contains(shown.String(), "env_file = web.env,local.env") {
		t.Errorf("shown, %v:\n%s", err, shown.String())
	}
}

func TestEnvFileFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, value, want string }{
		{"missing", "no.env", "x.ini:4: [program:a] env_file: there is no file DIR/no.env (write -DIR/no.env if it may be absent)"},
		{"directory", ".", "x.ini:4: [program:a] env_file: cannot read DIR: is a directory"},
		{"bad line", "bad.env", "bad.env:3: [program:a] env_file: there is no = (write NAME=value, with quotes around a value that has quotes or more than one line)"},
		{"no name", "-", "x.ini:4: [program:a] env_file: the name of a file is missing"},
	} {
		dir := envDir(t, map[string]string{"bad.env": "A=1\n\noops\n", "x.ini": "[supervisord]\n[program:a]\ncommand=/bin/cat\nenv_file=" + test.value + "\n"})
		_, err := Load(filepath.Join(dir, "x.ini"), Options{})
		if got := strings.ReplaceAll(text(err), dir+"/x.ini", "x.ini"); strings.TrimPrefix(strings.ReplaceAll(got, dir, "DIR"), "DIR/") != test.want {
			t.Errorf("%s: %s, want %s", test.name, strings.ReplaceAll(got, dir, "DIR"), test.want)
		}
	}
}

// What a file says counts as a change, and its values are not told.
func TestEnvFileDiff(t *testing.T) {
	t.Parallel()
	dir := envDir(t, map[string]string{"x.ini": "[supervisord]\n[program:a]\ncommand=/bin/cat\nenv_file=a.env\n[program:b]\ncommand=/bin/cat\n"})
	read := func(env string) *Config {
		if err := os.WriteFile(filepath.Join(dir, "a.env"), []byte(env), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(filepath.Join(dir, "x.ini"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := read("KEPT=secret0\nPASS=secret1\nGONE=secret2\n")
	if plan := Diff(old.Groups, read("PASS=secret1\nGONE=secret2\nKEPT=secret0\n").Groups); !plan.Empty() {
		t.Errorf("the order counts: %+v", plan)
	}
	plan := Diff(old.Groups, read("KEPT=secret0\nPASS=secret3\nNEW=secret4\n").Groups)
	if len(plan.Changed) != 1 || plan.Changed[0].New.Name != "a" || len(plan.Changed[0].Reasons) != 1 {
		t.Fatalf("plan %+v", plan)
	}
	r := plan.Changed[0].Reasons[0]
	if r.Key != "env_file" || r.Old != "GONE=***" || r.New != "PASS=***,NEW=***" || r.Pos.Line != 4 {
		t.Errorf("reason %+v", r)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value any
		want  string
		err   string
	}{
		{"A:/x, B:/y:z", "A:/x,B:/y:z", ""},
		{"", "", ""},
		{map[string]any{"B": "/y", "A": "/x"}, "A:/x,B:/y", ""},
		{[]any{"A:/x", "A:/z"}, "A:/z", ""},
		{"A", "", "there is no : in 'A'"},
		{"A:", "", "A: '' cannot be the path of a file"},
		{":/x", "", "'' cannot be the name of an environment variable"},
		{map[string]any{"A": int64(3)}, "", "A: must be the path of a file, not a number"},
		{int64(3), "", "must be a table of paths, or NAME:/path with commas between"},
	} {
		var s, again Secrets
		err := s.Set(test.value)
		if text(err) != test.err || s.String() != test.want || again.Set(s.String()) != nil || again.String() != test.want {
			t.Errorf("Set(%v) = %s, %v, want %s, %q", test.value, s, err, test.want, test.err)
		}
	}
	dir := envDir(t, map[string]string{"x.toml": `
[supervisord]
environment_from_files = { ALL = "all", OVER = "/run/secrets/sup" }
[program.web]
command = "/bin/cat"
environment_from_files = { OVER = "/run/secrets/%(program_name)s" }
[program.other]
command = "/bin/cat"
`})
	c, err := Load(filepath.Join(dir, "x.toml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"ALL:" + dir + "/all,OVER:/run/secrets/sup", "ALL:" + dir + "/all,OVER:/run/secrets/web"} {
		if got := c.Groups[i].Processes[0].Secrets.String(); got != want {
			t.Errorf("%s: %s, want %s", c.Groups[i].Name, got, want)
		}
	}
	if faults := Check(c); !strings.Contains(faults.Error(), "[program:web] environment_from_files: there is no file /run/secrets/web for OVER") {
		t.Errorf("check says %v", faults)
	}
}
