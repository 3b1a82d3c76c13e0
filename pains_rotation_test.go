package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// concatenated is a log with its backups, the oldest first. A rotation that was forbidden in the
// midst leaves out a number.
func concatenated(t testing.TB, log string) []byte {
	t.Helper()
	number := func(backup string) int { n, _ := strconv.Atoi(backup[len(log)+1:]); return n }
	files, _ := filepath.Glob(log + ".*")
	slices.SortFunc(files, func(a, b string) int { return number(b) - number(a) })
	var all []byte
	for _, name := range append(files, log) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatalf("%v, of %v", err, files)
		}
		all = append(all, data...)
	}
	return all
}

// With rotation, the backups and the log together are what was written, to the byte: for
// all sizes and numbers of backups, two programs in one file, external renames and truncation.
func TestPain11Rotation(t *testing.T) {
	t.Parallel()
	const n = 50_000 // 289 KB
	stream := numbers(n)
	sum := sha256.Sum256(stream)
	var text strings.Builder
	b := newBox(t, "", "")
	type row struct {
		name    string
		size    string
		limit   int
		backups int
	}
	var rows []row
	for _, size := range []row{{size: "0"}, {size: "1", limit: 1}, {size: "30000", limit: 30000}, {size: "64KB", limit: 64 << 10}} {
		for _, backups := range []int{0, 1, 10, 400} {
			r := row{fmt.Sprintf("s%sb%d", size.size, backups), size.size, size.limit, backups}
			rows = append(rows, r)
			fmt.Fprintf(&text, `[program:%s]
command = sh -c 'seq 1 20000; seq 20001 %d'
startsecs = 0
autorestart = false
stdout_logfile = %%(here)s/%[1]s.log
stdout_logfile_maxbytes = %[3]s
stdout_logfile_backups = %[4]d
`, r.name, n, r.size, r.backups)
		}
	}
	b.config("", text.String())
	b.start()
	b.all("EXITED")
	for _, r := range rows {
		log := b.path(r.name + ".log")
		got := concatenated(t, log)
		backups, _ := filepath.Glob(log + ".*")
		switch {
		case len(backups) > r.backups:
			t.Errorf("%s: %d backups", r.name, len(backups))
		case r.limit == 0 || len(backups) < r.backups: // nothing was thrown away
			if r.limit > 0 && r.backups == 0 {
				break
			}
			if sha256.Sum256(got) != sum {
				t.Errorf("%s: %s", r.name, differ(got, stream))
			}
		}
		if !bytes.HasSuffix(stream, got) {
			t.Errorf("%s: what is kept (%d bytes in %d files) is not the end of the stream", r.name, len(got), len(backups)+1)
		}
		if least := r.limit * len(backups); len(got) < least {
			t.Errorf("%s: %d bytes in %d backups of %d", r.name, len(got), len(backups), r.limit)
		}
	}
}

func TestPain11SharedFile(t *testing.T) {
	t.Parallel()
	const n = 40_000
	b := newBox(t, "", fmt.Sprintf(`
[program:w]
process_name = w%%(process_num)d
numprocs = 2
command = sh -c 'i=1; while [ $i -le %d ]; do echo %%(process_num)d $i; i=$((i+1)); done'
startsecs = 0
autorestart = false
stdout_logfile = %%(here)s/both.log
stdout_logfile_maxbytes = 20000
stdout_logfile_backups = 500
[program:other]
command = sh -c 'i=1; while [ $i -le %[1]d ]; do echo 2 $i; i=$((i+1)); done'
startsecs = 0
autorestart = false
stdout_logfile = %%(here)s/./link.log
stdout_logfile_maxbytes = 20000
stdout_logfile_backups = 500
`, n))
	if err := os.Symlink("both.log", b.path("link.log")); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.all("EXITED")
	next := map[int]int{}
	for line := range strings.Lines(string(concatenated(t, b.path("both.log")))) {
		var who, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &who, &i); err != nil || i != next[who]+1 {
			t.Fatalf("after line %d of %d comes %q", next[who], who, line)
		}
		next[who] = i
	}
	for who := range 3 {
		if next[who] != n {
			t.Errorf("%d lines of %d, want %d", next[who], who, n)
		}
	}
}

// Somebody else's logrotate: rename and USR2, or copytruncate.
func TestPain11ExternalRotation(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	b.config("", fmt.Sprintf("[program:moved]\n"+meter, "moved.meter", b.dir)+"stdout_logfile = %(here)s/moved.log\n"+
		fmt.Sprintf("[program:cut]\n"+meter, "cut.meter", b.dir)+"stdout_logfile = %(here)s/cut.log\nstdout_logfile_maxbytes = 200KB\n")
	b.start()
	var moved []byte
	for i := range 5 {
		b.more(500, "moved.meter")
		name := fmt.Sprintf("moved.%d", i)
		if err := os.Rename(b.path("moved.log"), b.path(name)); err != nil {
			t.Fatal(err)
		}
		b.signal(syscall.SIGUSR2)
		b.until("the file is there again", func() bool { return b.read("moved.log") != "" })
		moved = append(moved, b.read(name)...)
		b.until("it is cut", func() bool { // in the middle of a rotation it is not there
			err := os.Truncate(b.path("cut.log"), 0)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			return err == nil
		})
		b.until("it goes on", func() bool { return b.read("cut.log") != "" })
		if at := strings.IndexByte(b.read("cut.log"), 0); at >= 0 {
			t.Fatalf("a hole at %d after the truncation", at)
		}
	}
	b.do("stop", named{Name: "all"})
	moved = append(moved, b.read("moved.log")...)
	lines, _ := b.meter("moved.meter")
	if d := differ(moved, meterText(0, len(moved))); d != "" || len(moved) < meterBytes(lines) {
		t.Errorf("%d lines written: %s", lines, d)
	}
	b.stop()
}

// Output of half a gigabyte over a rotating file keeps its order, and the daemon its size.
func TestPain11Flood(t *testing.T) {
	t.Parallel()
	n := long(1_000_000) // 6.9 MB
	b := newBox(t, "", fmt.Sprintf(`
[program:w]
command = seq 1 %d
startsecs = 0
autorestart = false
stdout_logfile = %%(here)s/w.log
stdout_logfile_maxbytes = 1MB
stdout_logfile_backups = 100
`, n)).start()
	b.reaches("w", "EXITED")
	if d := differ(concatenated(t, b.path("w.log")), numbers(n)); d != "" {
		t.Error(d)
	}
	b.stop()
}
