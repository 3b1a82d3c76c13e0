package ctl

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosv/daemon/wire"
)

// TestNobodyThere is what each action says when there is no server: section 3 of what is
// known of supervisorctl, with the corrections that gosv makes.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "stale"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp.Close()

	const refused, missing = " refused connection\n", " no such file\n"
	rows := []struct {
		action             string
		refused, missing   int
		prefix, postscript string
	}{
		{action: "status", refused: 4, missing: 4},
		{action: "start cat", refused: 4, missing: 7},
		{action: "start", refused: 4, missing: 7}, // the upcheck comes first
		{action: "stop cat", refused: 4, missing: 7},
		{action: "restart cat", refused: 4, missing: 7},
		{action: "signal HUP cat", refused: 4, missing: 7},
		{action: "pid", refused: 4, missing: 7},
		{action: "tail cat", refused: 4, missing: 7},
		{action: "tail -f cat", refused: 4, missing: 7},
		{action: "maintail", refused: 4, missing: 7},
		{action: "clear cat", refused: 4, missing: 7},
		{action: "fg cat", refused: 4, missing: 7},
		{action: "version", refused: 4, missing: 7},
		// supervisorctl shows Python's exceptions for these
		{action: "avail", refused: 1, missing: 1},
		{action: "reread", refused: 1, missing: 1},
		{action: "update", refused: 1, missing: 1},
		{action: "add x", refused: 1, missing: 1},
		{action: "remove x", refused: 1, missing: 1},
		{action: "reload", refused: 1, missing: 1},
		{action: "shutdown", refused: 1, missing: 1, prefix: "ERROR: ", postscript: " (already shut down?)"},
	}
	for _, row := range rows {
		for _, url := range []string{"unix://" + l.Addr().String(), "unix://" + plain, "http://" + tcp.Addr().String(), "unix://" + dir + "/nope"} {
			exit, text := row.refused, refused
			if strings.HasSuffix(url, "nope") {
				exit, text = row.missing, missing
			}
			want := row.prefix + url + strings.TrimSuffix(text, "\n") + row.postscript + "\n"
			if o := act(t, url, row.action); o.exit != exit || o.out != want || o.err != "" {
				t.Errorf("%s on %s: %v\nwant rc %d, %q", row.action, url, o, exit, want)
			}
		}
	}
	o := act(t, "unix://"+dir+"/nope", "status", "--json")
	if o.exit != 4 || !strings.Contains(o.out, `"code":"NO_SOCKET"`) || !strings.Contains(o.out, `"hint":"`) {
		t.Errorf("status --json: %v", o)
	}
}

func TestWhereabouts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.conf")
	text := "[supervisord]\npidfile=" + dir + "/s.pid\nlogfile=" + dir + "/s.log\n[supervisorctl]\nserverurl=unix://" + dir + "/nope\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := []struct{ name, pid, want string }{
		{"no pidfile", "", "supervisord does not seem to run: no pidfile " + dir + "/s.pid"},
		{"alive", "1\n", "pid 1 of " + dir + "/s.pid lives"},
		{"gone", "4194305\n", "supervisord does not run: pid 4194305"},
		{"garbage", "x", "holds no pid"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.pid != "" {
				if err := os.WriteFile(dir+"/s.pid", []byte(row.pid), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			o := runCtl(t, "gosv ctl", "", "-c", file, "--json", "status")
			if !strings.Contains(o.out, "serverurl in "+file) || !strings.Contains(o.out, row.want) {
				t.Errorf("%v\nwant %q", o, row.want)
			}
		})
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	s := newSession(system{out: io.Discard, err: io.Discard}, settings{url: "unix:///x", json: true})
	s.rep = &report{}
	s.explain(&linkError{"unix:///x", &net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.EACCES}}})
	if p := s.rep.Errors[0]; p.Msg != "cannot talk to unix:///x: Permission denied" || p.Hint == "" || s.exit != exitGeneric {
		t.Errorf("explain(EACCES): %+v", p)
	}
}

// TestSilence is a daemon that is stopped or hangs: it accepts and says nothing.
func TestSilence(t *testing.T) {
	t.Parallel()
	silent := func(nc net.Conn) { io.Copy(io.Discard, nc) }
	hello := func(nc net.Conn) { // and then nothing
		c := wire.NewConn(nc, bufio.NewReader(nc))
		var req wire.Request
		if c.Read(&req) == nil {
			c.Write(wire.Reply{ID: req.ID, OK: []byte(`{"api":"3.0","state":"RUNNING"}`)})
		}
		io.Copy(io.Discard, nc)
	}
	for name, handle := range map[string]func(net.Conn){"at once": silent, "after hello": hello} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newFake().serve(t, handle)
			for _, action := range []string{"status", "start cat", "tail cat", "avail"} {
				begin := time.Now()
				o := act(t, url, action, "--timeout", "0.2")
				want := "error: no answer from " + url + " within 200ms\n"
				if o.exit != 1 || o.out != want || time.Since(begin) > 20*time.Second {
					t.Errorf("%s: %v after %v, want %q", action, o, time.Since(begin), want)
				}
			}
		})
	}
}

// TestSlowJSON is a gosv that answers only after the HTTP probe was sent and refused.
func TestSlowJSON(t *testing.T) {
	t.Parallel()
	f := newFake()
	probed := make(chan struct{}, 10)
	url := f.serve(t, func(nc net.Conn) {
		r := bufio.NewReader(nc)
		first, err := r.Peek(1)
		if err != nil {
			return
		}
		if first[0] != '{' {
			defer func() { probed <- struct{}{} }()
		} else {
			<-probed
		}
		f.handleJSON(&peeked{nc, r})
	})
	if o := act(t, url, "version"); o.out != "4.2.5\n" || o.exit != 0 {
		t.Errorf("version: %v", o)
	}
	if calls := f.took(); !slices.Equal(calls, []string{"hello"}) {
		t.Errorf("calls: %q", calls)
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.auth = "me:secret"
	url := f.serveXML(t)
	t.Run("none", func(t *testing.T) {
		o := act(t, url, "status")
		if o.exit != 1 || o.out != "Server requires authentication\n" {
			t.Errorf("%v", o)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		if o := act(t, url, "avail", "-u", "me", "-p", "x"); o.exit != 1 || o.out != "Server requires authentication\n" {
			t.Errorf("%v", o)
		}
	})
	t.Run("right", func(t *testing.T) {
		if o := act(t, url, "version", "-u", "me", "-p", "secret"); o.exit != 0 || o.out != "4.2.5\n" {
			t.Errorf("%v", o)
		}
	})
	t.Run("asked for", func(t *testing.T) {
		o := runCtl(t, "supervisorctl", "me\nsecret\n", "-i", "-s", url, "version")
		const want = "Server requires authentication\nUsername:Password:\n4.2.5\n"
		if !strings.HasPrefix(o.out, want) {
			t.Errorf("%v\nwant stdout from %q", o, want)
		}
	})
	t.Run("follow", func(t *testing.T) {
		if o := act(t, url, "tail -f cat", "-u", "me", "-p", "secret"); o.out != "==> Press Ctrl-C to exit <==\none\ntwo\n" {
			t.Errorf("%v", o)
		}
	})
}

// TestTruncatedXML is Supervisor's bug that the length of an answer counts characters.
func TestTruncatedXML(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.procs[0].Group, f.procs[0].Name = "gr\u00fc\u00df", "gr\u00fc\u00df"
	o := act(t, f.serveXML(t), "stop all")
	if o.exit != 0 || !strings.HasPrefix(o.out, "gr\u00fc\u00df: stopped\n") {
		t.Errorf("%v", o)
	}
}

// TestBrokenConnection is a server that goes away in the middle.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		listen func(*fake, testing.TB) string
		drop   string
	}{
		{"JSON", (*fake).serveJSON, "status"},
		{"XML-RPC", (*fake).serveXML, "supervisor.getAllProcessInfo"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.drop = row.drop
			url := row.listen(f, t)
			o := act(t, url, "status")
			if want := "error: cannot talk to " + url + ": the server closed the connection\n"; o.exit != 1 || o.out != want {
				t.Errorf("%v\nwant %q", o, want)
			}
		})
	}
}

func TestGarbage(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no JSON":      "{nonsense\n",
		"wrong type":   "{\"id\":1,\"ok\":[]}\n",
		"endless line": "{" + strings.Repeat(" ", wire.MaxLine+10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newFake().serve(t, func(nc net.Conn) {
				r := bufio.NewReader(nc)
				if first, err := r.Peek(1); err != nil || first[0] != '{' {
					return
				}
				r.ReadString('\n')
				io.WriteString(nc, answer)
			})
			if o := act(t, url, "status"); o.exit != 1 && o.exit != 4 || !strings.Contains(o.out, "error: ") {
				t.Errorf("%v", o)
			}
		})
	}
}

// TestFullQueue is a unix socket whose queue is full for a moment: connecting gives EAGAIN
// instead of waiting.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	filler, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	dialled := make(chan error, 1)
	go func() {
		nc, err := (&server{url: "unix://" + path}).dial(context.Background())
		if err == nil {
			nc.Close()
		}
		dialled <- err
	}()
	select {
	case err := <-dialled:
		t.Fatalf("dial returned %v while the queue is full", err)
	case <-time.After(50 * time.Millisecond):
	}
	if _, _, err := syscall.Accept(fd); err != nil {
		t.Fatal(err)
	}
	if err := <-dialled; err != nil {
		t.Errorf("dial: %v", err)
	}
}

func BenchmarkStatus1000(b *testing.B) {
	f := newFake()
	p := f.procs[0]
	f.procs = nil
	for i := range 1000 {
		p.Name = "worker_" + string(rune('a'+i%26)) + strings.Repeat("x", i%7)
		f.procs = append(f.procs, p)
	}
	f.pieces = false
	url := f.serveJSON(b)
	b.ReportAllocs()
	for b.Loop() {
		if o := act(b, url, "status"); o.exit != 0 {
			b.Fatal(o)
		}
	}
}
