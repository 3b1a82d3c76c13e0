package daemon

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gosv/conf"
)

// TestDeletedSocketIsMadeAgain: cleaners of /tmp delete sockets; connections that are open go on,
// and new ones find the file again, with its mode.
func TestDeletedSocketIsMadeAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs inotify")
	}
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{Chmod: 0o640})
	before := dial(t, path)
	before.call(1, "status", json.RawMessage(`{}`))
	for range 3 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a new socket file", func() bool {
			conn, err := net.Dial("unix", path)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != 0o640 {
			t.Fatalf("the new socket: %v, %v", st, err)
		}
		dial(t, path).call(1, "status", json.RawMessage(`{}`))
	}
	before.call(2, "status", json.RawMessage(`{}`))
	if !strings.Contains(f.log.String(), "was deleted; made it again") {
		t.Errorf("the log says nothing of it:\n%s", f.log.String())
	}
	s.close()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after close: %v", err)
	}
}

// TestReplacedSocketIsLeftAlone: what somebody else put there is his.
func TestReplacedSocketIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, path := f.serveUnix(t, conf.UnixServer{})
	other := filepath.Join(filepath.Dir(path), "other")
	if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if s.restore() {
		t.Error("restore says that the file is ours")
	}
	eventually(t, "a line in the log", func() bool { return strings.Contains(f.log.String(), "another file in the place") })
	s.close()
	if text, err := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("the other's file has %q, %v", text, err)
	}
}

// TestSocketThatCannotBeMadeAgain: its directory is gone; SIGUSR2 tries again.
func TestSocketThatCannotBeMadeAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, path := f.serveUnix(t, conf.UnixServer{File: filepath.Join(dir, "s.sock")})
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if s.restore() {
		t.Error("restore says that the file is there")
	}
	if !strings.Contains(f.log.String(), "cannot be made again; SIGUSR2 tries once more") {
		t.Errorf("the log says nothing of it:\n%s", f.log.String())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !s.restore() {
		t.Error("restore failed")
	}
	dial(t, path).call(1, "status", json.RawMessage(`{}`))
	if runtime.GOOS != "linux" {
		return
	}
	if err := os.Remove(path); err != nil { // it is watched again
		t.Fatal(err)
	}
	eventually(t, "a new socket file", func() bool { _, err := os.Stat(path); return err == nil })
}
