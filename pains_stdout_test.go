package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// mainLogLine is a line of the main log, wherever it stands in a stream.
var mainLogLine = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\w{4}) .*\n`)

// Logs to /dev/stdout with and without a size limit, the main log there too: not an error
// line ("Illegal seek"), not a byte lost, whatever standard output is.
func TestPain01DevStdout(t *testing.T) {
	kinds := []struct {
		name string
		open func(t *testing.T) (ours io.ReadCloser, its *os.File)
	}{
		{"pipe", func(t *testing.T) (io.ReadCloser, *os.File) { return must2(t)(os.Pipe()) }},
		{"tty", func(t *testing.T) (io.ReadCloser, *os.File) {
			master, slave := must2(t)(pty.Open())
			raw := exec.Command("stty", "-opost") // or a line's end would be two bytes
			if raw.Stdin = slave; raw.Run() != nil {
				t.Fatal("stty does not work")
			}
			return master, slave
		}},
		{"socket", func(t *testing.T) (io.ReadCloser, *os.File) {
			syscall.ForkLock.RLock()
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			unix.CloseOnExec(pair[0])
			unix.CloseOnExec(pair[1])
			syscall.ForkLock.RUnlock()
			return os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "its")
		}},
		{"file", nil},
		{"closed", func(t *testing.T) (io.ReadCloser, *os.File) {
			r, w := must2(t)(os.Pipe())
			r.Close()
			return nil, w
		}},
	}
	n := long(200_000) // 1.3 MB, or 17 MB
	for _, kind := range kinds {
		for _, limit := range []string{"", "0", "50MB"} {
			t.Run(kind.name+" maxbytes="+limit, func(t *testing.T) {
				t.Parallel()
				maxbytes := func(option string) string {
					if limit == "" {
						return ""
					}
					return option + " = " + limit + "\n"
				}
				b := newBox(t, "logfile = /dev/stdout\nsilent = true\n"+maxbytes("logfile_maxbytes"), fmt.Sprintf(`
[program:w]
command = seq 1 %d
startsecs = 0
autorestart = false
stdout_logfile = /dev/stdout
stderr_logfile = /dev/stderr
`, n)+maxbytes("stdout_logfile_maxbytes"))
				cmd := exec.Command("supervisord", "-n", "-c", b.path("s.conf"))
				cmd.Dir = b.dir
				b.out = b.path("err.txt")
				stderr, err := os.Create(b.out)
				if err != nil {
					t.Fatal(err)
				}
				defer stderr.Close()
				cmd.Stderr = stderr
				var got func() []byte
				if kind.open == nil {
					f, err := os.Create(b.path("stdout"))
					if err != nil {
						t.Fatal(err)
					}
					cmd.Stdout = f
					b.run(cmd)
					f.Close()
					got = func() []byte { return []byte(b.read("stdout")) }
				} else {
					ours, its := kind.open(t)
					cmd.Stdout = its
					b.run(cmd)
					its.Close()
					if ours != nil {
						g := gatherFrom(ours)
						got = func() []byte { defer ours.Close(); return g.all(t) }
					}
				}
				b.answers()
				b.reaches("w", "EXITED")
				if got == nil { // nobody reads: the program and the daemon do not care
					b.do("start", named{Name: "w"})
					b.reaches("w", "EXITED")
					b.stop()
					return
				}
				b.stop()
				all := got()
				for _, m := range mainLogLine.FindAllSubmatch(all, -1) {
					if level := string(m[1]); level != "INFO" && level != "CRIT" && level != "WARN" ||
						bytes.Contains(m[0], []byte("seek")) || bytes.Contains(m[0], []byte("cannot")) {
						t.Errorf("a line of trouble: %s", m[0])
					}
				}
				if d := differ(mainLogLine.ReplaceAll(all, nil), numbers(n)); d != "" {
					t.Error(d)
				}
				if out := b.output(); out != "" {
					t.Errorf("standard error: %s", out)
				}
			})
		}
	}
}

func must2(t *testing.T) func(a, b *os.File, err error) (*os.File, *os.File) {
	return func(a, b *os.File, err error) (*os.File, *os.File) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}
