package logs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestCapture(t *testing.T) {
	t.Parallel()
	const b, e = captureBegin, captureEnd
	for _, test := range []struct {
		name   string
		max    int64
		pieces []string
		log    string
		seen   string // pieces of OnData, by |
		caught string // by |
	}{
		{"none", 100, []string{"hello\n"}, "hello\n", "hello\n", ""},
		{"whole", 100, []string{"A" + b + "Hello!" + e + "B"}, "AB", "A|Hello!|B", "Hello!"},
		{"short rest is logged at the end", 100, []string{b + "x" + e + "B"}, "B", "x|B", "x"},
		{"split tokens", 100, []string{"A<!--XSUPERV", "ISOR:BEGIN-->Hel", "lo!<!--XSUPERVISOR:EN", "D-->B"}, "AB", "A|Hel|lo!|B", "Hello!"},
		{"two", 100, []string{b + "1" + e + "mid" + b + "2" + e}, "mid", "1|mid|2", "1|2"},
		{"empty", 100, []string{b + e}, "", "", ""},
		{"prefix that was none", 100, []string{"a<!--X", "b"}, "a<!--Xb", "a|<!--Xb", ""},
		{"prefix at the end", 100, []string{"a<!--X"}, "a<!--X", "a|<!--X", ""},
		{"prefix of a prefix", 100, []string{"<<!--", "<!--XSUPERVISOR:BEGIN-->x" + e}, "<<!--", "<|<!--|x", "x"},
		{"never ended", 100, []string{"A" + b + "lost<"}, "A", "A|lost|<", ""},
		{"end token alone is text", 100, []string{"A" + e + "B"}, "A" + e + "B", "A" + e + "B", ""},
		{"one piece too large is kept", 10, []string{b + "0123456789abcdef" + e}, "", "0123456789abcdef", "0123456789abcdef"},
		{"older bytes give way", 10, []string{b + "01234567", "abcd" + e}, "", "01234567|abcd", "4567abcd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var seen, caught notes
			name := logName(t)
			s := newSink(t, newPump(t), Options{Path: name, Capture: test.max,
				OnData:    func(_ int, d []byte) { seen.add(string(d)) },
				OnCapture: func(_ int, d []byte) { caught.add(string(d)) }})
			say(t, s, test.pieces...)
			same(t, "log", content(t, name), test.log)
			same(t, "OnData", strings.ReplaceAll(seen.all(), "\n", "|"), strings.ReplaceAll(test.seen, "\n", "|"))
			same(t, "OnCapture", strings.ReplaceAll(caught.all(), "\n", "|"), test.caught)
		})
	}
}

// cutUp feeds data to a run in pieces whose lengths come from cuts.
func cutUp(r *run, data, cuts []byte) (log []byte) {
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if i < len(cuts) {
			n = min(n, int(cuts[i]%40)+1)
		}
		buf := make([]byte, headroom+n)
		copy(buf[headroom:], data[:n])
		log = append(log, r.take(buf, n)...)
		data = data[n:]
	}
	return append(log, r.end()...)
}

func FuzzCapture(f *testing.F) {
	f.Add([]byte("A"+captureBegin+"Hello!"+captureEnd+"B"), []byte{3, 9, 1})
	f.Add([]byte(captureBegin+captureBegin+captureEnd+captureEnd), []byte{})
	f.Add([]byte("<!--<!--XSUPERVISOR:BEGIN-->\x1b["), []byte{1, 1, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		// Make tokens likely.
		data = bytes.ReplaceAll(data, []byte("b"), []byte(captureBegin))
		data = bytes.ReplaceAll(data, []byte("e"), []byte(captureEnd))
		var seen, caught []byte
		s := &Sink{o: Options{Capture: 1 << 30,
			OnData: func(_ int, d []byte) { seen = append(seen, d...) },
			OnCapture: func(_ int, d []byte) {
				caught = append(append(caught, d...), '|')
			}}}
		log := cutUp(newRun(s, 0), data, cuts)

		var wantLog, wantSeen, wantCaught []byte
		for rest := data; len(rest) > 0; {
			before, after, found := bytes.Cut(rest, []byte(captureBegin))
			wantLog, wantSeen = append(wantLog, before...), append(wantSeen, before...)
			if !found {
				break
			}
			inside, end, ended := bytes.Cut(after, []byte(captureEnd))
			wantSeen = append(wantSeen, inside...)
			if !ended {
				break
			}
			wantCaught = append(append(wantCaught, inside...), '|')
			rest = end
		}
		for _, c := range []struct {
			name      string
			got, want []byte
		}{{"log", log, wantLog}, {"OnData", seen, wantSeen}, {"OnCapture", caught, wantCaught}} {
			if !bytes.Equal(c.got, c.want) {
				t.Errorf("%s of %q cut by %v = %q, want %q", c.name, data, cuts, c.got, c.want)
			}
		}
	})
}

func TestStripANSI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{"plain", "plain"},
		{"\x1b[31mred\x1b[0m", "red"},
		{"a\x1b[2Jb\x1b[1;1Hc", "abc"},
		{"\x1bM stays", "\x1bM stays"},
		{"cut \x1b[31", "cut "},
		{"\x1b[31 to the H ends it", "e H ends it"},
		{"esc at the end\x1b", "esc at the end\x1b"},
		{"\x1b\x1b[1mtwo", "\x1btwo"},
		{"m\x1b[mm", "mm"},
	} {
		s := &Sink{o: Options{StripANSI: true}}
		for _, cuts := range [][]byte{nil, {0, 0, 0, 0, 0, 0, 0, 0}, {2, 1, 3}} {
			same(t, fmt.Sprintf("%q cut by %v", test.in, cuts), string(cutUp(newRun(s, 0), []byte(test.in), cuts)), test.want)
		}
	}
}

// originalStrip is Supervisor's loop, on the whole text.
func originalStrip(s []byte) (out []byte) {
	show := true
	for i := 0; i < len(s); i++ {
		if !show && strings.IndexByte(ansiEnds, s[i]) >= 0 {
			show = true
		} else if show {
			n := bytes.Index(s[i:], []byte("\x1b["))
			if n < 0 {
				return append(out, s[i:]...)
			}
			out = append(out, s[i:i+n]...)
			i += n
			show = false
		}
	}
	return out
}

func FuzzStripANSI(f *testing.F) {
	f.Add([]byte("a\x1b[1mb\x1b[0m"), []byte{1, 2})
	f.Add([]byte("\x1b\x1b[\x1b[m\x1b"), []byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		data = bytes.ReplaceAll(data, []byte("e"), []byte("\x1b["))
		s := &Sink{o: Options{StripANSI: true}}
		if got, want := cutUp(newRun(s, 0), data, cuts), originalStrip(data); !bytes.Equal(got, want) {
			t.Errorf("%q cut by %v = %q, want %q", data, cuts, got, want)
		}
		// With a capture behind it nothing is lost either.
		s = &Sink{o: Options{StripANSI: true, Capture: 100}}
		got := cutUp(newRun(s, 0), data, cuts)
		s = &Sink{o: Options{Capture: 100}}
		if want := cutUp(newRun(s, 0), originalStrip(data), nil); !bytes.Equal(got, want) {
			t.Errorf("with capture: %q cut by %v = %q, want %q", data, cuts, got, want)
		}
	})
}
