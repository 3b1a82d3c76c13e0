package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
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
	line, err := c.line()
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

// ReadReply is Read for a line of the answer to a request. If it is the last one, and says what
// out can take, it is decoded into out, which saves looking for its end first; into is true then.
// Else out may have become anything.
func (c *Conn) ReadReply(id uint64, out any) (r Reply, into bool, err error) {
	line, err := c.line()
	if err != nil {
		return r, false, err
	}
	if out != nil && bytes.HasPrefix(line, appendHead(nil, id, "ok")) {
		x := struct {
			Reply
			OK any `json:"ok"`
		}{OK: out}
		if json.Unmarshal(line, &x) == nil && x.ID == id && x.Event == nil && x.Err == nil {
			return x.Reply, true, nil
		}
	}
	return r, false, json.Unmarshal(line, &r)
}

// line is the next line, until the next call.
func (c *Conn) line() ([]byte, error) {
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		if len(line)+len(part) > c.max {
			return nil, ErrTooLong
		}
		if err == nil {
			if line == nil {
				return part, nil
			}
			return append(line, part...), nil
		}
		if err != bufio.ErrBufferFull {
			if err == io.EOF && len(line)+len(part) > 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
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
	return c.flush()
}

// WriteReply is Write for a reply whose Event or OK is what encoding/json has made: it is taken
// as it is.
func (c *Conn) WriteReply(r Reply) error {
	if r.Err != nil || len(r.Event) > 0 == (len(r.OK) > 0) {
		return c.Write(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Reset()
	head, body := "ok", r.OK
	if len(r.Event) > 0 {
		head, body = "ev", r.Event
	}
	c.buf.Grow(len(body) + 64)
	c.buf.Write(appendHead(c.buf.AvailableBuffer(), r.ID, head))
	c.buf.Write(body)
	c.buf.WriteString("}\n")
	return c.flush()
}

// appendHead appends how a line of an answer begins.
func appendHead(dst []byte, id uint64, member string) []byte {
	dst = strconv.AppendUint(append(dst, `{"id":`...), id, 10)
	return append(append(append(dst, `,"`...), member...), `":`...)
}

// flush writes buf, which is one line. c.mu is held.
func (c *Conn) flush() error {
	if c.buf.Len() > MaxLine {
		return ErrTooLong
	}
	_, err := c.w.Write(c.buf.Bytes())
	return err
}
