package logs

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func openLog(t testing.TB, fs *Files, name string, maxBytes int64, backups int) *File {
	t.Helper()
	f, err := fs.Open(name, maxBytes, backups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Supervisor's own test of its handler: 5-byte lines, maxbytes 40.
func TestRotation(t *testing.T) {
	t.Parallel()
	name := logName(t)
	f := openLog(t, &Files{}, name, 40, 2)
	os.WriteFile(name+".7", []byte("old"), 0o600)
	for i := range 20 {
		if _, err := fmt.Fprintf(f, "%04d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "log", content(t, name), "0016\n0017\n0018\n0019\n")
	same(t, "log.1", content(t, name+".1"), "0008\n0009\n0010\n0011\n0012\n0013\n0014\n0015\n")
	same(t, "log.2", content(t, name+".2"), "0000\n0001\n0002\n0003\n0004\n0005\n0006\n0007\n")
	same(t, "a number above backups", content(t, name+".7"), "old")
}

func TestRotationWithoutBackups(t *testing.T) {
	t.Parallel()
	name := logName(t)
	f := openLog(t, &Files{}, name, 10, 0)
	f.Write([]byte("0123456789abc"))
	same(t, "log", content(t, name), "")
	f.Write([]byte("xyz"))
	same(t, "log", content(t, name), "xyz")
}

func TestRotationKeepsMode(t *testing.T) {
	t.Parallel()
	name := logName(t)
	os.WriteFile(name, nil, 0o600)
	f := openLog(t, &Files{}, name, 5, 1)
	f.Write([]byte("123456"))
	st, err := os.Stat(name)
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("mode after rotation %v, %v, want 0600", st.Mode(), err)
	}
}

// A file that cannot be renamed grows on.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	name := logName(t)
	var n notes
	s := newSink(t, newPump(t), Options{Path: name, MaxBytes: 5, Backups: 1, Report: n.report})
	if err := os.MkdirAll(name+".1/x", 0o755); err != nil { // in the way
		t.Fatal(err)
	}
	say(t, s, "12345678", "90", "ab")
	same(t, "log", content(t, name), "1234567890ab")
	if got := n.all(); strings.Count(got, "\n") != 0 || !strings.Contains(got, `WARN cannot rotate log "`+name+`": rename`) {
		t.Errorf("reports: %s", got)
	}
	os.RemoveAll(name + ".1")
	say(t, s, "cd")
	same(t, "log.1", content(t, name+".1"), "1234567890abcd")
}

// Whatever is written in whatever pieces, backups and base are the end of it, each byte once.
func TestRotationProperty(t *testing.T) {
	t.Parallel()
	dir, round := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		name := filepath.Join(dir, fmt.Sprint(round))
		limit := rapid.Int64Range(0, 5000).Draw(t, "maxbytes")
		backups := rapid.IntRange(0, 10).Draw(t, "backups")
		files := &Files{}
		f, err := files.Open(name, limit, backups)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all := numbered(60000)
		s, sent := &Sink{}, 0
		for range rapid.IntRange(1, 30).Draw(t, "writes") {
			n := min(rapid.OneOf(rapid.IntRange(1, 30), rapid.IntRange(1, 9000)).Draw(t, "size"), len(all)-sent)
			piece := all[sent : sent+n]
			sent += n
			switch rapid.IntRange(0, 9).Draw(t, "how") {
			case 0:
				f.Reopen()
				f.Write(piece)
			case 1, 2, 3, 4:
				f.Write(piece)
			default:
				f.put(piece, s, nil)
			}
		}
		kept := ""
		for i := backups; i > 0; i-- {
			b, err := os.ReadFile(fmt.Sprintf("%s.%d", name, i))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if limit > 0 && len(b) > 0 && int64(len(b)) < limit {
				t.Fatalf("backup %d has %d bytes, less than %d", i, len(b), limit)
			}
			kept += string(b)
		}
		base, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if limit > 0 && int64(len(base)) >= limit {
			t.Fatalf("the base file has %d bytes, limit %d", len(base), limit)
		}
		kept += string(base)
		if !strings.HasSuffix(string(all[:sent]), kept) {
			t.Fatalf("kept %d bytes are not the end of the %d that were written", len(kept), sent)
		}
		if _, err := os.Stat(fmt.Sprintf("%s.%d", name, backups+1)); err == nil {
			t.Fatalf("a backup too many")
		}
		if missing := sent - len(kept); limit == 0 && missing != 0 {
			t.Fatalf("%d bytes missing without a limit", missing)
		}
	})
}

// Two programs and the main log in one file: merged, rotated once.
func TestSharedFile(t *testing.T) {
	t.Parallel()
	p, files, dir := newPump(t), &Files{}, t.TempDir()
	name := filepath.Join(dir, "log")
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	a := newSink(t, p, Options{Files: files, Path: name, MaxBytes: 1000, Backups: 200})
	b := newSink(t, p, Options{Files: files, Path: dir + "/sub/../log", MaxBytes: 1000, Backups: 200})
	f := openLog(t, files, name, 1000, 200)
	if a.file.Load() != f || b.file.Load() != f {
		t.Fatal("the file is not shared")
	}
	wa, wb := attach(t, a), attach(t, b)
	for range 200 {
		write(t, wa, strings.Repeat("a", 50)+"\n")
		write(t, wb, strings.Repeat("b", 50)+"\n")
		fmt.Fprintf(f, "%s\n", strings.Repeat("c", 50))
	}
	drained(t, a)
	drained(t, b)
	all := ""
	for i := 200; i > 0; i-- {
		b, _ := os.ReadFile(fmt.Sprintf("%s.%d", name, i))
		all += string(b)
	}
	all += content(t, name)
	for _, c := range "abc" {
		if n := strings.Count(all, strings.Repeat(string(c), 50)+"\n"); n != 200 {
			t.Errorf("%d lines of %c, want 200", n, c)
		}
	}
}

func TestSameFileByOtherNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := &Files{}
	os.Mkdir(filepath.Join(dir, "real"), 0o755)
	os.Symlink("real", filepath.Join(dir, "link"))
	one := openLog(t, files, filepath.Join(dir, "real/log"), 10, 1)
	if openLog(t, files, filepath.Join(dir, "link/log"), 10, 1) != one {
		t.Error("not shared through a linked directory")
	}
	os.Symlink("real/log", filepath.Join(dir, "alias"))
	if openLog(t, files, filepath.Join(dir, "alias"), 10, 1) != one {
		t.Error("not shared through a link")
	}
	os.Link(filepath.Join(dir, "real/log"), filepath.Join(dir, "hard"))
	if openLog(t, files, filepath.Join(dir, "hard"), 10, 1) != one {
		t.Error("not shared through a hard link")
	}
	// Rotation acts on the file, not on the link to it.
	one.Write([]byte("0123456789"))
	same(t, "the backup", content(t, filepath.Join(dir, "real/log.1")), "0123456789")
	if to, err := os.Readlink(filepath.Join(dir, "alias")); err != nil || to != "real/log" {
		t.Errorf("the link became %q, %v", to, err)
	}
	if openLog(t, files, filepath.Join(dir, "other"), 0, 0) == one {
		t.Error("another file is shared")
	}
}

func TestFilesForgetsWhatIsClosed(t *testing.T) {
	t.Parallel()
	files, name := &Files{}, logName(t)
	for range 3 {
		f, err := files.Open(name, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := files.Open(name, 0, 0)
		f.Write([]byte("x"))
		f.Close()
		g.Write([]byte("y"))
		g.Close()
		if _, err := f.Write([]byte("z")); err == nil {
			t.Error("a closed file can be written")
		}
	}
	same(t, "log", content(t, name), "xyxyxy")
	if len(files.byName)+len(files.byID) != 0 {
		t.Errorf("left: %v %v", files.byName, files.byID)
	}
}

func TestReopenAndClear(t *testing.T) {
	t.Parallel()
	name := logName(t)
	f := openLog(t, &Files{}, name, 0, 0)
	f.Write([]byte("one"))
	os.Rename(name, name+".1")
	f.Write([]byte("two"))
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("three"))
	same(t, "log.1", content(t, name+".1"), "onetwo")
	same(t, "log", content(t, name), "three")
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("four"))
	same(t, "log", content(t, name), "four")
	same(t, "the backup after Clear", content(t, name+".1"), "onetwo")
	os.Remove(name)
	if err := f.Clear(); err != nil {
		t.Fatalf("Clear of a missing file: %v", err)
	}
	same(t, "log", content(t, name), "")

	// Never anything but a regular file.
	os.Remove(name)
	os.Symlink("/dev/null", name)
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	if to, _ := os.Readlink(name); to != "/dev/null" {
		t.Errorf("Clear removed a link")
	}
}

// A directory that was removed comes back at the next write after a failure.
func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a/b")
	os.MkdirAll(dir, 0o755)
	s := newSink(t, newPump(t), Options{Path: filepath.Join(dir, "log")})
	os.RemoveAll(filepath.Dir(dir))
	say(t, s, "text")
	same(t, "log", content(t, filepath.Join(dir, "log")), "text")
}

func TestFullDevice(t *testing.T) {
	t.Parallel()
	var n notes
	s := newSink(t, newPump(t), Options{Path: "/dev/full", MaxBytes: 10, Report: n.report})
	say(t, s, "one", "two", "three")
	if got := s.Stats(); got != (Stats{Bytes: 11, Lost: 11}) {
		t.Errorf("Stats() = %+v, want 11 bytes, all lost", got)
	}
	same(t, "reports", n.all(), `WARN cannot write log "/dev/full": no space left on device; 3 bytes lost so far`)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Error(err)
	}
}

// 64 MB of it, hashed on both sides.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	name := logName(t)
	s := newSink(t, newPump(t), Options{Path: name, MaxBytes: 5 << 20, Backups: 100})
	w := attach(t, s)
	sent, total := sha256.New(), 0
	block := numbered(1 << 20)
	for i := range 1200 {
		size := []int{1, 100, 4095, 4096, 65536, 200000, 17}[i%7]
		piece := block[(i*7919)%(len(block)-size):][:size]
		total += size
		sent.Write(piece)
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	atRest(t, s)
	got, n := sha256.New(), int64(0)
	for i := 100; i >= 0; i-- {
		r, err := os.Open(strings.TrimSuffix(fmt.Sprintf("%s.%d", name, i), ".0"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		k, err := io.Copy(got, r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if n != int64(total) || string(got.Sum(nil)) != string(sent.Sum(nil)) {
		t.Errorf("%d bytes of %d arrived, or others", n, total)
	}
}

// rotatedTwice is a log with a limit of 10 bytes and two backups, for which 4 more are enough.
func rotatedTwice(t *testing.T, backups int) (*File, *Sink) {
	t.Helper()
	f, err := (&Files{}).Open(logName(t), 10, backups)
	if err != nil {
		t.Fatal(err)
	}
	s := &Sink{}
	for _, text := range []string{"the first\n", "the second\n", "short\n"} {
		f.put([]byte(text), s, nil)
	}
	return f, s
}

// The backups move up before the write after which the file is rotated. When that write fails, they are one off and all
// there, the next rotation does not move them again, and what somebody else has put there meanwhile stays too.
func TestMovesUpAhead(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		f, s := rotatedTwice(t, 5)
		name := f.name
		f.mu.Lock()
		f.ahead(3)
		same(t, "not due", content(t, name+".1"), "the second\n")
		f.ahead(4) // and the write fails
		f.mu.Unlock()
		if _, err := os.Stat(name + ".1"); err == nil {
			t.Error("the name of the first backup is not free")
		}
		want := []string{"short\nlong\n", "the second\n", "the first\n"}
		if foreign {
			if err := os.WriteFile(name+".1", []byte("foreign\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			want = []string{"short\nlong\n", "foreign\n", "the second\n", "the first\n"}
		}
		f.put([]byte("long\n"), s, nil)
		for i, text := range want {
			same(t, f.backup(i+1), content(t, f.backup(i+1)), text)
		}
		same(t, "the log", content(t, name), "")
		f.Close()
	}
}

// A hand-over between the two keeps that they have moved up: they do not again, and none is lost.
func TestMovesUpBeforeHandOver(t *testing.T) {
	f, s := rotatedTwice(t, 2)
	f.mu.Lock()
	f.ahead(4) // and the write fails
	f.mu.Unlock()
	next := &Files{}
	next.Resume([]KeptFile{f.kept()})
	g, err := next.Open(f.name, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	g.put([]byte("long\n"), s, nil)
	for i, text := range []string{"short\nlong\n", "the second\n"} {
		same(t, g.backup(i+1), content(t, g.backup(i+1)), text)
	}
	g.Close()
	next.Settle()
}

// As in the original the oldest backup goes only when another one takes its place: where one is missing, it stays.
func TestRotationWithGap(t *testing.T) {
	for _, backups := range []int{1, 2, 3} {
		name := logName(t)
		f, err := (&Files{}).Open(name, 10, backups)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.backup(3), []byte("oldest\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"the first\n", "the second\n"} {
			f.put([]byte(text), &Sink{}, nil)
		}
		same(t, "the oldest", content(t, f.backup(3)), "oldest\n")
		same(t, "the newest", content(t, f.backup(1)), "the second\n")
		f.Close()
	}
}
