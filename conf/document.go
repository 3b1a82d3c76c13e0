package conf

// document is a configuration file as its front end (INI or TOML) read it. Nothing
// downstream knows which one it was, except by the types of the values.
type document struct {
	file     string
	sections []*section // in order of first appearance
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
