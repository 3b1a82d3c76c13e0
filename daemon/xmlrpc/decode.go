package xmlrpc

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits bound what a call may cost. The zero value means the defaults.
type Limits struct {
	Bytes int64 // length of the body; default 4 MiB
	Depth int   // arrays and structs within each other; default 64
}

var (
	// ErrTooLarge says that the body is longer than Limits.Bytes.
	ErrTooLarge = errors.New("the request is too large")
	// ErrNoMethod says that the call, fine otherwise, names no method.
	ErrNoMethod = errors.New("no method name")
)

// Decode reads one call. Parameters are nil, string, int, bool, float64, time.Time (UTC,
// for want of a zone), []any or Struct. As in Supervisor base64 gives a string, which must
// be UTF-8, a <value> without a type, or with one that is unknown, is a string, a boolean
// is true if it is "1" and false otherwise, <params> may be missing, and the encoding that
// the document claims does not count but for Latin-1. Entities other than XML's own five
// are unknown, and so are document types.
//
// Every error is the client's fault, or the reader's error.
func Decode(r io.Reader, lim Limits) (method string, params []any, err error) {
	if lim.Bytes <= 0 {
		lim.Bytes = 4 << 20
	}
	if lim.Depth <= 0 {
		lim.Depth = 64
	}
	body, err := withoutDeclaration(bufio.NewReader(&bounded{r: r, left: lim.Bytes}))
	if err != nil {
		return "", nil, err
	}
	d := &decoder{xml: xml.NewDecoder(body), depth: lim.Depth}
	if method, params, err = d.document(); err != nil {
		return "", nil, brief(err)
	}
	return method, params, nil
}

// DecodeBytes is Decode for a body that is at hand. The usual call without parameters is read
// without a parser: it is what dashboards send again and again.
func DecodeBytes(body []byte, lim Limits) (method string, params []any, err error) {
	if lim.Bytes <= 0 || lim.Bytes >= int64(len(body)) {
		if method, params, ok := usual(body); ok {
			return method, params, nil
		}
	}
	return Decode(bytes.NewReader(body), lim)
}

// usual reads a call of the plainest form that has no parameters. What it takes means the same to
// the parser.
func usual(body []byte) (method string, params []any, ok bool) {
	rest := body
	skip := func(tag string) bool {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		after, found := bytes.CutPrefix(rest, []byte(tag))
		rest = after
		return found
	}
	if after, found := bytes.CutPrefix(rest, []byte("<?xml version='1.0'?>")); found {
		rest = after
	} else if after, found := bytes.CutPrefix(rest, []byte(`<?xml version="1.0"?>`)); found {
		rest = after
	}
	if !skip("<methodCall>") || !skip("<methodName>") {
		return "", nil, false
	}
	n := 0
	for n < len(rest) && (rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || rest[n] == '.') {
		n++
	}
	method, rest = string(rest[:n]), rest[n:]
	if after, found := bytes.CutPrefix(rest, []byte("</methodName>")); !found || n == 0 {
		return "", nil, false
	} else {
		rest = after
	}
	if skip("<params>") {
		if params = []any{}; !skip("</params>") {
			return "", nil, false
		}
	}
	return method, params, skip("</methodCall>") && len(bytes.TrimLeft(rest, " \t\r\n")) == 0
}

// brief shortens an error that quotes a megabyte of the request.
func brief(err error) error {
	const enough = 200
	if text := err.Error(); len(text) > enough {
		return errors.New(strings.ToValidUTF8(text[:enough], "") + "...")
	}
	return err
}

type decoder struct {
	xml   *xml.Decoder
	depth int // how many more arrays and structs may be opened
}

// document reads everything.
func (d *decoder) document() (method string, params []any, err error) {
	if err := d.begin("methodCall"); err != nil {
		return "", nil, err
	}
	if method, params, err = d.call(); err != nil {
		return "", nil, err
	}
	if tok, err := d.next(); err != io.EOF { // nothing may follow
		if err == nil {
			err = unexpected(tok)
		}
		return "", nil, err
	}
	if method == "" {
		return "", nil, ErrNoMethod
	}
	return method, params, nil
}

// call reads the inside of <methodCall>.
func (d *decoder) call() (method string, params []any, err error) {
	named := false
	for {
		name, err := d.child()
		switch {
		case err != nil:
			return "", nil, err
		case name == "":
			return method, params, nil
		case name == "methodName" && !named:
			named = true
			method, err = d.text()
		case name == "params" && params == nil:
			params, err = d.list("param", d.only)
		default:
			err = fmt.Errorf("unexpected <%s> in <methodCall>", name)
		}
		if err != nil {
			return "", nil, err
		}
	}
}

// list reads elements called name until the enclosing one ends.
func (d *decoder) list(name string, read func() (any, error)) ([]any, error) {
	values := []any{}
	for {
		child, err := d.child()
		if err != nil || child == "" {
			return values, err
		}
		if child != name {
			return nil, fmt.Errorf("unexpected <%s> where <%s> belongs", child, name)
		}
		v, err := read()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
}

// only reads a single <value> and the end of the enclosing element.
func (d *decoder) only() (any, error) {
	if err := d.begin("value"); err != nil {
		return nil, err
	}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	return v, d.end()
}

// value reads the inside of <value>.
func (d *decoder) value() (any, error) {
	text, start, err := d.textOrStart()
	if err != nil {
		return nil, err
	}
	if start == "" {
		return text, nil
	}
	if strings.TrimSpace(text) != "" {
		return nil, fmt.Errorf("text before <%s> in a value", start)
	}
	v, err := d.typed(start)
	if err != nil {
		return nil, err
	}
	return v, d.end()
}

// typed reads the inside of the element that says a value's type.
func (d *decoder) typed(typ string) (any, error) {
	switch typ {
	case "array", "struct":
		if d.depth--; d.depth < 0 {
			return nil, errors.New("values are nested too deeply")
		}
		defer func() { d.depth++ }()
		if typ == "struct" {
			return d.members()
		}
		if err := d.begin("data"); err != nil {
			return nil, err
		}
		values, err := d.list("value", d.value)
		if err != nil {
			return nil, err
		}
		return values, d.end()
	}
	text, err := d.text()
	if err != nil {
		return nil, err
	}
	if typ == "nil" {
		return nil, nil
	}
	scalar, ok := scalars(typ)
	if !ok {
		return text, nil
	}
	v, err := scalar(text)
	if err != nil {
		return nil, fmt.Errorf("bad <%s>: %v", typ, err)
	}
	return v, nil
}

// members reads the inside of <struct>.
func (d *decoder) members() (any, error) {
	s := Struct{}
	for {
		child, err := d.child()
		if err != nil || child == "" {
			return s, err
		}
		if child != "member" {
			return nil, fmt.Errorf("unexpected <%s> in a struct", child)
		}
		var m Member
		if err := d.begin("name"); err != nil {
			return nil, err
		}
		if m.Name, err = d.text(); err != nil {
			return nil, err
		}
		if m.Value, err = d.only(); err != nil {
			return nil, err
		}
		s = append(s, m)
	}
}

// next returns the next token that means something.
func (d *decoder) next() (xml.Token, error) {
	for {
		tok, err := d.xml.Token()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not allowed")
		case xml.Comment, xml.ProcInst:
			continue
		case xml.CharData:
			if strings.TrimSpace(string(tok)) == "" {
				continue
			}
		case xml.StartElement:
			if tok.Name.Space != "" {
				return nil, fmt.Errorf("<%s> has a name space", tok.Name.Local)
			}
		}
		return tok, nil
	}
}

// child returns the name of the next child element, whose inside is to be read next, or
// "" at the end of the enclosing element.
func (d *decoder) child() (string, error) {
	tok, err := d.next()
	if err != nil {
		return "", early(err)
	}
	switch tok := tok.(type) {
	case xml.StartElement:
		return tok.Name.Local, nil
	case xml.EndElement:
		return "", nil
	}
	return "", unexpected(tok)
}

// begin reads the start of an element that must come next.
func (d *decoder) begin(name string) error {
	child, err := d.child()
	switch {
	case err != nil || child == name:
		return err
	case child == "":
		return fmt.Errorf("<%s> is missing", name)
	}
	return fmt.Errorf("unexpected <%s> where <%s> belongs", child, name)
}

// end reads the end of the enclosing element.
func (d *decoder) end() error {
	child, err := d.child()
	if err == nil && child != "" {
		err = fmt.Errorf("unexpected <%s>", child)
	}
	return err
}

// text reads the inside of an element that has no children.
func (d *decoder) text() (string, error) {
	text, start, err := d.textOrStart()
	if err == nil && start != "" {
		err = fmt.Errorf("unexpected <%s> in text", start)
	}
	return text, err
}

// textOrStart reads text up to the end of the element (start is "") or to a child.
func (d *decoder) textOrStart() (text, start string, err error) {
	var b strings.Builder
	for {
		tok, err := d.xml.Token()
		if err != nil {
			return "", "", early(err)
		}
		switch tok := tok.(type) {
		case xml.CharData:
			b.Write(tok)
		case xml.StartElement:
			return b.String(), tok.Name.Local, nil // in any name space: <ex:nil/>
		case xml.EndElement:
			return b.String(), "", nil
		case xml.Directive:
			return "", "", errors.New("a document type is not allowed")
		}
	}
}

func unexpected(tok xml.Token) error {
	switch tok := tok.(type) {
	case xml.StartElement:
		return fmt.Errorf("unexpected <%s>", tok.Name.Local)
	case xml.CharData:
		return errors.New("unexpected text")
	}
	return errors.New("unexpected end of an element")
}

func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
