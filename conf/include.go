package conf

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// include reads the files that [include] names into doc, as Supervisor's read_config
// does: relative patterns start at the main file's directory, matches come sorted, later
// values win, and an [include] in an included file is not followed.
func (l *loader) include(doc *document) {
	s := l.sections["include"]
	if s == nil {
		return
	}
	l.textual = true
	v := &values{include: &includeOptions{}}
	r := l.reading(s, v)
	r.all(nil)
	if r.bad || !r.has("files") {
		r.required("files")
		return
	}
	base := l.here[l.files[0]]
	for _, pattern := range v.include.files {
		pattern = join(base, pattern)
		matches := glob(pattern)
		if len(matches) == 0 {
			l.notice("WARN", `No file matches via include "%s"`, pattern)
			continue
		}
		slices.Sort(matches)
		for _, file := range matches {
			if len(l.cfg.Included) >= maxIncluded {
				pos := s.setting("files").pos
				l.fail(&Error{Pos: pos, Section: s.name, Key: "files",
					Msg: fmt.Sprintf("more than %d files are included", maxIncluded)})
				return
			}
			l.notice("INFO", `Included extra file "%s" during parsing`, file)
			l.includeFile(doc, file)
		}
	}
}

func (l *loader) includeFile(doc *document, file string) {
	text, err := readFile(file)
	if err != nil { // Supervisor says nothing at all
		l.notice("WARN", "could not read included file %s: %s", file, reason(err))
		return
	}
	l.cfg.Included = append(l.cfg.Included, file)
	if abs, err := filepath.Abs(file); err == nil {
		l.here[file] = filepath.Dir(abs)
	}
	if !slices.Contains(l.files, file) {
		l.files = append(l.files, file)
	}
	more, isTOML, errs := parse(file, text, "", l.want)
	l.toml[file] = isTOML
	l.errs = append(l.errs, errs...)
	l.broken = l.broken || len(errs) > 0
	if more != nil {
		l.merge(doc, more)
	}
}

// merge puts the sections of more over those of doc: later settings win, sections keep
// their first place. It is document.merge for thousands of files: [DEFAULT] is kept apart
// until a section is read, and sections are found by name.
func (l *loader) merge(doc, more *document) {
	for _, s := range l.own(more) {
		old := l.sections[s.name]
		if old == nil {
			doc.sections = append(doc.sections, s)
			l.sections[s.name] = s
			continue
		}
		old.settings = overlay(old.settings, s.settings)
	}
}

// own takes [DEFAULT] out of a document that was just read.
func (l *loader) own(d *document) []*section {
	l.defaults = overlay(l.defaults, d.defaults)
	if len(d.defaults) == 0 {
		return d.sections
	}
	return d.ownSections()
}

// glob is Python's glob.glob: * and ? do not match a leading dot, [!x] is negated, and
// ** is nothing special. The matches are in no order.
func glob(pattern string) []string {
	if !hasMagic(pattern) {
		if _, err := os.Lstat(pattern); err != nil {
			return nil
		}
		return []string{pattern}
	}
	dir, base := path.Split(pattern)
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	dirs := []string{dir}
	if hasMagic(dir) {
		dirs = glob(dir)
	}
	var found []string
	for _, d := range dirs {
		if !hasMagic(base) {
			name := join(d, base)
			if _, err := os.Lstat(name); err == nil {
				found = append(found, name)
			}
			continue
		}
		list := d
		if list == "" {
			list = "."
		}
		entries, _ := os.ReadDir(list) // like Python: what cannot be listed has no matches
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".") {
				continue
			}
			if fnmatch(base, e.Name()) {
				found = append(found, join(d, e.Name()))
			}
		}
	}
	return found
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

// fnmatch is Python's fnmatch.fnmatchcase: *, ?, [seq] and [!seq]; no escapes.
func fnmatch(pattern, name string) bool {
	star, resume := -1, 0 // the last * and where its match may be made longer
	p, n := 0, 0
	for n < len(name) {
		r, size := utf8.DecodeRuneInString(name[n:])
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, resume = p, n
				p++
				continue
			}
			if ok, width := matchOne(pattern[p:], r); ok {
				p += width
				n += size
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size = utf8.DecodeRuneInString(name[resume:])
		resume += size
		p, n = star+1, resume
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches r with the first element of pattern, and says how long that is.
func matchOne(pattern string, r rune) (bool, int) {
	switch pattern[0] {
	case '?':
		return true, 1
	case '[':
		set, negated := pattern[1:], false
		if strings.HasPrefix(set, "!") {
			set, negated = set[1:], true
		}
		end := -1
		for i := range set {
			if set[i] == ']' && i > 0 { // a ] in first place stands for itself
				end = i
				break
			}
		}
		if end < 0 {
			return r == '[', 1
		}
		width := len(pattern) - len(set) + end + 1
		return inSet([]rune(set[:end]), r) != negated, width
	}
	want, width := utf8.DecodeRuneInString(pattern)
	return want == r, width
}

func inSet(set []rune, r rune) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= r && r <= set[i+2] {
				return true
			}
			i += 2
		} else if set[i] == r {
			return true
		}
	}
	return false
}
