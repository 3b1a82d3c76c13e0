package conf

import (
	"fmt"
	"slices"
	"strings"
)

// LogFormat is the value of log_format and std*_logfile_format: how a log has its lines.
type LogFormat uint8

const (
	FormatRaw    LogFormat = iota // the bytes as they come
	FormatLines                   // as they are, but each line whole
	FormatPrefix                  // "time name stream | line"
	FormatJSON                    // one object a line
)

// formatWords are the words of log_format, by LogFormat. It is never changed.
var formatWords = []string{"raw", "lines", "prefix", "json"}

// LogOverflow is the value of log_overflow.
type LogOverflow uint8

const (
	OverflowPatient LogOverflow = iota // the program waits for a while, then output is dropped
	OverflowBlock                      // the program waits
	OverflowDrop                       // output is dropped at once
)

// overflowWords are the words of log_overflow, by LogOverflow. It is never changed.
var overflowWords = []string{"patient", "block", "drop"}

// Set takes raw, lines, prefix or json.
func (x *LogFormat) Set(v any) error {
	i, err := oneOf(v, formatWords)
	if err == nil {
		*x = LogFormat(i)
	}
	return err
}

// String is the value as Set reads it.
func (x LogFormat) String() string { return formatWords[x] }

// Set takes patient, block or drop.
func (x *LogOverflow) Set(v any) error {
	i, err := oneOf(v, overflowWords)
	if err == nil {
		*x = LogOverflow(i)
	}
	return err
}

// String is the value as Set reads it.
func (x LogOverflow) String() string { return overflowWords[x] }

// oneOf is the index of a word, in any case.
func oneOf(v any, words []string) (int, error) {
	text, err := parseString(v)
	if err != nil {
		return 0, err
	}
	i := slices.Index(words, strings.ToLower(strings.TrimSpace(text)))
	if i < 0 {
		return 0, fmt.Errorf("must be one of %s, not %s", strings.Join(words, ", "), Repr(text))
	}
	return i, nil
}

// Stdio says whether the log is gosv's own standard output or standard error.
func (f LogFile) Stdio() bool { return f.Kind == LogPath && Stdio(f.Path) }

// Stdio says whether a path is one of the names of gosv's own standard output or error.
func Stdio(path string) bool {
	switch path {
	case "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2":
		return true
	}
	return false
}
