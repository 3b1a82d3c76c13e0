package conf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wordChars are, besides ASCII letters, digits and underscore, the characters of an unquoted
// name or value of environment=: those that Supervisor adds to shlex, and the Latin-1
// letters that shlex has in POSIX mode. Any other character is a token by itself.
const wordChars = "/.+-():" + "ßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ"

func isWordChar(r rune) bool { return isWordLetter(r) || strings.ContainsRune(wordChars, r) }

// parseEnvironment reads the value of environment=: KEY=value pairs with commas between,
// as Supervisor's dict_of_key_value_pairs does over shlex in POSIX mode (4.4; earlier
// versions differ only in what a quote or backslash inside a value means). The token where
// the comma should be is skipped whatever it is: A=$HOME is "$". A name that comes twice
// keeps its place and gets the later value. The errors have Supervisor's texts.
func parseEnvironment(s string) (Env, error) {
	tokens, err := environmentTokens(s)
	if err != nil {
		return nil, err
	}
	var env Env
	for i := 0; i < len(tokens); i += 4 {
		if i+3 > len(tokens) || tokens[i+1] != "=" {
			return nil, fmt.Errorf("Unexpected end of key/value pairs in value '%s'", s)
		}
		env = env.with(Var{tokens[i], tokens[i+2]})
	}
	return env, nil
}

// environmentTokens is list(shlex.shlex(s, posix=True)) with Supervisor's word characters.
func environmentTokens(s string) ([]string, error) {
	const (
		between = iota
		word
		quote
	)
	var (
		tokens []string
		token  strings.Builder
		quoted bool // the token had quotes, so it counts even when it is empty
		state  = between
		mark   string                 // the quote we are in
		in     = strings.Split(s, "") // characters; bytes that are not UTF-8 stay as they are
	)
	emit := func() {
		if token.Len() > 0 || quoted {
			tokens = append(tokens, token.String())
		}
		token.Reset()
		quoted = false
		state = between
	}
	for i := 0; i < len(in); i++ {
		c := in[i]
		switch {
		case state == quote && c == mark:
			state = word
		case c == `\` && (state != quote || mark == `"`):
			if i++; i == len(in) {
				return nil, errNoEscaped
			}
			if state == quote && in[i] != `\` && in[i] != mark {
				token.WriteString(`\`)
			}
			token.WriteString(in[i])
			if state == between {
				state = word
			}
		case state == quote:
			token.WriteString(c)
		case c == " " || c == "\t" || c == "\r" || c == "\n":
			emit()
		case c == "#": // a comment up to the end of the line
			for i+1 < len(in) && in[i] != "\n" {
				i++
			}
			emit()
		case c == `'` || c == `"`:
			state, mark, quoted = quote, c, true
		case strings.IndexFunc(c, isWordChar) == 0:
			token.WriteString(c)
			state = word
		default:
			emit()
			tokens = append(tokens, c)
		}
	}
	if state == quote {
		return nil, errNoQuotation
	}
	emit()
	return tokens, nil
}

// Set takes the text of environment= (string) or a table of strings, numbers and booleans
// (map[string]any), which is taken in the order of the names.
func (e *Env) Set(v any) error {
	switch v := v.(type) {
	case string:
		env, err := parseEnvironment(v)
		if err != nil {
			return err
		}
		*e = env
	case map[string]any:
		env := Env{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "" || strings.ContainsAny(name, "=\x00") {
				return fmt.Errorf("%s cannot be the name of an environment variable", Repr(name))
			}
			value, err := scalarText(v[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if strings.Contains(value, "\x00") {
				return fmt.Errorf("%s: the value of an environment variable cannot hold a NUL", name)
			}
			env = append(env, Var{name, value})
		}
		*e = env
	default:
		return errors.New("must be a table or a string of KEY=value pairs, not " + kindOf(v))
	}
	return nil
}

// String is the environment as parseEnvironment reads it back.
func (e Env) String() string {
	pairs := make([]string, len(e))
	for i, v := range e {
		pairs[i] = quoteEnv(v.Name) + "=" + quoteEnv(v.Value)
	}
	return strings.Join(pairs, ",")
}

func quoteEnv(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !isWordChar(r) }) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Merge is e with the variables of over put over it: a name that both have keeps its place
// in e. Neither is changed.
func (e Env) Merge(over Env) Env {
	merged := slices.Clone(e)
	for _, v := range over {
		merged = merged.with(v)
	}
	return merged
}

// with is e, changed in place where it can be, with v in it.
func (e Env) with(v Var) Env {
	for i := range e {
		if e[i].Name == v.Name {
			e[i].Value = v.Value
			return e
		}
	}
	return append(e, v)
}

// Environ is the list as the kernel wants it: "NAME=value".
func (e Env) Environ() []string {
	list := make([]string, len(e))
	for i, v := range e {
		list[i] = v.Name + "=" + v.Value
	}
	return list
}
