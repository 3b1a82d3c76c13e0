package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// ErrTooLong is a line of more than MaxLine bytes.
var ErrTooLong = errors.New("line longer than 1 MiB")

// Conn reads and writes lines of JSON. One goroutine may read while others write.
type Conn struct {
	r   *bufio.Reader
	max int // of a line that is read

	mu  sync.Mutex // guards w and buf: one line is written at a time
	w   io.Writer
	buf bytes.Buffer
}

// NewConn is a Conn over rw, which may have bytes waiting in r already (nil: none).
func NewConn(rw io.ReadWriter, r *bufio.Reader) *Conn {
	if r == nil {
		r = bufio.NewReader(rw)
	}
	return &Conn{r: r, max: MaxLine, w: rw}
}

// Limit makes Read refuse lines of more than n bytes, which are MaxLine else.
func (c *Conn) Limit(n int) { c.max = n }

// Wait returns when something has come of the next line, or with what ends the connection.
func (c *Conn) Wait() error {
	_, err := c.r.Peek(1)
	return err
}

// Read decodes the next line into v. It returns io.EOF at the end, ErrTooLong for a line
// past the limit, and an error of encoding/json for a line that is not v.
func (c *Conn) Read(v any) error {
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		if len(line)+len(part) > c.max {
			return ErrTooLong
		}
		if err == nil {
			if line == nil {
				line = part
			} else {
				line = append(line, part...)
			}
			return json.Unmarshal(line, v)
		}
		if err != bufio.ErrBufferFull {
			if err == io.EOF && len(line)+len(part) > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		line = append(line, part...)
	}
}

// Flush lets the writer write what it has kept back.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.w.Write(nil)
	return err
}

// Write sends v as one line.
func (c *Conn) Write(v any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Reset()
	e := json.NewEncoder(&c.buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // Encode ends with a newline
		return err
	}
	if c.buf.Len() > MaxLine {
		return ErrTooLong
	}
	_, err := c.w.Write(c.buf.Bytes())
	return err
}
