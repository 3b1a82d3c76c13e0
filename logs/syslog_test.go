package logs

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// listenSyslog is a syslogd.
func listenSyslog(t *testing.T, addr string) (next func() string, c *net.UnixConn) {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: addr, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(40 * time.Second))
	return func() string {
		t.Helper()
		b := make([]byte, 64<<10)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}, c
}

func TestSyslog(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "log")
	next, c := listenSyslog(t, addr)
	p := newPump(t)
	p.syslog.addr = addr
	name := logName(t)
	s := newSink(t, p, Options{Name: "web", Path: name, Syslog: true})
	say(t, s, "one\ntw", "o\n\nthr", "ee")
	form := regexp.MustCompile(`^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ` + regexp.QuoteMeta(filepath.Base(os.Args[0])) + `: web (.*)$`)
	for _, want := range []string{"one", "two", "", "three"} {
		msg := next()
		m := form.FindStringSubmatch(msg)
		if m == nil || m[1] != want {
			t.Errorf("message %q, want the line %q", msg, want)
		}
	}
	same(t, "log", content(t, name), "one\ntwo\n\nthree")

	long := strings.Repeat("x", syslogLine*5/2)
	say(t, s, long+"\n")
	got := 0
	for got < len(long) {
		m := form.FindStringSubmatch(next())
		got += len(m[1])
	}
	if got != len(long) {
		t.Errorf("%d bytes of a long line, want %d", got, len(long))
	}

	// syslogd is restarted.
	c.Close()
	os.Remove(addr)
	next, _ = listenSyslog(t, addr)
	say(t, s, "after the restart\n")
	if msg := next(); !strings.HasSuffix(msg, ": web after the restart") {
		t.Errorf("message %q", msg)
	}
}

// Nobody listens, or nobody reads: the program goes on.
func TestSyslogGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, kind := range []string{"absent", "stuck"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newPump(t)
			p.syslog.addr = filepath.Join(dir, kind)
			if kind == "stuck" {
				listenSyslog(t, p.syslog.addr)
			}
			s := newSink(t, p, Options{Name: "web", Syslog: true})
			w := attach(t, s)
			for i := range 3000 {
				if _, err := fmt.Fprintf(w, "line %d %s\n", i, strings.Repeat("x", 500)); err != nil {
					t.Fatal(err)
				}
			}
			drained(t, s)
		})
	}
}
