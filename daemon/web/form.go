package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxForm  = 64 << 10 // bytes of a POST's body
	formTime = 30 * time.Second
)

// readForm is what a request asks for, by the original's rules: of the query the first
// value counts, of the body the last, and the body wins; empty values do not count.
func readForm(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	form := map[string]string{}
	query, _ := url.ParseQuery(r.URL.RawQuery) // what can be read counts
	for key, values := range query {
		for _, v := range values {
			if v != "" {
				form[key] = valid(v)
				break
			}
		}
	}
	if r.Method != http.MethodPost {
		return form, nil
	}
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(formTime)) // not every ResponseWriter can
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, err // the time stays over, or net/http would wait for the rest
	}
	rc.SetReadDeadline(time.Time{})
	body, _ := url.ParseQuery(string(data))
	for key, values := range body {
		for _, v := range values {
			if v != "" {
				form[key] = valid(v)
			}
		}
	}
	return form, nil
}

// quote is Python's urllib.quote, with which the original makes its addresses: all but
// letters, digits and _.-~/ becomes %XX.
func quote(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_.-~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// valid is s with U+FFFD for what is not UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
