package main

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connectAs opens n connections to a unix socket as an account. The kernel notes who
// connects by the thread that does, so one thread becomes somebody else, and ends with its
// goroutine, since it is never given back.
func connectAs(t *testing.T, path string, uid, n int) (fds []int) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		id := uintptr(uid)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); errno != 0 {
			t.Errorf("cannot become %d: %v", uid, errno)
			return
		}
		for range n {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				fds = append(fds, fd)
				err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
			}
			if err != nil {
				t.Errorf("connection %d: %v", len(fds), err)
				return
			}
		}
	}()
	<-done
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	return fds
}

// closedByServer says how many of the connections the server has closed.
func closedByServer(fds []int) (n int) {
	for _, fd := range fds {
		var b [1]byte
		if got, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT|unix.MSG_PEEK); got == 0 && err == nil || err == unix.ECONNRESET {
			n++
		}
	}
	return n
}

// An account that opens connections without end gets the room of one; another account, and
// root, are served as before, and what it had is given back.
func TestAccountsRoom(t *testing.T) {
	t.Parallel()
	b := accounts(t, "s.conf", openToAll+twoPrograms)
	const nobody, stranger = 65534, 4_000_001
	pid := b.pid()
	base := fds(pid)
	many := connectAs(t, b.path("s.sock"), nobody, 700)
	for _, fd := range many {
		unix.Write(fd, []byte(`{"id":1,"m":"sta`))
	}
	b.until("400 of 700 connections are closed", func() bool { return closedByServer(many) >= 400 })
	begin := time.Now()
	if got := b.as(stranger, "status"); !strings.Contains(got, "other") {
		t.Errorf("another account: %s", got)
	}
	if got := b.as(0, "status"); !strings.Contains(got, "other") {
		t.Errorf("root: %s", got)
	}
	t.Logf("two calls of ctl took %v", time.Since(begin))
	b.until("it is said", func() bool { return b.count("uid 65534 has 300 connections, which is the most for one") > 0 })
	// The half lines end after their time, and a client that leaves makes room at once.
	for _, fd := range many {
		unix.Shutdown(fd, unix.SHUT_RDWR)
	}
	b.until("nobody gets in again", func() bool { return strings.Contains(b.as(nobody, "status"), "mine") })
	b.until("the descriptors are back", func() bool { return fds(pid) <= base+1 })
	b.stop()
}

// What holds over JSON holds over XML-RPC and on the page, with the same account.
func TestAccountsHTTP(t *testing.T) {
	t.Parallel()
	b := accounts(t, "s.conf", openToAll+twoPrograms)
	rpc := func(method, param string) string {
		body := "<methodCall><methodName>supervisor." + method + "</methodName><params>" + param + "</params></methodCall>"
		return fmt.Sprintf("POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	name := func(s string) string { return "<param><value>" + s + "</value></param>" }
	for _, test := range []struct {
		uid     int
		request string
		want    string // "!": not in it
	}{
		{65534, rpc("getAllProcessInfo", ""), "mine|!other"},
		{65534, rpc("stopProcess", name("other")), "BAD_NAME: other"},
		{65534, rpc("stopAllProcesses", ""), "mine|!other"},
		{65534, rpc("startProcess", name("mine")), "<boolean>1"},
		{65534, rpc("shutdown", ""), "NOT_ALLOWED"},
		{65534, rpc("readLog", "<param><value><int>0</int></value></param><param><value><int>0</int></value></param>"), "NOT_ALLOWED"},
		{65534, "GET / HTTP/1.0\r\n\r\n", "mine|!other"},
		{65534, "GET /logtail/other HTTP/1.0\r\n\r\n", "404"},
		{65534, "GET /mainlogtail HTTP/1.0\r\n\r\n", "403"},
		{65534, "POST /?action=stop&processname=other HTTP/1.0\r\n\r\n", "No%20such%20process"},
		{4_000_001, rpc("getAllProcessInfo", ""), "mine|other"},
	} {
		fd := connectAs(t, b.path("s.sock"), test.uid, 1)[0]
		if _, err := unix.Write(fd, []byte(test.request)); err != nil {
			t.Fatal(err)
		}
		var got []byte
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			if n <= 0 || err != nil {
				break
			}
			got = append(got, buf[:n]...)
		}
		for _, part := range strings.Split(test.want, "|") {
			if bad, not := strings.CutPrefix(part, "!"); not && strings.Contains(string(got), bad) || !not && !strings.Contains(string(got), part) {
				t.Errorf("%d: %.80q: got %s, want %s", test.uid, test.request, got, part)
			}
		}
	}
	if b.one("other").State != "RUNNING" {
		t.Error("other does not run any more")
	}
	b.stop()
}

// With no descriptors left for connections the daemon says so once and goes on; who waited
// gets his answer when there are some.
func TestDescriptorsForConnections(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "\n[program:p]\ncommand = sleep 1000\nstartsecs = 0\n")
	b.start()
	b.all("RUNNING")
	pid := b.pid()
	var before unix.Rlimit
	few := unix.Rlimit{Cur: uint64(fds(pid)) + 3}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	few.Max = before.Max
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Skip("cannot set another process's limits: ", err)
	}
	var waiting []net.Conn
	for range 20 {
		c, err := net.Dial("unix", b.path("s.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintln(c, `{"id":1,"m":"status"}`)
		waiting = append(waiting, c)
	}
	b.until("it is said", func() bool { return b.count("cannot accept connections") == 1 })
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	for i, c := range waiting {
		c.SetDeadline(time.Now().Add(patience))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(line, "RUNNING") {
			t.Errorf("client %d: %q, %v", i, line, err)
		}
	}
	if n := b.count("cannot accept connections"); n != 1 {
		t.Errorf("said %d times", n)
	}
	b.stop()
}
