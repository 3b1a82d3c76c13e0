package web

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ü 中文\n\tx\r\n": "plain ü 中文\n\tx\r\n", "a\x1b[31mb\x7f": "a&#x1b;[31mb&#x7f;", "\u202egnp": "&#x202e;gnp", "\u009b1m": "\uFFFD1m", "": "",
	} {
		if got := string(harmless([]byte(in))); got != want {
			t.Errorf("harmless(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a b ü مرحبا 中文": "a b ü مرحبا 中文", "\x1b[31mred": `\x1b[31mred`, "\u202eevil": `\u202eevil`, "": ""} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("a\x1b[31m\u202e\u009b")
	f.Fuzz(func(t *testing.T, s string) {
		got := string(harmless([]byte(s)))
		if strings.ContainsFunc(got, control) {
			t.Errorf("%q", got)
		}
		if utf8.ValidString(s) && !strings.ContainsAny(s, "&\x00\r") && !strings.ContainsFunc(s, func(r rune) bool { return 0x7f <= r && r < 0xa0 }) && html.UnescapeString(got) != s {
			t.Errorf("%q is %q to a browser", s, html.UnescapeString(got))
		}
	})
}
