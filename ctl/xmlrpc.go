package ctl

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gosv/daemon/wire"
)

// The client's half of XML-RPC. Values are string, int, bool, float64, []byte, []any and
// map[string]any.

// encodeCall is the text of a call; params are strings, ints and bools.
func encodeCall(method string, params ...any) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version='1.0'?>\n<methodCall>\n<methodName>")
	xml.EscapeText(&b, []byte(method))
	b.WriteString("</methodName>\n<params>\n")
	for _, p := range params {
		b.WriteString("<param>\n<value>")
		switch p := p.(type) {
		case string:
			b.WriteString("<string>")
			xml.EscapeText(&b, []byte(p))
			b.WriteString("</string>")
		case int:
			fmt.Fprintf(&b, "<int>%d</int>", p)
		case int64:
			fmt.Fprintf(&b, "<int>%d</int>", p)
		case bool:
			n := 0
			if p {
				n = 1
			}
			fmt.Fprintf(&b, "<boolean>%d</boolean>", n)
		default:
			panic(fmt.Sprintf("internal error: XML-RPC parameter of type %T", p))
		}
		b.WriteString("</value>\n</param>\n")
	}
	b.WriteString("</params>\n</methodCall>\n")
	return b.Bytes()
}

// maxDepth is how deep the values of an answer may be nested.
const maxDepth = 32

// decodeResponse reads an answer: its value, or a *wire.Fault as error.
func decodeResponse(data []byte) (any, error) {
	p := xmlParser{d: xml.NewDecoder(bytes.NewReader(hideControls(data)))}
	p.d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	v, err := p.response()
	var fault *wire.Fault
	if err != nil && !errors.As(err, &fault) {
		return nil, fmt.Errorf("cannot understand the server's XML-RPC answer: %v", err)
	}
	return v, err
}

// supervisord sends a log's control characters as they are, which no XML may contain and
// which make its own client fail. They travel through the decoder as private characters.
const (
	hiddenBase = 0xf0000 // plane 15, for private use
	lastHidden = hiddenBase + 0x1f
)

func hideControls(data []byte) []byte {
	data = bytes.ToValidUTF8(data, []byte("\ufffd"))
	var out []byte
	start := 0
	for i, c := range data {
		if c < ' ' && c != '\t' && c != '\n' {
			out = append(out, data[start:i]...)
			out = utf8.AppendRune(out, hiddenBase+rune(c))
			start = i + 1
		}
	}
	if out == nil {
		return data
	}
	return append(out, data[start:]...)
}

func showControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= hiddenBase && r <= lastHidden {
			return r - hiddenBase
		}
		return r
	}, s)
}

type xmlParser struct {
	d     *xml.Decoder
	depth int
}

// next is the next start or end of an element, and the text before it.
func (p *xmlParser) next() (xml.Token, string, error) {
	var text []byte
	for {
		t, err := p.d.Token()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.StartElement, xml.EndElement:
			return t, showControls(string(text)), nil
		}
	}
}

// open expects the start of one of these elements and says which one it was; "" is the
// end of the element around.
func (p *xmlParser) open(names ...string) (string, error) {
	t, _, err := p.next()
	if err != nil {
		return "", err
	}
	start, ok := t.(xml.StartElement)
	if !ok {
		return "", nil
	}
	for _, n := range names {
		if start.Name.Local == n {
			return n, nil
		}
	}
	return "", fmt.Errorf("unexpected <%s>", start.Name.Local)
}

// need is open for an element that must be there.
func (p *xmlParser) need(name string) error {
	got, err := p.open(name)
	if err == nil && got == "" {
		err = fmt.Errorf("<%s> is missing", name)
	}
	return err
}

// shut expects the end of the current element and is the text before it.
func (p *xmlParser) shut() (string, error) {
	t, text, err := p.next()
	if err != nil {
		return "", err
	}
	if start, ok := t.(xml.StartElement); ok {
		return "", fmt.Errorf("unexpected <%s>", start.Name.Local)
	}
	return text, nil
}

func (p *xmlParser) response() (any, error) {
	if err := p.need("methodResponse"); err != nil {
		return nil, err
	}
	switch kind, err := p.open("params", "fault"); {
	case err != nil:
		return nil, err
	case kind == "fault":
		if err := p.need("value"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m, _ := v.(map[string]any)
		code, _ := m["faultCode"].(int)
		text, _ := m["faultString"].(string)
		return nil, faultOf(code, text)
	}
	if err := p.need("param"); err != nil {
		return nil, err
	}
	if err := p.need("value"); err != nil {
		return nil, err
	}
	return p.value()
}

// value reads what is in <value>, whose start was read, to its end.
func (p *xmlParser) value() (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("values nested too deep")
	}
	defer func() { p.depth-- }()
	t, text, err := p.next()
	if err != nil {
		return nil, err
	}
	start, ok := t.(xml.StartElement)
	if !ok {
		return text, nil // without a type it is a string
	}
	v, err := p.typed(start.Name.Local)
	if err != nil {
		return nil, err
	}
	_, err = p.shut()
	return v, err
}

func (p *xmlParser) typed(kind string) (any, error) {
	switch kind {
	case "array":
		return p.array()
	case "struct":
		return p.members()
	}
	text, err := p.shut()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "string", "dateTime.iso8601":
		return text, nil
	case "int", "i4", "i8":
		return strconv.Atoi(strings.TrimSpace(text))
	case "boolean":
		return strings.TrimSpace(text) == "1", nil
	case "double":
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	case "base64":
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	case "nil":
		return nil, nil
	}
	return nil, fmt.Errorf("unknown type <%s>", kind)
}

func (p *xmlParser) array() (any, error) {
	if err := p.need("data"); err != nil {
		return nil, err
	}
	list := []any{}
	for {
		switch kind, err := p.open("value"); {
		case err != nil:
			return nil, err
		case kind == "": // </data>
			_, err := p.shut()
			return list, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (p *xmlParser) members() (any, error) {
	m := map[string]any{}
	for {
		switch kind, err := p.open("member"); {
		case err != nil:
			return nil, err
		case kind == "": // </struct>
			return m, nil
		}
		if err := p.need("name"); err != nil {
			return nil, err
		}
		name, err := p.shut()
		if err != nil {
			return nil, err
		}
		if err := p.need("value"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m[name] = v
		if _, err := p.shut(); err != nil { // </member>
			return nil, err
		}
	}
}

// faultOf is a Supervisor fault: its text is "NAME" or "NAME: extra".
func faultOf(number int, text string) *wire.Fault {
	code, msg, _ := strings.Cut(text, ": ")
	if wire.Number(code) != number || number == 0 {
		code, msg = "FAULT_"+strconv.Itoa(number), text
		for _, known := range faultNames() {
			if wire.Number(known) == number {
				code = known
			}
		}
	}
	return &wire.Fault{Code: code, Number: number, Msg: msg}
}

// faultNames is Supervisor's faults, for servers that describe them in other words.
func faultNames() []string {
	return []string{
		wire.UnknownMethod, wire.IncorrectParameters, wire.BadArguments, wire.SignatureUnsupported,
		wire.ShutdownState, wire.BadName, wire.BadSignal, wire.NoFile, wire.NotExecutable,
		wire.Failed, wire.AbnormalTermination, wire.SpawnError, wire.AlreadyStarted,
		wire.NotRunning, wire.Success, wire.AlreadyAdded, wire.StillRunning, wire.CantReread,
	}
}
