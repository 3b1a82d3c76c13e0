package conf

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Convert writes the configuration in file in the other format; to is "ini" or "toml". The
// values are not expanded: %(here)s and the like stay as they are, and so does [include],
// whose files are not converted. Comments before sections and options and at the ends of
// their lines are kept. What the other format has no place for is left as a comment; what
// it cannot say is an error.
func Convert(w io.Writer, file, to string) error {
	if to != "ini" && to != "toml" {
		return fmt.Errorf("cannot convert to %q: the formats are ini and toml", to)
	}
	text, err := readFile(file)
	if err != nil {
		return Errors{{Msg: "could not read config file " + file, Hint: reason(err)}}
	}
	doc, isTOML, errs := parse(file, text, "", nil)
	if len(errs) > 0 {
		return errs
	}
	if isTOML == (to == "toml") {
		_, err := w.Write(text)
		return err
	}
	c := newConverter(doc, to, string(text))
	c.convert()
	if len(c.errs) > 0 {
		c.errs.Sort()
		return c.errs
	}
	_, err = w.Write(c.out.Bytes())
	return err
}

type converter struct {
	doc     *document
	toTOML  bool
	lines   []string
	used    []bool // by line: its comment was carried over
	dropped int    // comments that were not
	out     bytes.Buffer
	errs    Errors
}

func newConverter(doc *document, to, text string) *converter {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	return &converter{doc: doc, toTOML: to == "toml", lines: lines, used: make([]bool, len(lines)+1)}
}

func (c *converter) convert() {
	if !c.toTOML && c.doc.section("supervisord") == nil { // INI must have it
		c.out.WriteString("[supervisord]\n\n")
	}
	for i, s := range c.doc.sections {
		if i > 0 {
			c.out.WriteByte('\n')
		}
		c.section(s)
	}
	if !c.toTOML && c.doc.section("supervisorctl") == nil {
		c.ctl()
	}
	c.rest()
}

func (c *converter) section(s *section) {
	k, _ := sectionKindOf(s.name)
	c.comments(s.pos.Line)
	header, off := "["+s.name+"]", ""
	if k == nil { // TOML refuses what it does not know
		off = "# "
	}
	if c.toTOML {
		header = tomlHeader(s.name)
	} else if k != nil && !readsBack(header+"\nx = 1\n", s.name, "x", "1") {
		c.errs = append(c.errs, &Error{Pos: s.pos, Section: s.name, Msg: "INI cannot have a section of this name"})
	}
	c.out.WriteString(off + header + c.inline(s.pos.Line, nil) + "\n")
	for _, x := range s.settings {
		c.setting(s, k, x, off)
	}
	if c.toTOML && k != nil && k.kind == inInet && c.open(s) {
		c.out.WriteString("insecure = true # as before: who reaches this address needs no password\n")
	}
}

// open says whether an [inet_http_server] is one that a TOML file must call insecure.
func (c *converter) open(s *section) bool {
	var inet InetServer
	if x := s.setting("port"); x == nil || optionOf(inInet, "port").set(&values{inet: &inet}, x.value) != nil || loopback(inet.Host) {
		return false
	}
	return s.setting("username") == nil && s.setting("insecure") == nil && !slices.ContainsFunc(c.doc.sections, func(s *section) bool {
		k, _ := sectionKindOf(s.name)
		return k != nil && k.kind == inAccess && s.setting("password") != nil
	})
}

func (c *converter) setting(s *section, k *sectionKind, x setting, off string) {
	var o *option
	if k != nil {
		o = optionOf(k.kind, x.key)
	}
	if o == nil && (k == nil || !k.free) {
		if slices.ContainsFunc(c.doc.defaults, func(d setting) bool { return d.pos == x.pos }) {
			return // [DEFAULT] says it to every section
		}
		if off == "" {
			off = "# unknown option: "
		}
	}
	c.comments(x.pos.Line)
	key, value := x.key, ""
	if c.toTOML {
		x.value = eachString(x.value, dollarsToTOML)
	} else {
		x.value = eachString(x.value, func(old string) string {
			text, ok := dollarsToINI(old)
			if !ok && off == "" {
				c.errs = append(c.errs, &Error{Pos: x.pos, Section: s.name, Key: x.key,
					Msg: "INI cannot have the value " + strconv.Quote(old)})
			}
			return text
		})
	}
	if c.toTOML {
		key, value = tomlKey(x.key), tomlValue(o, x.value)
	} else {
		text, ok := iniValue(o, x.value)
		if !ok && off == "" {
			c.errs = append(c.errs, &Error{Pos: x.pos, Section: s.name, Key: x.key,
				Msg: "INI cannot have the value " + strconv.Quote(text)})
			return
		}
		value = strings.ReplaceAll(text, "\n", "\n    ")
		if off != "" {
			value = strings.ReplaceAll(text, "\n", " ")
		}
	}
	c.out.WriteString(off + key + " = " + value + c.inline(x.pos.Line, x.value) + "\n")
}

// ctl adds what TOML implies and INI must say.
func (c *converter) ctl() {
	for _, s := range c.doc.sections {
		k, _ := sectionKindOf(s.name)
		file := s.setting("file")
		if k == nil || k.kind != inUnix || file == nil {
			continue
		}
		c.out.WriteString("\n[supervisorctl]\nserverurl = unix://" + written(file.value) + "\n")
		for _, key := range []string{"username", "password"} {
			if x := s.setting(key); x != nil && !strings.HasPrefix(written(x.value), "{SHA}") {
				c.out.WriteString(key + " = " + written(x.value) + "\n")
			}
		}
		return
	}
}

// comments writes the comment lines right above a line.
func (c *converter) comments(line int) {
	first := line
	for first > 1 && !c.used[first-1] {
		text := strings.TrimSpace(c.lines[first-2])
		if text != "" && !c.isComment(text) {
			break
		}
		first--
	}
	c.write(first, line)
}

// write writes the comments of the lines [first, end), with the empty lines between them.
func (c *converter) write(first, end int) {
	wrote, empty := false, false
	for n := first; n < end; n++ {
		c.used[n] = true
		text := strings.TrimSpace(c.lines[n-1])
		if !c.isComment(text) {
			empty = wrote
			continue
		}
		if empty {
			c.out.WriteByte('\n')
			empty = false
		}
		wrote = true
		c.out.WriteString(c.remark(text) + "\n")
	}
	if empty {
		c.out.WriteByte('\n')
	}
}

func (c *converter) isComment(text string) bool {
	return strings.HasPrefix(text, "#") || !c.isTOML() && strings.HasPrefix(text, ";")
}

func (c *converter) isTOML() bool { return !c.toTOML }

// remark is a comment in the other format.
func (c *converter) remark(text string) string {
	if c.toTOML {
		return "#" + strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' || r == 0x7f { // TOML allows no others
				return -1
			}
			return r
		}, text[1:])
	}
	return ";" + text[1:]
}

// inline is the comment at the end of a line. Comments between the lines of a value are
// dropped.
func (c *converter) inline(line int, value any) string {
	if line < 1 || c.used[line] {
		return ""
	}
	c.used[line] = true
	text := c.lines[line-1]
	at := -1
	if c.isTOML() {
		s := &tomlScan{text: []byte(text)}
		for s.i < len(s.text) && s.text[s.i] != '#' {
			s.step()
		}
		if s.i < len(s.text) {
			at = s.i
		}
	} else {
		at = commentStart(text)
	}
	if at <= 0 {
		return ""
	}
	if s, ok := value.(string); ok && strings.Contains(s, "\n") {
		c.dropped++
		return ""
	}
	if _, list := value.([]any); list && c.isTOML() && !strings.Contains(text[:at], "]") {
		c.dropped++
		return ""
	}
	return "  " + c.remark(text[at:])
}

// rest writes the comments at the end of the file, and says how many were dropped.
func (c *converter) rest() {
	last := 0
	for n := len(c.lines); n > 0 && last == 0; n-- {
		if text := strings.TrimSpace(c.lines[n-1]); text != "" && !c.isComment(text) {
			last = n
		}
	}
	for n := 1; n <= last; n++ {
		if !c.used[n] && c.isComment(strings.TrimSpace(c.lines[n-1])) {
			c.dropped++
		}
	}
	c.out.WriteByte('\n')
	c.write(last+1, len(c.lines)+1)
	c.out.Truncate(len(bytes.TrimRight(c.out.Bytes(), "\n")))
	c.out.WriteByte('\n')
	if c.dropped > 0 {
		fmt.Fprintf(&c.out, "\n%s Comments left out, because they stood inside of values: %d\n", c.remark("#"), c.dropped)
	}
}

func optionOf(kind kinds, key string) *option {
	for i := range options() {
		if options()[i].in&kind != 0 && options()[i].name == key {
			return &options()[i]
		}
	}
	return nil
}
