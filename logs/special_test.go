package logs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A child of its own has the standard output that a case is about, see TestMain: it logs
// 8 MB to /dev/stdout with rotation asked for, and says on its standard error what was
// reported, at the end "ok".
const stdoutBytes = 8 << 20

func logToStdout() {
	p, err := NewPump()
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriter(os.Stderr)
	files := &Files{}
	s, err := p.Sink(Options{Files: files, Path: os.Getenv("LOGS_TEST_STDOUT"), MaxBytes: 50 << 10, Backups: 2,
		Report: func(level, text string) { out.WriteString(level + " " + text + "\n") }})
	if err != nil {
		panic(err)
	}
	w, err := s.Attach()
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(numbered(stdoutBytes)); err != nil {
		panic(err)
	}
	w.Close()
	for end := time.Now().Add(40 * time.Second); s.Stats().Bytes < stdoutBytes && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	dealt := make(chan struct{})
	s.Drain(func() { close(dealt) })
	<-dealt
	if b := s.file.Load().back.Load(); b != nil {
		b.settle(40 * time.Second) // a terminal may take longer for it than Close waits
	}
	if err := s.Clear(); err != nil {
		panic(err)
	}
	if err := s.Reopen(); err != nil {
		panic(err)
	}
	s.Close()
	p.Close()
	out.WriteString("ok\n")
	out.Flush()
	os.Exit(0)
}

func stdoutChild(path string, stdout *os.File) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOGS_TEST_STDOUT="+path)
	cmd.Stdout = stdout
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr
}

func TestStdout(t *testing.T) {
	t.Parallel()
	want := sha256.Sum256(numbered(stdoutBytes))
	for _, path := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"} {
		for _, kind := range []string{"pipe", "socket", "tty", "file"} {
			if kind == "tty" && path != "/dev/stdout" {
				continue // one terminal is enough
			}
			t.Run(kind+path, func(t *testing.T) {
				t.Parallel()
				var r io.Reader
				var w *os.File
				var err error
				file := ""
				switch kind {
				case "pipe":
					r, w, err = os.Pipe()
				case "socket":
					var fds [2]int
					fds, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
					unix.CloseOnExec(fds[0])
					unix.CloseOnExec(fds[1])
					r, w = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
				case "tty":
					r, w, err = pty.Open()
					if err == nil {
						err = rawTerminal(int(w.Fd()))
					}
				case "file":
					file = logName(t)
					w, err = os.Create(file)
				}
				if err != nil {
					t.Fatal(err)
				}
				cmd, stderr := stdoutChild(path, w)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				w.Close()
				sum := sha256.New()
				n := int64(0)
				if r != nil {
					n, _ = io.Copy(sum, r) // a terminal ends with EIO
				}
				if err := cmd.Wait(); err != nil {
					t.Fatal(err)
				}
				if file != "" {
					n, _ = io.Copy(sum, strings.NewReader(content(t, file)))
				}
				same(t, "standard error", stderr.String(), "ok\n")
				if n != stdoutBytes || [32]byte(sum.Sum(nil)) != want {
					t.Errorf("%d bytes of %d arrived, or others", n, stdoutBytes)
				}
			})
		}
	}
}

// A closed pipe costs the log, counted and told once, and nothing else.
func TestStdoutClosed(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd, stderr := stdoutChild("/dev/stdout", w)
	err = cmd.Run()
	w.Close()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	got := stderr.String()
	if strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, `WARN cannot write log "/dev/fd/1": broken pipe; `) || !strings.HasSuffix(got, "\nok\n") {
		t.Errorf("reports: %s", got)
	}
}

// A log that is a link to /dev/stdout, as container images have it, stays a link.
func TestLinkToStdout(t *testing.T) {
	t.Parallel()
	name := logName(t)
	os.Symlink("/dev/stdout", name)
	out, err := os.Create(name + ".out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd, stderr := stdoutChild(name, out)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	same(t, "standard error", stderr.String(), "ok\n")
	same(t, "the target", content(t, name+".out"), string(numbered(stdoutBytes)))
	if to, _ := os.Readlink(name); to != "/dev/stdout" {
		t.Errorf("the link leads to %q", to)
	}
}

// A FIFO that nobody reads holds up its own programs for about a second, and nobody else.
func TestBlockedFIFO(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPump(t)
	var n notes
	stuck := newSink(t, p, Options{Path: fifo, MaxBytes: 10, Report: n.report})
	other := newSink(t, p, Options{Path: filepath.Join(dir, "log")})
	w := attach(t, stuck)
	sent := numbered(4 << 20)
	written := make(chan error)
	go func() {
		_, err := w.Write(sent)
		written <- err
	}()
	say(t, other, "meanwhile\n")
	same(t, "the other log", content(t, filepath.Join(dir, "log")), "meanwhile\n")
	if err := <-written; err != nil { // though nobody has read a byte
		t.Fatal(err)
	}
	drained(t, stuck)
	lost := stuck.Stats().Lost
	if got := n.all(); lost == 0 || !strings.HasPrefix(got, `WARN cannot write log "`+fifo+`": it takes nothing; `) {
		t.Fatalf("%d bytes lost; reports: %s", lost, got)
	}
	// It flows again, and what was kept comes out first.
	r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	kept := make([]byte, int64(len(sent))-lost)
	if _, err := io.ReadFull(r, kept); err != nil {
		t.Fatal(err)
	}
	same(t, "what was kept", string(kept), string(sent[:len(kept)]))
	soon(t, "the report that it flows", func() bool { return strings.Contains(n.all(), "\nINFO log ") })
	write(t, w, "again")
	again := make([]byte, 5)
	if _, err := io.ReadFull(r, again); err != nil {
		t.Fatal(err)
	}
	same(t, "new text", string(again), "again")
	if st, err := os.Lstat(fifo); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the FIFO became %v, %v", st, err)
	}
}

// The same for a terminal, which takes a part of a write and then blocks in it.
func TestBlockedTerminal(t *testing.T) {
	t.Parallel()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	defer master.Close()
	defer slave.Close()
	p := newPump(t)
	stuck := newSink(t, p, Options{Path: slave.Name()})
	w := attach(t, stuck)
	written := make(chan error)
	go func() {
		_, err := io.WriteString(w, strings.Repeat("a line\n", 4<<20/7))
		written <- err
	}()
	select {
	case err := <-written:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the program waits for the terminal")
	}
	if stuck.Stats().Lost == 0 {
		t.Error("nothing was lost")
	}
	go io.Copy(io.Discard, master) // so that the writer can end
}

// A slow reader that does take something loses nothing.
func TestSlowFIFO(t *testing.T) {
	t.Parallel()
	fifo := logName(t)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSink(t, newPump(t), Options{Path: fifo})
	r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sent := numbered(4 << 20)
	w := attach(t, s)
	go func() {
		w.Write(sent)
		w.Close()
	}()
	var got bytes.Buffer
	for piece := make([]byte, 10000); got.Len() < len(sent); {
		n, err := r.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(piece[:n])
	}
	same(t, "what came", got.String(), string(sent))
	if lost := s.Stats().Lost; lost != 0 {
		t.Errorf("%d bytes lost", lost)
	}
}

// A disk that hangs: here, a lock that is not given back. The loop is taken over.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPump(t)
	var n notes
	name := filepath.Join(dir, "hangs")
	stuck := newSink(t, p, Options{Path: name, Report: n.report, MaxBytes: 1 << 20, Backups: 10})
	other := newSink(t, p, Options{Path: filepath.Join(dir, "log")})
	f := stuck.file.Load()
	f.mu.Lock()
	w := attach(t, stuck)
	sent := numbered(900 << 10)
	if _, err := w.Write(sent); err != nil {
		t.Fatal(err)
	}
	say(t, other, "meanwhile\n")
	same(t, "the other log", content(t, filepath.Join(dir, "log")), "meanwhile\n")
	drained(t, stuck) // answers though nothing is written
	flood := make([]byte, 2<<20)
	if _, err := w.Write(flood); err != nil { // the program is not held up
		t.Fatal(err)
	}
	drained(t, stuck)
	if stuck.Stats().Lost == 0 {
		t.Error("nothing lost though more was written than is kept")
	}
	f.mu.Unlock()
	soon(t, "the file to be written directly again", func() bool { return f.back.Load() == nil })
	write(t, w, "again")
	w.Close()
	atRest(t, stuck)
	all := ""
	for i := 10; i > 0; i-- {
		b, _ := os.ReadFile(name + "." + string(rune('0'+i)))
		all += string(b)
	}
	all += content(t, name)
	same(t, "what was sent before", all[:len(sent)], string(sent))
	same(t, "the end", all[len(all)-5:], "again")
	if got := stuck.Stats(); int64(len(all)) != got.Bytes-got.Lost {
		t.Errorf("%d bytes in the files, %+v", len(all), got)
	}
	if !strings.Contains(n.all(), "it takes nothing") || !strings.Contains(n.all(), "is written again") {
		t.Errorf("reports: %s", n.all())
	}
}

// A disk that hangs does not keep the pump from ending.
func TestCloseWhileDiskHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPump(t)
	stuck := newSink(t, p, Options{Path: filepath.Join(dir, "hangs")})
	other := newSink(t, p, Options{Path: filepath.Join(dir, "log")})
	w, w2 := attach(t, stuck), attach(t, other)
	f := stuck.file.Load()
	f.mu.Lock()
	write(t, w, "kept")
	write(t, w2, "written")
	p.Close()
	same(t, "the other log", content(t, filepath.Join(dir, "log")), "written")
	f.mu.Unlock()
	soon(t, "the hanging write to end", func() bool { return content(t, filepath.Join(dir, "hangs")) == "kept" })
}

// What a program said before the end reaches a special file before Close returns.
func TestCloseWaitsForSpecialFiles(t *testing.T) {
	t.Parallel()
	fifo := logName(t)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPump(t)
	f := openLog(t, &Files{}, fifo, 0, 0)
	if n, err := f.Write([]byte("main log\n")); n != 9 || err != nil {
		t.Fatal(n, err)
	}
	r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, 9)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	same(t, "written", string(b), "main log\n")
	s := newSink(t, p, Options{Path: fifo})
	w := attach(t, s)
	write(t, w, "last words")
	w.Close()
	p.Close()
	n, _ := r.Read(make([]byte, 100))
	if n != 10 {
		t.Errorf("%d bytes came before Close returned, want 10", n)
	}
}
