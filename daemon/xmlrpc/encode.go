package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const prolog = "<?xml version='1.0'?>\n"

// AppendResponse appends the response to a call that returned v.
func AppendResponse(dst []byte, v any) []byte {
	dst = append(dst, prolog+"<methodResponse>\n<params>\n<param>\n"...)
	dst = AppendValue(dst, v)
	return append(dst, "</param>\n</params>\n</methodResponse>\n"...)
}

// AppendFault appends the response to a call that failed.
func AppendFault(dst []byte, code int, text string) []byte {
	dst = append(dst, prolog+"<methodResponse>\n<fault>\n"...)
	dst = BeginStruct(dst)
	dst = AppendIntMember(dst, "faultCode", code)
	dst = AppendStringMember(dst, "faultString", text)
	dst = EndStruct(dst)
	return append(dst, "</fault>\n</methodResponse>\n"...)
}

// AppendValue appends v as a <value>. It knows nil, string, bool, int, int64, float64,
// []byte, time.Time, []any, []string, []int, Struct and Appender, and panics at others.
func AppendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "<value><nil/></value>\n"...)
	case Appender:
		return v.AppendXMLRPC(dst)
	case string:
		return AppendString(dst, v)
	case bool:
		return AppendBool(dst, v)
	case int:
		return AppendInt(dst, int64(v))
	case int64:
		return AppendInt(dst, v)
	case float64:
		return appendDouble(dst, v)
	case []byte:
		return appendBase64(dst, v)
	case time.Time:
		dst = append(dst, "<value><dateTime.iso8601>"...)
		dst = v.AppendFormat(dst, dateTime)
		return append(dst, "</dateTime.iso8601></value>\n"...)
	case []any:
		dst = BeginArray(dst)
		for _, e := range v {
			dst = AppendValue(dst, e)
		}
		return EndArray(dst)
	case []string:
		dst = BeginArray(dst)
		for _, e := range v {
			dst = AppendString(dst, e)
		}
		return EndArray(dst)
	case []int:
		dst = BeginArray(dst)
		for _, e := range v {
			dst = AppendInt(dst, int64(e))
		}
		return EndArray(dst)
	case Struct:
		dst = BeginStruct(dst)
		for _, m := range v {
			dst = AppendMember(dst, m.Name, m.Value)
		}
		return EndStruct(dst)
	}
	panic(fmt.Sprintf("internal error: XML-RPC has no form for a %T", v))
}

// AppendString appends s as a string value.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, "<value><string>"...)
	dst = AppendText(dst, s)
	return append(dst, "</string></value>\n"...)
}

// AppendInt appends n as an int value. XML-RPC has 32 bits: what does not fit becomes
// the nearest that does, as Supervisor does with times.
func AppendInt(dst []byte, n int64) []byte {
	dst = append(dst, "<value><int>"...)
	return append(AppendNumber(dst, n), "</int></value>\n"...)
}

// AppendNumber appends the digits of an int value.
func AppendNumber(dst []byte, n int64) []byte { return strconv.AppendInt(dst, int32Of(n), 10) }

func int32Of(n int64) int64 { return min(max(n, math.MinInt32), math.MaxInt32) }

// AppendBool appends b as a boolean value.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "<value><boolean>1</boolean></value>\n"...)
	}
	return append(dst, "<value><boolean>0</boolean></value>\n"...)
}

// BeginArray begins an array value; its values follow, then EndArray.
func BeginArray(dst []byte) []byte { return append(dst, "<value><array><data>\n"...) }

// EndArray ends an array value.
func EndArray(dst []byte) []byte { return append(dst, "</data></array></value>\n"...) }

// BeginStruct begins a struct value; its members follow, then EndStruct.
func BeginStruct(dst []byte) []byte { return append(dst, "<value><struct>\n"...) }

// EndStruct ends a struct value.
func EndStruct(dst []byte) []byte { return append(dst, "</struct></value>\n"...) }

// AppendMember appends a struct member with any value that AppendValue knows.
func AppendMember(dst []byte, name string, v any) []byte {
	dst = AppendText(append(dst, "<member>\n<name>"...), name)
	dst = AppendValue(append(dst, "</name>\n"...), v)
	return append(dst, "</member>\n"...)
}

// The members that a process's information is made of are written with few appends, and
// their names, which are constants of the program, as they are: at a thousand processes
// that halves the time.

// AppendStringMember appends a struct member that is a string. name needs no escaping.
func AppendStringMember(dst []byte, name, s string) []byte {
	dst = append(append(dst, "<member>\n<name>"...), name...)
	dst = AppendText(append(dst, "</name>\n<value><string>"...), s)
	return append(dst, "</string></value>\n</member>\n"...)
}

// AppendIntMember appends a struct member that is an int. name needs no escaping.
func AppendIntMember(dst []byte, name string, n int) []byte {
	dst = append(append(dst, "<member>\n<name>"...), name...)
	dst = append(dst, "</name>\n<value><int>"...)
	dst = strconv.AppendInt(dst, int32Of(int64(n)), 10)
	return append(dst, "</int></value>\n</member>\n"...)
}

// plain has a bit for each byte below 64 that is written as it is: the printable ones
// but for markup, and the two blanks that survive reading. From 64 to 127 all are.
const plain uint64 = (1<<32-1)<<32 ^ (1<<'&' | 1<<'<' | 1<<'>') | 1<<'\t' | 1<<'\n'

// AppendText appends s with the characters escaped that Python escapes. Beyond that, a
// carriage return is escaped because readers turn a bare one into a newline, and what
// XML 1.0 cannot hold (control characters, bytes that are not UTF-8) becomes U+FFFD:
// Supervisor sent it as it was, and strict clients failed on any log with colours in it.
func AppendText(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c-64 < 64 || plain>>c&1 == 1 {
			i++
			continue
		}
		esc, size := "\uFFFD", 1
		switch {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '\r':
			esc = "&#13;"
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if size > 1 && r != 0xFFFE && r != 0xFFFF {
				i += size
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, esc...)
		i += size
		from = i
	}
	return append(dst, s[from:]...)
}

// appendDouble writes f as Python's repr does.
func appendDouble(dst []byte, f float64) []byte {
	dst = append(dst, "<value><double>"...)
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		dst = append(dst, "nan"...)
	case math.IsInf(f, 0):
		dst = append(dst, strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")...)
	case f != 0 && (abs < 1e-4 || abs >= 1e16):
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	case f == math.Trunc(f):
		dst = append(strconv.AppendFloat(dst, f, 'f', -1, 64), ".0"...)
	default:
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return append(dst, "</double></value>\n"...)
}

// appendBase64 writes data in lines of 76 characters, as MIME wants.
func appendBase64(dst, data []byte) []byte {
	const perLine = 57
	dst = append(dst, "<value><base64>\n"...)
	for len(data) > 0 {
		n := min(len(data), perLine)
		dst = append(base64.StdEncoding.AppendEncode(dst, data[:n]), '\n')
		data = data[n:]
	}
	return append(dst, "</base64></value>\n"...)
}
