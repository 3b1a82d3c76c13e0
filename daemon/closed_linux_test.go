package daemon

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/logs"
)

// directLogs are those of programs that write them by themselves: who follows one reads the file by himself.
type directLogs struct {
	fakeLogs
	sink *logs.Sink
}

func (l directLogs) follow(_, _, _ string, n int64) ([]byte, follower, error) {
	return following(l.sink.Follow(n))
}

func (l directLogs) followOn(_, _, _ string, k logs.KeptFollower) (follower, error) {
	f, err := l.sink.FollowOn(k)
	_, g, err := following(nil, f, err)
	return g, err
}

// serveDirect serves a fake world whose log path is one that its program writes by itself.
func serveDirect(t *testing.T, path string) (*server, string) {
	pump, err := logs.NewPump()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pump.Close)
	sink, err := pump.Sink(logs.Options{Name: "cat", Stream: "stdout", Path: path, Inherit: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	f := newFake(t)
	f.api.logs = directLogs{fakeLogs{f}, sink}
	return f.serveUnix(t, conf.UnixServer{})
}

// openOf are the descriptors of path.
func openOf(t *testing.T, path string) (fds []int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); to == path {
			var fd int
			fmt.Sscan(e.Name(), &fd)
			fds = append(fds, fd)
		}
	}
	return fds
}

// occupy takes all low numbers that are free. To be called at the end: whether somebody has closed one since.
func occupy(t *testing.T) (check func()) {
	t.Helper()
	fd, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want, now unix.Stat_t
	if err := unix.Fstat(fd, &want); err != nil {
		t.Fatal(err)
	}
	fds := []int{fd}
	for range 100 {
		if fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3); err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return func() {
		t.Helper()
		eventually(t, "those who read a log by themselves to end", func() bool {
			all := make([]byte, 1<<20)
			return !strings.Contains(string(all[:runtime.Stack(all, true)]), "watchOn")
		})
		runtime.GC() // an os.File that nobody closes is closed then
		runtime.GC()
		for _, fd := range fds {
			if err := unix.Fstat(fd, &now); err != nil || now.Ino != want.Ino || now.Dev != want.Dev {
				t.Errorf("descriptor %d was closed by somebody whose it was before", fd)
				continue
			}
			unix.Close(fd)
		}
	}
}

// TestStreamsClosedOnce: the descriptors of a stream that is handed over are closed once, whatever becomes of that. It
// runs alone, since nobody else may take the numbers.
func TestStreamsClosedOnce(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, d *Daemon, c *client, path string){
		"when nothing came of it": func(t *testing.T, d *Daemon, c *client, path string) {
			k := d.servers[0].handOver()
			if fds := k.Conns[0].Calls[0].FDs; len(fds) != 1 || !slices.Equal(openOf(t, path), fds) {
				t.Fatalf("%v go over, open are %v", fds, openOf(t, path))
			}
			d.serveOn()
			hears(t, c, path, "more\n")
			if n := len(openOf(t, path)); n != 1 {
				t.Errorf("%d are open", n)
			}
		},
		"when its connection was gone": func(t *testing.T, d *Daemon, c *client, path string) {
			s := d.servers[0]
			conn := s.connections()[0]
			conn.Conn.Close()
			if k := s.handOver(); len(k.Conns) != 0 {
				t.Fatalf("%+v goes over", k.Conns)
			}
			if fds := openOf(t, path); len(fds) != 0 {
				t.Errorf("%v are open", fds)
			}
			check := occupy(t)
			d.serveOn()
			eventually(t, "the end of the connection", func() bool { return len(s.connections()) == 0 })
			conn.session.wg.Wait()
			check()
		},
		"when its connection ends before that": func(t *testing.T, d *Daemon, c *client, path string) {
			s := d.servers[0]
			conn := s.connections()[0]
			fd := s.handOver().Conns[0].FD
			var was, is unix.Stat_t
			if err := unix.Fstat(fd, &was); err != nil {
				t.Fatal(err)
			}
			conn.Close()
			check := occupy(t) // its number too, if that is free
			if err := unix.Fstat(fd, &is); err != nil || is.Ino != was.Ino || is.Dev != was.Dev {
				t.Errorf("what goes over is not the connection: %v", err)
			}
			d.serveOn()
			eventually(t, "the end of the connection", func() bool { return len(s.connections()) == 0 })
			conn.session.wg.Wait()
			check()
		},
		"when it leaves off too late": func(t *testing.T, d *Daemon, c *client, path string) {
			x := d.servers[0].connections()[0].session
			d.serveOn()
			x.mu.Lock()
			leave := x.hand.leave
			x.hand.leave = make(chan struct{})
			x.mu.Unlock()
			close(leave)
			hears(t, c, path, "more\n")
			if n := len(openOf(t, path)); n != 1 {
				t.Errorf("%d are open", n)
			}
		},
		"when nobody waits for it any more": func(t *testing.T, d *Daemon, c *client, path string) {
			x := d.servers[0].connections()[0].session
			for _, state := range []any{1, func() {}} {
				fd := openOf(t, path)[0]
				dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
				if err != nil {
					t.Fatal(err)
				}
				id := uint64(1)
				if state == 1 {
					id = 99
				}
				x.leftOff(id, state, []int{dup})
				if fds := openOf(t, path); !slices.Equal(fds, []int{fd}) {
					t.Errorf("%v are open, not %d alone", fds, fd)
				}
			}
			d.serveOn()
		},
		"where another version goes on":  goesOnElsewhere(true),
		"where another version does not": goesOnElsewhere(false),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			s, socket := serveDirect(t, path)
			d := &Daemon{servers: []*server{s}}
			c := dial(t, socket)
			c.line(`{"id":1,"m":"tail","p":{"name":"cat","follow":true}}`)
			eventually(t, "the stream", func() bool { return len(openOf(t, path)) == 1 })
			hears(t, c, path, "begun\n")
			eventually(t, "all is quiet", func() bool {
				busy := d.hold(time.Second, false)
				if busy != "" {
					d.serveOn()
				}
				return busy == ""
			})
			test(t, d, c, path)
			c.leaves()
			eventually(t, "the end of the stream", func() bool { return len(openOf(t, path)) == 0 })
			occupy(t)()
		})
	}
}

// goesOnElsewhere hands the stream over to another server; one of its descriptors is not there unless all are.
func goesOnElsewhere(all bool) func(*testing.T, *Daemon, *client, string) {
	return func(t *testing.T, d *Daemon, c *client, path string) {
		k := d.servers[0].handOver().Conns[0]
		var at followed
		call := &k.Calls[0]
		if err := json.Unmarshal(call.State, &at); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.FcntlInt(uintptr(call.FDs[0]), unix.F_DUPFD_CLOEXEC, 3) // as exec does
		if err != nil {
			t.Fatal(err)
		}
		at.Follower.Watched[0].FD = fd
		call.FDs = []int{fd}
		if !all {
			at.Follower.Watched = append(at.Follower.Watched, logs.KeptWatched{FD: 1 << 20})
		}
		call.State, _ = json.Marshal(at)
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		d.serveOn()
		c.leaves()
		eventually(t, "the end of it here", func() bool { return slices.Equal(openOf(t, path), []int{fd}) })
		other, _ := serveDirect(t, path)
		k.FD = ends[0]
		other.before = []keptConn{k}
		f := os.NewFile(uintptr(ends[1]), "client")
		nc, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		there := &client{t, nc, wire.NewConn(nc, nil)}
		other.resume()
		if all {
			hears(t, there, path, "more\n")
			there.leaves()
			return
		}
		if r := there.reply(); r.Err == nil {
			t.Errorf("it goes on: %+v", r)
		}
		if fds := openOf(t, path); len(fds) != 0 {
			t.Errorf("%v are open", fds)
		}
		check := occupy(t)
		nc.Close()
		eventually(t, "the end of the connection", func() bool { return len(other.connections()) == 0 })
		check()
	}
}

// leaves ends the stream, if there is one still, and the connection.
func (c *client) leaves() {
	io.WriteString(c.nc, `{"id":1,"cancel":true}`+"\n")
	c.nc.Close()
}

// hears writes text to the log, and waits until it has come to the client.
func hears(t *testing.T, c *client, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(text)
	for got := ""; !strings.HasSuffix(got, text); {
		var chunk wire.Chunk
		r := c.reply()
		if err := json.Unmarshal(r.Event, &chunk); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		got += string(chunk.Data)
	}
}
