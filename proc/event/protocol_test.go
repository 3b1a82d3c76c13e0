package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tell writes steps down, logs as "LEVEL text".
func tell(steps []Step) []string {
	var out []string
	for _, s := range steps {
		switch s.Do {
		case Log:
			out = append(out, s.Level+" "+s.Text)
		case Print:
			out = append(out, fmt.Sprintf("print %q", s.Text))
		default:
			out = append(out, [...]string{Done: "done", Return: "return", Violated: "violated"}[s.Do])
		}
	}
	return out
}

const unknownLine = "WARN el: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol"

func TestListener(t *testing.T) {
	t.Parallel()
	ready := "DEBG el: ACKNOWLEDGED -> READY"
	violates := func(from string) []string {
		return []string{"DEBG el: " + from + " -> UNKNOWN", unknownLine, "violated"}
	}
	processed := []string{"DEBG el: event was processed", "DEBG el: BUSY -> ACKNOWLEDGED", "done"}
	rejected := []string{"WARN el: event was rejected", "DEBG el: BUSY -> ACKNOWLEDGED", "return"}
	bad := func(line string) []string {
		return append(append([]string{"WARN el: bad result line: '" + line + "'"}, violates("BUSY")...), "return")
	}
	for _, row := range []struct {
		name  string
		from  ListenerState
		input string
		want  []string
		state ListenerState
	}{
		{"nothing", Acknowledged, "", nil, Acknowledged},
		{"five bytes wait", Acknowledged, "READY", nil, Acknowledged},
		{"five wrong bytes wait", Acknowledged, "hello", nil, Acknowledged},
		{"ready", Acknowledged, "READY\n", []string{ready}, Ready},
		{"six wrong bytes", Acknowledged, "hello\n", violates("ACKNOWLEDGED"), Unknown},
		{"lower case", Acknowledged, "ready\n", violates("ACKNOWLEDGED"), Unknown},
		{"carriage return", Acknowledged, "READY\r\n", violates("ACKNOWLEDGED"), Unknown},
		{"ready twice", Acknowledged, "READY\nREADY\n", append([]string{ready}, violates("READY")...), Unknown},
		{"a byte too many", Acknowledged, "READY\n\n", append([]string{ready}, violates("READY")...), Unknown},

		{"talks while ready", Ready, "x", violates("READY"), Unknown},

		{"no line yet", Busy, "RESULT 2", nil, Busy},
		{"line alone", Busy, "RESULT 2\n", nil, Busy},
		{"half a body", Busy, "RESULT 2\nO", nil, Busy},
		{"ok", Busy, "RESULT 2\nOK", processed, Acknowledged},
		{"ok and ready", Busy, "RESULT 2\nOKREADY\n", append(slices.Clone(processed), ready), Ready},
		{"ok and newline", Busy, "RESULT 2\nOK\n", processed, Acknowledged},
		{"ok, newline, ready", Busy, "RESULT 2\nOK\nREADY\n", append(slices.Clone(processed), violates("ACKNOWLEDGED")...), Unknown},
		{"another word", Busy, "FOOBAR 2\nOK", processed, Acknowledged},
		{"seven bytes of anything", Busy, "       2\nOK", processed, Acknowledged},
		{"fail", Busy, "RESULT 4\nFAIL", rejected, Acknowledged},
		{"ok in lower case", Busy, "RESULT 2\nok", rejected, Acknowledged},
		{"ok with newline inside", Busy, "RESULT 3\nOK\n", rejected, Acknowledged},
		{"length in Python's taste", Busy, "RESULT  +0_2 \r\nOK", processed, Acknowledged},
		{"zero waits for more", Busy, "RESULT 0\n", nil, Busy},
		{"zero and more", Busy, "RESULT 0\nREADY\n", append(slices.Clone(rejected), ready), Ready},

		{"no number", Busy, "RESULT\n", bad("RESULT"), Unknown},
		{"empty line", Busy, "\n", bad(""), Unknown},
		{"ready while busy", Busy, "READY\n", bad("READY"), Unknown},
		{"a word", Busy, "RESULT OK\n", bad("RESULT OK"), Unknown},
		{"a fraction", Busy, "RESULT 2.0\n", bad("RESULT 2.0"), Unknown},
		{"underscore last", Busy, "RESULT 2_\n", bad("RESULT 2_"), Unknown},
		{"two underscores", Busy, "RESULT 2__0\n", bad("RESULT 2__0"), Unknown},
		{"negative", Busy, "RESULT -2\nOK", bad("RESULT -2"), Unknown},
		{"two signs", Busy, "RESULT +-2\nOK", bad("RESULT +-2"), Unknown},
		{"undecodable", Busy, "RESULT \xff\n", bad(`Undecodable: b'RESULT \xff'`), Unknown},
		{"too long a result", Busy, "RESULT 1048577\n", bad("RESULT 1048577"), Unknown},
		{"no int", Busy, "RESULT 99999999999999999999\n", bad("RESULT 99999999999999999999"), Unknown},
		{"a long line", Busy, "RESULT " + strings.Repeat("1", maxResultLine), bad("RESULT " + strings.Repeat("1", 73)), Unknown},
		{"a long line that ends", Busy, "RESULT 2" + strings.Repeat(" ", maxResultLine) + "\n", bad("RESULT 2" + strings.Repeat(" ", 72)), Unknown},

		{"unknown for ever", Unknown, "READY\n", nil, Unknown},
	} {
		// What arrives in one piece or byte by byte means the same.
		for _, piece := range []int{max(1, len(row.input)), 1} {
			l := Listener{Name: "el", state: row.from}
			var got []string
			for data := []byte(row.input); len(data) > 0; data = data[min(piece, len(data)):] {
				got = append(got, tell(l.Feed(data[:min(piece, len(data))]))...)
			}
			if !slices.Equal(got, row.want) || l.State() != row.state {
				t.Errorf("%s, pieces of %d:\ngot  %v %q\nwant %v %q", row.name, piece, l.State(), got, row.state, row.want)
			}
		}
	}
}

func TestListenerBigResult(t *testing.T) {
	t.Parallel()
	var size int
	l := Listener{Name: "el", state: Busy, Handle: func(_ Event, result []byte) (Verdict, string) {
		size = len(result)
		return Processed, ""
	}}
	l.Feed(fmt.Appendf(nil, "RESULT %d\n", maxResult))
	l.Feed(make([]byte, maxResult))
	if l.State() != Acknowledged || size != maxResult {
		t.Errorf("a result of %d bytes: state %v, handler saw %d", maxResult, l.State(), size)
	}
	if l.input != nil {
		t.Error("the buffer of a big result was kept")
	}
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		handler, result string
		verdict         Verdict
		print           string
	}{
		{DefaultHandlerName, "OK", Processed, ""},
		{DefaultHandlerName, "FAIL", Rejected, ""},
		{DefaultHandlerName, "", Rejected, ""},
		{StdoutHandlerName, "processname:web groupname:web pid:7 channel:stdout\nhello\n", Processed, "web stdout | hello\n"},
		{StdoutHandlerName, "processname:web groupname:g pid:7 channel:stderr\na\n\nb c:d", Processed, "web stderr | a\nweb stderr | \nweb stderr | b c:d\n"},
		{StdoutHandlerName, "OK", Broken, ""},
		{StdoutHandlerName, "when:5\n", Broken, ""},
		{StdoutHandlerName, "processname:a:b channel:stdout\nx", Broken, ""},
		{StdoutHandlerName, "processname channel:stdout\nx", Broken, ""},
	} {
		h, ok := HandlerByName(row.handler)
		if !ok {
			t.Fatalf("no handler %s", row.handler)
		}
		if v, print := h(Event{}, []byte(row.result)); v != row.verdict || print != row.print {
			t.Errorf("%s(%q) = %v, %q, want %v, %q", row.handler, row.result, v, print, row.verdict, row.print)
		}
	}
	if _, ok := HandlerByName("os:system"); ok {
		t.Error("found a handler os:system")
	}
	l := Listener{Name: "el", state: Busy, Handle: StdoutHandler}
	want := []string{"WARN el: event caused an error", "DEBG el: BUSY -> UNKNOWN", unknownLine, "violated", "return"}
	if got := tell(l.Feed([]byte("RESULT 2\nOK"))); !slices.Equal(got, want) {
		t.Errorf("a broken result: got %q, want %q", got, want)
	}
}

// FuzzListener feeds bytes in one piece and in two: the steps must be the same, the event
// dealt with at most once, and nothing kept without bound.
func FuzzListener(f *testing.F) {
	f.Add([]byte("READY\n"), uint8(0), uint(3))
	f.Add([]byte("RESULT 2\nOKREADY\n"), uint8(Busy), uint(9))
	f.Add([]byte("RESULT 4\nFAIL"), uint8(Busy), uint(1))
	f.Add([]byte("RESULT 0\nREADY\n"), uint8(Busy), uint(9))
	f.Add([]byte("RESULT -1\n"), uint8(Busy), uint(9))
	f.Add([]byte("x"), uint8(Ready), uint(0))
	f.Fuzz(func(t *testing.T, data []byte, from uint8, cut uint) {
		state := ListenerState(from % 4)
		one := Listener{Name: "el", state: state}
		two := Listener{Name: "el", state: state}
		i := int(cut % uint(len(data)+1))
		a := tell(one.Feed(data))
		b := append(tell(two.Feed(data[:i])), tell(two.Feed(data[i:]))...)
		if !slices.Equal(a, b) || one.state != two.state || string(one.input) != string(two.input) {
			t.Errorf("Feed(%q) from %v: %q %v, cut at %d: %q %v", data, state, a, one.state, i, b, two.state)
		}
		ends := 0
		for _, s := range a {
			if s == "done" || s == "return" {
				ends++
			}
		}
		if ends > 1 || ends == 1 && state != Busy {
			t.Errorf("Feed(%q) from %v ends %d events", data, state, ends)
		}
		if len(one.input) > maxResult {
			t.Errorf("keeps %d bytes", len(one.input))
		}
	})
}
