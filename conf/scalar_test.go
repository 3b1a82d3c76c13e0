package conf

import (
	"reflect"
	"testing"
)

// TestScalars holds what the functions without a type make of the values of TOML; what they
// make of text is compared with Supervisor in value_test.go, and recorded here in short.
func TestScalars(t *testing.T) {
	t.Parallel()
	boolean := func(v any) (any, error) { return parseBool(v) }
	integer := func(v any) (any, error) { return parseInt(v) }
	str := func(v any) (any, error) { return parseString(v) }
	list := func(v any) (any, error) { return parseList(v) }
	codes := func(v any) (any, error) { return parseExitcodes(v) }
	inet := func(v any) (any, error) {
		host, port, err := parseInet(v)
		return []any{host, port}, err
	}
	name := func(v any) (any, error) { return checkName(v.(string)) }
	cases := []struct {
		name  string
		parse func(any) (any, error)
		in    any
		want  any
		err   string
	}{
		{"bool", boolean, true, true, ""},
		{"bool word", boolean, "Yes", true, ""},
		{"bool number", boolean, int64(0), false, ""},
		{"bool bad word", boolean, "y", nil, "not a valid boolean value: 'y'"},
		{"bool bad number", boolean, int64(2), nil, "not a valid boolean value: '2'"},
		{"bool list", boolean, []any{}, nil, "must be true or false, not a list"},
		{"int", integer, int64(-3), -3, ""},
		{"int text", integer, " 1_0 ", 10, ""},
		{"int whole float", integer, 3.0, 3, ""},
		{"int float", integer, 3.5, nil, "must be a whole number, not 3.5"},
		{"int bad text", integer, "x", nil, "invalid literal for int() with base 10: 'x'"},
		{"int too large", integer, "99999999999999999999", nil, "99999999999999999999 is too large a number"},
		{"string", str, "x", "x", ""},
		{"string number", str, int64(1), nil, "must be a string, not a number"},
		{"list", list, []any{"a, b", "c"}, []string{"a, b", "c"}, ""},
		{"list text", list, "a, b,", []string{"a", "b", ""}, ""},
		{"list empty", list, "", []string{}, ""},
		{"list of numbers", list, []any{"a", int64(1)}, nil, "must be a list of strings, but number 2 is a number"},
		{"list number", list, int64(1), nil, "must be a string or a list of strings, not a number"},
		{"codes", codes, []any{int64(0), int64(2)}, []int{0, 2}, ""},
		{"codes one", codes, int64(2), []int{2}, ""},
		{"codes text", codes, "0, 2", []int{0, 2}, ""},
		{"codes empty", codes, "", []int{}, ""},
		{"codes empty list", codes, []any{}, []int{}, ""},
		{"codes too great", codes, "256", nil, "not a valid list of exit codes: '256'"},
		{"codes too great number", codes, []any{int64(256)}, nil, "not a valid list of exit codes: [256]"},
		{"codes bool", codes, true, nil, "must be a list of numbers, not a boolean"},
		{"inet number", inet, int64(9001), []any{"", 9001}, ""},
		{"inet", inet, "LocalHost:80", []any{"localhost", 80}, ""},
		{"inet every address", inet, "*:80", []any{"", 80}, ""},
		{"inet no port", inet, "h:", nil, "no port number specified in ''"},
		{"inet bad", inet, "abc", nil, "not a valid port number: 'abc' "},
		{"inet low", inet, ":0", nil, "0 is below lower bound (1)"},
		{"inet high", inet, ":99999", nil, "99999 is above upper bound (65535)"},
		{"inet bool", inet, true, nil, "must be a string, not a boolean"},
		{"name", name, " web ", "web", ""},
		{"name with blank", name, "a b", nil, "Invalid name: 'a b' because of character: ' '"},
		{"name with colon", name, "a:b", nil, "Invalid name: 'a:b' because of character: ':'"},
		{"name with slash", name, "a/b", nil, "Invalid name: 'a/b' because of character: '/'"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.parse(c.in)
			if text(err) != c.err {
				t.Fatalf("fails with %v, want %q", err, c.err)
			}
			if err == nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("%#v, want %#v", got, c.want)
			}
		})
	}
	if got := formatList([]string{"a", "b"}) + " " + formatInts([]int{0, 2}) + formatInts(nil); got != "a,b 0,2" {
		t.Errorf("formats %q", got)
	}
}
