package conf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// pyInt is Python's int(s, base) for base 8 or 10: white space around, a sign, single
// underscores between digits, the digits of any script, and "0o" for base 8. The error has
// Python's text. A number that does not fit is an error too.
func pyInt(s string, base int) (int, error) {
	bad := func() error {
		shown := []rune(Repr(s))
		return fmt.Errorf("invalid literal for int() with base %d: %s", base, string(shown[:min(len(shown), 200)]))
	}
	text := strings.Map(asciiDigit, strings.TrimSpace(s))
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return 0, bad()
	}
	sign := text[:len(text)-len(digits)]
	if len(digits) > 1 && base == 8 && (digits[:2] == "0o" || digits[:2] == "0O") {
		digits = strings.TrimPrefix(digits[2:], "_")
	}
	if digits == "" || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return 0, bad()
	}
	n, err := strconv.ParseInt(sign+strings.ReplaceAll(digits, "_", ""), base, strconv.IntSize)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is too large a number", text)
	case err != nil:
		return 0, bad()
	}
	return int(n), nil
}

// asciiDigit is the ASCII digit of the same value. Digits of a script are ten in a row, and
// so the ranges of the table are tens of digits beginning with a zero.
func asciiDigit(r rune) rune {
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return r
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

// parseInt is Supervisor's integer: negative numbers are allowed.
func parseInt(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return pyInt(v, 10)
	case int64:
		if int64(int(v)) != v {
			return 0, fmt.Errorf("%d is too large a number", v)
		}
		return int(v), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return parseInt(int64(v))
		}
		return 0, fmt.Errorf("must be a whole number, not %v", v)
	}
	return 0, fmt.Errorf("must be a whole number, not %s", kindOf(v))
}

// parseBool is Supervisor's boolean: yes, true, on, 1 and no, false, off, 0 in any case.
func parseBool(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		return parseBool(strconv.FormatInt(v, 10))
	case string:
		switch strings.ToLower(v) {
		case "yes", "true", "on", "1":
			return true, nil
		case "no", "false", "off", "0":
			return false, nil
		}
		return false, fmt.Errorf("not a valid boolean value: %s", Repr(v))
	}
	return false, fmt.Errorf("must be true or false, not %s", kindOf(v))
}

// parseString takes nothing but a string.
func parseString(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", fmt.Errorf("must be a string, not %s", kindOf(v))
}

// parseList is Supervisor's list_of_strings: split at commas, each stripped; an empty text is
// an empty list, and a trailing comma makes an empty last element. A list is taken as it is.
func parseList(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		if v == "" {
			return []string{}, nil
		}
		list := strings.Split(v, ",")
		for i := range list {
			list[i] = strings.TrimFunc(list[i], isSpace)
		}
		return list, nil
	case []string:
		return slices.Clone(v), nil
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("must be a list of strings, but number %d is %s", i+1, kindOf(x))
			}
			list[i] = s
		}
		return list, nil
	}
	return nil, fmt.Errorf("must be a string or a list of strings, not %s", kindOf(v))
}

// parseExitcodes is Supervisor's list_of_exitcodes: numbers from 0 to 255 with commas between.
// An empty text is an empty list.
func parseExitcodes(v any) ([]int, error) {
	var parts []any
	switch v := v.(type) {
	case string:
		if v != "" {
			for part := range strings.SplitSeq(v, ",") {
				parts = append(parts, part)
			}
		}
	case int64:
		parts = []any{v}
	case []any:
		parts = v
	default:
		return nil, fmt.Errorf("must be a list of numbers, not %s", kindOf(v))
	}
	codes := make([]int, len(parts))
	for i, part := range parts {
		n, err := parseInt(part)
		if err != nil || n < 0 || n > 255 {
			shown := fmt.Sprint(v)
			if text, ok := v.(string); ok {
				shown = Repr(text)
			}
			return nil, fmt.Errorf("not a valid list of exit codes: %s", shown)
		}
		codes[i] = n
	}
	return codes, nil
}

// parseInet is Supervisor's inet_address: port, :port, *:port or host:port, split at the last
// colon. host is lower case, and "" for every address. The texts differ with the form, as there.
func parseInet(v any) (host string, port int, err error) {
	if n, ok := v.(int64); ok {
		v = strconv.FormatInt(n, 10)
	}
	text, err := parseString(v)
	if err != nil {
		return "", 0, err
	}
	i := strings.LastIndex(text, ":")
	if i < 0 {
		if port, err = parsePort(text); err != nil {
			return "", 0, fmt.Errorf("not a valid port number: %s ", Repr(text)) // with the blank
		}
		return "", port, nil
	}
	if text[i+1:] == "" {
		return "", 0, errors.New("no port number specified in ''")
	}
	if port, err = parsePort(text[i+1:]); err != nil {
		return "", 0, err
	}
	if host = strings.ToLower(text[:i]); host == "*" {
		host = ""
	}
	return host, port, nil
}

// parsePort is Supervisor's port_number.
func parsePort(s string) (int, error) {
	n, err := pyInt(s, 10)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, fmt.Errorf("%d is below lower bound (1)", n)
	case n > 65535:
		return 0, fmt.Errorf("%d is above upper bound (65535)", n)
	}
	return n, nil
}

// checkName is Supervisor's process_or_group_name: the name, stripped, if it has none of the
// characters that would break namespecs and the event protocol.
func checkName(s string) (string, error) {
	name := strings.TrimFunc(s, isSpace)
	for _, c := range []string{" ", ":", "/"} {
		if strings.Contains(name, c) {
			return "", fmt.Errorf("Invalid name: %s because of character: %s", Repr(s), Repr(c))
		}
	}
	return name, nil
}

// formatList is what parseList reads back, if no element has a comma or white space around it.
func formatList(x []string) string { return strings.Join(x, ",") }

// formatInts is what parseExitcodes reads back.
func formatInts(x []int) string {
	words := make([]string, len(x))
	for i, n := range x {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}

// scalarText is a string, number or boolean of TOML as INI would have it.
func scalarText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("must be a string, a number or a boolean, not %s", kindOf(v))
}

// kindOf is what a value is called in messages.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	case bool:
		return "a boolean"
	case []any, []string:
		return "a list"
	case map[string]any:
		return "a table"
	case nil:
		return "nothing"
	}
	return "a date or time" // all that is left in TOML
}
