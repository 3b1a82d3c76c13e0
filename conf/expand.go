package conf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxField is the greatest width and precision of a conversion. Python knows no bound but
// memory; the texts for a greater one are Python's.
const maxField = 1 << 20

// expandError says why expand failed.
type expandError struct {
	Name    string // the name that is not in the mapping, when Unknown
	Unknown bool
	Dollar  bool   // Msg is no ${NAME} or ${NAME:-default}, though it begins like one
	Msg     string // Python's text: for an unknown name, its repr
}

// Error is Python's text.
func (e *expandError) Error() string { return e.Msg }

// expand is Python's format % mapping, for a mapping that is not empty. lookup answers with
// a string or an int. The conversions are d i u o x X e E f F g G c s r a and %%, with flags,
// width and precision; h, l and L are ignored. A conversion without a name, which in Python
// prints the whole mapping, is an error here. The error is an *expandError.
func expand(format string, lookup func(name string) (any, bool)) (string, error) {
	if !strings.Contains(format, "%") {
		return format, nil
	}
	f := formatter{in: strings.Split(format, ""), lookup: lookup}
	for f.pos < len(f.in) {
		c := f.in[f.pos]
		f.pos++
		if c != "%" {
			f.out.WriteString(c)
		} else if err := f.conversion(); err != nil {
			return "", err
		}
	}
	return f.out.String(), nil
}

// formatter walks over a format string as CPython's unicode_format_arg does.
type formatter struct {
	in     []string // characters; bytes that are not UTF-8 stay as they are
	pos    int
	lookup func(string) (any, bool)
	arg    any  // what %(name) found and no conversion took yet
	spent  bool // a name was looked up before, so there is nothing without a name
	out    strings.Builder
}

// spec is one conversion, "%(name)#-05.3d" without its name.
type spec struct {
	minus, plus, blank, alt, zero bool
	width, prec                   int // prec is -1 when there is none
	verb                          string
}

// peek is the next character, "" at the end.
func (f *formatter) peek() string {
	if f.pos == len(f.in) {
		return ""
	}
	return f.in[f.pos]
}

func (f *formatter) conversion() error {
	if f.peek() == "%" { // with a name, flags or width a second % means nothing
		f.pos++
		f.out.WriteByte('%')
		return nil
	}
	if f.peek() == "(" {
		if err := f.name(); err != nil {
			return err
		}
	}
	s, err := f.spec()
	if err != nil {
		return err
	}
	v := f.arg
	f.arg = nil
	if v == nil && f.spent {
		return &expandError{Msg: "not enough arguments for format string"}
	}
	text, err := s.format(v, f.pos-1)
	f.spent = true
	f.out.WriteString(text)
	return err
}

// name reads "(name)", in which parentheses may nest, and looks the name up.
func (f *formatter) name() error {
	begin, depth := f.pos+1, 0
	for ; ; f.pos++ {
		switch f.peek() {
		case "":
			return &expandError{Msg: "incomplete format key"}
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			break
		}
	}
	name := strings.Join(f.in[begin:f.pos], "")
	f.pos++
	v, ok := f.lookup(name)
	if !ok {
		return &expandError{Name: name, Unknown: true, Msg: Repr(name)}
	}
	f.arg, f.spent = v, true
	return nil
}

func (f *formatter) spec() (s spec, err error) {
	flags := map[string]*bool{"-": &s.minus, "+": &s.plus, " ": &s.blank, "#": &s.alt, "0": &s.zero}
	for flags[f.peek()] != nil {
		*flags[f.peek()] = true
		f.pos++
	}
	if s.width, err = f.number("width"); err != nil {
		return s, err
	}
	s.prec = -1
	if f.peek() == "." {
		f.pos++
		if s.prec, err = f.number("precision"); err != nil {
			return s, err
		}
	}
	if c := f.peek(); c == "h" || c == "l" || c == "L" {
		f.pos++
	}
	s.verb = f.peek()
	if s.verb == "" {
		return s, &expandError{Msg: "incomplete format"}
	}
	f.pos++
	return s, nil
}

// number reads a width or precision. For * Python would take it from the mapping's value,
// after which none is left to format.
func (f *formatter) number(what string) (int, error) {
	if f.peek() == "*" {
		if _, ok := f.arg.(int); ok {
			f.arg = nil
		} else if f.arg != nil || !f.spent {
			return 0, &expandError{Msg: "* wants int"}
		} else {
			return 0, &expandError{Msg: "not enough arguments for format string"}
		}
		f.pos++
		return 0, nil
	}
	n := 0
	for c := f.peek(); len(c) == 1 && '0' <= c[0] && c[0] <= '9'; c = f.peek() {
		n = n*10 + int(c[0]-'0')
		if n > maxField {
			return 0, &expandError{Msg: what + " too big"}
		}
		f.pos++
	}
	return n, nil
}

// format is v, a string, an int or nil for the mapping itself, as the conversion at
// index (in characters) asks for it.
func (s spec) format(v any, index int) (string, error) {
	text, _ := v.(string)
	n, isInt := v.(int)
	kind := map[bool]string{true: "str", false: "dict"}[v != nil]
	switch s.verb {
	case "s", "r", "a":
		if v == nil {
			return "", &expandError{Msg: "not enough arguments for format string"}
		}
		switch {
		case isInt:
			text = strconv.Itoa(n)
		case s.verb == "r":
			text = Repr(text)
		case s.verb == "a":
			text = quote(text, func(r rune) bool { return r < utf8.RuneSelf })
		}
		if s.prec >= 0 && utf8.RuneCountInString(text) > s.prec {
			text = strings.Join(strings.Split(text, "")[:s.prec], "")
		}
		return s.pad("", text, false), nil
	case "c":
		switch {
		case isInt && (n < 0 || n > unicode.MaxRune):
			return "", &expandError{Msg: "%c arg not in range(0x110000)"}
		case isInt:
			text = string(rune(n))
		case v == nil || utf8.RuneCountInString(text) != 1:
			return "", &expandError{Msg: "%c requires int or char"}
		}
		return s.pad("", text, false), nil
	case "d", "i", "u":
		if !isInt {
			return "", &expandError{Msg: "%" + s.verb + " format: a real number is required, not " + kind}
		}
		return s.integer(n, 10, ""), nil
	case "o", "x", "X":
		if !isInt {
			return "", &expandError{Msg: "%" + s.verb + " format: an integer is required, not " + kind}
		}
		base := map[string]int{"o": 8}[s.verb]
		if base == 0 {
			base = 16
		}
		return s.integer(n, base, "0"+s.verb), nil
	case "e", "E", "f", "F", "g", "G":
		if !isInt {
			return "", &expandError{Msg: "must be real number, not " + kind}
		}
		return s.float(float64(n)), nil
	}
	r, _ := utf8.DecodeRuneInString(s.verb)
	shown := s.verb
	if r < 31 || r > 126 {
		shown = "?"
	}
	return "", &expandError{Msg: fmt.Sprintf("unsupported format character '%s' (0x%x) at index %d", shown, r, index)}
}

// integer writes n with at least prec digits; prefix is what the flag # puts before them.
func (s spec) integer(n, base int, prefix string) string {
	digits := strconv.FormatInt(int64(n), base)
	digits = strings.TrimPrefix(digits, "-")
	if s.verb == "X" {
		digits = strings.ToUpper(digits)
	}
	if short := s.prec - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	if !s.alt {
		prefix = ""
	}
	return s.pad(s.sign(n < 0)+prefix, digits, true)
}

// float is C's conversion, which Go's agrees with.
func (s spec) float(x float64) string {
	prec := s.prec
	if prec < 0 {
		prec = 6
	}
	format := "%.*" + s.verb
	if s.alt {
		format = "%#.*" + s.verb
	}
	text, negative := strings.CutPrefix(fmt.Sprintf(format, prec, x), "-")
	return s.pad(s.sign(negative), text, true)
}

func (s spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.plus:
		return "+"
	case s.blank:
		return " "
	}
	return ""
}

// pad fills up to the width: with zeros after the sign for numbers that ask for it.
func (s spec) pad(sign, text string, number bool) string {
	fill := max(0, s.width-utf8.RuneCountInString(sign)-utf8.RuneCountInString(text))
	switch {
	case s.minus:
		return sign + text + strings.Repeat(" ", fill)
	case number && s.zero:
		return sign + strings.Repeat("0", fill) + text
	}
	return strings.Repeat(" ", fill) + sign + text
}

// expansionError is Supervisor's text for an error of expand. where is "section.option",
// or the option alone for those that Supervisor expands by themselves; available are the
// names that could have been used, sorted.
func expansionError(value, where string, err error, available []string) string {
	what := "Format string " + Repr(value) + " for " + Repr(where)
	if e, ok := err.(*expandError); ok && e.Unknown {
		return what + " contains names (" + e.Msg + ") which cannot be expanded. Available names: " + strings.Join(available, ", ")
	}
	return what + " is badly formatted: " + err.Error()
}

// Repr is Python's repr of a string, as Supervisor quotes values in its messages. A byte that is not UTF-8 is the lone surrogate that
// Python reads it as from the environment.
func Repr(s string) string { return quote(s, unicode.IsPrint) }

// quote is s between quotes, with escapes for what is not plain.
func quote(s string, plain func(rune) bool) string {
	mark := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.WriteRune(mark)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\udc%02x`, s[0])
		case r == mark || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case plain(r) && unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[n:]
	}
	b.WriteRune(mark)
	return b.String()
}
