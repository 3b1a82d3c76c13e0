package conf

import "slices"

// document is a configuration file as its front end (INI or TOML) read it. Nothing
// downstream knows which one it was, except by the types of the values.
type document struct {
	file     string
	sections []*section // in order of first appearance
	defaults []setting  // INI: the options of [DEFAULT], which is not among the sections
}

// section is one section of a document; sections of the same name are merged.
type section struct {
	name     string // "program:web"
	pos      Pos    // its first header
	settings []setting
}

// setting is one option of a section. From INI the value is a string; from TOML a
// string, int64, float64, bool, []any or map[string]any.
type setting struct {
	key   string
	value any
	pos   Pos // the line of the one that counts
}

// section is the section with this exact name, or nil.
func (d *document) section(name string) *section {
	for _, s := range d.sections {
		if s.name == name {
			return s
		}
	}
	return nil
}

// setting is the setting with this key, or nil. It points into the section.
func (s *section) setting(key string) *setting {
	if s == nil {
		return nil
	}
	for i := range s.settings {
		if s.settings[i].key == key {
			return &s.settings[i]
		}
	}
	return nil
}

// inherit copies the options of [DEFAULT] into the sections that do not have them. As
// configparser's items do, a section then has the default ones first.
func (d *document) inherit() {
	if len(d.defaults) == 0 {
		return
	}
	for _, s := range d.sections {
		s.settings = overlay(d.defaults, s.settings)
	}
}

// ownSections are copies of the sections without what they have from [DEFAULT], which of
// several files counts for the sections of all. It is told by its place: a line belongs to
// one section only.
func (d *document) ownSections() []*section {
	inherited := func(x setting) bool {
		return slices.ContainsFunc(d.defaults, func(y setting) bool { return x.key == y.key && x.pos == y.pos })
	}
	own := make([]*section, len(d.sections))
	for i, s := range d.sections {
		own[i] = &section{s.name, s.pos, slices.DeleteFunc(slices.Clone(s.settings), inherited)}
	}
	return own
}

// overlay is base with the settings of over put over it; a key that both have keeps its place.
func overlay(base, over []setting) []setting {
	merged := slices.Clone(base)
	for _, s := range over {
		if i := slices.IndexFunc(merged, func(m setting) bool { return m.key == s.key }); i >= 0 {
			merged[i] = s
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}
