package daemon

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safeText makes text harmless for whoever looks at it in a terminal: control characters
// but line feed and tab, bytes that are no UTF-8, and characters that turn the direction of
// writing or begin a line become \x1b and the like.
func safeText(s string) string {
	if !strings.ContainsFunc(s, unsafe) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case !unsafe(r), r == utf8.RuneError && n > 1:
			b.WriteString(s[i : i+n])
		case r < utf8.RuneSelf || r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

func unsafe(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < ' ', r == utf8.RuneError:
		return true
	}
	return r >= 0x7f && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp))
}

// indented is msg with a blank before each of its further lines that begins with a year, as the
// lines of the main log do: the output of a program, repeated there with loglevel=debug, must not
// be taken for them. All other lines stay as Supervisor writes them.
func indented(msg string) string {
	if !strings.Contains(msg, "\n") {
		return msg
	}
	lines := strings.SplitAfter(msg, "\n")
	for i, line := range lines[1:] {
		seen := strings.TrimLeftFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' })
		digits := strings.TrimLeftFunc(seen, unicode.IsDigit)
		if n := utf8.RuneCountInString(seen[:len(seen)-len(digits)]); n >= 4 && strings.HasPrefix(digits, "-") {
			lines[i+1] = " " + line
		}
	}
	return strings.Join(lines, "")
}
