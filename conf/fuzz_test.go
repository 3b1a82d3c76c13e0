package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loadText loads a text as if it stood in a file, without writing one. There is no include.
func loadText(file, format, text string) (*Config, Errors) {
	l := newLoader(file, Options{Environ: []string{"PATH=/bin", "NAME=joe"}})
	doc, isTOML, errs := parse(file, []byte(text), format, nil)
	l.toml[file] = isTOML
	l.errs = append(l.errs, errs...)
	l.broken = len(errs) > 0
	if doc == nil {
		return nil, l.errs
	}
	doc.sections = l.own(doc)
	for _, s := range doc.sections {
		l.sections[s.name] = s
	}
	l.build(doc)
	if len(l.errs) > 0 {
		return nil, l.errs
	}
	return l.cfg, nil
}

// checkResult looks at what must hold for every text.
func checkResult(t *testing.T, c *Config, errs Errors) {
	if (c == nil) == (len(errs) == 0) {
		t.Fatalf("config %v, errors %v", c != nil, errs)
	}
	for _, e := range errs {
		if e.Pos.File == "" || e.Msg == "" {
			t.Errorf("no place or no message: %#v", e)
		}
		_ = e.Error()
	}
	if c == nil {
		return
	}
	if err := Show(&strings.Builder{}, c, ""); err != nil {
		t.Error(err)
	}
	if plan := Diff(c.Groups, c.Groups); !plan.Empty() {
		t.Errorf("it differs from itself: %s", describe(plan))
	}
	Diff(nil, c.Groups)
	Diff(c.Groups, nil)
	names := map[string]bool{}
	for _, g := range c.Groups {
		if names[g.Name] {
			t.Errorf("two groups are named %q", g.Name)
		}
		names[g.Name] = true
		for _, p := range g.Processes {
			if p.Group != g.Name {
				t.Errorf("process %q of group %q is in %q", p.Name, p.Group, g.Name)
			}
		}
	}
}

func addSeeds(f *testing.F, patterns ...string) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
}

func FuzzLoadINI(f *testing.F) {
	addSeeds(f, "testdata/corpus/*.conf", "testdata/errors/*.ini", "testdata/convert.ini", "testdata/tutorial/*")
	for _, text := range compatCases() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, errs := loadText("x.ini", "ini", text)
		checkResult(t, c, errs)
		for _, e := range errs {
			if e.Pos.Line == 0 && !strings.Contains(e.Msg, "supervisord section") {
				t.Errorf("no line: %v", e)
			}
		}
	})
}

func FuzzTOML(f *testing.F) {
	addSeeds(f, "testdata/errors/*.toml", "testdata/convert.toml", "testdata/*.toml.golden", "testdata/convert.ini.golden")
	f.Fuzz(func(t *testing.T, text string) {
		c, errs := loadText("x.toml", "toml", text)
		checkResult(t, c, errs)
		for _, e := range errs {
			if e.Pos.Line == 0 {
				t.Errorf("no line: %v", e)
			}
		}
	})
}

// FuzzConvert converts whatever loads, and wants it to load again.
func FuzzConvert(f *testing.F) {
	addSeeds(f, "testdata/corpus/*.conf", "testdata/convert.ini")
	f.Fuzz(func(t *testing.T, text string) {
		if c, _ := loadText("x.ini", "ini", text); c == nil {
			return
		}
		doc, errs := parseINI("x.ini", []byte(text))
		if len(errs) > 0 {
			return
		}
		conv := newConverter(doc, "toml", text)
		conv.convert()
		if _, errs := loadText("x.toml", "toml", conv.out.String()); len(errs) > 0 {
			t.Errorf("%v\nin\n%s\nfrom\n%s", errs, conv.out.String(), text)
		}
	})
}
