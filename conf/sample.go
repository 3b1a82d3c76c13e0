package conf

import (
	"fmt"
	"io"
	"strings"
)

// Sample writes a configuration to start from, as echo_supervisord_conf does: every option
// with its default or an example, most of them commented out. format is "ini" or "toml".
func Sample(w io.Writer, format string) error {
	if format != "ini" && format != "toml" {
		return fmt.Errorf("there is no sample in %q: the formats are ini and toml", format)
	}
	s := &sampler{toml: format == "toml", sign: ";"}
	s.notes = iniNotes
	if s.toml {
		s.sign, s.notes = "#", tomlNotes
	}
	s.head()
	for i := range sectionKinds {
		if k := &sectionKinds[i]; k.kind != inPlugin && !(s.toml && k.kind == inRPC) {
			s.section(k)
		}
	}
	_, err := io.WriteString(w, s.b.String())
	return err
}

const iniNotes = `Values are written without quotes, except in environment=.
Shell expansion ("~", "$HOME") does not happen; "%(ENV_HOME)s" is the variable HOME.
A literal percent sign is written %%, and %%%% in stdout_logfile and stderr_logfile.
A comment inside a line needs a blank before its sign: "a=b ;comment", not "a=b;comment".
That holds inside quotes too: command=sh -c "a ; b" ends before the semicolon.`

const tomlNotes = `Strings, numbers, true and false, lists and tables are written as TOML has them.
Shell expansion ("~", "$HOME") does not happen; "%(ENV_HOME)s" is the variable HOME.
A literal percent sign is written %%, and %%%% in stdout_logfile and stderr_logfile.
A command may be a list of words, which are not split again.`

type sampler struct {
	b     strings.Builder
	toml  bool
	sign  string // of comments
	notes string
}

func (s *sampler) head() {
	s.comment("Sample supervisor config file, for gosv.")
	s.comment("")
	for line := range strings.Lines(s.notes) {
		s.comment(" - " + strings.TrimSuffix(line, "\n"))
	}
	s.comment("")
	s.comment("The paths are in /tmp because that exists everywhere. Choose others: some systems")
	s.comment("delete old files in /tmp, and ctl cannot reach gosv without its socket.")
}

func (s *sampler) comment(text string) {
	s.b.WriteString(strings.TrimRight(s.sign+" "+text, " ") + "\n")
}

func (s *sampler) section(k *sectionKind) {
	s.b.WriteByte('\n')
	for _, line := range wrap(k.doc, 88) {
		s.comment(line)
	}
	s.b.WriteByte('\n')
	shown := false
	var rows []*option
	for i := range options() {
		if o := &options()[i]; o.in&k.kind != 0 {
			rows = append(rows, o)
			shown = shown || o.shown
		}
	}
	name := k.name
	if k.named {
		name += ":" + k.sample
	}
	header := "[" + name + "]"
	if s.toml {
		header = tomlHeader(name)
	}
	if !shown {
		header = s.sign + header
	}
	s.b.WriteString(header + "\n")
	for _, o := range rows {
		s.option(k, o)
	}
}

func (s *sampler) option(k *sectionKind, o *option) {
	value := o.sample
	if value == "" {
		value = o.def
	}
	switch {
	case k.kind != inListener:
	case o.name == "redirect_stderr":
		value = "false"
	case o.name == "command":
		value = "/bin/eventlistener"
	}
	text := o.name + "=" + value
	if s.toml {
		text = tomlKey(o.name) + " = " + tomlValue(o, value)
	}
	if !o.shown {
		text = s.sign + text
	}
	fmt.Fprintf(&s.b, "%-40s %s %s\n", text, s.sign, o.remark())
}

// remark is what a line has room for: the doc, and what holds without the option.
func (o *option) remark() string {
	doc := o.doc
	if i := strings.Index(doc, ". "); i > 0 {
		doc = doc[:i+1]
	}
	doc = strings.TrimSuffix(doc, ".")
	switch {
	case o.absent != "":
		return doc + "; required"
	case o.def != "":
		return doc + "; default " + o.def
	}
	return doc + "; default: " + o.unset
}

// wrap breaks text into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
