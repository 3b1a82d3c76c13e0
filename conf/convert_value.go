package conf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// tomlHeader is the header of a section in TOML.
func tomlHeader(section string) string {
	kind, name, named := strings.Cut(section, ":")
	if !named {
		return "[" + tomlKey(section) + "]"
	}
	return "[" + tomlKey(kind) + "." + tomlKey(name) + "]"
}

// tomlKey is a key, in quotes where TOML wants them.
func tomlKey(key string) string {
	bare := key != ""
	for _, r := range key {
		bare = bare && (r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}
	if bare {
		return key
	}
	return tomlString(key)
}

// tomlString is a string, in single quotes where that reads better.
func tomlString(s string) string {
	plain := !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\'' || r == unicode.ReplacementChar })
	if plain && strings.ContainsAny(s, `\"`) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tomlValue is the value of an INI option in TOML: with its type where that is plain, else
// as a string, which TOML takes for every option.
func tomlValue(o *option, v any) string {
	text := written(v)
	if o == nil || strings.Contains(text, "%") && o.typ != filesType || strings.Contains(text, "%(ENV_") {
		return tomlString(text)
	}
	switch o.typ {
	case boolType:
		if b, err := parseBool(text); err == nil {
			return strconv.FormatBool(b)
		}
	case autorestartType:
		if b, err := parseBool(text); err == nil {
			return strconv.FormatBool(b)
		}
	case intType, secondsType, bytesType:
		if n, err := parseInt(text); err == nil {
			return strconv.Itoa(n)
		}
	case exitcodesType:
		if codes, err := parseExitcodes(text); err == nil {
			return "[" + strings.ReplaceAll(formatInts(codes), ",", ", ") + "]"
		}
	case listType:
		if list, err := parseList(text); err == nil {
			return tomlList(list)
		}
	case filesType:
		return tomlList(strings.Fields(text))
	case environmentType:
		if env, err := parseEnvironment(text); err == nil {
			return tomlTable(env)
		}
	}
	return tomlString(text)
}

func tomlList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = tomlString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func tomlTable(env Env) string {
	if len(env) == 0 {
		return "{}"
	}
	pairs := make([]string, len(env))
	for i, v := range env {
		pairs[i] = tomlKey(v.Name) + " = " + tomlString(v.Value)
	}
	return "{ " + strings.Join(pairs, ", ") + " }"
}

// iniValue is the value of a TOML option in INI; false means that INI cannot have it.
func iniValue(o *option, v any) (string, bool) {
	typ := stringType
	if o != nil {
		typ = o.typ
	}
	text := written(v)
	switch typ {
	case modeType:
		var m Mode
		if _, isText := v.(string); !isText && m.Set(v) == nil {
			text = m.String()
		}
	case secondsType:
		var x Seconds
		if _, fraction := v.(float64); fraction && x.Set(v) == nil {
			text = x.String()
		}
	case filesType:
		if list, err := fileList(v); err == nil {
			text = strings.Join(list, " ")
		}
	case commandType:
		var c Command
		if c.Set(v) != nil {
			break
		}
		if text = c.Line; c.Argv == nil {
			text = strings.TrimSpace(text)
		}
		if c.Argv != nil || !iniKeeps(text) {
			words, err := c.Words()
			if err != nil {
				return text, false
			}
			quoted := make([]string, len(words))
			for i, w := range words {
				quoted[i] = iniQuote(w, `'`)
			}
			text = strings.Join(quoted, " ")
		}
	case environmentType:
		var e Env
		if _, isText := v.(string); isText || e.Set(v) != nil {
			break
		}
		pairs := make([]string, len(e))
		for i, x := range e {
			pairs[i] = iniQuote(x.Name, `"`) + "=" + iniQuote(x.Value, `"`)
		}
		text = strings.Join(pairs, ",")
	}
	return text, iniKeeps(text)
}

// iniQuote quotes a word for command= or environment=. INI begins a comment at a ; or # after
// a blank, even in quotes, so those are written outside of them, after a backslash.
func iniQuote(word, quote string) string {
	plain := word != ""
	for _, r := range word {
		plain = plain && (strings.ContainsRune("_/.+-():%=,@^~", r) && (quote == "'" || strings.ContainsRune("_/.+-", r)) ||
			unicode.IsLetter(r) && r < 0x80 || '0' <= r && r <= '9')
	}
	if plain {
		return word
	}
	var b strings.Builder
	b.WriteString(quote)
	for i, r := range word {
		switch {
		case string(r) == quote && quote == "'":
			b.WriteString(`'\''`)
		case quote == `"` && (r == '"' || r == '\\'):
			b.WriteString(`\` + string(r))
		case (r == ';' || r == '#') && i > 0 && unicode.IsSpace(rune(word[i-1])):
			b.WriteString(quote + `\` + string(r) + quote)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString(quote)
	return b.String()
}

// iniKeeps says whether INI gives the value back as it is.
func iniKeeps(value string) bool {
	return readsBack("[x]\nx = "+strings.ReplaceAll(value, "\n", "\n    ")+"\n", "x", "x", value)
}

// readsBack says whether the INI text has this value and nothing else.
func readsBack(text, section, key, value string) bool {
	d, errs := parseINI("", []byte(text))
	if len(errs) > 0 || len(d.sections) != 1 {
		return false
	}
	x := d.section(section).setting(key)
	return x != nil && len(d.sections[0].settings) == 1 && x.value == value
}
