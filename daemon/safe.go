package daemon

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safeText makes text harmless for whoever looks at it in a terminal: control characters
// but line feed and tab, bytes that are no UTF-8, and characters that turn the direction of
// writing become \x1b and the like.
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
	return r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
