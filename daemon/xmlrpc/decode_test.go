package xmlrpc

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// oneParam is a call of m with that <value> as its parameter.
func oneParam(value string) string {
	return "<?xml version='1.0'?><methodCall><methodName>m</methodName><params><param>" + value + "</param></params></methodCall>"
}

func TestDecodeValues(t *testing.T) {
	t.Parallel()
	big := int64(5000000000)
	for _, row := range []struct {
		name, value string
		want        any
	}{
		{"int", "<value><int>5</int></value>", 5},
		{"i4 with blanks", "<value>\n <i4> -5\n</i4> </value>", -5},
		{"i8", "<value><i8>5000000000</i8></value>", int(big)},
		{"true", "<value><boolean>1</boolean></value>", true},
		{"false", "<value><boolean>0</boolean></value>", false},
		{"no boolean", "<value><boolean>true</boolean></value>", false},
		{"string", "<value><string> a b </string></value>", " a b "},
		{"empty string", "<value><string/></value>", ""},
		{"bare text", "<value>a\nb</value>", "a\nb"},
		{"empty value", "<value/>", ""},
		{"escapes", "<value>&lt;&amp;&gt;&quot;&apos;&#13;&#xe9;</value>", "<&>\"'\ré"},
		{"cdata", "<value><string><![CDATA[<a>&amp;]]></string></value>", "<a>&amp;"},
		{"a comment inside", "<value><string>a<!-- x -->b</string></value>", "ab"},
		{"double", "<value><double>-1.5e3</double></value>", -1500.0},
		{"date", "<value><dateTime.iso8601>20240229T23:59:58</dateTime.iso8601></value>", time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC)},
		{"base64", "<value><base64>\naGVs\nbG8=\n</base64></value>", "hello"},
		{"nil", "<value><nil/></value>", nil},
		{"nil of another name space", "<value><ex:nil xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'/></value>", nil},
		{"a type that is unknown", "<value><i2>5</i2></value>", "5"},
		{"empty array", "<value><array><data/></array></value>", []any{}},
		{"array", "<value><array><data><value>a</value>\n<value><int>1</int></value></data></array></value>", []any{"a", 1}},
		{"empty struct", "<value><struct/></value>", Struct{}},
		{"struct", "<value><struct><member><name>a</name><value>1</value></member>\n<member>\n<name/><value><array><data/></array></value></member></struct></value>",
			Struct{{"a", "1"}, {"", []any{}}}},
	} {
		method, params, err := Decode(strings.NewReader(oneParam(row.value)), Limits{})
		if err != nil || method != "m" || !reflect.DeepEqual(params, []any{row.want}) {
			t.Errorf("%s: Decode = %q, %#v, %v, want %#v", row.name, method, params, err, row.want)
		}
	}
}

func TestDecodeCalls(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, body string
		method     string
		params     []any
	}{
		{"no params", "<methodCall><methodName>a.b</methodName></methodCall>", "a.b", nil},
		{"empty params", "<methodCall><methodName>a.b</methodName><params/></methodCall>", "a.b", []any{}},
		{"params first", "<methodCall><params><param><value>x</value></param></params><methodName>m</methodName></methodCall>", "m", []any{"x"}},
		{"blanks are part of a name", "<methodCall><methodName> m </methodName></methodCall>", " m ", nil},
		{"around the root", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a -->\n<methodCall>\n<methodName>m</methodName>\n</methodCall>\n<!-- z -->\n", "m", nil},
		{"latin1", "<?xml version='1.0' encoding='ISO-8859-1'?><methodCall><methodName>gr\xfcn</methodName></methodCall>", "grün", nil},
		{"version and encoding that are not so", "<?xml version='1.1' encoding='utf-16'?><methodCall><methodName>grün</methodName></methodCall>", "grün", nil},
		{"byte order mark", "\ufeff<methodCall><methodName>m</methodName></methodCall>", "m", nil},
		{"ascii", "<?xml version='1.0' encoding='us-ascii'?><methodCall><methodName>m</methodName></methodCall>", "m", nil},
	} {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(row.body), "byte by byte": iotest.OneByteReader(strings.NewReader(row.body))} {
			method, params, err := Decode(r, Limits{})
			if err != nil || method != row.method || !reflect.DeepEqual(params, row.params) {
				t.Errorf("%s, %s: Decode = %q, %#v, %v, want %q, %#v", row.name, how, method, params, err, row.method, row.params)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	call := "<methodCall><methodName>m</methodName></methodCall>"
	nested := func(n int) string {
		return oneParam(strings.Repeat("<value><array><data>", n) + strings.Repeat("</data></array></value>", n))
	}
	for _, row := range []struct{ name, body, want string }{
		{"nothing", "", "unexpected EOF"},
		{"no XML", "hello", "unexpected text"},
		{"cut off", call[:30], "XML syntax error on line 1: unexpected EOF"},
		{"another root", "<methodResponse/>", "unexpected <methodResponse> where <methodCall> belongs"},
		{"text after", call + "x", "unexpected text"},
		{"a second call", call + call, "unexpected <methodCall>"},
		{"no name", "<methodCall/>", "no method name"},
		{"empty name", "<methodCall><methodName/></methodCall>", "no method name"},
		{"two names", "<methodCall><methodName>m</methodName><methodName>m</methodName></methodCall>", "unexpected <methodName> in <methodCall>"},
		{"two params", "<methodCall><methodName>m</methodName><params/><params/></methodCall>", "unexpected <params> in <methodCall>"},
		{"element in name", "<methodCall><methodName><b>m</b></methodName></methodCall>", "unexpected <b> in text"},
		{"name space", `<methodCall xmlns="x"/>`, "<methodCall> has a name space"},
		{"document type", "<!DOCTYPE methodCall>" + call, "a document type is not allowed"},
		{"entity bomb", `<!DOCTYPE m [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><methodCall><methodName>&b;</methodName></methodCall>`, "a document type is not allowed"},
		{"unknown entity", "<methodCall><methodName>&nbsp;</methodName></methodCall>", "XML syntax error on line 1: invalid character entity &nbsp;"},
		{"control character", "<methodCall><methodName>\x1b</methodName></methodCall>", "XML syntax error on line 1: illegal character code U+001B"},
		{"invalid UTF-8", "<methodCall><methodName>\xff</methodName></methodCall>", "XML syntax error on line 1: invalid UTF-8"},
		{"declaration", "<?xml version='1.0'" + call, "the XML declaration is broken"},
		{"a long declaration", "<?xml " + strings.Repeat(" ", 5000) + "?>" + call, "the XML declaration is too long"},
		{"an open declaration", "<?xml version='1.0'", "unexpected EOF"},
		{"nil with something in it", oneParam("<value><nil><b/></nil></value>"), "unexpected <b> in text"},
		{"param without value", oneParam(""), "<value> is missing"},
		{"two values", oneParam("<value/><value/>"), "unexpected <value>"},
		{"two types", oneParam("<value><int>1</int><int>1</int></value>"), "unexpected <int>"},
		{"text and type", oneParam("<value>x<int>1</int></value>"), "text before <int> in a value"},
		{"type and text", oneParam("<value><int>1</int>x</value>"), "unexpected text"},
		{"element in int", oneParam("<value><int><b/></int></value>"), "unexpected <b> in text"},
		{"empty int", oneParam("<value><int/></value>"), "bad <int>: invalid syntax"},
		{"no int", oneParam("<value><int>1.5</int></value>"), "bad <int>: invalid syntax"},
		{"big int", oneParam("<value><int>" + strings.Repeat("9", 1000) + "</int></value>"), "bad <int>: value out of range"},
		{"no double", oneParam("<value><double>x</double></value>"), "bad <double>: invalid syntax"},
		{"no date", oneParam("<value><dateTime.iso8601>2024-01-01</dateTime.iso8601></value>"), "bad <dateTime.iso8601>: not of the form YYYYMMDDTHH:MM:SS"},
		{"no base64", oneParam("<value><base64>aGV</base64></value>"), "bad <base64>: illegal base64 data at input byte 0"},
		{"base64 of no text", oneParam("<value><base64>/w==</base64></value>"), "bad <base64>: it is not UTF-8 text"},
		{"array without data", oneParam("<value><array/></value>"), "<data> is missing"},
		{"array of ints", oneParam("<value><array><data><int>1</int></data></array></value>"), "unexpected <int> where <value> belongs"},
		{"member without name", oneParam("<value><struct><member><value/></member></struct></value>"), "unexpected <value> where <name> belongs"},
		{"member without value", oneParam("<value><struct><member><name>a</name></member></struct></value>"), "<value> is missing"},
		{"nested too deeply", nested(65), "values are nested too deeply"},
		{"a long name", "<" + strings.Repeat("x", 1000) + "/>", "unexpected <" + strings.Repeat("x", 200-len("unexpected <")) + "..."},
	} {
		method, params, err := Decode(strings.NewReader(row.body), Limits{})
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: Decode = %q, %v, %v, want %q", row.name, method, params, err, row.want)
		}
	}
	if _, _, err := Decode(strings.NewReader(nested(64)), Limits{}); err != nil {
		t.Errorf("64 arrays in each other: %v", err)
	}
	if _, _, err := Decode(strings.NewReader("<methodCall/>"), Limits{}); !errors.Is(err, ErrNoMethod) {
		t.Errorf("without a method: %v", err)
	}
}

func TestDecodeLimits(t *testing.T) {
	t.Parallel()
	body := oneParam("<value>" + strings.Repeat("x", 10000) + "</value>")
	if _, _, err := Decode(strings.NewReader(body), Limits{Bytes: int64(len(body))}); err != nil {
		t.Errorf("a body of just the limit: %v", err)
	}
	if _, _, err := Decode(strings.NewReader(body), Limits{Bytes: int64(len(body)) - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, _, err := Decode(strings.NewReader(oneParam("<value><struct/></value>")), Limits{Depth: 1}); err != nil {
		t.Errorf("depth 1: %v", err)
	}
	broken := errors.New("broken")
	if _, _, err := Decode(io.MultiReader(strings.NewReader("<methodCall>"), iotest.ErrReader(broken)), Limits{}); !errors.Is(err, broken) {
		t.Errorf("a reader's error comes back as %v", err)
	}
}

func TestStructGet(t *testing.T) {
	t.Parallel()
	s := Struct{{"a", 1}, {"b", 2}, {"a", 3}}
	if v, ok := s.Get("a"); v != 3 || !ok {
		t.Errorf("Get(a) = %v, %v", v, ok)
	}
	if v, ok := s.Get("c"); v != nil || ok {
		t.Errorf("Get(c) = %v, %v", v, ok)
	}
}

// FuzzDecode: no input panics, and what was understood can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add(string(appendCall(nil, "supervisor.tailProcessStdoutLog", "web:*", 0, 1024)))
	f.Add(string(appendCall(nil, "system.multicall", []any{Struct{{"methodName", "supervisor.getPID"}, {"params", []any{}}}})))
	f.Add(string(appendCall(nil, "supervisor.getAllProcessInfo")))
	f.Add(oneParam("<value><double>1e400</double></value>"))
	f.Add(oneParam("<value><dateTime.iso8601>00010101T00:00:00</dateTime.iso8601></value>"))
	f.Add(oneParam("<value><base64>aGVsbG8=</base64></value>"))
	f.Add("<?xml version='1.0' encoding='latin1'?><methodCall><methodName>\xe9</methodName></methodCall>")
	f.Add("<!DOCTYPE a><methodCall/>")
	f.Fuzz(func(t *testing.T, body string) {
		method, params, err := Decode(strings.NewReader(body), Limits{Bytes: 1 << 16})
		if m, p, ok := usual([]byte(body)); ok && (err != nil || m != method || !reflect.DeepEqual(p, params)) {
			t.Errorf("usual(%q) = %q, %#v; Decode = %q, %#v, %v", body, m, p, method, params, err)
		}
		if err != nil {
			return
		}
		again := appendCall(nil, method, params...)
		method2, params2, err := Decode(strings.NewReader(string(again)), Limits{})
		if err != nil || method2 != method || string(appendCall(nil, method2, params2...)) != string(again) || len(params2) != len(params) {
			t.Errorf("Decode(%q) = %q, %#v; again: %q, %#v, %v", body, method, params, method2, params2, err)
		}
	})
}

// TestUsual compares the short way with the parser, and sees that it is taken.
func TestUsual(t *testing.T) {
	t.Parallel()
	for body, short := range map[string]bool{
		string(appendCall(nil, "supervisor.getAllProcessInfo")):                                       true,
		"<?xml version='1.0'?><methodCall><methodName>a.b</methodName><params></params></methodCall>": true,
		"<?xml version=\"1.0\"?>\r\n<methodCall>\t<methodName>m</methodName> </methodCall>\n":         true,
		" <methodCall><methodName>m</methodName></methodCall>":                                        true,
		" <?xml version='1.0'?><methodCall><methodName>m</methodName></methodCall>":                   false,
		"<methodCall><methodName>m </methodName></methodCall>":                                        false,
		"<methodCall><methodName>m&amp;</methodName></methodCall>":                                    false,
		"<methodCall><methodName>m</methodName><params/></methodCall>":                                false,
		"<methodCall><methodName>m</methodName><params></params></methodCall>x":                       false,
		"<methodCall><methodName>m</methodName><params>x</params></methodCall>":                       false,
		"<methodCall><methodName></methodName></methodCall>":                                          false,
		"<methodCall><methodName>m</methodName></methodCall><methodCall/>":                            false,
		"<methodCall><methodName>m</methodName>":                                                      false,
		"<?xml version='1.0'?>":                                                                       false,
		"<?xml version='1.0' encoding='latin1'?><methodCall><methodName>m</methodName></methodCall>":  false,
		oneParam("<value>1</value>"):                                                                  false,
	} {
		method, params, ok := usual([]byte(body))
		if ok != short {
			t.Errorf("usual(%q) is %v", body, ok)
		}
		m, p, err := DecodeBytes([]byte(body), Limits{})
		m2, p2, err2 := Decode(strings.NewReader(body), Limits{})
		if m != m2 || !reflect.DeepEqual(p, p2) || (err == nil) != (err2 == nil) || ok && (m != method || !reflect.DeepEqual(p, params)) {
			t.Errorf("%q: DecodeBytes = %q, %#v, %v; Decode = %q, %#v, %v", body, m, p, err, m2, p2, err2)
		}
	}
	if _, _, err := DecodeBytes(appendCall(nil, "m"), Limits{Bytes: 10}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a body beyond the limit: %v", err)
	}
}
