package xmlrpc

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// withoutDeclaration skips a byte order mark and an XML declaration. What that says of the
// encoding counts only where it is Latin-1: everything else is read as UTF-8, as
// Supervisor does, and refused by the parser where it is not.
func withoutDeclaration(r *bufio.Reader) (io.Reader, error) {
	if mark, _ := r.Peek(3); string(mark) == "\uFEFF" {
		r.Discard(3)
	}
	begin, err := r.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(begin) < 6 || !strings.HasPrefix(string(begin), "<?xml") || strings.IndexByte(" \t\r\n", begin[5]) < 0 {
		return r, nil // short or broken: the parser will see
	}
	text, err := r.ReadSlice('>')
	switch name := encoding().FindSubmatch(text); {
	case err == bufio.ErrBufferFull:
		return nil, errors.New("the XML declaration is too long")
	case err != nil:
		return nil, early(err)
	case !strings.HasSuffix(string(text), "?>"):
		return nil, errors.New("the XML declaration is broken")
	case name != nil && strings.EqualFold(string(name[1]), "iso-8859-1"), name != nil && strings.EqualFold(string(name[1]), "latin1"), name != nil && strings.EqualFold(string(name[1]), "latin-1"):
		return &latin1{r: r}, nil
	}
	return r, nil
}

var encoding = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`encoding\s*=\s*["']([^"']*)["']`)
})

// latin1 turns each byte into the UTF-8 of the character of that number.
type latin1 struct {
	r      *bufio.Reader
	second byte // of a character that takes two; 0: none is due
}

func (l *latin1) ReadByte() (byte, error) {
	if c := l.second; c != 0 {
		l.second = 0
		return c, nil
	}
	c, err := l.r.ReadByte()
	if err != nil || c < utf8.RuneSelf {
		return c, err
	}
	l.second = 0x80 | c&0x3f
	return 0xc0 | c>>6, nil
}

func (l *latin1) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		if p[n], err = l.ReadByte(); err == nil {
			n++
		}
	}
	return n, err
}

// bounded reports ErrTooLarge instead of a byte too many.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		return 0, ErrTooLarge
	}
	b.left -= int64(n)
	return n, err
}
