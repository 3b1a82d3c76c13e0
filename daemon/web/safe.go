package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// harmless makes a page safe for a terminal too, for somebody may look at it with curl:
// control characters and those that turn the direction of writing are written as HTML has
// them by number, which is the same to a browser.
func harmless(page []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(page); {
		r, n := rune(page[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(page[i:])
		}
		if control(r) {
			out = append(out, page[from:i]...)
			if from = i + n; 0x80 <= r && r < 0xa0 { // these numbers mean other characters in HTML
				out = append(out, "\uFFFD"...)
			} else {
				out = fmt.Appendf(out, "&#x%x;", r)
			}
		}
		i += n
	}
	if from == 0 {
		return page
	}
	return append(out, page[from:]...)
}

// shown is a name as people see it: as ctl and the log show it, a character that nobody sees,
// or that turns the direction of writing, is written \x1b or \u202e. Else one name could
// look like another.
func shown(s string) string {
	if !strings.ContainsFunc(s, control) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !control(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func control(r rune) bool {
	switch {
	case r == '\n', r == '\t', r == '\r':
		return false
	case r < ' ':
		return true
	}
	return r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
