package conf

import (
	"math/rand/v2"
	"testing"
	"unicode"
	"unicode/utf8"
)

// expandNames are the names that the tests can use.
var expandNames = map[string]any{"s": "text", "n": 7, "big": 123456789, "neg": -5, "zero": 0, "c": "é", "q": "it's \"x\"\n", "a(b)": "nested", "": "empty", "pc": "%(s)s"}

func lookupNames(name string) (any, bool) {
	v, ok := expandNames[name]
	return v, ok
}

var expandCases = []struct{ format, want, err string }{
	{format: "plain", want: "plain"},
	{format: "", want: ""},
	{format: "100%%", want: "100%"},
	{format: "%(s)s/%(n)d", want: "text/7"},
	{format: "%(n)02d", want: "07"},
	{format: "%(n)s", want: "7"},
	{format: "%(n)5d|%(n)-5d|%(n)+d|%(n) d|%(neg)05d", want: "    7|7    |+7| 7|-0005"},
	{format: "%(n).3d %(n)05.3d %(big)x %(big)X %(big)o %(big)#x %(big)#o", want: "007 00007 75bcd15 75BCD15 726746425 0x75bcd15 0o726746425"},
	{format: "%(n)i %(n)u %(n)ld", want: "7 7 7"},
	{format: "%(s)8s|%(s)-8s|%(s).2s|%(s)08s", want: "    text|text    |te|    text"},
	{format: "%(n)f %(n).1f %(n)e %(n)g %(n)#g", want: "7.000000 7.0 7.000000e+00 7 7.00000"},
	{format: "%(s)r %(q)r %(c)a %(c)r", want: `'text' 'it\'s "x"\n' '\xe9' 'é'`},
	{format: "%(c)c %(big)c", err: "%c arg not in range(0x110000)"},
	{format: "%(s)c", err: "%c requires int or char"},
	{format: "%(a(b))s%()s", want: "nestedempty"},
	{format: "%(pc)s", want: "%(s)s"},
	{format: "%(s)%", err: "unsupported format character '%' (0x25) at index 4"},
	{format: "%-%", err: "unsupported format character '%' (0x25) at index 2"},
	{format: "x %(nope)s", err: "KeyError 'nope'"},
	{format: "x 100%", err: "incomplete format"},
	{format: "%(s)", err: "incomplete format"},
	{format: "%(s)5", err: "incomplete format"},
	{format: "%(s", err: "incomplete format key"},
	{format: "%(s(", err: "incomplete format key"},
	{format: "x %z", err: "unsupported format character 'z' (0x7a) at index 3"},
	{format: "é %é", err: "unsupported format character '?' (0xe9) at index 3"},
	{format: "%(s)d", err: "%d format: a real number is required, not str"},
	{format: "%(s)x", err: "%x format: an integer is required, not str"},
	{format: "%(s)f", err: "must be real number, not str"},
	{format: "%d", err: "%d format: a real number is required, not dict"},
	{format: "%(s)s %s", err: "not enough arguments for format string"},
	{format: "%(s)s 50% more", err: "not enough arguments for format string"},
	{format: "%(s)*d", err: "* wants int"},
	{format: "%(n)*d", err: "not enough arguments for format string"},
	{format: "%(nope)", err: "KeyError 'nope'"},
	{format: "%(s)99999999999999999999s", err: "width too big"},
	{format: "%(s).99999999999999999999s", err: "precision too big"},
}

// expandText is expand with the error as the script of the tests gives it.
func expandText(format string) (string, string) {
	got, err := expand(format, lookupNames)
	if e, ok := err.(*expandError); ok && e.Unknown {
		return got, "KeyError " + e.Msg
	}
	return got, text(err)
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, c := range expandCases {
		if got, err := expandText(c.format); got != c.want || err != c.err {
			t.Errorf("expand(%q) = %q, %q, want %q, %q", c.format, got, err, c.want, c.err)
		}
	}
}

// TestExpandMapping holds the one wilful difference: Python prints the whole mapping.
func TestExpandMapping(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%s", "%r", "%5a"} {
		if got, err := expandText(format); got != "" || err != "not enough arguments for format string" {
			t.Errorf("expand(%q) = %q, %q", format, got, err)
		}
	}
}

func TestExpandPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	r := rand.New(rand.NewPCG(7, 8))
	var formats []string
	for _, c := range expandCases {
		formats = append(formats, c.format)
	}
	names := []string{"s", "n", "big", "neg", "zero", "c", "q", "pc", "a(b)", "nope"}
	for range 10000 {
		formats = append(formats, nastyText(r, "%%%%(()ns)sdxrc#0- +.*123l"))
		formats = append(formats, "x%("+names[r.IntN(len(names))]+")"+nastyText(r, "#0- +")+nastyText(r, "1")+"."+nastyText(r, "2")+
			nastyText(r, "hlL")+nastyText(r, "diouxXeEfFgGcrsa%zé"))
		formats = append(formats, "%("+names[r.IntN(len(names))]+")"+nastyText(r, "#0- +1")+nastyText(r, "diouxXeEfFgGcrsa%zé"))
	}
	var args []any
	var asked []string
	for _, f := range formats {
		if printsMapping(f) {
			continue
		}
		asked = append(asked, f)
		args = append(args, map[string]any{"format": f, "names": expandNames})
	}
	for i, a := range o.askAll(t, "expand", args) {
		checkExpand(t, asked[i], a)
	}
}

func checkExpand(t *testing.T, format string, want answer) {
	t.Helper()
	got, err := expandText(format)
	if want.Failed || err != "" {
		if err != want.Error {
			t.Errorf("expand(%q) = %q, %q, Python fails with %q, %s", format, got, err, want.Error, want.Result)
		}
		return
	}
	if want := result[string](t, want); got != want {
		t.Errorf("expand(%q) = %q, Python has %q", format, got, want)
	}
}

// printsMapping says whether the format uses the mapping itself, or a width that Python would
// really fill.
func printsMapping(format string) bool {
	f := formatter{in: []string{}, lookup: lookupNames}
	for _, r := range format {
		f.in = append(f.in, string(r))
	}
	for f.pos < len(f.in) {
		f.pos++
		if f.in[f.pos-1] != "%" {
			continue
		}
		if f.peek() == "%" {
			f.pos++
			continue
		}
		if f.peek() == "(" && f.name() != nil {
			return false
		}
		s, err := f.spec()
		if err != nil {
			return text(err) == "width too big" || text(err) == "precision too big"
		}
		if (s.verb == "s" || s.verb == "r" || s.verb == "a") && f.arg == nil && !f.spent {
			return true
		}
		f.arg, f.spent = nil, true
	}
	return false
}

func FuzzExpand(f *testing.F) {
	for _, c := range expandCases {
		f.Add(c.format)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, format string) {
		if utf8.ValidString(format) && !printsMapping(format) && sameRepr(format) {
			checkExpand(t, format, o.ask(t, "expand", map[string]any{"format": format, "names": expandNames}))
		}
	})
}

// sameRepr says whether Python prints the same characters as they are: it may have older
// tables of Unicode.
func sameRepr(s string) bool {
	for _, r := range s {
		if r >= 0x2000 && unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func TestExpansionError(t *testing.T) {
	t.Parallel()
	cases := []struct{ value, where, want string }{
		{"x %(nope)s", "program:a.command", "Format string 'x %(nope)s' for 'program:a.command' contains names ('nope') which cannot be expanded. Available names: a, b"},
		{"x 100%", "program:a.command", "Format string 'x 100%' for 'program:a.command' is badly formatted: incomplete format"},
		{"it's%", "stdout_logfile", `Format string "it's%" for 'stdout_logfile' is badly formatted: incomplete format`},
		{"/tmp/a%b.log", "stdout_logfile", "Format string '/tmp/a%b.log' for 'stdout_logfile' is badly formatted: unsupported format character 'b' (0x62) at index 7"},
	}
	for _, c := range cases {
		_, err := expand(c.value, lookupNames)
		if got := expansionError(c.value, c.where, err, []string{"a", "b"}); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestPyRepr(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":                 `''`,
		"a":                `'a'`,
		"it's":             `"it's"`,
		`say "x"`:          `'say "x"'`,
		`it's "x"`:         `'it\'s "x"'`,
		"a\\b\n\r\t":       `'a\\b\n\r\t'`,
		"\x00\x1b\x7f":     `'\x00\x1b\x7f'`,
		"grün 日本 😀":        `'grün 日本 😀'`,
		"\u00a0\u00ad":     `'\xa0\xad'`,
		"\u2028\ufeff":     `'\u2028\ufeff'`,
		"\U000e0001":       `'\U000e0001'`,
		"a\xff":            `'a\udcff'`,
		"\U0010ffff\ufffd": `'\U0010ffff�'`,
	}
	for in, want := range cases {
		if got := Repr(in); got != want {
			t.Errorf("Repr(%q) = %s, want %s", in, got, want)
		}
		if utf8.ValidString(in) {
			t.Run("python", func(t *testing.T) {
				if got := result[string](t, newOracle(t).ask(t, "represent", in)); got != want {
					t.Errorf("Python's repr of %q is %s, want %s", in, got, want)
				}
			})
		}
	}
}
