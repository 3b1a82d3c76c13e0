package conf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Secrets is the value of environment_from_files=: variables whose values are in files.
// The configuration knows only where they are; they are read when a process is started, and
// so are never shown.
type Secrets []Secret

// Secret is a variable and the file with its value.
type Secret struct{ Name, File string }

// Set takes NAME:/path with commas between, a list of those, or a table of paths by name.
func (x *Secrets) Set(v any) error {
	var pairs [][2]string
	if table, ok := v.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			file, ok := table[name].(string)
			if !ok {
				return fmt.Errorf("%s: must be the path of a file, not %s", name, kindOf(table[name]))
			}
			pairs = append(pairs, [2]string{name, file})
		}
	} else {
		list, err := parseList(v)
		if err != nil {
			return errors.New("must be a table of paths, or NAME:/path with commas between")
		}
		for _, text := range list {
			name, file, found := strings.Cut(text, ":")
			if !found {
				return fmt.Errorf("there is no : in %s", Repr(text))
			}
			pairs = append(pairs, [2]string{name, file})
		}
	}
	var s Secrets
	for _, p := range pairs {
		name, file := strings.TrimSpace(p[0]), strings.TrimSpace(p[1])
		if !isEnvName(name) {
			return fmt.Errorf("%s cannot be the name of an environment variable", Repr(name))
		}
		if file == "" || strings.ContainsAny(file, "\x00,") {
			return fmt.Errorf("%s: %s cannot be the path of a file", name, Repr(file))
		}
		s = s.with(Secret{name, file})
	}
	*x = s
	return nil
}

// String is the value as Set reads it.
func (x Secrets) String() string {
	list := make([]string, len(x))
	for i, s := range x {
		list[i] = s.Name + ":" + s.File
	}
	return strings.Join(list, ",")
}

// with is x, changed in place where it can be, with s in it.
func (x Secrets) with(s Secret) Secrets {
	for i := range x {
		if x[i].Name == s.Name {
			x[i] = s
			return x
		}
	}
	return append(x, s)
}

// merge is x with over put over it; neither is changed.
func (x Secrets) merge(over Secrets) Secrets {
	if len(over) == 0 {
		return x
	}
	merged := slices.Clone(x)
	for _, s := range over {
		merged = merged.with(s)
	}
	return merged
}

func secretsField(f func(*values) *Secrets) field {
	return field{
		typ:  secretsType,
		set:  func(v *values, x any) error { return f(v).Set(x) },
		get:  func(v *values) string { return f(v).String() },
		same: func(a, b *values) bool { return slices.Equal(*f(a), *f(b)) },
	}
}
