package xmlrpc

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

const python = "/usr/bin/python3"

// runPython runs a script with input on its standard input; without Python it skips.
func runPython(t *testing.T, input []byte, script string) []byte {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import xmlrpc.client").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, not compared with Python: %s: %v %s", python, err, out)
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", python, err, stderr.Bytes())
	}
	return out
}

// TestLikePython compares with what xmlrpc.client writes, byte for byte.
func TestLikePython(t *testing.T) {
	t.Parallel()
	rows := []struct {
		python string
		v      any
	}{
		{`""`, ""},
		{`"a<b>&amp;\"'\n\tgrün 😀 ]]>"`, "a<b>&amp;\"'\n\tgrün 😀 ]]>"},
		{`True`, true},
		{`False`, false},
		{`0`, 0},
		{`-2**31`, math.MinInt32},
		{`2**31-1`, int64(math.MaxInt32)},
		{`0.0`, 0.0},
		{`-0.0`, math.Copysign(0, -1)},
		{`1.0`, 1.0},
		{`-1.5`, -1.5},
		{`0.1+0.2`, 0.30000000000000004},
		{`0.0001`, 0.0001},
		{`0.00001`, 0.00001},
		{`1e15`, 1e15},
		{`1234567890123456.0`, 1234567890123456.0},
		{`1e16`, 1e16},
		{`1.5e300`, 1.5e300},
		{`5e-324`, 5e-324},
		{`float("inf")`, math.Inf(1)},
		{`-float("inf")`, math.Inf(-1)},
		{`float("nan")`, math.NaN()},
		{`b""`, []byte{}},
		{`bytes(range(256))`, func() (b []byte) {
			for i := range 256 {
				b = append(b, byte(i))
			}
			return b
		}()},
		{`b"x"*57`, []byte(strings.Repeat("x", 57))},
		{`datetime.datetime(2024, 2, 29, 23, 59, 58)`, time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC)},
		{`[]`, []any{}},
		{`["a", 1, [True]]`, []any{"a", 1, []any{true}}},
		{`["a", "b"]`, []string{"a", "b"}},
		{`[1, 2]`, []int{1, 2}},
		{`{}`, Struct{}},
		{`{"b": 1, "a": {"<": []}}`, Struct{{"b", 1}, {"a", Struct{{"<", []any{}}}}}},
	}
	var script, want strings.Builder
	script.WriteString("import datetime, sys, xmlrpc.client as x\nw = lambda s: sys.stdout.buffer.write(s.encode('utf-8'))\n")
	for _, row := range rows {
		fmt.Fprintf(&script, "w(x.dumps((%s,), methodresponse=True))\n", row.python)
		want.Write(AppendResponse(nil, row.v))
	}
	script.WriteString(`w(x.dumps(x.Fault(10, "BAD_NAME: a&b")))` + "\n")
	want.Write(AppendFault(nil, 10, "BAD_NAME: a&b"))
	script.WriteString(`w(x.dumps(("a", 1), "supervisor.tail"))` + "\n" + `w(x.dumps((), "m"))` + "\n")
	want.Write(appendCall(appendCall(nil, "supervisor.tail", "a", 1), "m"))

	got := strings.SplitAfter(string(runPython(t, nil, script.String())), "\n")
	for i, line := range strings.SplitAfter(want.String(), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d is %q, Python writes %q", i+1, line, got[min(i, len(got)-1)])
		}
	}
}

// TestPythonReads lets xmlrpc.client read what no Python program would have written.
func TestPythonReads(t *testing.T) {
	t.Parallel()
	body := AppendResponse(nil, []any{"\x1b[31mred\x00", "a\xffb", "x\r\ny", "grün"})
	out := runPython(t, body, "import sys, xmlrpc.client as x\nprint(ascii(x.loads(sys.stdin.buffer.read())))")
	want := `((['\ufffd[31mred\ufffd', 'a\ufffdb', 'x\r\ny', 'gr\xfcn'],), None)` + "\n"
	if string(out) != want {
		t.Errorf("Python reads %s, want %s", out, want)
	}
}

// TestReadsPython decodes calls that xmlrpc.client wrote.
func TestReadsPython(t *testing.T) {
	t.Parallel()
	out := runPython(t, nil, `
import datetime, sys, xmlrpc.client as x
sys.stdout.buffer.write(x.dumps(("a<&\r\n\u00fc", 1, True, 1.5, b"bytes", datetime.datetime(2024, 1, 2, 3, 4, 5),
    [1, []], {"methodName": "supervisor.getPID", "params": []}), "system.multicall").encode("utf-8"))`)
	method, params, err := Decode(bytes.NewReader(out), Limits{})
	want := []any{"a<&\n\u00fc", 1, true, 1.5, "bytes", time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		[]any{1, []any{}}, Struct{{"methodName", "supervisor.getPID"}, {"params", []any{}}}}
	if err != nil || method != "system.multicall" || !reflect.DeepEqual(params, want) {
		t.Errorf("Decode(%s) = %q, %#v, %v", out, method, params, err)
	}
}

// TestReadsAsSupervisor compares what calls mean with Supervisor's own reader.
func TestReadsAsSupervisor(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command(python, "-c", "import supervisor.xmlrpc").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, not compared with Supervisor: %s: %v %s", python, err, out)
	}
	bodies := []string{
		oneParam("<value>\n bare </value>"),
		oneParam("<value> <int> 7 </int> </value>"),
		oneParam("<value><string> a </string></value>"),
		oneParam("<value><string>a<!-- x -->b<![CDATA[<c>]]></string></value>"),
		oneParam("<value><string/></value>"),
		oneParam("<value/>"),
		oneParam("<value><boolean>1</boolean></value>"),
		oneParam("<value><boolean>true</boolean></value>"),
		oneParam("<value><boolean> 1</boolean></value>"),
		oneParam("<value><double>1e3</double></value>"),
		oneParam("<value><base64>aGVs\nbG8=</base64></value>"),
		oneParam("<value><base64>a!G V-sbG8=</base64></value>"),
		oneParam("<value><array><data><value>1</value><value><i4>2</i4></value></data></array></value>"),
		oneParam("<value><struct><member><name>a b</name><value>1</value></member></struct></value>"),
		oneParam("<value><nil/></value>"),
		oneParam("<value><ex:nil xmlns:ex='x'/></value>"),
		oneParam("<value><i2>5</i2></value>"),
		"<?xml version='1.0' encoding='utf-16'?><methodCall><methodName>grün</methodName></methodCall>",
		"<?xml version='1.1'?><methodCall><methodName>m</methodName></methodCall>",
		"\ufeff<methodCall><methodName>m</methodName></methodCall>",
		"<methodCall><methodName> m </methodName></methodCall>",
		"<?xml version='1.0' encoding='utf-8'?><methodCall>\n<methodName>m</methodName>\n<params>\n</params>\n</methodCall>\n",
		// Refused by both.
		oneParam("<value><int/></value>"),
		oneParam("<value><int>x</int></value>"),
		oneParam("<value><double/></value>"),
		oneParam("<value><base64>/w==</base64></value>"),
		oneParam("<value><base64>aGV</base64></value>"),
		oneParam("<value><dateTime.iso8601>2024</dateTime.iso8601></value>"),
		oneParam("<value><array/></value>"),
		oneParam(""),
		"<methodCall/>",
		"<methodCall><methodName></methodName></methodCall>",
		"<methodCall><methodName>m</methodName></methodCall>x",
		"<methodCall><methodName>&nbsp;</methodName></methodCall>",
		"<methodCall><methodName>\x1b</methodName></methodCall>",
		"",
	}
	out := runPython(t, []byte(strings.Join(bodies, "\x00")), `
import sys
from supervisor import xmlrpc
def show(v):
    if isinstance(v, bool): return "true" if v else "false"
    if isinstance(v, (list, tuple)): return "[" + " ".join(map(show, v)) + "]"
    if isinstance(v, dict): return "{" + " ".join(k + "=" + show(x) for k, x in v.items()) + "}"
    if isinstance(v, float): return "%g" % v
    if v is None: return "<nil>"
    return str(v)
h = xmlrpc.supervisor_xmlrpc_handler(None, [])
for body in sys.stdin.buffer.read().decode("utf-8").split("\0"):
    try:
        params, method = h.loads(body)
        text = method + show(params or ())
    except Exception:
        text = "refused"
    sys.stdout.buffer.write(text.encode("utf-8") + b"\0")
`)
	want := strings.Split(string(out), "\x00")
	for i, body := range bodies {
		got := "refused"
		if method, params, err := Decode(strings.NewReader(body), Limits{}); err == nil {
			got = method + show(params)
		}
		if got != want[i] {
			t.Errorf("%s means %q, to Supervisor %q", body, got, want[i])
		}
	}
}

func show(v any) string {
	var words []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			words = append(words, show(e))
		}
		return "[" + strings.Join(words, " ") + "]"
	case Struct:
		for _, m := range v {
			words = append(words, m.Name+"="+show(m.Value))
		}
		return "{" + strings.Join(words, " ") + "}"
	}
	return fmt.Sprint(v)
}
