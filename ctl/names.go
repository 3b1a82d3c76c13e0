package ctl

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitNamespec is Supervisor's split_namespec: "name" is the process name in the group
// name; "group:process"; "group:*" and "group:" mean the whole group, with process "".
func splitNamespec(spec string) (group, process string) {
	group, process, found := strings.Cut(spec, ":")
	switch {
	case !found:
		return spec, spec
	case process == "*":
		return group, ""
	}
	return group, process
}

// makeNamespec is Supervisor's make_namespec: the process name alone when the group has
// the same. An empty process is the whole group.
func makeNamespec(group, process string) string {
	switch process {
	case group:
		return process
	case "":
		return group + ":*"
	}
	return group + ":" + process
}

// escape makes text from a server safe for a terminal: control characters, invalid bytes
// and those that turn the writing direction become \x1b and the like.
func escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < utf8.RuneSelf && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// escapeLines is escape for a text that may have several lines, and tabs in them.
func escapeLines(s string) string {
	if plain(s) {
		return s
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		cells := strings.Split(strings.TrimSuffix(lines[i], "\r"), "\t")
		for j := range cells {
			cells[j] = escape(cells[j])
		}
		lines[i] = strings.Join(cells, "\t")
	}
	return strings.Join(lines, "\n")
}

// plain says that there is nothing to escape: printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hidden says that a rune controls the terminal or the order of the text: C1 control
// characters, line separators, marks and overrides of direction.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}
