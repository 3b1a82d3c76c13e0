package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosv/conf"
)

func TestListenUnixMode(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	s, _ := f.serveUnix(t, conf.UnixServer{File: path, Chmod: 0o640, Chown: conf.Owner{Set: true, UID: -1, GID: os.Getgid()}})
	st, err := os.Stat(path)
	if err != nil || st.Mode() != os.ModeSocket|0o640 {
		t.Fatalf("mode %v, %v; want S0640", st.Mode(), err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("in the directory are %q, want the socket only", left)
	}
	s.close()
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("after close there are %q", left)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestListenUnixReplacesStale(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	f := newFake(t)
	f.serveUnix(t, conf.UnixServer{File: path})
	if _, last := dial(t, path).call(1, "hello", nil); last.Err != nil {
		t.Fatal(last.Err)
	}
	if !strings.Contains(f.log.String(), "Unlinking stale socket "+path) {
		t.Errorf("log is %q", f.log.String())
	}
}

func TestListenUnixRefusesLive(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, path := f.serveUnix(t, conf.UnixServer{})
	_, err := openSockets(f.api, &conf.Config{UnixServers: []conf.UnixServer{{Section: "unix_http_server", File: path}}})
	want := "Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.\nProcess " + strconv.Itoa(os.Getpid())
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s...", err, want)
	}
	if _, last := dial(t, path).call(1, "hello", nil); last.Err != nil {
		t.Errorf("the first one suffered: %v", last.Err)
	}
}

// TestListenUnixRace: of many that start at once over a stale socket exactly one wins, and
// it keeps the socket.
func TestListenUnixRace(t *testing.T) {
	t.Parallel()
	for range 10 {
		path := filepath.Join(t.TempDir(), "s.sock")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		ln.(*net.UnixListener).SetUnlinkOnClose(false)
		ln.Close()
		var mu sync.Mutex
		var won []net.Listener
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ln, file, err := listenUnix(&conf.UnixServer{File: path, Chmod: 0o700})
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				won = append(won, ln)
				st, err := os.Lstat(path)
				if err != nil || uint64(st.Sys().(*syscall.Stat_t).Ino) != file.ino {
					t.Errorf("the winner's socket was taken away: %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d listeners won, want 1", len(won))
		}
		won[0].Close()
	}
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for _, tt := range []struct {
		name string
		cfg  conf.Config
		want string
	}{
		{"no directory", unixAt(dir + "/nope/s.sock"),
			`Cannot open an HTTP server: socket.error reported errno.ENOENT (2)` + "\n" + `There is no directory "` + dir + `/nope" for the socket "` + dir + `/nope/s.sock": make it, or change file= in [unix_http_server].`},
		{"not a directory", unixAt(file + "/s.sock"),
			`Cannot open an HTTP server: socket.error reported errno.ENOTDIR (20)`},
		{"a regular file", unixAt(file),
			`"` + file + `" is there and is not a socket: remove it, or change file= in [unix_http_server].`},
		{"too long", unixAt(dir + "/" + strings.Repeat("x", 120)),
			`Cannot open an HTTP server: socket.error reported errno.ENAMETOOLONG (36)`},
		{"port in use", inetAt("127.0.0.1", used.Addr().(*net.TCPAddr).Port),
			"Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.\nSomething already listens on 127.0.0.1:"},
		{"not our address", inetAt("192.0.2.1", 0),
			"Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL (99)\n192.0.2.1 is not an address of this machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openSockets(newFake(t).api, &tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	if text, _ := os.ReadFile(file); string(text) != "precious" {
		t.Error("the file was touched")
	}
}

func unixAt(path string) conf.Config {
	return conf.Config{UnixServers: []conf.UnixServer{{Section: "unix_http_server", File: path, Chmod: 0o700}}}
}

func inetAt(host string, port int) conf.Config {
	return conf.Config{InetServers: []conf.InetServer{{Section: "inet_http_server", Host: host, Port: port}}}
}

// TestListenAllOrNone: when one socket fails, those before it are gone again.
func TestListenAllOrNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := unixAt(dir + "/a.sock")
	cfg.UnixServers = append(cfg.UnixServers, unixAt(dir+"/nope/b.sock").UnixServers...)
	if _, err := openSockets(newFake(t).api, &cfg); err == nil {
		t.Fatal("no error")
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestListenInetAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ host, want string }{
		{"", "0.0.0.0:"}, {"*", "0.0.0.0:"}, {"127.0.0.1", "127.0.0.1:"}, {"localhost", "127.0.0.1:"},
		{"::1", "[::1]:"}, {"[::1]", "[::1]:"},
	} {
		ln, err := listenInet(&conf.InetServer{Section: "inet_http_server", Host: tt.host})
		if err != nil {
			if strings.Contains(tt.host, "::1") {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Errorf("listenInet(%q): %v", tt.host, err)
			continue
		}
		if got := ln.Addr().String(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("listenInet(%q) listens on %s, want %s...", tt.host, got, tt.want)
		}
		ln.Close()
	}
}

// TestCloseLeavesForeignSocket: a socket file that somebody else put in place of ours stays.
func TestCloseLeavesForeignSocket(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	ln, err := net.Listen("unix", path+".theirs")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Rename(path+".theirs", path); err != nil {
		t.Fatal(err)
	}
	s.close()
	if _, err := os.Stat(path); err != nil {
		t.Error("the other's socket was removed:", err)
	}
}

func TestAuthorise(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		username string
		uid      int
		want     access
		file     *socketFile
	}{
		{"root", "user", 0, admin, nil},
		{"the daemon's user", "user", 1000, admin, nil},
		{"the socket's owner", "user", 2000, admin, nil},
		{"another, with a password set", "user", 3000, anyone, nil},
		{"another, without", "", 3000, admin, nil},
		{"not known, with a password set", "user", -1, anyone, nil},
		{"not known, without", "", -1, admin, nil},
		{"abstract: root", "", 0, admin, &socketFile{}},
		{"abstract: the daemon's user", "", 1000, admin, &socketFile{}},
		{"abstract: another", "", 3000, anyone, &socketFile{}},
		{"abstract: not known", "", -1, anyone, &socketFile{}},
		{"abstract: another, with a password set", "user", 3000, anyone, &socketFile{}},
	} {
		s := &server{uid: 1000, owner: 2000, username: tt.username, file: tt.file}
		if got := s.authorise(peer{uid: tt.uid}).access; got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// An abstract socket answers its own user, over JSON and HTTP, and leaves nothing behind.
func TestAbstractSocket(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("@gosv-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	c := &conf.UnixServer{Section: "unix_http_server", File: name, Chmod: 0o700, Chown: conf.Owner{UID: -1, GID: -1}}
	ln, file, err := listenUnix(c)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if !file.abstract() || file.owner != os.Geteuid() {
		t.Errorf("file %+v", file)
	}
	file.remove()
	_, _, err = listenUnix(c)
	if err == nil || !strings.Contains(err.Error(), "Process "+strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "change file= in [unix_http_server]") {
		t.Errorf("a second listener: %v", err)
	}
}

func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	got := withoutAuth([]*server{{section: "a"}, {section: "b", username: "x"}, {section: "c"}})
	if len(got) != 2 || got[0] != "a" || got[1] != "c" {
		t.Errorf("got %q", got)
	}
}

// TestLockHeld: somebody who holds the lock on the folder of a socket keeps no daemon from opening
// and removing it, and lets no second one have it.
func TestLockHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	c := &conf.UnixServer{Section: "unix_http_server", File: filepath.Join(dir, "s"), Chmod: 0o700}
	ln, file, err := listenUnix(c)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if second, _, err := listenUnix(c); err == nil {
		second.Close()
		t.Error("two have it")
	}
	file.remove()
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after remove: %v", err)
	}
}
