package conf

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var wordCases = []struct {
	line string
	want []string
	err  string
}{
	{line: "", want: nil},
	{line: "  \t\r\n ", want: nil},
	{line: "/bin/cat", want: []string{"/bin/cat"}},
	{line: " a  b\tc\nd\re ", want: []string{"a", "b", "c", "d", "e"}},
	{line: "a\u00a0b\x0bc\x0cd", want: []string{"a\u00a0b\x0bc\x0cd"}},
	{line: `sh -c "a b" 'c d'`, want: []string{"sh", "-c", "a b", "c d"}},
	{line: `a"b c"d'e f'g`, want: []string{"ab cde fg"}},
	{line: `''`, want: []string{""}},
	{line: `a "" b`, want: []string{"a", "", "b"}},
	{line: `""''`, want: []string{""}},
	{line: `a\ b`, want: []string{"a b"}},
	{line: `\a\\b\"\'`, want: []string{`a\b"'`}},
	{line: `"a\b\\c\"d\'e\$f"`, want: []string{`a\b\c"d\'e\$f`}},
	{line: `'a\b\\c'`, want: []string{`a\b\\c`}},
	{line: "a\\\nb", want: []string{"a\nb"}},
	{line: "\"a\\\nb\"", want: []string{"a\\\nb"}},
	{line: "a # b #c", want: []string{"a", "#", "b", "#c"}},
	{line: "a;b|c>d&e *?[x] $HOME `ls` ~", want: []string{"a;b|c>d&e", "*?[x]", "$HOME", "`ls`", "~"}},
	{line: "grün '日本 x'", want: []string{"grün", "日本 x"}},
	{line: "a\x00b", want: []string{"a\x00b"}},
	{line: `\ `, want: []string{" "}},
	{line: `"`, err: "No closing quotation"},
	{line: `a 'b`, err: "No closing quotation"},
	{line: `a "b' c`, err: "No closing quotation"},
	{line: `'a\'`, want: []string{`a\`}},
	{line: `"a\"`, err: "No closing quotation"},
	{line: `\`, err: "No escaped character"},
	{line: `a \`, err: "No escaped character"},
	{line: `"a\`, err: "No escaped character"},
}

func TestSplitWords(t *testing.T) {
	t.Parallel()
	for _, c := range wordCases {
		got, err := SplitWords(c.line)
		if !slices.Equal(got, c.want) || text(err) != c.err {
			t.Errorf("SplitWords(%q) = %q, %v, want %q, %q", c.line, got, err, c.want, c.err)
		}
	}
}

// text is an error's text, "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// nastyText is a random text of the given pieces.
func nastyText(r *rand.Rand, pieces string) string {
	all := strings.Split(pieces, "")
	var b strings.Builder
	for range r.IntN(14) {
		b.WriteString(all[r.IntN(len(all))])
	}
	return b.String()
}

func TestSplitWordsPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	r := rand.New(rand.NewPCG(3, 4))
	var args []any
	for _, c := range wordCases {
		args = append(args, c.line)
	}
	for range 20000 {
		args = append(args, nastyText(r, "ab#$;  \t\n\r\\\\\\\"\"\"'''\u00a0é\x0b"))
	}
	for i, a := range o.askAll(t, "words", args) {
		checkWords(t, args[i].(string), a)
	}
}

func checkWords(t *testing.T, line string, want answer) {
	t.Helper()
	got, err := SplitWords(line)
	if want.Failed || err != nil {
		if text(err) != want.Error {
			t.Errorf("SplitWords(%q) fails with %v, Python with %q", line, err, want.Error)
		}
		return
	}
	if want := result[[]string](t, want); !slices.Equal(got, want) {
		t.Errorf("SplitWords(%q) = %q, Python has %q", line, got, want)
	}
	if again, err := SplitWords(quoteWords(got)); err != nil || !slices.Equal(again, got) {
		t.Errorf("SplitWords(%q) = %q, %v, want %q", quoteWords(got), again, err, got)
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, c := range wordCases {
		f.Add(c.line)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, line string) {
		if utf8.ValidString(line) {
			checkWords(t, line, o.ask(t, "words", line))
		}
	})
}

func TestCommand(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		set   any
		line  string
		words []string
		err   string
	}{
		{name: "line", set: `a "b c"`, line: `a "b c"`, words: []string{"a", "b c"}},
		{name: "empty line", set: "", line: "", words: nil},
		{name: "list", set: []any{"a", "b c", "it's", ""}, line: `a 'b c' 'it'"'"'s' ''`, words: []string{"a", "b c", "it's", ""}},
		{name: "bad quoting waits for the start", set: `a "b`, line: `a "b`, err: "No closing quotation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var x Command
			if err := x.Set(c.set); err != nil {
				t.Fatal(err)
			}
			if got := x.String(); got != c.line {
				t.Errorf("String() = %q, want %q", got, c.line)
			}
			got, err := x.Words()
			if !slices.Equal(got, c.words) || text(err) != c.err {
				t.Errorf("Words() = %q, %v, want %q, %q", got, err, c.words, c.err)
			}
		})
	}
	for want, v := range map[string]any{
		"must be a string or a list of strings, not a number":       int64(1),
		"must be a list of strings, but number 2 is a number":       []any{"a", int64(1)},
		"an empty list is no command":                               []any{},
		"must be a string or a list of strings, not a table":        map[string]any{},
		"must be a string or a list of strings, not a boolean":      true,
		"must be a string or a list of strings, not nothing":        nil,
		"must be a string or a list of strings, not a date or time": struct{}{},
	} {
		if err := new(Command).Set(v); text(err) != want {
			t.Errorf("Set(%v) fails with %v, want %q", v, err, want)
		}
	}
}
