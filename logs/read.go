package logs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
)

// ErrBadArguments is the fault BAD_ARGUMENTS: an offset and a length that contradict each other.
var ErrBadArguments = errors.New("bad arguments")

// Read is Supervisor's readFile(filename, offset, length) with its rules for negative and zero values:
// offset >= 0 reads up to length bytes from there, length 0 all of them; offset < 0 reads
// the last -offset bytes and takes no length but 0. Past the end there is nothing.
// The error ErrBadArguments is the fault BAD_ARGUMENTS. What is not a regular file cannot be read.
func Read(path string, offset, length int64) ([]byte, error) {
	if length < 0 || offset < 0 && length != 0 {
		return nil, ErrBadArguments
	}
	f, size, err := OpenToRead(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch {
	case offset == math.MinInt64:
		offset, length = 0, size
	case offset < 0:
		offset, length = max(0, size+offset), -offset
	case length == 0:
		length = math.MaxInt64
	}
	return section(f, offset, min(length, size-offset))
}

// Tail is Supervisor's tailFile: data, the file's size, and whether something was left out
// because the file has grown beyond offset+length. For a file that cannot be read the
// original answers "", offset and false; so does Tail, with the reason as the error.
func Tail(path string, offset, length int64) (data []byte, size int64, overflow bool, err error) {
	f, size, err := OpenToRead(path)
	if err != nil {
		return nil, offset, false, err
	}
	defer f.Close()
	if size > addCapped(offset, length) {
		overflow = true
		offset = size - 1
	}
	if addCapped(offset, length) > size {
		if offset > size-1 {
			length = 0
		}
		offset = size - length
	}
	offset, length = max(0, offset), max(0, length)
	data, err = section(f, offset, min(length, size-offset))
	return data, size, overflow, err
}

// addCapped adds without overflow: clients send any number.
func addCapped(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// ErrNotRegular is what OpenToRead says of a pipe, a device or a folder.
var ErrNotRegular = errors.New("not a regular file")

// OpenToRead opens a regular file and is its size in bytes. Anything else could block or steal
// what others wait for: it is ErrNotRegular, looked at after the opening, which never waits.
func OpenToRead(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("cannot read %q: %w", path, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// section reads n bytes at offset, or what is there of them.
func section(f *os.File, offset, n int64) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	b := make([]byte, n)
	got, err := f.ReadAt(b, offset)
	if err == io.EOF {
		err = nil
	}
	return b[:got], err
}
