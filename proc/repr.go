package proc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// repr is a string as Python's repr writes it, which Supervisor's messages use: single
// quotes unless only those are inside, and escapes for what cannot be printed.
func repr(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1: // Python keeps such a byte as a surrogate
			b.WriteString(`\udc`)
			hex(&b, rune(s[i]), 2)
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x7f && r >= ' ' || r > 0x7f && unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			b.WriteString(`\x`)
			hex(&b, r, 2)
		case r <= 0xffff:
			b.WriteString(`\u`)
			hex(&b, r, 4)
		default:
			b.WriteString(`\U`)
			hex(&b, r, 8)
		}
		i += n
	}
	b.WriteByte(quote)
	return b.String()
}

func hex(b *strings.Builder, r rune, digits int) {
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		b.WriteByte("0123456789abcdef"[r>>shift&15])
	}
}
