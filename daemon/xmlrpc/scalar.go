package xmlrpc

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// scalars is the table of types that hold text.
func scalars(typ string) (func(text string) (any, error), bool) {
	switch typ {
	case "string":
		return func(s string) (any, error) { return s, nil }, true
	case "int", "i4", "i8":
		return func(s string) (any, error) {
			n, err := strconv.Atoi(strings.TrimSpace(s))
			return n, reason(err)
		}, true
	case "boolean":
		return func(s string) (any, error) { return s == "1", nil }, true
	case "double":
		return func(s string) (any, error) {
			f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if errors.Is(err, strconv.ErrRange) {
				err = nil // infinite, as in Python
			}
			return f, reason(err)
		}, true
	case "dateTime.iso8601":
		return func(s string) (any, error) {
			t, err := time.Parse(dateTime, s)
			if err != nil {
				return nil, errors.New("not of the form YYYYMMDDTHH:MM:SS")
			}
			return t, nil
		}, true
	case "base64":
		return decodeBase64, true
	}
	return nil, false
}

// reason keeps the reason of a strconv error; the text that it quotes may be megabytes.
func reason(err error) error {
	if e := (*strconv.NumError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// decodeBase64 skips what is not of the alphabet, as Python does, and wants text.
func decodeBase64(s string) (any, error) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '+', r == '/', r == '=':
			return r
		}
		return -1
	}, s)
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8 text")
	}
	return string(data), nil
}
