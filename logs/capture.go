package logs

import "bytes"

// The tokens around what a program says to event listeners, PROCESS_COMMUNICATION.
const (
	captureBegin = "<!--XSUPERVISOR:BEGIN-->"
	captureEnd   = "<!--XSUPERVISOR:END-->"
)

// capture finds the tokens in a stream, also where they are split over pieces. Supervisor
// holds back up to 24 bytes that are no token and loses them at the end of the stream;
// this holds back only what may become a token, and gives it out at the end.
type capture struct {
	on   bool // between the tokens
	max  int64
	data []byte // what was captured so far
	hold int    // the first bytes of the token that were seen at the end of the last piece
}

func (c *capture) token() string {
	if c.on {
		return captureEnd
	}
	return captureBegin
}

// held puts back before buf[lo:hi] what the last piece held back, and returns the new lo.
func (c *capture) held(buf []byte, lo int) int {
	lo -= c.hold
	copy(buf[lo:], c.token()[:c.hold])
	c.hold = 0
	return lo
}

// next takes the first part of b that has one destination: it is captured or it is not.
// ended says that the end token followed it and that the capture is complete.
func (c *capture) next(b []byte) (part, rest []byte, captured, ended bool) {
	captured = c.on
	token := c.token()
	n := bytes.Index(b, []byte(token))
	if n < 0 {
		c.hold = prefixAtEnd(b, token)
		part = b[:len(b)-c.hold]
		rest = b[len(b):]
	} else {
		part, rest = b[:n], b[n+len(token):]
		ended = c.on
		c.on = !c.on
	}
	if captured {
		c.keep(part)
	}
	return part, rest, captured, ended
}

// end is what was held back when the stream ends.
func (c *capture) end() (part []byte, captured bool) {
	part = []byte(c.token()[:c.hold])
	c.hold = 0
	if c.on {
		c.keep(part)
	}
	return part, c.on
}

// keep is Supervisor's BoundIO.write: as many bytes as come are dropped from the front
// when the sum is too large, and one piece that is too large by itself is kept whole.
func (c *capture) keep(b []byte) {
	if int64(len(c.data)+len(b)) > c.max {
		c.data = c.data[:copy(c.data, c.data[min(len(b), len(c.data)):])]
	}
	c.data = append(c.data, b...)
}

// take gives away the finished capture.
func (c *capture) take() []byte {
	d := c.data
	c.data = nil
	return d
}

// prefixAtEnd is the length of the longest proper prefix of token that b ends with.
func prefixAtEnd(b []byte, token string) int {
	for n := min(len(token)-1, len(b)); n > 0; n-- {
		if string(b[len(b)-n:]) == token[:n] {
			return n
		}
	}
	return 0
}
