package conf

import (
	"path/filepath"
	"strings"
)

// parse reads text by the front end that fits: the given format ("ini", "toml"), or by
// the extension of the file, unless the content is plainly the other one.
// want is for parseINIOnly.
func parse(file string, text []byte, format string, want func(section string) bool) (doc *document, isTOML bool, errs Errors) {
	switch format {
	case "ini":
		doc, errs = parseINIOnly(file, text, want)
		return doc, false, errs
	case "toml":
		doc, errs = parseTOML(file, text)
		return doc, true, errs
	}
	if strings.EqualFold(filepath.Ext(file), ".toml") {
		doc, errs = parseTOML(file, text)
		if len(errs) > 0 {
			// INI reads nearly everything, so it must show something that TOML cannot be.
			if d, e := parseINIOnly(file, text, want); len(e) == 0 && hasPrograms(d, ":") {
				return d, false, nil
			}
		}
		return doc, true, errs
	}
	doc, errs = parseINIOnly(file, text, want)
	if len(errs) > 0 || hasPrograms(doc, ".") {
		if d, e := parseTOML(file, text); len(e) == 0 && len(d.sections) > 0 {
			return d, true, nil
		}
	}
	return doc, false, errs
}

// hasPrograms says whether a section of the kinds that have names is in the document,
// with sep between kind and name: ":" in INI, "." in TOML.
func hasPrograms(d *document, sep string) bool {
	for _, s := range d.sections {
		for _, k := range sectionKinds {
			if k.named && strings.HasPrefix(strings.TrimSpace(s.name), k.name+sep) {
				return true
			}
		}
	}
	return false
}
