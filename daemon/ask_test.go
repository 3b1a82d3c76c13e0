package daemon

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gosv/daemon/xmlrpc"
)

// multi is one call of a multicall.
func multi(method string, params ...any) xmlrpc.Struct {
	s := xmlrpc.Struct{{Name: "methodName", Value: method}}
	if params != nil {
		s = append(s, xmlrpc.Member{Name: "params", Value: params})
	}
	return s
}

// canonical sorts the members of a JSON text, as answers are compared.
func canonical(t *testing.T, s string) string {
	t.Helper()
	if strings.HasPrefix(s, "!") {
		return s
	}
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return asJSON(t, v)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := encodeJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func faultText(code string, number int, text string) string {
	s := fmt.Sprintf("! %s %d", code, number)
	if text != code {
		s += " " + text
	}
	return s
}

// askJSON is the answer over JSON.
func askJSON(t *testing.T, path, method string, params []any) string {
	t.Helper()
	_, last := dial(t, path).call(7, method, plain(params))
	if f := last.Err; f != nil {
		return faultText(f.Code, number(f), faultString(f))
	}
	return canonical(t, string(last.OK))
}

// plain turns structs for XML-RPC into maps for JSON.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		if v == nil {
			return nil
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case xmlrpc.Struct:
		m := map[string]any{}
		for _, x := range v {
			m[x.Name] = plain(x.Value)
		}
		return m
	}
	return v
}

// askXML is the answer over XML-RPC.
func askXML(t *testing.T, path, method string, params []any) string {
	t.Helper()
	res, body := postXML(t, unixClient(path), "http://localhost/RPC2", requestXML(method, params))
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/xml" {
		t.Fatalf("status %s, %v, %s", res.Status, res.Header, body)
	}
	return parseXML(t, body)
}

func requestXML(method string, params []any) string {
	b := []byte("<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n<params>\n")
	for _, p := range params {
		b = append(xmlrpc.AppendValue(append(b, "<param>\n"...), p), "</param>\n"...)
	}
	return string(b) + "</params>\n</methodCall>\n"
}

func postXML(t *testing.T, c *http.Client, url, body string) (*http.Response, []byte) {
	t.Helper()
	res, err := c.Post(url, "text/xml", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer c.CloseIdleConnections()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != res.ContentLength {
		t.Errorf("%d bytes, and Content-Length %d", len(b), res.ContentLength)
	}
	return res, b
}

// xmlNode is any element.
type xmlNode struct {
	XMLName xml.Name
	Text    string    `xml:",chardata"`
	Kids    []xmlNode `xml:",any"`
}

// parseXML is a response as canonical JSON, or the text of its fault.
func parseXML(t *testing.T, body []byte) string {
	t.Helper()
	var root xmlNode
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&root); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	top := root.Kids[0]
	if top.XMLName.Local == "fault" {
		f := top.Kids[0].value(t).(map[string]any)
		text := f["faultString"].(string)
		code, _, _ := strings.Cut(text, ":")
		return faultText(code, f["faultCode"].(int), text)
	}
	return asJSON(t, top.Kids[0].Kids[0].value(t))
}

// value is what a <value> says.
func (n xmlNode) value(t *testing.T) any {
	t.Helper()
	if len(n.Kids) == 0 {
		return n.Text
	}
	k := n.Kids[0]
	switch k.XMLName.Local {
	case "string":
		return k.Text
	case "int":
		var i int
		fmt.Sscan(k.Text, &i)
		return i
	case "boolean":
		return k.Text == "1"
	case "array":
		list := []any{}
		for _, v := range k.Kids[0].Kids {
			list = append(list, v.value(t))
		}
		return list
	case "struct":
		m := map[string]any{}
		for _, x := range k.Kids {
			m[x.Kids[0].Text] = x.Kids[1].value(t)
		}
		return m
	}
	t.Fatalf("a value of type %s", k.XMLName.Local)
	return nil
}
