package logs

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	syslogMax  = 1 << 20  // bytes that may wait; then the newest lines are lost
	syslogLine = 8 << 10  // a longer line becomes several messages
	syslogInfo = 6 | 1<<3 // LOG_INFO | LOG_USER
)

// syslog sends lines to the local syslog as Python's syslog module does for supervisord:
// "<14>Nov 22 18:40:11 supervisord: text". It never blocks its callers; a goroutine sends
// while there is something to send.
type syslog struct {
	addr string // "" for /dev/log; tests listen elsewhere

	mu      sync.Mutex // guards what follows
	queue   [][]byte
	size    int
	lost    int
	running bool
	pausing bool            // Freeze: the sender puts back what it has not sent, and ends
	stood   chan struct{}   // closed when it has; nil: nobody waits for that
	idle    []chan struct{} // closed when the queue is empty
	conn    net.Conn        // the sender's, kept from one burst to the next
}

// lines adds the complete lines of the text that begins with rest and goes on with b, and
// returns the incomplete one.
func (l *syslog) lines(name string, rest, b []byte) []byte {
	for len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			break
		}
		line := b[:n]
		if len(rest) > 0 {
			line, rest = append(rest, line...), nil
		}
		l.add(name, l.pieces(name, line))
		b = b[n+1:]
	}
	if rest = append(rest, b...); len(rest) == 0 {
		return nil
	}
	return l.pieces(name, rest)
}

// pieces adds the front of a line that is too long for one message.
func (l *syslog) pieces(name string, line []byte) []byte {
	for len(line) > syslogLine {
		l.add(name, line[:syslogLine])
		line = line[syslogLine:]
	}
	return line
}

// add queues one line, or loses it. Empty lines are sent like any other.
func (l *syslog) add(name string, line []byte) {
	line = bytes.ReplaceAll(line, []byte{0}, nil) // as a C string ends there
	msg := fmt.Appendf(nil, "<%d>%s %s: %s %s", syslogInfo, time.Now().Format(time.Stamp),
		filepath.Base(os.Args[0]), name, line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+len(msg) > syslogMax {
		l.lost++
		return
	}
	l.queue = append(l.queue, msg)
	l.size += len(msg)
	if !l.running && !l.pausing {
		l.running = true
		go l.run() // ends when the queue is empty; settle waits for it
	}
}

func (l *syslog) run() {
	for {
		l.mu.Lock()
		if l.pausing || len(l.queue) == 0 {
			l.running = false
			if l.stood != nil {
				close(l.stood)
				l.stood = nil
			}
			if len(l.queue) > 0 {
				l.mu.Unlock()
				return
			}
			l.queue = nil
			for _, c := range l.idle {
				close(c)
			}
			l.idle = nil
			l.mu.Unlock()
			return
		}
		batch := l.queue
		lost := l.lost
		l.queue, l.size, l.lost = nil, 0, 0
		l.mu.Unlock()
		for i, msg := range batch {
			if l.putBack(batch[i:], lost) {
				break
			}
			l.send(msg)
		}
		if lost > 0 && !l.putBack(nil, lost) {
			l.send(fmt.Appendf(nil, "<%d>%s %s: %d lines were lost because syslog did not take them",
				syslogInfo, time.Now().Format(time.Stamp), filepath.Base(os.Args[0]), lost))
		}
	}
}

// send tries twice: syslogd may have been restarted. A line that nobody takes is gone, as
// with syslog(3).
func (l *syslog) send(msg []byte) {
	for range 2 {
		if l.conn == nil {
			addr := l.addr
			if addr == "" {
				addr = "/dev/log"
			}
			c, err := net.DialTimeout("unixgram", addr, time.Second)
			if err != nil {
				return
			}
			l.conn = c
		}
		l.conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := l.conn.Write(msg); err == nil {
			return
		}
		l.conn.Close()
		l.conn = nil
	}
}

// settle waits until everything is sent, d at most, and closes the connection.
func (l *syslog) settle(d time.Duration) {
	l.mu.Lock()
	if l.running {
		c := make(chan struct{})
		l.idle = append(l.idle, c)
		l.mu.Unlock()
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-c:
		case <-t.C:
			return
		}
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.conn != nil && !l.running {
		l.conn.Close()
		l.conn = nil
	}
}
