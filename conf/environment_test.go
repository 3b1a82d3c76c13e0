package conf

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

var environmentCases = []struct {
	in   string
	want Env
	err  string
}{
	{in: "", want: nil},
	{in: "A=1,B=2", want: Env{{"A", "1"}, {"B", "2"}}},
	{in: `A="1",B='2'`, want: Env{{"A", "1"}, {"B", "2"}}},
	{in: "A=1,\nB=2", want: Env{{"A", "1"}, {"B", "2"}}},
	{in: `A="a,b",B="c d"`, want: Env{{"A", "a,b"}, {"B", "c d"}}},
	{in: "A=1,", want: Env{{"A", "1"}}},
	{in: "A=1,,B=2", err: "Unexpected end of key/value pairs in value 'A=1,,B=2'"},
	{in: "A=1;B=2", want: Env{{"A", "1"}, {"B", "2"}}},
	{in: "A=", err: "Unexpected end of key/value pairs in value 'A='"},
	{in: "A", err: "Unexpected end of key/value pairs in value 'A'"},
	{in: "A=1 B=2", err: "Unexpected end of key/value pairs in value 'A=1 B=2'"},
	{in: "A=a b,B=2", err: "Unexpected end of key/value pairs in value 'A=a b,B=2'"},
	{in: `A=""`, want: Env{{"A", ""}}},
	{in: "A=/usr/bin:/x.y,B=-1", want: Env{{"A", "/usr/bin:/x.y"}, {"B", "-1"}}},
	{in: "A=a@b", err: "Unexpected end of key/value pairs in value 'A=a@b'"},
	{in: "A=http://x/y?z=1", want: Env{{"A", "http://x/y"}, {"z", "1"}}},
	{in: "A=$HOME", want: Env{{"A", "$"}}},
	{in: "A=~/x", want: Env{{"A", "~"}}},
	{in: "A=a#b", want: Env{{"A", "a"}}},
	{in: "A=a#b\n,B=2", want: Env{{"A", "a"}, {"B", "2"}}},
	{in: `A="a#b"`, want: Env{{"A", "a#b"}}},
	{in: `A="x\"y"`, want: Env{{"A", `x"y`}}},
	{in: `A='x'y`, want: Env{{"A", "xy"}}},
	{in: `A="a"b`, want: Env{{"A", "ab"}}},
	{in: `A="{\"k\":1}"`, want: Env{{"A", `{"k":1}`}}},
	{in: `A='it"s'`, want: Env{{"A", `it"s`}}},
	{in: `A="it's"`, want: Env{{"A", "it's"}}},
	{in: "A=\"l1\n  l2\"", want: Env{{"A", "l1\n  l2"}}},
	{in: `A="x`, err: "No closing quotation"},
	{in: `A=x\`, err: "No escaped character"},
	{in: "KEY:x=1", want: Env{{"KEY:x", "1"}}},
	{in: "a=1,A=2", want: Env{{"a", "1"}, {"A", "2"}}},
	{in: "A=1,B=2,A=3", want: Env{{"A", "3"}, {"B", "2"}}},
	{in: "A = 1 , B = 2", want: Env{{"A", "1"}, {"B", "2"}}},
	{in: "A=grün", want: Env{{"A", "grün"}}},
	{in: "A=日本", want: Env{{"A", "日"}}},
	{in: `A="日本"`, want: Env{{"A", "日本"}}},
	{in: "A=\"\xff\"", want: Env{{"A", "\xff"}}},
	{in: `A=a\ b`, want: Env{{"A", "a b"}}},
	{in: `"A B"=1`, want: Env{{"A B", "1"}}},
}

func TestParseEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range environmentCases {
		got, err := parseEnvironment(c.in)
		if !slices.Equal(got, c.want) || text(err) != c.err {
			t.Errorf("parseEnvironment(%q) = %q, %v, want %q, %q", c.in, got, err, c.want, c.err)
		}
	}
}

func TestEnvironmentPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	r := rand.New(rand.NewPCG(5, 6))
	var args []any
	for _, c := range environmentCases {
		if utf8.ValidString(c.in) {
			args = append(args, c.in)
		}
	}
	for range 10000 {
		args = append(args, nastyText(r, "AB==,,,1#\n \t\\\"\"'$?:/é日×"))
		args = append(args, "A="+nastyText(r, "A1#\n \\\"\"''$é")+",B="+nastyText(r, "xy\"' \\日"))
	}
	for i, a := range o.askAll(t, "environment", args) {
		checkEnvironment(t, args[i].(string), a)
	}
}

func checkEnvironment(t *testing.T, in string, want answer) {
	t.Helper()
	got, err := parseEnvironment(in)
	if want.Failed || err != nil {
		if text(err) != want.Error {
			t.Errorf("parseEnvironment(%q) fails with %v, Python with %q", in, err, want.Error)
		}
		return
	}
	var env Env
	for _, pair := range result[[][2]string](t, want) {
		env = append(env, Var{pair[0], pair[1]})
	}
	if !slices.Equal(got, env) {
		t.Errorf("parseEnvironment(%q) = %q, Python has %q", in, got, env)
	}
	if again, err := parseEnvironment(got.String()); err != nil || !slices.Equal(again, got) {
		t.Errorf("parseEnvironment(%q) = %q, %v, want %q", got.String(), again, err, got)
	}
}

func FuzzEnvironment(f *testing.F) {
	for _, c := range environmentCases {
		f.Add(c.in)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, in string) {
		if utf8.ValidString(in) {
			checkEnvironment(t, in, o.ask(t, "environment", in))
		}
	})
}

func TestEnv(t *testing.T) {
	t.Parallel()
	base := Env{{"A", "1"}, {"B", "2"}}
	over := Env{{"C", "3"}, {"A", "x y"}}
	merged := base.Merge(over)
	if got, want := merged.String(), `A="x y",B=2,C=3`; got != want {
		t.Errorf("Merge: %s, want %s", got, want)
	}
	if base[0].Value != "1" || len(base) != 2 || len(over) != 2 {
		t.Errorf("Merge changed its operands: %q %q", base, over)
	}
	if got, want := merged.Environ(), []string{"A=x y", "B=2", "C=3"}; !slices.Equal(got, want) {
		t.Errorf("Environ() = %q, want %q", got, want)
	}
	if got := Env(nil).Merge(nil); len(got) != 0 {
		t.Errorf("nothing merged with nothing is %q", got)
	}
	if got, want := (Env{{"A", `a\"b`}, {"B", ""}, {"C", "l1\nl2"}}).String(), "A=\"a\\\\\\\"b\",B=\"\",C=\"l1\nl2\""; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

func TestEnvSet(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		in   any
		want Env
		err  string
	}{
		{name: "text", in: "B=1,A=2", want: Env{{"B", "1"}, {"A", "2"}}},
		{name: "table", in: map[string]any{"B": "x y", "A": int64(2), "C": true, "D": 1.5}, want: Env{{"A", "2"}, {"B", "x y"}, {"C", "true"}, {"D", "1.5"}}},
		{name: "bad text", in: "A", err: "Unexpected end of key/value pairs in value 'A'"},
		{name: "list", in: []any{"A=1"}, err: "must be a table or a string of KEY=value pairs, not a list"},
		{name: "nested", in: map[string]any{"A": map[string]any{}}, err: "A: must be a string, a number or a boolean, not a table"},
		{name: "no name", in: map[string]any{"": "x"}, err: "'' cannot be the name of an environment variable"},
		{name: "equals in a name", in: map[string]any{"A=B": "x"}, err: "'A=B' cannot be the name of an environment variable"},
		{name: "nul", in: map[string]any{"A": "x\x00"}, err: "A: the value of an environment variable cannot hold a NUL"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got Env
			err := got.Set(c.in)
			if !slices.Equal(got, c.want) || text(err) != c.err {
				t.Errorf("Set(%v): %q, %v, want %q, %q", c.in, got, err, c.want, c.err)
			}
		})
	}
}
