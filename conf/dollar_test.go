package conf

import (
	"strings"
	"testing"
)

func TestExpandDollars(t *testing.T) {
	t.Parallel()
	env := names{env: map[string]string{"A": "x", "EMPTY": "", "PERCENT": "50%(no)s ${A}"}, use: useHere, here: "/etc"}
	for _, test := range []struct{ text, want string }{
		{"plain $A $$ $", "plain $A $$ $"},
		{"${A}", "x"},
		{"-${A}-${A}-", "-x-x-"},
		{"${A:-y} ${B:-y} ${EMPTY:-y} ${B:-}", "x y y "},
		{"${B:-a b:-{c}} }", "a b:-{c} }"},
		{"${B:-50% $X ${A}}", "50% $X ${A}"}, // a default is not expanded
		{"${PERCENT}", "50%(no)s ${A}"},      // nor is a value
		{"$${A} $$${A}", "${A} $${A}"},
		{"%(here)s/${A}/%%", "/etc/x/%"},
		{"%(ENV_A)s %(ENV_B:-z)s %(ENV_EMPTY:-z)s %(ENV_B:-)s|", "x z z |"},
		{"${EMPTY}", ""},
		{"${B}", "unknown ENV_B"},
		{"${A", "bad ${A"},
		{"${}", "bad ${"},
		{"${A%.*}", "bad ${A%.*"},
		{"${A:+x}", "bad ${A:+x"},
		{"${1}", "bad ${1"},
		{"%(here)s${A}%", "incomplete format"},
	} {
		got, err := expandDollars(test.text, env.lookup)
		if e, ok := err.(*expandError); ok {
			switch {
			case e.Dollar:
				got = "bad " + e.Msg
			case e.Unknown:
				got = "unknown " + e.Name
			default:
				got = e.Msg
			}
		}
		if got != test.want {
			t.Errorf("expandDollars(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func FuzzExpandDollars(f *testing.F) {
	for _, s := range []string{"${A}", "${A:-b}", "$${A}", "${A:-{}}", "%(here)s${", "${", "$$$${A}", "%%${A}%%"} {
		f.Add(s)
	}
	env := names{env: map[string]string{"A": "x"}, use: useHere, here: "/etc"}
	f.Fuzz(func(t *testing.T, s string) {
		expandDollars(s, env.lookup)
		if got, err := expandDollars(dollarsToTOML(strings.ReplaceAll(s, "%", "%%")), env.lookup); err != nil || got != s && !strings.Contains(s, "$${") {
			t.Errorf("%q, kept for TOML, is %q, %v", s, got, err)
		}
		if text, ok := dollarsToINI(s); ok && !strings.Contains(s, "%") {
			want, err1 := expandDollars(s, env.lookup)
			got, err2 := expand(text, env.lookup)
			if err1 == nil && (err2 != nil || got != want) {
				t.Errorf("%q is %q, as INI %q it is %q, %v", s, want, text, got, err2)
			}
		}
	})
}

// The extensions in both formats, and what they say when a variable is missing.
func TestVariables(t *testing.T) {
	t.Parallel()
	environ := []string{"HOST=db", "NOTHING="}
	ini := "[supervisord]\n[program:a]\ncommand = /bin/echo %(ENV_HOST:-x)s %(ENV_PORT:-5432)s %(ENV_NOTHING:-y)s ${HOST} %(ENV_P:-a (b) c)s\n"
	toml := "[program.a]\ncommand = '/bin/echo ${HOST:-x} ${PORT:-5432} ${NOTHING:-y} $${HOST} ${P:-a (b) c}'\nenvironment = { X = '${HOST}', Y = '$HOST' }\n"
	const want = "/bin/echo db 5432 y ${HOST} a (b) c"
	for name, text := range map[string]string{"x.ini": ini, "x.toml": toml} {
		c, err := Load(write(t, name, text), Options{Environ: environ})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := c.Groups[0].Processes[0]
		if p.Command.Line != want {
			t.Errorf("%s: %q, want %q", name, p.Command.Line, want)
		}
		if name == "x.toml" && p.Environment.String() != `X=db,Y="$HOST"` {
			t.Errorf("environment %s", p.Environment)
		}
	}
	for name, test := range map[string][2]string{
		"a.toml": {"[program.a]\ncommand='/bin/echo ${PORT}'\n", "a.toml:2: [program:a] command: the environment variable PORT is not set (set it before starting gosv, or in environment= of [supervisord]; ${PORT:-default} does without, and $${ is a literal ${)"},
		"b.toml": {"[program.a]\ncommand='/bin/sh -c \"echo ${x%.*}\"'\n", `b.toml:2: [program:a] command: "${x%.*" is neither ${NAME} nor ${NAME:-default} (write a literal ${ as $${)`},
		"c.ini":  {"[supervisord]\n[program:a]\ncommand=/bin/echo %(ENV_PORT)s\n", "c.ini:3: [program:a] command: the environment variable PORT is not set (set it before starting gosv, or in environment= of [supervisord])"},
	} {
		_, err := Load(write(t, name, test[0]), Options{Environ: environ})
		if got := text(err); !strings.HasSuffix(got, test[1]) {
			t.Errorf("%s: %s\nwant %s", name, got, test[1])
		}
	}
}

// gosv conf convert keeps the meaning of dollars in both directions.
func TestConvertDollars(t *testing.T) {
	t.Parallel()
	environ := []string{"HOST=db"}
	for name, text := range map[string]string{
		"x.ini":  "[supervisord]\n[program:a]\ncommand = /bin/sh -c \"echo ${HOST} $${HOST} ${X:-y} %(ENV_HOST:-n)s\"\nenvironment = A=\"${B}\"\n",
		"x.toml": "[program.a]\ncommand = '/bin/sh -c \"echo $${HOST} ${HOST} ${X:-y (z)} ${HOST:-n}\"'\nenvironment = { A = '${HOST}$${B}' }\n",
	} {
		file := write(t, name, text)
		before, err := Load(file, Options{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		to := map[string]string{"x.ini": "toml", "x.toml": "ini"}[name]
		var b strings.Builder
		if err := Convert(&b, file, to); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		after, err := Load(write(t, "y."+to, b.String()), Options{Environ: environ})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, b.String())
			continue
		}
		p, q := before.Groups[0].Processes[0], after.Groups[0].Processes[0]
		if p.Command.Line != q.Command.Line || !p.Environment.equal(q.Environment) {
			t.Errorf("%s became\n%s\n%q %v, want %q %v", name, b.String(), q.Command.Line, q.Environment, p.Command.Line, p.Environment)
		}
	}
	var b strings.Builder
	if err := Convert(&b, write(t, "z.toml", "[program.a]\ncommand = '/bin/echo ${X:-)}'\n"), "ini"); err == nil {
		t.Errorf("a default with an open parenthesis became\n%s", b.String())
	}
}
