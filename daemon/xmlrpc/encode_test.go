package xmlrpc

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// info writes itself, as a process's information does.
type info struct {
	name  string
	group string
	start int
	desc  string
	state int
}

func (p info) AppendXMLRPC(dst []byte) []byte {
	dst = BeginStruct(dst)
	dst = AppendStringMember(dst, "name", p.name)
	dst = AppendStringMember(dst, "group", p.group)
	dst = AppendIntMember(dst, "start", p.start)
	dst = AppendIntMember(dst, "stop", 0)
	dst = AppendIntMember(dst, "now", p.start+64)
	dst = AppendIntMember(dst, "state", p.state)
	dst = AppendStringMember(dst, "statename", "RUNNING")
	dst = AppendStringMember(dst, "spawnerr", "")
	dst = AppendIntMember(dst, "exitstatus", 0)
	dst = AppendStringMember(dst, "logfile", "/var/log/supervisor/web.log")
	dst = AppendStringMember(dst, "stdout_logfile", "/var/log/supervisor/web.log")
	dst = AppendStringMember(dst, "stderr_logfile", "")
	dst = AppendIntMember(dst, "pid", 13962)
	dst = AppendStringMember(dst, "description", p.desc)
	return EndStruct(dst)
}

func TestAppendResponse(t *testing.T) {
	t.Parallel()
	want := "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n" +
		"<member>\n<name>statecode</name>\n<value><int>1</int></value>\n</member>\n" +
		"<member>\n<name>statename</name>\n<value><string>RUNNING</string></value>\n</member>\n" +
		"</struct></value>\n</param>\n</params>\n</methodResponse>\n"
	if got := string(AppendResponse(nil, Struct{{"statecode", 1}, {"statename", "RUNNING"}})); got != want {
		t.Errorf("AppendResponse = %s\nwant %s", got, want)
	}
	want = "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n" +
		"<member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n" +
		"<member>\n<name>faultString</name>\n<value><string>BAD_NAME: &lt;x&gt;</string></value>\n</member>\n" +
		"</struct></value>\n</fault>\n</methodResponse>\n"
	if got := string(AppendFault(nil, 10, "BAD_NAME: <x>")); got != want {
		t.Errorf("AppendFault = %s\nwant %s", got, want)
	}
}

// What Python would write as something that is not XML, or not at all.
func TestAppendValueBeyondPython(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		v    any
		want string
	}{
		{"late time", int64(1) << 40, "<value><int>2147483647</int></value>\n"},
		{"early time", math.MinInt, "<value><int>-2147483648</int></value>\n"},
		{"escape", "\x1b[31mred\x00\x7f", "<value><string>\uFFFD[31mred\uFFFD\x7f</string></value>\n"},
		{"not UTF-8", "a\xff\xc3b\xe2\x82", "<value><string>a\uFFFD\uFFFDb\uFFFD\uFFFD</string></value>\n"},
		{"not for XML", "\uFFFE\uFFFF\uFFFD", "<value><string>\uFFFD\uFFFD\uFFFD</string></value>\n"},
		{"line ends", "a\r\nb\tc", "<value><string>a&#13;\nb\tc</string></value>\n"},
		{"in a name", Struct{{"\x01", true}}, "<value><struct>\n<member>\n<name>\uFFFD</name>\n<value><boolean>1</boolean></value>\n</member>\n</struct></value>\n"},
	} {
		if got := string(AppendValue(nil, row.v)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("AppendValue of a function did not panic")
		}
	}()
	AppendValue(nil, func() {})
}

// FuzzText: any string arrives as it was, but for what XML cannot hold.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a<b>&c", "\r\n\r", "\x1b[0m", "grün 😀", "\xff\xfe", "\uFFFE]]>", " \t "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := AppendString(nil, s)
		if !utf8.Valid(out) {
			t.Fatalf("AppendString(%q) is not UTF-8: %q", s, out)
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return utf8.RuneError
			}
			return r
		}, s)
		call := appendCall(nil, "m", s, Struct{{s, []any{[]byte(want)}}})
		_, params, err := Decode(strings.NewReader(string(call)), Limits{})
		if err != nil || len(params) != 2 || params[0] != want {
			t.Fatalf("%q came back as %q, %v", s, params, err)
		}
		member := params[1].(Struct)[0]
		if member.Name != want || member.Value.([]any)[0] != want {
			t.Fatalf("%q came back as the member %q", s, member)
		}
	})
}

func BenchmarkThousandProcesses(b *testing.B) {
	all := make([]any, 1000)
	for i := range all {
		all[i] = info{name: "worker_00", group: "worker", start: 1795372815, state: 20, desc: "pid 13962, uptime 0:01:04"}
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendResponse(buf[:0], all)
	}
	b.SetBytes(int64(len(buf)))
}

// appendCall appends a call.
func appendCall(dst []byte, method string, params ...any) []byte {
	dst = append(dst, prolog+"<methodCall>\n<methodName>"...)
	dst = AppendText(dst, method)
	dst = append(dst, "</methodName>\n<params>\n"...)
	for _, p := range params {
		dst = append(dst, "<param>\n"...)
		dst = AppendValue(dst, p)
		dst = append(dst, "</param>\n"...)
	}
	return append(dst, "</params>\n</methodCall>\n"...)
}
