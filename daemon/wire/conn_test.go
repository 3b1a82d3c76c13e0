package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	line := func(n int) string { return `{"m":"` + strings.Repeat("x", n-len(`{"m":""}`)-1) + `"}` + "\n" }
	for _, tt := range []struct {
		limit, length int
		want          error
	}{{0, MaxLine, nil}, {0, MaxLine + 1, ErrTooLong}, {100, 100, nil}, {100, 101, ErrTooLong}} {
		c := NewConn(readWriter{strings.NewReader(line(tt.length))}, nil)
		if tt.limit > 0 {
			c.Limit(tt.limit)
		}
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := c.Read(&Request{}); err != tt.want {
			t.Errorf("limit %d, %d bytes: %v, want %v", tt.limit, tt.length, err, tt.want)
		}
	}
}

type readWriter struct{ io.Reader }

func (readWriter) Write(b []byte) (int, error) { return len(b), nil }

// FuzzConn: whatever comes over a connection, it ends in an error and keeps no more than the
// limit; what is understood is understood again when it is sent.
func FuzzConn(f *testing.F) {
	f.Add([]byte(`{"id":1,"m":"status","p":{"names":["a"]}}` + "\n" + `{"id":1,"cancel":true}` + "\n"))
	f.Add([]byte("{\n[\n\x00\n\"\\ud800\"\n"))
	f.Add([]byte(`{"id":1,"p":` + strings.Repeat("[", 20_000)))
	f.Add([]byte(strings.Repeat("x", 5000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := NewConn(readWriter{bytes.NewReader(data)}, nil)
		c.Limit(4096)
		for n := 0; ; n++ {
			var req Request
			err := c.Read(&req)
			var syntax *json.SyntaxError
			var kind *json.UnmarshalTypeError
			switch {
			case errors.As(err, &syntax), errors.As(err, &kind):
				if n > len(data) {
					t.Fatal("more lines than bytes")
				}
				continue
			case err != nil:
				return
			}
			var b bytes.Buffer
			if err := NewConn(&b, nil).Write(req); err != nil {
				t.Fatalf("%+v cannot be sent: %v", req, err)
			}
			var again Request
			if err := NewConn(&b, nil).Read(&again); err != nil || again.ID != req.ID || again.Method != req.Method || again.Cancel != req.Cancel {
				t.Fatalf("%+v came back as %+v, %v", req, again, err)
			}
		}
	})
}

// TestReplies: a reply is written as encoding/json writes it, and read as that reads it.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, r := range []Reply{
		{ID: 7, OK: json.RawMessage(`[{"name":"a<b&\u2028","n":-1.5e3},null]`)},
		{ID: 7, OK: json.RawMessage(`null`)},
		{ID: 7, Event: json.RawMessage(`[{"name":"x"}]`)},
		{ID: 7, Err: &Fault{Code: "BAD_NAME", Msg: "x"}},
		{ID: 8, OK: json.RawMessage(`[{"name":"of another request"}]`)},
		{ID: 7, OK: json.RawMessage(`"no list"`)},
		{ID: 7},
		{ID: 1<<64 - 1, OK: json.RawMessage(`{}`)},
	} {
		var fast, plain bytes.Buffer
		if err := errors.Join(NewConn(&fast, nil).WriteReply(r), NewConn(&plain, nil).Write(r)); err != nil {
			t.Fatal(err)
		}
		if fast.String() != plain.String() {
			t.Errorf("%+v: %s, want %s", r, fast.String(), plain.String())
		}
		type item struct {
			Name string  `json:"name"`
			N    float64 `json:"n"`
		}
		var got, want []item
		back, into, err := NewConn(&fast, nil).ReadReply(7, &got)
		if err != nil || back.ID != r.ID {
			t.Fatalf("%+v came back as %+v, %v", r, back, err)
		}
		fits := r.ID == 7 && json.Unmarshal(r.OK, &want) == nil
		switch {
		case into != fits:
			t.Errorf("%+v: decoded %v, want %v", r, into, fits)
		case into && !slices.Equal(got, want):
			t.Errorf("%+v: %+v, want %+v", r, got, want)
		case !into && (string(back.OK) != string(r.OK) || string(back.Event) != string(r.Event) || (back.Err == nil) != (r.Err == nil)):
			t.Errorf("%+v came back as %+v", r, back)
		}
	}
	long := Reply{OK: json.RawMessage(`"` + strings.Repeat("x", MaxLine) + `"`)}
	if err := NewConn(readWriter{}, bufio.NewReader(nil)).WriteReply(long); err != ErrTooLong {
		t.Errorf("a long reply: %v", err)
	}
}
