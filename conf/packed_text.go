package conf

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
)

// AppendGroups appends groups to b as the JSON that encoding/json reads them from. What is zero
// is left out. encoding/json itself needs half a millisecond to learn the types, which
// the first start of a daemon would wait for, and writes five times as much.
func AppendGroups(b []byte, groups []*Group) ([]byte, error) {
	return (&packer{names: map[reflect.Type][]string{}}).value(b, reflect.ValueOf(groups))
}

// packer knows the names of the fields of each struct that it has met.
type packer struct{ names map[reflect.Type][]string }

func (p *packer) value(b []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.String:
		return AppendText(b, v.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		if o, ok := v.Interface().(*Origin); ok {
			return p.value(b, reflect.ValueOf(o.packed()))
		}
		return p.value(b, v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return p.list(append(b, '['), v)
	case reflect.Struct:
		return p.fields(append(b, '{'), v)
	}
	text, err := json.Marshal(v.Interface())
	return append(b, text...), err
}

func (p *packer) list(b []byte, v reflect.Value) ([]byte, error) {
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = p.value(b, v.Index(i)); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (p *packer) fields(b []byte, v reflect.Value) ([]byte, error) {
	names := p.names[v.Type()]
	if names == nil {
		for i := range v.NumField() {
			names = append(names, v.Type().Field(i).Name)
		}
		p.names[v.Type()] = names
	}
	begun := len(b)
	for i, name := range names {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		if len(b) > begun {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		var err error
		if b, err = p.value(b, f); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// AppendText appends s as a string of JSON.
func AppendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // never fails for a string
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// packed is an Origin with what is the same in every version.
func (o *Origin) packed() packedOrigin {
	x := packedOrigin{Section: o.Section, Pos: o.pos, Flags: o.flags}
	for _, p := range o.places {
		i := slices.Index(x.Files, o.files[p.file])
		if i < 0 {
			i = len(x.Files)
			x.Files = append(x.Files, o.files[p.file])
		}
		x.Places = append(x.Places, packedPlace{options()[p.option].name, i, int(p.line)})
	}
	return x
}
