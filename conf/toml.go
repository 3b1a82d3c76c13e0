package conf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// parseTOML reads a configuration in TOML. [program.web] becomes the section
// "program:web"; values keep their types. Where every key stands is found by a scan of
// the lines, since the library does not say.
func parseTOML(file string, text []byte) (*document, Errors) {
	t := &tomlReader{doc: &document{file: file}, at: map[string]tomlPlace{}}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if line := tooDeep(text); line > 0 {
		return nil, Errors{{Pos: Pos{file, line}, Msg: fmt.Sprintf("brackets are nested more than %d deep", maxDepth)}}
	}
	var root map[string]any
	if _, err := toml.Decode(string(text), &root); err != nil {
		e := &Error{Pos: Pos{file, 1}, Msg: err.Error()}
		var p toml.ParseError
		if errors.As(err, &p) {
			e.Pos.Line, e.Msg = max(1, p.Position.Line), p.Message
		}
		return nil, Errors{e}
	}
	t.locate(text)
	for _, key := range t.ordered(nil, root) {
		t.top(key, root[key])
	}
	t.errs.Sort()
	return t.doc, t.errs
}

type tomlReader struct {
	doc  *document
	errs Errors
	at   map[string]tomlPlace // by path, joined with NUL
}

type tomlPlace struct{ line, order int }

// top reads one key of the top level, which must be a kind of section.
func (t *tomlReader) top(key string, value any) {
	path := []string{key}
	table, ok := value.(map[string]any)
	if !ok {
		e := &Error{Pos: t.pos(path), Key: key, Msg: "options must be in a section", Hint: "put it below a line such as [supervisord]"}
		if _, tables := value.([]map[string]any); tables {
			e.Msg, e.Hint = "sections are not lists", "write ["+key+"], not [["+key+"]]"
			if k, _ := sectionKindOf(key + ":x"); k != nil && k.named {
				e.Hint = "write [" + key + ".NAME]"
			}
		}
		t.errs = append(t.errs, e)
		return
	}
	k, _ := sectionKindOf(key)
	if k == nil { // "program" alone is no section, but [program.web] is
		if named, _ := sectionKindOf(key + ":x"); named != nil {
			t.named(named, key, table)
			return
		}
	}
	s := t.section(key, path)
	for _, name := range t.ordered(path, table) {
		sub, isTable := table[name].(map[string]any)
		if isTable && k != nil && k.more && !slices.Contains(optionNames(k.kind), name) {
			t.fill(t.section(key+":"+name, append(path, name)), k, append(path, name), sub)
			continue
		}
		s.settings = append(s.settings, setting{name, plainTOML(table[name]), t.pos(append(path, name))})
	}
	if len(s.settings) == 0 && len(table) > 0 { // only [unix_http_server.a]
		t.doc.sections = slices.DeleteFunc(t.doc.sections, func(x *section) bool { return x == s })
	}
}

// named reads the sections of a kind that have names.
func (t *tomlReader) named(k *sectionKind, key string, table map[string]any) {
	for _, name := range t.ordered([]string{key}, table) {
		path := []string{key, name}
		sub, ok := table[name].(map[string]any)
		if !ok {
			t.errs = append(t.errs, &Error{Pos: t.pos(path), Section: key, Key: name,
				Msg: "the section needs a name", Hint: "write [" + key + ".NAME]"})
			continue
		}
		t.fill(t.section(key+":"+name, path), k, path, sub)
	}
}

// fill puts the contents of a table into a section.
func (t *tomlReader) fill(s *section, k *sectionKind, path []string, table map[string]any) {
	for _, name := range t.ordered(path, table) {
		here := append(slices.Clone(path), name)
		sub, isTable := table[name].(map[string]any)
		if isTable && k.free { // supervisor.rpcinterface_factory = "..." has a dot in its name
			inner := &section{}
			t.fill(inner, k, here, sub)
			for _, x := range inner.settings {
				s.settings = append(s.settings, setting{name + "." + x.key, x.value, x.pos})
			}
			continue
		}
		s.settings = append(s.settings, setting{name, plainTOML(table[name]), t.pos(here)})
	}
}

func (t *tomlReader) section(name string, path []string) *section {
	s := &section{name: name, pos: t.pos(path)}
	t.doc.sections = append(t.doc.sections, s)
	return s
}

// ordered are the keys of a table in the order in which they are written.
func (t *tomlReader) ordered(path []string, table map[string]any) []string {
	keys := make([]string, 0, len(table))
	for k := range table {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := t.place(append(path, a)), t.place(append(path, b))
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(a, b))
	})
	return keys
}

// place is where a path is written: inside of an inline table, where the table is.
func (t *tomlReader) place(path []string) tomlPlace {
	for n := len(path); n > 0; n-- {
		if p, ok := t.at[strings.Join(path[:n], "\x00")]; ok {
			return p
		}
	}
	return tomlPlace{line: 1}
}

func (t *tomlReader) pos(path []string) Pos { return Pos{t.doc.file, t.place(path).line} }

// note records where a path, and what it is in, is written first. A header says more
// about a section than a longer one that only implied it.
func (t *tomlReader) note(path []string, line int, header bool) {
	for n := 1; n <= len(path); n++ {
		key := strings.Join(path[:n], "\x00")
		p, ok := t.at[key]
		switch {
		case !ok:
			t.at[key] = tomlPlace{line, len(t.at)}
		case header && n == len(path):
			t.at[key] = tomlPlace{line, p.order}
		}
	}
}

// plainTOML makes lists of one type out of the library's two.
func plainTOML(v any) any {
	switch v := v.(type) {
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plainTOML(v[i])
		}
		return list
	case []any:
		for i := range v {
			v[i] = plainTOML(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainTOML(v[k])
		}
	}
	return v
}
