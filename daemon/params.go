package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"gosv/daemon/wire"
)

// The parameters of rpc rows are structs with fields of these types:
//
//	string   a string, nothing else
//	word     a string or an int (signalProcess takes 'HUP' and 1)
//	int64    an int, or what Python's int() makes one of: 5.0, true, "5"
//	bool     anything, by Python's rules of truth
//	anyText  whatever comes; the method looks itself
//	[]any    an array
//
// The tag default says what a parameter is that may be left out ("true"), doc what it means.

// word is a string that may also be written as a number.
type word string

// anyText is a string that the method checks itself.
type anyText struct{ value any }

// missing stands for a parameter that was not given by name.
type missing struct{}

// bind fills the struct that in points to. Too few or too many are INCORRECT_PARAMETERS
// without a text, as in the original; so is a wrong type, with a text, where the
// original fails with HTTP status 500.
func bind(a args, in any) error {
	v := reflect.ValueOf(in).Elem()
	list := a.list
	if list == nil && len(a.json) > 0 {
		var err error
		if list, err = positions(a.json, v.Type()); err != nil {
			return err
		}
	}
	if len(list) > v.NumField() {
		return fault(wire.IncorrectParameters, "")
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if i >= len(list) || list[i] == (missing{}) {
			if f.Tag.Get("default") != "true" {
				return fault(wire.IncorrectParameters, "")
			}
			v.Field(i).SetBool(true)
			continue
		}
		if !assign(v.Field(i), list[i]) {
			return fault(wire.IncorrectParameters, fmt.Sprintf("%s must be %s, not %s", strings.ToLower(f.Name), xmlType(f.Type), pythonText(list[i])))
		}
	}
	return nil
}

// positions makes a list by position of a JSON array or object.
func positions(data json.RawMessage, in reflect.Type) ([]any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fault(wire.IncorrectParameters, err.Error())
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case map[string]any:
		list := make([]any, in.NumField())
		for i := range list {
			x, ok := v[strings.ToLower(in.Field(i).Name)]
			if !ok {
				x = missing{}
			}
			list[i] = x
		}
		return list, nil
	}
	return nil, fault(wire.IncorrectParameters, "the parameters must be an object or an array")
}

// assign puts x into the field to, and says whether its type was right.
func assign(to reflect.Value, x any) bool {
	switch to.Interface().(type) {
	case string:
		s, ok := x.(string)
		to.SetString(s)
		return ok
	case word:
		s, ok := x.(string)
		if !ok {
			n, isInt := integer(x)
			if _, isBool := x.(bool); !isInt || isBool {
				return false
			}
			s = strconv.FormatInt(n, 10)
		}
		to.SetString(s)
		return true
	case int64:
		n, ok := integer(x)
		to.SetInt(n)
		return ok
	case bool:
		to.SetBool(truth(x))
		return true
	case anyText:
		to.Set(reflect.ValueOf(anyText{x}))
		return true
	case []any:
		list, ok := x.([]any)
		if ok {
			to.Set(reflect.ValueOf(list))
		}
		return ok
	}
	panic("internal error: a parameter of type " + to.Type().String())
}

// integer is Python's int(x) for what can come over the wire.
func integer(x any) (int64, bool) {
	switch x := x.(type) {
	case int:
		return int64(x), true
	case int32:
		return int64(x), true
	case int64:
		return x, true
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case float64:
		if math.IsNaN(x) || math.Abs(x) > 1<<53 {
			return 0, false
		}
		return int64(x), true
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n, true
		}
		f, err := x.Float64()
		if err != nil {
			return 0, false
		}
		return integer(f)
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// truth is Python's bool(x) for what can come over the wire.
func truth(x any) bool {
	switch x := x.(type) {
	case nil:
		return false
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	}
	n, ok := integer(x)
	return !ok || n != 0
}

// pythonText is x as Python's str shows it, for fault texts.
func pythonText(x any) string {
	switch x := x.(type) {
	case bool:
		if x {
			return "True"
		}
		return "False"
	case nil:
		return "None"
	case []any:
		return "an array"
	case string, json.Number, int, int32, int64, float64:
		s := fmt.Sprint(x)
		if len(s) > 100 {
			s = s[:100] + "..."
		}
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return "a struct"
}

// xmlType is the name of a type in methodSignature and methodHelp.
func xmlType(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[anyText]():
		return "string"
	case reflect.TypeFor[any](): // true, or an array where a whole group is named
		return "boolean"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "int"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		return "array"
	}
	return "struct"
}
