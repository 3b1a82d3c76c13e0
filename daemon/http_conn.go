package daemon

import (
	"bytes"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// httpConn is a connection as net/http gets it: one request at a time. What a client has sent
// beyond that stays in serverConn.ahead until the request is answered, so that it can be
// handed over. It also lets pass what the original does and net/http refuses in the first
// request: no Host header with HTTP/1.1, and empty lines before the request. Scripts that
// write requests by hand rely on that.
type httpConn struct {
	*serverConn
	seen bool   // the first request's head was read
	head []byte // what was made of it and not yet given away
	err  error  // comes after head

	begun []byte // what was given away of a head that is not whole
	left  int64  // bytes of the body that are not given away yet
	raw   bool   // nobody knows where requests end: all is given away as it comes
}

// maxHead is how much of a request is looked at for its end and a Host header. Net/http sees
// longer ones as they are.
const maxHead = 8 << 10

func (c *httpConn) Read(b []byte) (int, error) {
	if !c.seen {
		c.seen = true
		c.firstHead()
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
	switch {
	case len(b) == 0:
		return 0, nil
	case c.raw:
		n, err := c.next(b)
		c.given(b[:n])
		return n, err
	case c.left > 0:
		n, err := c.next(b[:min(int64(len(b)), c.left)])
		c.given(b[:n])
		if c.left -= int64(n); c.left == 0 {
			c.mu.Lock()
			c.whole()
			c.mu.Unlock()
		}
		return n, err
	case c.isAnswering():
		return 0, c.idle()
	}
	n, err := c.next(b)
	return c.pass(b[:n]), err
}

// next reads from what has come already, or from the network. A hold goes before both.
func (c *httpConn) next(b []byte) (int, error) {
	c.mu.Lock()
	for len(c.ahead) > 0 {
		if c.s.held.Load() == nil || c.answers && !c.partial {
			n := copy(b, c.ahead)
			if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
				c.ahead = nil
			}
			c.mu.Unlock()
			return n, nil
		}
		c.mu.Unlock()
		if !c.park() {
			return 0, os.ErrDeadlineExceeded
		}
		c.mu.Lock()
	}
	c.mu.Unlock()
	return c.serverConn.Read(b)
}

// given remembers what net/http has of a request that has not come as a whole.
func (c *httpConn) given(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answers || c.partial {
		c.early = append(c.early, b...)
	}
}

// back puts back what belongs to the next request.
func (c *httpConn) back(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = append(append([]byte(nil), b...), c.ahead...)
}

// pass is how much of b belongs to the head that is being read.
func (c *httpConn) pass(b []byte) int {
	end := 0
	c.begun = append(c.begun, b...)
	if end = headEnd(c.begun); end == 0 {
		if len(c.begun) > maxHead {
			c.raw, c.begun = true, nil
		}
		c.given(b)
		return len(b)
	}
	n := len(b) - (len(c.begun) - end)
	c.given(b[:n])
	c.back(b[n:])
	c.left, c.raw = bodyOf(c.begun[:end])
	c.begun = nil
	c.mu.Lock()
	c.partial = c.left > 0 && c.left <= maxBody
	c.mu.Unlock()
	return n
}

// firstHead reads the first head, as far as it must be known to mend it.
func (c *httpConn) firstHead() {
	buf := make([]byte, 0, 1024)
	blank := 0 // bytes of empty lines before it
	for whole := false; !whole && c.err == nil && blank+len(buf) < maxHead; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		var n int
		n, c.err = c.next(buf[len(buf):cap(buf)])
		c.given(buf[len(buf) : len(buf)+n])
		came := buf[:len(buf)+n]
		buf = bytes.TrimLeft(came, "\r\n")
		blank += len(came) - len(buf)
		line, _, _ := bytes.Cut(buf, []byte("\n"))
		whole = len(line) < len(buf) && !bytes.HasSuffix(bytes.TrimRight(line, "\r"), []byte(" HTTP/1.1")) || headEnd(buf) > 0
	}
	c.mu.Lock()
	c.early = nil
	c.mu.Unlock()
	n := c.pass(buf)
	c.head = withHost(buf[:n])
}

// isAnswering says whether net/http answers a request, and so reads only to see the client go.
func (c *httpConn) isAnswering() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers
}

// idle waits until the time to read is over, or the client is gone. What it sends is for later.
// Where it is not watched it says at once that nothing has come.
func (c *httpConn) idle() error {
	looked := false
	for {
		c.mu.Lock()
		w, has, cut, closed, until := c.watch, len(c.ahead) > 0, c.cut, c.closed, c.deadline
		c.mu.Unlock()
		left := time.Until(until)
		switch {
		case w == unwatched && !looked:
			return nil
		case w == watched && !looked && !has:
			looked = true
			b := make([]byte, 512)
			n, err := c.serverConn.Read(b)
			c.back(b[:n])
			if err != nil && (n == 0 || err != io.EOF) {
				return err
			}
		case closed:
			return net.ErrClosed
		case cut, !until.IsZero() && left <= 0:
			return os.ErrDeadlineExceeded
		case until.IsZero():
			<-c.stir
		default:
			t := time.NewTimer(left)
			select {
			case <-c.stir:
			case <-t.C:
			}
			t.Stop()
		}
	}
}

// headEnd is where the head of a request ends, 0 if that has not come.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch rest := b[i:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 2
		}
	}
}

// bodyOf is the length of the body that follows a head; not known: what only net/http knows
// to read, or refuses.
func bodyOf(head []byte) (n int64, unknown bool) {
	found := false
	_, fields, _ := bytes.Cut(head, []byte("\n"))
	for line := range bytes.Lines(fields) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case line[0] == ' ' || line[0] == '\t', bytes.EqualFold(name, []byte("transfer-encoding")):
			return 0, true
		case bytes.EqualFold(name, []byte("content-length")):
			length, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			if err != nil || length < 0 || found {
				return 0, true
			}
			n, found = length, true
		}
	}
	return n, false
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
