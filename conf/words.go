package conf

import (
	"errors"
	"fmt"
	"strings"
)

// The faults of quoting, with the texts of Python's shlex, which reach the user in
// Supervisor's "can't parse command" and "invalid value" lines.
var (
	errNoQuotation = errors.New("No closing quotation")
	errNoEscaped   = errors.New("No escaped character")
)

// SplitWords splits a command line into words exactly as Python's shlex.split does, which
// is neither a shell nor any of the Go libraries: blanks are space, tab, CR and LF; '...'
// is literal; in "..." a backslash is dropped only before " and \; elsewhere it always is;
// # is ordinary; a pair of quotes makes an empty word.
// The errors are "No closing quotation" and "No escaped character".
func SplitWords(line string) ([]string, error) {
	const (
		between = iota // words
		plain          // inside a word, outside quotes
		single         // inside '
		double         // inside "
	)
	var (
		words   []string
		word    strings.Builder
		state   = between
		escaped bool // the character before was a backslash that counts
	)
	for _, c := range []byte(line) { // all that matters is ASCII, so UTF-8 passes through
		switch {
		case escaped:
			if state == double && c != '"' && c != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(c)
			escaped = false
		case state == single && c == '\'', state == double && c == '"':
			state = plain
		case state == single, state == double && c != '\\':
			word.WriteByte(c)
		case c == '\\':
			escaped = true
			if state == between {
				state = plain
			}
		case c == '\'':
			state = single
		case c == '"':
			state = double
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if state == plain {
				words = append(words, word.String())
				word.Reset()
			}
			state = between
		default:
			word.WriteByte(c)
			state = plain
		}
	}
	switch {
	case escaped:
		return nil, errNoEscaped
	case state == single || state == double:
		return nil, errNoQuotation
	case state == plain:
		words = append(words, word.String())
	}
	return words, nil
}

// Words is the command as words: Argv, or Line split.
func (c Command) Words() ([]string, error) {
	if c.Argv != nil {
		return c.Argv, nil
	}
	return SplitWords(c.Line)
}

// String is the command as one line, which Words of another Command splits into the same words.
func (c Command) String() string {
	if c.Argv == nil || c.Line != "" {
		return c.Line
	}
	return quoteWords(c.Argv)
}

// Set takes a line (string) or ready words ([]any or []string). It does not split the line:
// Supervisor reports bad quoting only when it starts the program.
func (c *Command) Set(v any) error {
	switch v := v.(type) {
	case string:
		*c = Command{Line: v}
	case []string, []any:
		words, err := parseList(v)
		if err != nil {
			return err
		}
		if len(words) == 0 {
			return errors.New("an empty list is no command")
		}
		*c = Command{Line: quoteWords(words), Argv: words}
	default:
		return fmt.Errorf("must be a string or a list of strings, not %s", kindOf(v))
	}
	return nil
}

// quoteWords is Python's shlex.join: SplitWords gives the words back.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quoteWord(w)
	}
	return strings.Join(quoted, " ")
}

func quoteWord(w string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (isWordLetter(r) || strings.ContainsRune("@%+=:,./-", r))
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'"'"'`) + "'"
}

// isWordLetter says whether r is an ASCII letter, digit or underscore.
func isWordLetter(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
