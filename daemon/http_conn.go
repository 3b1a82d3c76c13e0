package daemon

import "bytes"

// httpConn is a connection as net/http gets it. It lets pass what the original does and
// net/http refuses in the first request: no Host header with HTTP/1.1, and empty lines
// before the request. Scripts that write requests by hand rely on that.
type httpConn struct {
	*serverConn
	seen bool   // the first request's head was read
	head []byte // what was read of it and not yet given away
	err  error  // comes after head
}

// maxHead is how much of a request is held back to look for a Host header. Net/http sees
// longer ones as they are.
const maxHead = 8 << 10

func (c *httpConn) Read(b []byte) (int, error) {
	if !c.seen {
		c.seen = true
		c.readHead()
	}
	if len(c.head) > 0 {
		n := copy(b, c.head)
		if c.head = c.head[n:]; len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	if err := c.err; err != nil {
		c.err = nil
		return 0, err
	}
	return c.serverConn.Read(b)
}

func (c *httpConn) readHead() {
	buf := make([]byte, 0, 1024)
	for whole := false; !whole && c.err == nil && len(buf) < maxHead; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		var n int
		n, c.err = c.serverConn.Read(buf[len(buf):cap(buf)])
		buf = bytes.TrimLeft(buf[:len(buf)+n], "\r\n")
		line, _, _ := bytes.Cut(buf, []byte("\n"))
		whole = len(line) < len(buf) && !bytes.HasSuffix(bytes.TrimRight(line, "\r"), []byte(" HTTP/1.1")) ||
			bytes.Contains(buf, []byte("\n\r\n")) || bytes.Contains(buf, []byte("\n\n"))
	}
	c.head = withHost(buf)
}

// withHost adds an empty Host header to the head of a request of HTTP/1.1 that has none.
func withHost(buf []byte) []byte {
	first, rest, _ := bytes.Cut(buf, []byte("\n"))
	if !bytes.HasSuffix(bytes.TrimRight(first, "\r"), []byte(" HTTP/1.1")) {
		return buf
	}
	for line := range bytes.Lines(rest) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 { // the end of the head
			return append(append(append([]byte(nil), first...), "\nHost:\r\n"...), rest...)
		}
		if name, _, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("host")) {
			break
		}
	}
	return buf
}
