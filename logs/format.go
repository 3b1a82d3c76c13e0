package logs

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// Line appends one line as a file is to have it, its end included. at is Stamp's; text has
// no newline but may be part of a line only.
type Line func(dst, at, text []byte, part Part) []byte

// Part says which part of a line a text is.
type Part uint8

const (
	More  Part = 1 << iota // the line goes on: it is longer than lineMax
	Again                  // and this is not its beginning
	Cut                    // the program ended, or its pipe did, without a newline
)

// lineMax is how much of a line is kept together.
const lineMax = 16 << 10

// Label is what a line is marked with.
type Label struct {
	Program, Group string // of a process: its name and its group's
	Stream         string // "stdout" or "stderr"; "log" for the daemon's own lines
	Level          string // of the daemon's own lines
}

// Stamp is a moment as formatted lines show it: RFC 3339 with milliseconds.
func Stamp(t time.Time) []byte { return t.AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00") }

// Plain writes lines as they are, but each whole. A part of a line and a line without an end
// get one: what comes next in the file may be another program's.
func Plain(dst, _, text []byte, _ Part) []byte {
	return append(append(dst, text...), '\n')
}

// Prefix writes lines as "time name stream | text"; what goes on with the line before has
// a + in the place of the |.
func (l Label) Prefix() Line {
	name := l.Program
	if l.Group != name {
		name = l.Group + ":" + name
	}
	kind := l.Stream
	if l.Level != "" {
		kind = l.Level
	}
	mark := " " + name + " " + kind + " "
	return func(dst, at, text []byte, part Part) []byte {
		dst = append(append(dst, at...), mark...)
		if part&Again != 0 {
			dst = append(dst, "+ "...)
		} else {
			dst = append(dst, "| "...)
		}
		return append(append(dst, text...), '\n')
	}
}

// JSON writes lines as objects with time, program, group, stream and log, and level where
// there is one. "partial" is true where the line goes on in the next object.
func (l Label) JSON() Line {
	mark := []byte(`","program":`)
	mark = appendJSON(mark, []byte(l.Program))
	mark = appendJSON(append(mark, `,"group":`...), []byte(l.Group))
	mark = appendJSON(append(mark, `,"stream":`...), []byte(l.Stream))
	if l.Level != "" {
		mark = appendJSON(append(mark, `,"level":`...), []byte(l.Level))
	}
	mark = append(mark, `,"log":`...)
	return func(dst, at, text []byte, part Part) []byte {
		dst = append(append(append(dst, `{"time":"`...), at...), mark...)
		dst = appendJSON(dst, text)
		if part&More != 0 {
			dst = append(dst, `,"partial":true`...)
		}
		return append(dst, '}', '\n')
	}
}

// appendJSON appends text as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendJSON(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(text[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, text[from:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c >= utf8.RuneSelf:
			dst = append(dst, "\ufffd"...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, text[from:]...), '"')
}

// lines makes whole lines of the pieces of one run.
type lines struct {
	write Line
	held  []byte // the beginning of a line whose end has not come yet, lineMax at most
	part  Part   // of held: Again or not
}

// take is the formatted lines that b completes. The result is nobody else's: a file that
// hangs may keep it.
func (l *lines) take(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	at := Stamp(time.Now())
	var out []byte
	for {
		i := bytes.IndexByte(b, '\n')
		end := i
		if i < 0 {
			end = len(b)
		}
		switch {
		case len(l.held)+end > lineMax:
			n := lineMax - len(l.held)
			line := append(l.held, b[:n]...)
			b = b[n:]
			whole := len(line) - unfinished(line)
			out = l.write(grow(out, whole, b), at, line[:whole], l.part|More)
			l.held = line[:copy(line, line[whole:])]
			l.part = Again
			continue
		case i < 0:
			l.held = append(l.held, b...)
			return out
		}
		line := b[:i]
		if len(l.held) > 0 {
			line = append(l.held, line...)
		}
		out = l.write(grow(out, len(line), b), at, line, l.part)
		l.drop()
		if b = b[i+1:]; len(b) == 0 {
			return out
		}
	}
}

// flush is what is held, now that no more of it will come.
func (l *lines) flush() []byte {
	if len(l.held) == 0 {
		return nil
	}
	out := l.write(nil, Stamp(time.Now()), l.held, l.part|Cut)
	l.drop()
	return out
}

// drop forgets the line that was written, and does not keep the memory of a long one.
func (l *lines) drop() {
	if l.held, l.part = l.held[:0], 0; cap(l.held) > 1<<10 {
		l.held = nil
	}
}

// grow makes room for a line of n bytes and, the first time, for what rest will become.
func grow(out []byte, n int, rest []byte) []byte {
	if out == nil {
		return make([]byte, 0, n+len(rest)+len(rest)/2+128)
	}
	return out
}

// unfinished is how many bytes at the end of b begin a character that is not complete.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
