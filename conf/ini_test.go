package conf

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// iniCases are the tricky points of the dialect. What is read from them is recorded in
// testdata/ini/cases.golden; TestINIPython checks the same against Python.
var iniCases = []struct{ name, text string }{
	{"plain", "[a]\nk=v\n"},
	{"empty file", ""},
	{"only comments", "# x\n ; y\n"},
	{"no final newline", "[a]\nk=v"},
	{"crlf", "[a]\r\nk=v\r\nl=w\r\n"},
	{"lone carriage returns end lines", "[a]\rk=v\r\rl=w\r"},
	{"other separators do not end lines", "[a]\nk=v\x0bw\x0cx\u2028y\u0085z\n"},
	{"hash comment", "[a]\n# k=v\nl=w\n"},
	{"semicolon comment, indented", "[a]\nk=v\n   ; x=y\nl=w\n"},
	{"rem is no comment", "[a]\nrem x=y\n"},
	{"comment inside a value", "[a]\nk=v\n  # no\n  w\n"},
	{"inline semicolon", "[a]\nk=v ; no\n"},
	{"inline hash", "[a]\nk=v # no\n"},
	{"inline after tab", "[a]\nk=v\t;no\n"},
	{"inline after no-break space", "[a]\nk=v\u00a0;no\n"},
	{"inline after file separator", "[a]\nk=v\x1c#no\n"},
	{"no blank before semicolon", "[a]\nk=b;c\n"},
	{"no blank before hash", "[a]\nk=b#c\n"},
	{"quotes do not protect", "[a]\nk=bash -c \"a ; b\"\n"},
	{"value begins with semicolon", "[a]\nk=;foo\n"},
	{"value begins with blank and semicolon", "[a]\nk= ;foo\n"},
	{"inline comment in the key", "[a]\nk ;x=y\nl=w\n"},
	{"rounds: second semicolon after first hash", "[a]\nk=a;b;c ; d # e\n"},
	{"rounds: same round takes the earlier", "[a]\nk=a ; b # c\n"},
	{"rounds: hash first", "[a]\nk=a#b # c ; d\n"},
	{"rounds: only later ones", "[a]\nk=a;b#c ;d\n"},
	{"inline per continuation line", "[a]\nk=v ;1\n  w #2\n"},
	{"colon", "[a]\nk: v\n"},
	{"colon before equals", "[a]\nk: x=y\n"},
	{"equals before colon", "[a]\nk = x:y\n"},
	{"blanks around the delimiter", "[a]\nk  \t=\t  v  \n"},
	{"blanks inside the key", "[a]\nk l = v\n"},
	{"option case", "[a]\nCommand=Run\nAUTOSTART=No\n"},
	{"option case, other letters", "[a]\nÄÖ=v\n"},
	{"section case", "[A]\nk=1\n[a]\nk=2\n"},
	{"text after the header", "[a] xyz\nk=v\n"},
	{"comment after the header", "[a] ; c\nk=v\n[b];c\nk=w\n"},
	{"greedy header", "[a]b]\nk=v\n"},
	{"header of one bracket", "[]]\nk=v\n"},
	{"blanks inside the header", "[ program:a ]\nk=v\n[program: b ]\nk=w\n"},
	{"header with dots does not inherit", "[program:a]\nuser=x\n[program:a.b]\nk=v\n"},
	{"header that is a number", "[1]\nk=v\n"},
	{"empty section", "[a]\n[b]\nk=v\n"},
	{"duplicate section", "[a]\nk=1\nl=1\n[b]\nk=2\n[a]\nk=3\nm=3\n"},
	{"duplicate option", "[a]\nk=1\nl=1\nk=2\n"},
	{"duplicate option in other case", "[a]\nkey=1\nKEY=2\n"},
	{"default", "[DEFAULT]\nk=d\nl=d\n[a]\nl=own\n[b]\n"},
	{"default after the sections", "[a]\nl=own\n[DEFAULT]\nk=d\nl=d\n"},
	{"default in lower case is a section", "[default]\nk=d\n[a]\nl=own\n"},
	{"default twice", "[DEFAULT]\nk=1\n[a]\n[DEFAULT]\nk=2\n"},
	{"default alone", "[DEFAULT]\nk=1\n"},
	{"empty value", "[a]\nk=\nl:\n"},
	{"continuation", "[a]\nk=v\n  w\n\tx\nl=y\n"},
	{"continuation of an empty value", "[a]\nk=\n  v\n  w\n"},
	{"continuation that looks like an option", "[a]\nk=v\n  l=w\n"},
	{"continuation that looks like a section", "[a]\nk=v\n  [b]\n  l=w\n"},
	{"continuation with an empty line", "[a]\nk=v\n\n  w\n\n\nl=x\n"},
	{"empty lines at the end of a value", "[a]\nk=v\n\n\n\n[b]\nl=w\n"},
	{"blank line with blanks", "[a]\nk=v\n      \n  w\n"},
	{"environment over lines", "[a]\nenvironment=A=\"1\",\n  B=\"l1\n  l2\"\n"},
	{"indented option first", "[a]\n  k=v\n  l=w\n    x\nm=y\n"},
	{"indented header", "  [a]\nk=v\n  l=w\n"},
	{"indent counts characters", "[a]\n\u00a0k=v\n  w\n"},
	{"tab is one character of indent", "[a]\n  k=v\n\tl=w\n"},
	{"header resets the value", "[a]\nk=v\n[b]\n    l=w\n"},
	{"double quotes stay", "[a]\nk=\"v\"\nl='w'\nm=`x`\nn=\"\"\"y\"\"\"\n"},
	{"backslash at the end", "[a]\nk=v \\\nl=w\n"},
	{"percent stays", "[a]\nl=w\nk=%(l)s %(nope)s 100%\n"},
	{"ini.v1 auto names", "[a]\n-=v\n-=w\n"},
	{"export and quotes in keys", "[a]\nexport k=v\n\"l\"=w\n`m`=x\n"},
	{"include words", "[a]\n#include x\n!include=y\n"},
	{"utf-8", "[programm:ü]\nk=grün\n"},
	{"nul", "[a]\nk=v\x00w\n"},
	{"no delimiter", "[a]\nk=v\n\nfoo\nl=w\n"},
	{"no delimiter, several", "[a]\nfoo\nbar 'x'\n[b\nk=v\n"},
	{"no delimiter, then continuation", "[a]\nk=v\nfoo\n  w\nl=x\n"},
	{"no delimiter, indented", "[a]\n   foo\n"},
	{"no key", "[a]\n=v\n  w=x\n:y\n"},
	{"empty header", "[]\nk=v\n"},
	{"empty header in a section", "[a]\n[]\nk=v\n"},
	{"unclosed header", "[a]\n[b\n"},
	{"unclosed header with delimiter", "[a]\n[b=c\n"},
	{"text before a section", "command=x\n"},
	{"text before a section, later errors", "# c\nx\ny\n[a]\nfoo\n"},
	{"byte that begins nothing", "[a]\nk=m\xfcller\n"},
	{"byte that should continue", "[a]\nk=\xe2\x82x\n"},
	{"one byte that should continue", "[a]\nk=\xe2(\n"},
	{"surrogate", "[a]\nk=\xed\xa0\x80\n"},
	{"end inside a character", "[a]\nk=\xe2\x82"},
	{"bad bytes on several lines", "[a]\nk=\xff\nfoo\nl=\xfe\n"},
	{"text before a section and a bad byte", "x\n[a]\nk=\xff\n"},
}

// renderINI shows all that parseINI returned.
func renderINI(d *document, errs Errors) string {
	var b strings.Builder
	for _, s := range d.sections {
		fmt.Fprintf(&b, "[%s] @%d\n", s.name, s.pos.Line)
		for _, x := range s.settings {
			fmt.Fprintf(&b, "  %s = %q @%d\n", x.key, x.value, x.pos.Line)
		}
	}
	for _, e := range errs {
		fmt.Fprintf(&b, "! %s\n", e)
	}
	if len(errs) > 0 {
		fmt.Fprintf(&b, "Error: %s\n", errs.Compat())
	}
	return b.String()
}

func TestINI(t *testing.T) {
	var b strings.Builder
	for _, c := range iniCases {
		d, errs := parseINI("web.conf", []byte(c.text))
		fmt.Fprintf(&b, "== %s\n%q\n%s\n", c.name, c.text, renderINI(d, errs))
	}
	golden(t, "ini/cases.golden", b.String())
}

// checkINI compares what parseINI says about text with what Python does.
func checkINI(t *testing.T, text []byte, want answer) {
	t.Helper()
	checkSome(t, text)
	d, errs := parseINI("web.conf", text)
	switch {
	case want.Failed && errs.Compat() != want.Error:
		t.Errorf("parseINI(%q) fails with %q, Python with %q", text, errs.Compat(), want.Error)
	case !want.Failed && len(errs) > 0:
		t.Errorf("parseINI(%q) fails with\n%v\nPython does not", text, errs)
	}
	if want.Failed || len(errs) > 0 {
		return
	}
	if diff := cmp.Diff(result[[][2]any](t, want), pairs(d)); diff != "" {
		t.Errorf("parseINI(%q) (-python +got):\n%s", text, diff)
	}
	checkPlaces(t, text, d)
}

// checkSome reads only the sections without a colon: it finds what is wrong in all, and the heads
// of all.
func checkSome(t *testing.T, text []byte) {
	t.Helper()
	wanted := func(section string) bool { return !strings.Contains(section, ":") }
	all, errs := parseINI("web.conf", text)
	for _, s := range all.sections {
		if !wanted(s.name) {
			s.settings = overlay(all.defaults, nil)
		}
	}
	want := renderINI(all, errs)
	if got := renderINI(parseINIOnly("web.conf", text, wanted)); got != want {
		t.Errorf("parseINIOnly(%q):\n%swant\n%s", text, got, want)
	}
}

// pairs is a document as the script shows it.
func pairs(d *document) [][2]any {
	all := [][2]any{}
	for _, s := range d.sections {
		items := []any{}
		for _, x := range s.settings {
			items = append(items, []any{x.key, x.value})
		}
		all = append(all, [2]any{s.name, items})
	}
	return all
}

// checkPlaces looks at the lines that the document says it is from.
func checkPlaces(t *testing.T, text []byte, d *document) {
	t.Helper()
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n")
	for _, s := range d.sections {
		if !strings.Contains(lines[s.pos.Line-1], "["+s.name+"]") {
			t.Errorf("parseINI(%q): [%s] is not on line %d", text, s.name, s.pos.Line)
		}
		for _, x := range s.settings {
			line := strings.TrimLeftFunc(lines[x.pos.Line-1], isSpace)
			first, _, _ := strings.Cut(x.value.(string), "\n")
			if !strings.HasPrefix(strings.ToLower(line), x.key) || !strings.Contains(line, first) {
				t.Errorf("parseINI(%q): %s = %q is not on line %d", text, x.key, x.value, x.pos.Line)
			}
		}
	}
}

func TestINIPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	var texts []string
	for _, c := range iniCases {
		texts = append(texts, c.text)
	}
	// The place of a bad byte is counted from the piece of 8 KiB that it is read in.
	for _, n := range []int{8184, 8185, 8186, 8187, 8188, 9000, 8192*2 - 7, 8192*2 - 8, 20000} {
		for _, tail := range []string{"\xfc", "\xe2\x82x", "\xe2\x82", "\xe2\x82\xac\xff", "\xf0\x9f\x98(\n"} {
			texts = append(texts, "[a]\nk=\n"+strings.Repeat("y", n)+tail, "foo\n"+strings.Repeat("y\n", n/2)+tail,
				"[a]\nfoo\n"+strings.Repeat("y", n)+tail)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		texts = append(texts, nastyINI(random))
	}
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	for i, a := range o.askAll(t, "ini", args) {
		checkINI(t, []byte(texts[i]), a)
		if t.Failed() {
			t.FailNow() // one is enough to read
		}
	}
}

// nastyINI is a random file, made mostly of lines that mean something.
func nastyINI(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	atom := func() string {
		return pick("a", "b", "B", "c", "ä", " ", "  ", "\t", "=", ":", ";", "#", " ;", " #", "[", "]", "\"", "'", "`",
			"\\", "%(a)s", "%", ",", "\x0b", "\x0c", "\x1c", "\u00a0", "\u2028", "\u0085", "DEFAULT", "-", "\x00", "\U0001f600")
	}
	atoms := func(n int) string {
		var b strings.Builder
		for range r.IntN(n + 1) {
			b.WriteString(atom())
		}
		return b.String()
	}
	var b strings.Builder
	if r.IntN(20) > 0 {
		b.WriteString("[" + pick("a", "b", "DEFAULT", "program:a") + "]\n")
	}
	for range r.IntN(12) {
		b.WriteString(pick("", "", "", " ", "  ", "\t", "    ", "\u00a0"))
		switch r.IntN(8) {
		case 0:
			b.WriteString("[" + pick("a", "b", "a.b", "DEFAULT", "program:a", atoms(3)) + pick("]", "] x", "];", "") + atoms(2))
		case 1, 2, 3:
			b.WriteString(pick("k", "l", "K", "m n", atoms(2)) + pick("=", ":", " = ", "= ", ": ") + atoms(6))
		case 4:
			b.WriteString("v" + atoms(4))
		case 5:
			b.WriteString(pick("#", ";", "# k=v", "; [a]"))
		case 6:
		default:
			if r.IntN(4) == 0 {
				b.WriteString(atoms(5))
			}
			if r.IntN(30) == 0 {
				b.WriteString(pick("\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80"))
			}
		}
		b.WriteString(pick("\n", "\n", "\n", "\r\n", "\r"))
	}
	return b.String()
}

func FuzzINI(f *testing.F) {
	for _, c := range iniCases {
		f.Add([]byte(c.text))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if !sameLetters(text) {
			return
		}
		checkINI(t, text, o.ask(t, "ini", base64.StdEncoding.EncodeToString(text)))
	})
}

// sameLetters says whether Python can be asked about text: not with a byte order mark, which is
// an error there, nor with capitals outside ASCII, since languages differ in what is their
// small letter.
func sameLetters(text []byte) bool {
	for _, r := range string(text) {
		if r == '\ufeff' || r >= utf8.RuneSelf && (unicode.ToLower(r) != r || !unicode.IsPrint(r) && !isSpace(r)) {
			return r == utf8.RuneError
		}
	}
	return true
}

func TestINIByteOrderMark(t *testing.T) {
	t.Parallel()
	d, errs := parseINI("web.conf", []byte("\ufeff[a]\nk=v\n"))
	if got, want := renderINI(d, errs), "[a] @1\n  k = \"v\" @2\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestINILong checks that nothing is quadratic in the length of a value or file.
func TestINILong(t *testing.T) {
	t.Parallel()
	text := "[a]\nk=\n" + strings.Repeat("  x\n", 200000)
	d, errs := parseINI("web.conf", []byte(text))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got := len(d.sections[0].settings[0].value.(string)); got != 2*200000 {
		t.Errorf("the value has %d bytes, want %d", got, 2*200000)
	}
}

// TestOwnSections takes [DEFAULT] out of the sections and puts it back.
func TestOwnSections(t *testing.T) {
	t.Parallel()
	d, errs := parseINI("web.conf", []byte("[DEFAULT]\nk=1\nl=1\n[a]\nl=own\n[b]\n"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	before := renderINI(d, nil)
	d.sections = d.ownSections()
	if got, want := renderINI(d, nil), "[a] @4\n  l = \"own\" @5\n[b] @6\n"; got != want {
		t.Errorf("without [DEFAULT]: %s, want %s", got, want)
	}
	d.inherit()
	if got := renderINI(d, nil); got != before {
		t.Errorf("with [DEFAULT] again: %s, want %s", got, before)
	}
}
