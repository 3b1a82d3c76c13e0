package conf

import (
	"bytes"
	"strconv"
	"strings"
)

// maxDepth bounds the brackets of TOML: its parser goes down with them.
const maxDepth = 32

// tomlScan walks over TOML text that is known to be well-formed, or at least does not
// run into trouble when it is not.
type tomlScan struct {
	text []byte
	i    int
	line int
}

// locate notes the line of every header and key.
func (t *tomlReader) locate(text []byte) {
	s := &tomlScan{text: text, line: 1}
	var table []string
	for s.skipBlank(); s.i < len(s.text); s.skipBlank() {
		line := s.line
		switch c := s.text[s.i]; {
		case c == '#':
			s.skipLine()
		case c == '[':
			for s.i < len(s.text) && s.text[s.i] == '[' {
				s.i++
			}
			table = s.path(']')
			t.note(table, line, true)
			s.skipLine()
		default:
			before := s.i
			key := s.path('=')
			t.note(append(table[:len(table):len(table)], key...), line, false)
			s.skipValue()
			if s.i == before {
				s.skipLine() // not TOML; go on
			}
		}
	}
}

// tooDeep is the line where brackets are nested too deep, or 0.
func tooDeep(text []byte) int {
	s := &tomlScan{text: text, line: 1}
	depth := 0
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case '[', '{':
			if depth++; depth > maxDepth {
				return s.line
			}
			s.i++
		case ']', '}':
			depth--
			s.i++
		default:
			s.step()
		}
	}
	return 0
}

// step goes over one character, one string or one comment.
func (s *tomlScan) step() {
	switch c := s.text[s.i]; c {
	case '"', '\'':
		s.str()
	case '#':
		for s.i < len(s.text) && s.text[s.i] != '\n' {
			s.i++
		}
	case '\n':
		s.line++
		s.i++
	default:
		s.i++
	}
}

func (s *tomlScan) skipBlank() {
	for s.i < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.i]) >= 0 {
		s.step()
	}
}

func (s *tomlScan) skipLine() {
	for s.i < len(s.text) && s.text[s.i] != '\n' {
		s.i++
	}
}

// skipValue goes to the end of the line on which the value ends.
func (s *tomlScan) skipValue() {
	depth := 0
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case '[', '{':
			depth++
			s.i++
		case ']', '}':
			depth--
			s.i++
		case '\n':
			if depth <= 0 {
				return
			}
			s.step()
		default:
			s.step()
		}
	}
}

// path reads a dotted key up to its end, which it goes over.
func (s *tomlScan) path(end byte) []string {
	var path []string
	var word strings.Builder
	for s.i < len(s.text) {
		c := s.text[s.i]
		switch {
		case c == '\n':
			return append(path, word.String())
		case c == end:
			s.i++
			return append(path, word.String())
		case c == '.':
			path = append(path, word.String())
			word.Reset()
			s.i++
		case c == '"' || c == '\'':
			word.WriteString(s.str())
		case c == ' ' || c == '\t':
			s.i++
		default:
			word.WriteByte(c)
			s.i++
		}
	}
	return append(path, word.String())
}

// str goes over a string and returns what is in it, which matters for keys only.
func (s *tomlScan) str() string {
	quote := s.text[s.i]
	long := bytes.Repeat([]byte{quote}, 3)
	if bytes.HasPrefix(s.text[s.i:], long) {
		s.i += 3
		start := s.i
		for s.i < len(s.text) && !bytes.HasPrefix(s.text[s.i:], long) {
			s.char(quote)
		}
		inside := s.text[start:min(s.i, len(s.text))]
		for n := 0; n < 5 && s.i < len(s.text) && s.text[s.i] == quote; n++ { // """"" ends with two quotes of its own
			s.i++
		}
		return string(inside)
	}
	s.i++
	start := s.i
	for s.i < len(s.text) && s.text[s.i] != quote && s.text[s.i] != '\n' {
		s.char(quote)
	}
	inside := string(s.text[start:min(s.i, len(s.text))])
	if s.i < len(s.text) && s.text[s.i] == quote {
		s.i++
	}
	if quote == '"' {
		if u, err := strconv.Unquote(`"` + inside + `"`); err == nil {
			return u
		}
	}
	return inside
}

// char goes over one character of a string, or two after a backslash.
func (s *tomlScan) char(quote byte) {
	if s.text[s.i] == '\\' && quote == '"' && s.i+1 < len(s.text) {
		s.i++
	}
	if s.text[s.i] == '\n' {
		s.line++
	}
	s.i++
}
