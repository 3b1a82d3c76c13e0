package logs

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

const hello = "hello \xc3\xbc\nworld\n" // 15 bytes

func helloFile(t *testing.T) string {
	t.Helper()
	name := logName(t)
	if err := os.WriteFile(name, []byte(hello), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRead(t *testing.T) {
	t.Parallel()
	name := helloFile(t)
	for _, test := range []struct {
		offset, length int64
		want           string
		err            error
	}{
		{0, 0, hello, nil},
		{6, 0, hello[6:], nil},
		{0, 5, "hello", nil},
		{10, 100, "orld\n", nil},
		{15, 0, "", nil},
		{100, 5, "", nil},
		{-5, 0, "orld\n", nil},
		{-100, 0, hello, nil},
		{math.MinInt64, 0, hello, nil},
		{0, math.MaxInt64, hello, nil},
		{math.MaxInt64, math.MaxInt64, "", nil},
		{0, -1, "", ErrBadArguments},
		{-5, 1, "", ErrBadArguments},
		{-5, -1, "", ErrBadArguments},
	} {
		got, err := Read(name, test.offset, test.length)
		if string(got) != test.want || !errors.Is(err, test.err) {
			t.Errorf("Read(%d, %d) = %q, %v, want %q, %v", test.offset, test.length, got, err, test.want, test.err)
		}
	}
	if _, err := Read(name+"x", 0, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Read of nothing: %v", err)
	}
	for _, other := range []string{"/dev/zero", filepath.Dir(name)} {
		if _, err := Read(other, 0, 0); err == nil {
			t.Errorf("Read(%s) has no error", other)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	name := helloFile(t)
	for _, test := range []struct {
		offset, length int64
		want           string
		overflow       bool
	}{
		{0, 100, hello, false},
		{0, 15, hello, false},
		{0, 5, "orld\n", true},
		{15, 100, "", false},
		{100, 5, "", false},
		{5, 10, hello[5:], false},
		{5, 3, "ld\n", true},
		{0, 0, "", true},
		{-3, 2, "d\n", true},
		{3, -7, "", true},
		{0, math.MaxInt64, hello, false},
		{math.MaxInt64, math.MaxInt64, "", false},
		{math.MinInt64, math.MinInt64, "", true},
	} {
		got, size, overflow, err := Tail(name, test.offset, test.length)
		if string(got) != test.want || size != 15 || overflow != test.overflow || err != nil {
			t.Errorf("Tail(%d, %d) = %q, %d, %v, %v, want %q, 15, %v, nil", test.offset, test.length, got, size, overflow, err, test.want, test.overflow)
		}
	}
	if got, size, overflow, err := Tail(name+"x", 7, 5); len(got) != 0 || size != 7 || overflow || err == nil {
		t.Errorf("Tail of nothing = %q, %d, %v, %v, want \"\", 7, false, an error", got, size, overflow, err)
	}
}
