package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What differs from run to run, and the words that stand for it.
var normals = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^(log: |\d> )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} `), "$1"},
	{regexp.MustCompile(`(?m)^2> Traceback \(most.*\n(?:2>  .*\n|2> \n|2> During .*\n|2> Traceback.*\n|2> \w+Error: .*\n)+`), "2> (a traceback)\n"},
	{regexp.MustCompile(`\bpid \d+`), "pid N"},
	{regexp.MustCompile(`killing '(.*?)' \(\d+\)`), "killing '$1' (N)"},
	{regexp.MustCompile(`uptime \d+:\d\d:\d\d`), "uptime T"},
	{regexp.MustCompile(`(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-3]\d [01]\d:[0-5]\d [AP]M`), "DATE"},
	{regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ 0-3]\d \d\d:\d\d:\d\d \d{4}`), "CTIME"},
	{regexp.MustCompile(`(---[a-z]+)-[a-z0-9_]{8}\.log`), "$1-XXXXXXXX.log"},
	{regexp.MustCompile(`(<name>(?:start|stop|now)</name>\s*<value><int>)[1-9]\d+<`), "${1}TIME<"},
	{regexp.MustCompile(`(<name>pid</name>\s*<value><int>)[1-9]\d*<`), "${1}PID<"},
	{regexp.MustCompile(`(  (?:start|stop|now) = int )[1-9]\d+\n`), "${1}TIME\n"},
	{regexp.MustCompile(`(  pid = int )[1-9]\d*\n`), "${1}PID\n"},
	{regexp.MustCompile(`kill (-\w+) \d+`), "kill $1 PID"},
	{regexp.MustCompile(`/proc/\d+`), "/proc/PID"},
	{regexp.MustCompile(`Process \d+ \(`), "Process N ("},
	{regexp.MustCompile(`127\.0\.0\.1:\d{4,5}`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`file: \S+ line: \d+`), "file: FILE line: N"},
	{regexp.MustCompile(`\{'ENV_\w+': '.*'numprocs': 1\}`), "{a Python dictionary}"},
}

// normal replaces in what a side showed everything that cannot be the same twice.
func (sd *side) normal(s string) string {
	s = strings.ReplaceAll(s, sd.daemonProg, "SUPERVISORD")
	s = strings.ReplaceAll(s, sd.ctlProg, "SUPERVISORCTL")
	s = strings.ReplaceAll(s, sd.dir, "DIR")
	for _, n := range normals {
		s = n.re.ReplaceAllString(s, n.with)
	}
	var b strings.Builder // the files of cases are text
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
