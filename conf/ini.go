package conf

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/ini.v1"
)

// parseINI reads Supervisor's INI dialect: Python's RawConfigParser with strict=False and
// inline_comment_prefixes=(';', '#'), as UnhosedConfigParser in Supervisor's options.py sets
// it up. Values are strings, option names lower case. The options of [DEFAULT] are copied
// into every section that does not have them, each with the place where [DEFAULT] has it.
//
// All bad lines are reported; the document then holds what could be read. Two differences
// to Python: a UTF-8 byte order mark is skipped, and option names are lower-cased by Go's
// rules, which differ for a few letters outside ASCII.
func parseINI(file string, text []byte) (*document, Errors) { return parseINIOnly(file, text, nil) }

// parseINIOnly checks everything and keeps the options of the sections that are wanted; nil
// wants all. What ctl has to know is in few of many.
func parseINIOnly(file string, text []byte, want func(section string) bool) (*document, Errors) {
	s := newScanner(file, bytes.TrimPrefix(text, []byte("\ufeff")))
	if want != nil {
		s.want = want
		s.others = ini.Empty().Section("")
		s.spare, _ = s.others.NewKey("spare", "")
	}
	for i, line := range s.lines {
		s.scan(i+1, line)
	}
	s.finish()
	return s.document(), s.faults()
}

// scanner follows the reading loop of CPython's configparser line by line. ini.v1 holds what
// it finds (which section and key exist, in which order, with which value): its own reader
// disagrees with Python's on comments, quotes, indentation and inheritance, and has no line
// numbers, so all it is given is ready values.
type scanner struct {
	file  string
	text  []byte
	lines []string // with their line feeds
	ini   *ini.File

	sections map[string]*ini.Section
	headers  map[string]int    // section name -> line of its first header
	places   map[[2]string]int // section, key -> line of the setting that counts

	want   func(section string) bool // nil: every section
	others *ini.Section              // stands for the sections that nobody wants
	spare  *ini.Key                  // stands for their options

	name    string       // of the section
	section *ini.Section // nil before the first header
	key     *ini.Key     // what an indented line continues, or nil
	value   []string     // the lines of key
	indent  int          // of the last header or option, in characters

	errs   Errors
	header *Error   // the first line that stands before any section
	broken []string // the bad lines as Python's ParsingError lists them
}

// newScanner makes a scanner for text, which it cuts into lines as Python's text files do:
// CRLF and CR alone end a line as LF does. Lines that are no UTF-8 are errors and are read
// with U+FFFD in place of what is wrong.
func newScanner(file string, text []byte) *scanner {
	s := &scanner{
		file: file,
		text: text,
		// With the default delimiter "." a section [program:a.b] would inherit the keys of
		// [program:a]; the other options keep ini.v1 from changing values.
		ini: ini.Empty(ini.LoadOptions{
			ChildSectionDelimiter:   "\x00",
			IgnoreContinuation:      true,
			IgnoreInlineComment:     true,
			PreserveSurroundedQuote: true,
			// Sections are unique, but ini.v1 would go through all that there are to see it.
			AllowNonUniqueSections: true,
		}),
		headers: map[string]int{},
		places:  map[[2]string]int{},
	}
	s.sections = map[string]*ini.Section{ini.DefaultSection: s.ini.Section(ini.DefaultSection)}
	clean := string(text)
	if strings.Contains(clean, "\r") {
		clean = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(clean)
	}
	s.lines = strings.SplitAfter(clean, "\n")
	if last := len(s.lines) - 1; s.lines[last] == "" {
		s.lines = s.lines[:last]
	}
	for i, line := range s.lines {
		if utf8.ValidString(line) {
			continue
		}
		at := firstInvalid([]byte(line))
		s.fault(i+1, fmt.Sprintf("byte 0x%02x is not UTF-8 text", line[at]), "save the file as UTF-8")
		s.lines[i] = strings.ToValidUTF8(line, "\ufffd")
	}
	return s
}

// scan reads one line. The order of the questions is CPython's.
func (s *scanner) scan(n int, line string) {
	text := line
	comment := commentStart(line)
	if comment >= 0 {
		text = line[:comment]
	}
	text = strings.TrimFunc(text, isSpace)
	if text == "" {
		if comment < 0 && s.key != nil { // an empty line inside a value, if more of it follows
			s.value = append(s.value, "")
		}
		return
	}
	indent := utf8.RuneCountInString(line[:strings.IndexFunc(line, notSpace)])
	if s.key != nil && indent > s.indent {
		s.value = append(s.value, text)
		return
	}
	s.indent = indent
	if text[0] == '[' {
		if end := strings.LastIndexByte(text, ']'); end >= 2 {
			s.enter(n, text[1:end]) // what follows the last ] is ignored
			return
		}
	}
	if s.section == nil {
		s.outside(n, line, text)
		return
	}
	i := strings.IndexAny(text, "=:")
	switch {
	case i < 0:
		// The option before goes on: an indented line after this one continues that.
		hint := "write it as name=value; a line that continues a value must be indented"
		if text == "[]" {
			hint = "a section needs a name"
		} else if text[0] == '[' {
			hint = "a section header needs its closing ]"
		}
		s.bad(n, line, fmt.Sprintf("cannot read %q: it has neither = nor :", text), hint)
	case i == 0:
		s.bad(n, line, fmt.Sprintf("cannot read %q: no option name before the %c", text, text[0]), "")
		s.finish()
	case s.section == s.others:
		s.finish()
		s.key, s.value = s.spare, s.value[:0]
	default:
		key := strings.ToLower(strings.TrimRightFunc(text[:i], isSpace))
		s.set(n, key, strings.TrimLeftFunc(text[i+1:], isSpace))
	}
}

// enter begins a section, or goes on with it when the file had it before.
func (s *scanner) enter(n int, name string) {
	section := s.sections[name]
	switch {
	case section != nil:
	case s.want != nil && !s.want(name):
		section = s.others
	default:
		var err error
		if section, err = s.ini.NewSection(name); err != nil {
			panic("internal error: " + err.Error()) // it refuses only the empty name
		}
		s.sections[name] = section
	}
	if _, ok := s.headers[name]; !ok {
		s.headers[name] = n
	}
	s.finish()
	s.name, s.section = name, section
}

// set records an option; the last one of its name counts.
func (s *scanner) set(n int, key, value string) {
	s.finish()
	k, err := s.section.NewKey(key, "")
	if err != nil {
		panic("internal error: " + err.Error()) // it refuses only the empty name
	}
	s.places[[2]string{s.name, key}] = n
	s.key, s.value = k, append(s.value[:0], value)
}

// finish ends the value of the current option, if there is one.
func (s *scanner) finish() {
	if s.key != nil && s.key != s.spare {
		s.key.SetValue(strings.TrimRightFunc(strings.Join(s.value, "\n"), isSpace))
	}
	s.key = nil
}

// outside reports the first line that belongs to no section; the others would only repeat it.
func (s *scanner) outside(n int, line, text string) {
	if s.header != nil {
		return
	}
	s.fault(n, fmt.Sprintf("%q stands before the first section header", text), "put a line such as [supervisord] above it")
	s.header = s.errs[len(s.errs)-1]
	s.header.Compat = fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", Repr(s.file), n, Repr(line))
}

// bad reports a line that Python's ParsingError lists.
func (s *scanner) bad(n int, line, msg, hint string) {
	s.fault(n, msg, hint)
	s.broken = append(s.broken, fmt.Sprintf("\n\t[line %2d]: %s", n, Repr(line)))
}

func (s *scanner) fault(n int, msg, hint string) {
	e := &Error{Pos: Pos{s.file, n}, Msg: msg, Hint: hint}
	if s.section != nil {
		e.Section = s.name
	}
	s.errs = append(s.errs, e)
}

// faults are the errors, sorted. Supervisor gives one text for the whole file, whichever it
// meets first; all errors carry that one.
func (s *scanner) faults() Errors {
	compat := ""
	undecodable, lines := pythonDecode(s.text)
	switch {
	case s.header != nil && (undecodable == "" || s.header.Pos.Line <= lines):
		compat = s.header.Compat
	case undecodable != "":
		compat = undecodable
	case len(s.broken) > 0:
		compat = "Source contains parsing errors: " + Repr(s.file) + strings.Join(s.broken, "")
	}
	for _, e := range s.errs {
		e.Compat = compat
	}
	s.errs.Sort()
	return s.errs
}

// document reads the container out, and copies the options of [DEFAULT]. Of sections that nobody wants it
// has the heads.
func (s *scanner) document() *document {
	d := &document{file: s.file}
	for _, sec := range s.ini.Sections() {
		name := sec.Name()
		settings := make([]setting, 0, len(sec.Keys()))
		for _, k := range sec.Keys() {
			pos := Pos{s.file, s.places[[2]string{name, k.Name()}]}
			settings = append(settings, setting{k.Name(), k.Value(), pos}) // String() would expand %(x)s
		}
		if name == ini.DefaultSection { // the same word in Python and ini.v1
			d.defaults = settings
			continue
		}
		d.sections = append(d.sections, &section{name, Pos{s.file, s.headers[name]}, settings})
	}
	if s.want != nil {
		for name, line := range s.headers {
			if s.sections[name] == nil {
				d.sections = append(d.sections, &section{name: name, pos: Pos{s.file, line}})
			}
		}
		slices.SortFunc(d.sections, func(a, b *section) int { return a.pos.Line - b.pos.Line })
	}
	d.inherit()
	return d
}

// commentStart is where a comment begins in the line, or -1. The line is searched in rounds,
// first for the first ; and the first #, then for the second ones and so on, up to the first
// round that finds one with white space before it. So a;b;c ; d # e is cut at the #.
func commentStart(line string) int {
	if strings.IndexByte(line, ';') < 0 && strings.IndexByte(line, '#') < 0 {
		return -1
	}
	if t := strings.TrimLeftFunc(line, isSpace); t != "" && (t[0] == '#' || t[0] == ';') {
		return 0
	}
	start := -1
	at := map[byte]int{';': -1, '#': -1}
	for start < 0 && len(at) > 0 {
		for mark, i := range at {
			next := strings.IndexByte(line[i+1:], mark)
			if next < 0 {
				delete(at, mark)
				continue
			}
			i += 1 + next
			at[mark] = i
			before, _ := utf8.DecodeLastRuneInString(line[:i])
			if (i == 0 || isSpace(before)) && (start < 0 || i < start) {
				start = i
			}
		}
	}
	return start
}

// isSpace is Python's str.isspace, which has four separators more than Unicode's White_Space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func notSpace(r rune) bool { return !isSpace(r) }

// pythonDecode is the text of the UnicodeDecodeError that reading text raises in Python, or
// "", and how many whole lines were read before. Python decodes pieces of 8 KiB and counts
// the position from the beginning of the piece; a sequence that a piece cuts goes into the next.
func pythonDecode(text []byte) (msg string, lines int) {
	if utf8.Valid(text) {
		return "", 0
	}
	const piece = 8192
	for begin, end := 0, 0; ; {
		last := end == len(text)
		end = min(end+piece, len(text))
		part := text[begin:end]
		at := firstInvalid(part)
		if at == len(part) && last {
			return "", 0
		}
		if at < len(part) && (last || !incomplete(part[at:])) {
			lines = countLines(text[:begin])
			n, reason := 1, "invalid start byte"
			if incomplete(part[at:]) {
				n, reason = len(part)-at, "unexpected end of data"
			} else if lead := part[at]; 0xc2 <= lead && lead <= 0xf4 {
				reason = "invalid continuation byte"
				for n = 1; incomplete(part[at : at+n+1]); n++ {
				}
			}
			if n == 1 {
				return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", part[at], at, reason), lines
			}
			return fmt.Sprintf("'utf-8' codec can't decode bytes in position %d-%d: %s", at, at+n-1, reason), lines
		}
		begin += at
	}
}

// incomplete says whether b is the beginning of a UTF-8 sequence and no more than that.
func incomplete(b []byte) bool { return !utf8.FullRune(b) }

// firstInvalid is the index of the first byte that is not valid UTF-8, or len(b).
func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// countLines is how many lines of text Python has seen the end of.
func countLines(text []byte) int {
	return bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) - bytes.Count(text, []byte("\r\n"))
}
