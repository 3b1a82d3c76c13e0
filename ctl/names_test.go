package ctl

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gosv/conf"
)

func TestNamespec(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ in, group, process, out string }{
		{"cat", "cat", "cat", "cat"},
		{"cat:cat", "cat", "cat", "cat"},
		{"grp:a", "grp", "a", "grp:a"},
		{"grp:*", "grp", "", "grp:*"},
		{"grp:", "grp", "", "grp:*"},
		{"grp:a:b", "grp", "a:b", "grp:a:b"},
		{":a", "", "a", ":a"},
	} {
		group, process := splitNamespec(row.in)
		if out := makeNamespec(group, process); group != row.group || process != row.process || out != row.out {
			t.Errorf("splitNamespec(%q) = %q, %q, back %q", row.in, group, process, out)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":             "plain",
		"test_\u00f6":       "test_\u00f6",
		"\x1b[2Jx":          `\x1b[2Jx`,
		"a\nb\tc\x7f":       `a\x0ab\x09c\x7f`,
		"\u009b2J":          `\u009b2J`,
		"\u202eabc":         `\u202eabc`,
		"\xff":              `\xff`,
		"\u65e5\u672c":      "\u65e5\u672c",
		"\U0001f600 \u00df": "\U0001f600 \u00df",
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
	if got := escapeLines("a\x1b\r\nb"); got != `a\x1b`+"\nb" {
		t.Errorf("escapeLines: %q", got)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b\u009b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := escape(s)
		if !utf8.ValidString(got) {
			t.Errorf("escape(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || hidden(r) {
				t.Errorf("escape(%q) = %q has %U", s, got, r)
			}
		}
	})
}

func TestPyRepr(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"foo": "'foo'", "it's": `"it's"`, `"q"`: `'"q"'`, `'"`: `'\'"'`, `a\b`: `'a\\b'`,
		"\n\r\t\x01\x7f": `'\n\r\t\x01\x7f'`, "\u00fc": "'\u00fc'", "\u200b": `'\u200b'`, "\xff": `'\udcff'`,
	} {
		if got := conf.Repr(in); got != want {
			t.Errorf("conf.Repr(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestParseLine(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ in, name, arg, whole string }{
		{"status", "status", "", "status"},
		{"  status  a  b ", "status", "a  b", "status  a  b"},
		{"?", "help", "", "help "},
		{"?x", "help", "x", "help x"},
		{"!ls", "", "!ls", "!ls"},
		{"tail-f x", "tail", "-f x", "tail-f x"},
		{"\u00fc", "", "\u00fc", "\u00fc"},
		{"", "", "", ""},
	} {
		name, arg, whole := parseLine(row.in)
		if name != row.name || arg != row.arg || whole != row.whole {
			t.Errorf("parseLine(%q) = %q, %q, %q", row.in, name, arg, whole)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add("status a")
	f.Add("?x")
	f.Fuzz(func(t *testing.T, line string) {
		name, arg, whole := parseLine(line)
		if !strings.HasPrefix(whole, name) || !strings.HasSuffix(strings.TrimSpace(whole), arg) {
			t.Errorf("parseLine(%q) = %q, %q, %q", line, name, arg, whole)
		}
	})
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		list  []string
		width int
		want  []string
	}{
		{[]string{"a"}, 79, []string{"a"}},
		{[]string{"a", "bb", "c"}, 79, []string{"a  bb  c"}},
		{[]string{"a", "bb", "c"}, 6, []string{"a   c", "bb"}},
		{[]string{"long", "word"}, 3, []string{"long", "word"}},
	} {
		got := columns(row.list, row.width)
		for i := range got {
			got[i] = strings.TrimRight(got[i], " ")
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("columns(%q, %d) = %q, want %q", row.list, row.width, got, row.want)
		}
	}
}

func TestWholeRunes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ in, whole, rest string }{
		{"abc", "abc", ""}, {"a\xc3", "a", "\xc3"}, {"a\u00fc", "a\u00fc", ""}, {"\xf0\x9f\x98", "", "\xf0\x9f\x98"},
		{"\xff", "\xff", ""}, {"", "", ""}, {"a\x80\x80\x80\x80", "a\x80\x80\x80\x80", ""},
	} {
		whole, rest := wholeRunes([]byte(row.in))
		if string(whole) != row.whole || string(rest) != row.rest {
			t.Errorf("wholeRunes(%q) = %q, %q", row.in, whole, rest)
		}
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		environ []string
		want    string
	}{
		{nil, ""},
		{[]string{"LANG=C"}, ""},
		{[]string{"LANG=en_US.UTF-8"}, ""},
		{[]string{"LANG=de_DE.ISO-8859-1"}, "ISO-8859-1"},
		{[]string{"LANG=de_DE.ISO-8859-15@euro"}, "ISO-8859-15"},
		{[]string{"LANG=de_DE.ISO-8859-1", "LC_ALL=C.utf8"}, ""},
		{[]string{"LANG=C.UTF-8", "PYTHONIOENCODING=latin-1:replace"}, "latin-1"},
	} {
		if got := encoding(row.environ); got != row.want {
			t.Errorf("encoding(%q) = %q, want %q", row.environ, got, row.want)
		}
	}
	o := runEnv(t, []string{"LANG=de_DE.ISO-8859-1"}, "supervisorctl", "", "-s", newFake().serveJSON(t), "tail", "cat")
	const want = "Warning: sys.stdout.encoding is set to ISO-8859-1, so Unicode output may fail. Check your LANG and PYTHONIOENCODING environment settings.\none\ntwo\n\n"
	if o.out != want {
		t.Errorf("tail: %v", o)
	}
}

func FuzzJSONLine(f *testing.F) {
	f.Add("a\x1b\u009b\u202e\u2028\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		line := string(jsonLine(s))
		var back string
		if err := json.Unmarshal([]byte(line), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("jsonLine(%q) = %q, back %q, %v", s, line, back, err)
		}
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), hidden) {
			t.Errorf("jsonLine(%q) = %q", s, line)
		}
	})
}
