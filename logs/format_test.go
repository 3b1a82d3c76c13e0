package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// marks writes a line as "[text]", with a sign for each part.
func marks(dst, _, text []byte, part Part) []byte {
	if part&Again != 0 {
		dst = append(dst, '+')
	}
	dst = append(append(append(dst, '['), text...), ']')
	if part&More != 0 {
		dst = append(dst, '>')
	}
	if part&Cut != 0 {
		dst = append(dst, '.')
	}
	return append(dst, '\n')
}

// joined writes the bytes as they came.
func joined(dst, _, text []byte, part Part) []byte {
	if dst = append(dst, text...); part&(More|Cut) == 0 {
		dst = append(dst, '\n')
	}
	return dst
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", lineMax)
	for _, test := range []struct {
		name   string
		pieces []string
		want   string // what is written, with the flush at the end
	}{
		{"one", []string{"a\n"}, "[a]\n"},
		{"some", []string{"a\nb\n\nc\n"}, "[a]\n[b]\n[]\n[c]\n"},
		{"in pieces", []string{"a", "b", "\nc", "\n"}, "[ab]\n[c]\n"},
		{"no end", []string{"a\nb"}, "[a]\n[b].\n"},
		{"nothing", []string{"", ""}, ""},
		{"carriage returns stay", []string{"a\r\n\rb\n"}, "[a\r]\n[\rb]\n"},
		{"as long as may be", []string{long + "\n"}, "[" + long + "]\n"},
		{"as long as may be, in pieces", []string{long[:5], long[5:], "\n"}, "[" + long + "]\n"},
		{"longer", []string{long + "y\n"}, "[" + long + "]>\n+[y]\n"},
		{"much longer", []string{long + long + "y", "z\nb\n"}, "[" + long + "]>\n+[" + long + "]>\n+[yz]\n[b]\n"},
		{"longer, without an end", []string{long + "y"}, "[" + long + "]>\n+[y].\n"},
		{"a character is not cut", []string{long[1:] + "ß\n"}, "[" + long[1:] + "]>\n+[ß]\n"},
		{"nor one of four bytes", []string{long[3:], "\xf0\x9f", "\x90\xb3", "\n"}, "[" + long[3:] + "]>\n+[🐳]\n"},
		{"what is no character is", []string{long[1:] + "\xff\xfey\n"}, "[" + long[1:] + "\xff]>\n+[\xfey]\n"},
	} {
		l := lines{write: marks}
		got := ""
		for _, p := range test.pieces {
			got += string(l.take([]byte(p)))
		}
		if got += string(l.flush()); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, shortened(got), shortened(test.want))
		}
		if l.held != nil && cap(l.held) > 1<<10 {
			t.Errorf("%s: %d bytes are kept", test.name, cap(l.held))
		}
	}
}

func shortened(s string) string { return regexp.MustCompile(`x{9,}`).ReplaceAllString(s, "x...") }

// However the bytes come, every line comes out whole and once, and no memory is shared.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb"), uint16(1))
	f.Add([]byte(strings.Repeat("ß", lineMax)+"\n"), uint16(4097))
	f.Add([]byte("\n\n\xff\xfe"), uint16(2))
	f.Fuzz(func(t *testing.T, text []byte, step uint16) {
		l := lines{write: joined}
		var got []byte
		var outs [][]byte
		for rest := text; len(rest) > 0; {
			n := min(len(rest), max(1, int(step)))
			piece := bytes.Clone(rest[:n])
			outs = append(outs, l.take(piece))
			clear(piece) // the pump uses its buffer again
			rest = rest[n:]
		}
		outs = append(outs, l.flush())
		for _, o := range outs {
			got = append(got, o...)
		}
		if !bytes.Equal(got, text) {
			t.Errorf("got %q, want %q", got, text)
		}
	})
}

func TestFormats(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("", 3600))
	web := Label{Program: "web", Group: "web", Stream: "stdout"}
	member := Label{Program: `a"b`, Group: "g", Stream: "stderr"}
	own := Label{Program: "gosv", Group: "gosv", Stream: "log", Level: "INFO"}
	for _, test := range []struct {
		line Line
		text string
		part Part
		want string
	}{
		{Plain, "a", 0, "a\n"},
		{Plain, "a", More, "a\n"},
		{Plain, "a", Again | Cut, "a\n"},
		{web.Prefix(), "hello", 0, "2026-03-04T05:06:07.089+01:00 web stdout | hello\n"},
		{web.Prefix(), "hello", More, "2026-03-04T05:06:07.089+01:00 web stdout | hello\n"},
		{web.Prefix(), "hello", More | Again, "2026-03-04T05:06:07.089+01:00 web stdout + hello\n"},
		{member.Prefix(), "", 0, "2026-03-04T05:06:07.089+01:00 g:a\"b stderr | \n"},
		{own.Prefix(), "x", 0, "2026-03-04T05:06:07.089+01:00 gosv INFO | x\n"},
		{web.JSON(), "hello", 0, `{"time":"2026-03-04T05:06:07.089+01:00","program":"web","group":"web","stream":"stdout","log":"hello"}` + "\n"},
		{member.JSON(), "h", More, `{"time":"2026-03-04T05:06:07.089+01:00","program":"a\"b","group":"g","stream":"stderr","log":"h","partial":true}` + "\n"},
		{own.JSON(), "x", 0, `{"time":"2026-03-04T05:06:07.089+01:00","program":"gosv","group":"gosv","stream":"log","level":"INFO","log":"x"}` + "\n"},
	} {
		if got := string(test.line(nil, Stamp(at), []byte(test.text), test.part)); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{"plain", "\"\\\n\r\t\x00\x1f\x7f", "ß🐳\u2028", "\xff\xf0\x9f", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got string
		b := appendJSON(nil, text)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if want := strings.ToValidUTF8(string(text), "\ufffd"); got != want && utf8.Valid(text) {
			t.Errorf("%q is read back as %q", text, got)
		}
		for _, c := range b {
			if c < ' ' || c == 0x7f {
				t.Errorf("%q has a control character", b)
			}
		}
	})
}

// A sink writes its lines formatted, tail and followers see what the program wrote.
func TestSinkFormats(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	path := filepath.Join(t.TempDir(), "log")
	s := newSink(t, p, Options{Name: "a", Stream: "stdout", Path: path, Line: marks, StripANSI: true, Capture: 100})
	for _, piece := range []string{"one\ntw", "o \x1b[1m!\x1b[0m\n<!--XSUPERVISOR:BEGIN-->hid<!--XSUPERVISOR:END-->thr"} {
		w := attach(t, s)
		write(t, w, piece) // one run after another: a line does not go on in the next
		w.Close()
		atRest(t, s)
	}
	if got, want := content(t, path), "[one]\n[tw].\n[o !]\n[thr].\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The last line of a program that leaves a child behind, which holds the pipe.
	w := attach(t, s)
	write(t, w, "done\nlast words")
	drained(t, s)
	if got := content(t, path); !strings.HasSuffix(got, "[done]\n[last words].\n") {
		t.Errorf("got %q", got)
	}
	write(t, w, "late\n")
	w.Close()
	soon(t, "the late line", func() bool { return strings.HasSuffix(content(t, path), "[last words].\n[late]\n") })
}

// ownPipe is a pipe, with names for two descriptors of its end that is written to.
func ownPipe(t *testing.T) (r *os.File, one, two string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	again, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close(); unix.Close(again) })
	return r, fmt.Sprintf("/dev/fd/%d", w.Fd()), fmt.Sprintf("/dev/fd/%d", again)
}

// Programs that write to both of our streams, which are one pipe, never tear a line.
func TestLinesStayWhole(t *testing.T) {
	t.Parallel()
	r, stdout, stderr := ownPipe(t)
	p := newPump(t)
	fs := &Files{}
	const writers, each = 6, 300
	got := make(chan []byte, 1)
	go func() {
		var all []byte
		buf := make([]byte, 1000)
		for bytes.Count(all, []byte("\n")) < writers*each {
			n, err := r.Read(buf)
			if err != nil {
				break
			}
			all = append(all, buf[:n]...)
		}
		got <- all
	}()
	for i := range writers {
		path := stdout
		if i%2 == 1 {
			path = stderr
		}
		s := newSink(t, p, Options{Files: fs, Path: path, Line: Label{Program: fmt.Sprint("p", i), Group: "g", Stream: "stdout"}.Prefix()})
		w := attach(t, s)
		go func() {
			for n := range each { // each line in three writes
				fmt.Fprintf(w, "%d begin ", n)
				fmt.Fprint(w, strings.Repeat("x", n*7%5000))
				fmt.Fprint(w, " end\n")
			}
			w.Close()
		}()
	}
	var all []byte
	select {
	case all = <-got:
	case <-time.After(40 * time.Second):
		t.Fatal("not all lines came")
	}
	line := regexp.MustCompile(`^\S+ g:p(\d) stdout \| (\d+) begin (x*) end$`)
	next := map[string]int{}
	for l := range strings.Lines(string(all)) {
		m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if m == nil {
			t.Fatalf("a torn line: %.200q", l)
		}
		if m[2] != fmt.Sprint(next[m[1]]) || len(m[3]) != next[m[1]]*7%5000 {
			t.Fatalf("p%s: line %s of %d bytes, want line %d", m[1], m[2], len(m[3]), next[m[1]])
		}
		next[m[1]]++
	}
}

// stall fills a pipe that nobody reads through a sink and says how long the writer lasted.
func TestOverflow(t *testing.T) {
	t.Parallel()
	const line = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
	total := 4 * backlogMax / len(line)
	for _, test := range []struct {
		name  string
		how   Overflow
		waits bool // the writer is held until somebody reads
		lost  bool
	}{{"patient", Patient, false, true}, {"block", Block, true, false}, {"drop", Drop, false, true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, path, _ := ownPipe(t)
			p := newPump(t)
			n := &notes{}
			s := newSink(t, p, Options{Files: &Files{Overflow: test.how}, Path: path, Line: Plain, Report: n.report, Quiet: time.Millisecond})
			w := attach(t, s)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range total {
					w.WriteString(line)
				}
				w.Close()
			}()
			if test.waits {
				select {
				case <-ended:
					t.Errorf("the writer did not wait")
				case <-time.After(2*patience + patience/2): // longer than patience: that is the point
				}
			} else {
				select {
				case <-ended:
				case <-time.After(40 * time.Second):
					t.Fatal("the writer waits")
				}
			}
			// The reader comes back; whole lines come, and all of them or the loss is counted.
			read := make(chan int, 1)
			go func() {
				var all []byte
				buf := make([]byte, 64<<10)
				for int64(len(all))+s.Stats().Lost < int64(total*len(line)) {
					k, err := r.Read(buf)
					if err != nil {
						break
					}
					all = append(all, buf[:k]...)
				}
				for l := range bytes.Lines(all) {
					if string(l) != line {
						t.Errorf("a torn line: %q", l)
						break
					}
				}
				read <- len(all)
			}()
			select {
			case got := <-read:
				lost := s.Stats().Lost
				if int64(got)+lost != int64(total*len(line)) || (lost > 0) != test.lost {
					t.Errorf("read %d, lost %d of %d", got, lost, total*len(line))
				}
				if test.lost {
					soon(t, "a report", func() bool { return strings.Contains(n.all(), "lost") })
				}
				if test.how == Drop && !regexp.MustCompile(`it is not read fast enough; \d+ bytes \(\d+ lines\) lost so far`).MatchString(n.all()) {
					t.Errorf("reports: %s", n.all())
				}
			case <-time.After(40 * time.Second):
				t.Fatal("not all came")
			}
		})
	}
}

// TestOverflowRoom: a burst of short lines is not lost because each gets a time and a name,
// and programs that lose lines do not crowd out the line that says so.
func TestOverflowRoom(t *testing.T) {
	t.Parallel()
	r, path, _ := ownPipe(t)
	files := &Files{Overflow: Drop}
	s := newSink(t, newPump(t), Options{Files: files, Path: path, Report: (&notes{}).report})
	own, err := files.Open(path, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	f := s.file.Load()
	line := bytes.Repeat([]byte("burst\n"), backlogMax/3) // twice what is kept
	f.put(line, s, nil)
	if lost := s.Stats().Lost; lost != 0 {
		t.Errorf("%d bytes were lost of the first burst, which nothing was before", lost)
	}
	f.put(line, s, nil)
	if lost := s.Stats().Lost; lost != int64(len(line)) {
		t.Errorf("%d bytes were lost of the second burst, want all %d", lost, len(line))
	}
	own.Write([]byte("some were lost\n")) // it is queued, and waits for the reader, a second at most
	var all []byte
	buf := make([]byte, 64<<10)
	for !bytes.HasSuffix(all, []byte("some were lost\n")) {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("%v after %d bytes", err, len(all))
		}
		all = append(all, buf[:n]...)
	}
	if len(all) != len(line)+len("some were lost\n") {
		t.Errorf("%d bytes came, want the first burst and the line: %d", len(all), len(line))
	}
}

func BenchmarkLines(b *testing.B) {
	text := bytes.Repeat([]byte("2026-01-01 some message of usual length, with a number 12345\n"), 1000)
	for name, line := range map[string]Line{"plain": Plain, "prefix": Label{Program: "web", Group: "web", Stream: "stdout"}.Prefix(), "json": Label{Program: "web", Group: "web", Stream: "stdout"}.JSON()} {
		b.Run(name, func(b *testing.B) {
			l := lines{write: line}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				l.take(text)
			}
		})
	}
}
