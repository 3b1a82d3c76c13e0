package conf

import (
	"strings"
)

// expandDollars is what TOML has besides %(name)s: ${NAME} is an environment variable and
// ${NAME:-default} one that may be unset or empty; $${ is ${. Neither values nor defaults are
// expanded again. The rest of the text is expanded as INI does. The error is an *expandError.
func expandDollars(text string, lookup func(string) (any, bool)) (string, error) {
	var out strings.Builder
	plain := "" // what stands between two variables
	flush := func() error {
		s, err := expand(plain, lookup)
		out.WriteString(s)
		plain = ""
		return err
	}
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			plain += text
			err := flush()
			return out.String(), err
		}
		if i > 0 && text[i-1] == '$' {
			plain += text[:i-1] + "${"
			text = text[i+2:]
			continue
		}
		plain += text[:i]
		if err := flush(); err != nil {
			return "", err
		}
		inner, rest, ok := closing(text[i+2:])
		name, _, defaulted := strings.Cut(inner, ":-")
		if !ok || !isShellName(name) || !defaulted && name != inner {
			return "", &expandError{Dollar: true, Msg: "${" + inner}
		}
		value, ok := lookup("ENV_" + inner)
		if !ok {
			return "", &expandError{Name: "ENV_" + name, Unknown: true, Msg: Repr("ENV_" + name)}
		}
		s, _ := value.(string)
		out.WriteString(s)
		text = rest
	}
}

// closing splits a text at the } that closes what was opened before it. Without one inner
// is the whole text.
func closing(text string) (inner, rest string, ok bool) {
	depth := 1
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[:i], text[i+1:], true
			}
		}
	}
	return text, "", false
}

func isShellName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// dollarsToTOML keeps in TOML what INI says: there a ${ has no meaning.
func dollarsToTOML(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// dollarsToINI is a text of TOML as INI has it; false when it cannot.
func dollarsToINI(text string) (string, bool) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), true
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		inner, rest, ok := closing(text[i+2:])
		if depth := 0; !ok || strings.ContainsFunc(inner, func(r rune) bool {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			}
			return depth < 0
		}) || depth != 0 {
			return text, false
		}
		out.WriteString(text[:i] + "%(ENV_" + inner + ")s")
		text = rest
	}
}

// eachString is v with f applied to every string in it.
func eachString(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = eachString(x, f)
		}
		return list
	case map[string]any:
		table := make(map[string]any, len(v))
		for k, x := range v {
			table[k] = eachString(x, f)
		}
		return table
	}
	return v
}
