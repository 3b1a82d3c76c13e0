//go:build linux

package proc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

func TestStdin(t *testing.T) {
	ctx := context.Background()
	w := newReal(t, nil)
	w.add(child("cat", "", func(c *conf.Process) { c.Command.Argv = []string{"cat"} }))
	w.add(child("deaf", "", func(c *conf.Process) { c.Command.Argv = []string{"sleep", "300"} }))
	w.add(child("off", "", func(c *conf.Process) { c.Autostart = false }))
	w.add(child("closed", "", func(c *conf.Process) {
		c.Command.Argv = []string{"/bin/sh", "-c", "exec <&-; echo closed; exec sleep 300"}
	}))
	w.until("cat runs", func() bool { return w.info("cat").State == state.Running })
	w.until("deaf runs", func() bool { return w.info("deaf").State == state.Running })

	var want strings.Builder
	for i := range 2000 {
		line := fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", i%200))
		want.WriteString(line)
		w.until("cat takes it", func() bool { return w.m.Stdin(ctx, "cat", "cat", []byte(line)) == nil })
	}
	w.until("cat has written all", func() bool { return len(w.read("cat.out")) >= want.Len() })
	if got := w.read("cat.out"); got != want.String() {
		t.Errorf("cat wrote something else")
	}

	// One big piece, more than the pipe holds and than may wait: in order and complete.
	big := bytes.Repeat([]byte("0123456789abcde\n"), 200_000)
	if err := w.m.Stdin(ctx, "cat", "cat", big); err != nil {
		t.Fatal(err)
	}
	w.until("cat has written the big piece", func() bool { return len(w.read("cat.out")) == want.Len()+len(big) })

	taken := 0
	var err error
	for err == nil && taken < 10<<20 {
		if err = w.m.Stdin(ctx, "deaf", "deaf", make([]byte, 32<<10)); err == nil {
			taken += 32 << 10
		}
	}
	if faultText(err) != "FAILED: deaf does not read its standard input" || taken < 1<<20 || taken > 2<<20 {
		t.Errorf("deaf took %d bytes, then %v", taken, err)
	}
	if err := w.m.Stdin(ctx, "off", "off", []byte("x")); faultText(err) != "NOT_RUNNING: off" {
		t.Errorf("stdin of one that is not running: %v", err)
	}
	if err := w.m.Stdin(ctx, "nope", "nope", []byte("x")); faultText(err) != "BAD_NAME: nope" {
		t.Errorf("stdin of nobody: %v", err)
	}
	w.until("closed has closed", func() bool { return w.info("closed").State == state.Running && w.read("closed.out") != "" })
	if err := w.m.Stdin(ctx, "closed", "closed", []byte("x")); faultText(err) != "NO_FILE: closed" {
		t.Errorf("closed stdin: %v", err)
	}
	// A goroutine still waits for deaf; it must not outlive the child.
	if got := w.do(proc.Op{Kind: proc.Stop, Wait: true}); strings.Count(got, "stopped") != 3 {
		t.Errorf("stop = %s", got)
	}
}

func TestFCGISocket(t *testing.T) {
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fcgi.sock")
			network, address := "unix", path
			if kind == "tcp" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				network, address = "tcp", l.Addr().String()
				l.Close()
			} else if l, err := net.Listen("unix", path); err != nil {
				t.Fatal(err)
			} else { // a stale file
				l.(*net.UnixListener).SetUnlinkOnClose(false)
				l.Close()
			}
			url := network + "://" + address
			w := newReal(t, nil)
			s := &conf.Socket{Name: "f", URL: url, Backlog: 5, Mode: 0o600}
			g := child("f", "accept", func(c *conf.Process) { c.Socket = s })
			second := *g.Processes[0]
			second.Name = "f2"
			g.Processes = append(g.Processes, &second)
			w.add(g)
			w.until("both run", func() bool {
				list, err := w.m.Processes(context.Background())
				return err == nil && list[0].State == state.Running && list[1].State == state.Running
			})
			signal := func(name string, sig syscall.Signal) {
				w.do(proc.Op{Kind: proc.Signal, Group: "f", Process: name, Signal: sig})
			}
			for name, other := range map[string]string{"f": "f2", "f2": "f"} {
				signal(other, syscall.SIGSTOP) // so that name has to answer
				w.until(name+" answers", func() bool { return ask(network, address) == name+"\n" })
				signal(other, syscall.SIGCONT)
			}
			if kind == "unix" {
				if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("socket file %v, %v", st, err)
				}
			}
			w.do(proc.Op{Kind: proc.Stop, Group: "f", Process: "f", Wait: true})
			if strings.Contains(w.log.String(), "Closing") {
				t.Errorf("closed while f2 uses it")
			}
			w.do(proc.Op{Kind: proc.Stop, Group: "f", Wait: true})
			w.until("the socket is closed", func() bool { return strings.Contains(w.log.String(), "Closing socket "+url) })
			if n := strings.Count(w.log.String(), "Creating socket "+url); n != 1 {
				t.Errorf("created %d times", n)
			}
			if c, err := net.Dial(network, address); err == nil {
				c.Close()
				t.Errorf("somebody still listens")
			}
		})
	}
	t.Run("cannot be made", func(t *testing.T) {
		w := newReal(t, nil)
		w.add(child("f", "accept", func(c *conf.Process) {
			c.Socket = &conf.Socket{Name: "f", URL: "unix:///nonexistent/s", Mode: conf.Unset}
		}))
		want := "cannot make the FastCGI socket unix:///nonexistent/s for 'f': bind: no such file or directory"
		if i := w.rests("f"); i.SpawnErr != want {
			t.Errorf("spawnerr = %q, want %q", i.SpawnErr, want)
		}
	})
}

// ask is what somebody who listens at address says, "" if nobody does within a second, or too many
// wait for it.
func ask(network, address string) string {
	c, err := net.Dial(network, address)
	if err != nil {
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	text, _ := io.ReadAll(c)
	return string(text)
}
