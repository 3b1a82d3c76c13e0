package xmlrpc

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// charset lets through what is a part of UTF-8 and what is easily made so.
func charset(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii":
		return r, nil // the parser refuses other bytes, unless they are UTF-8
	case "iso-8859-1", "latin-1", "latin1":
		return &latin1{r: bufio.NewReader(r)}, nil
	}
	return nil, fmt.Errorf("unknown encoding %q", name)
}

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
