package daemon

import (
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLimitTexts: the words are the original's.
func TestLimitTexts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what, option string
		resource     int
		want         string
	}{
		{"file descriptors", "minfds", unix.RLIMIT_NOFILE, `The minimum number of file descriptors required to run this process is 7 as per the "minfds" command-line argument or config file setting. The current environment will only allow you to open N file descriptors.  Either raise the number of usable file descriptors in your environment (see README.rst) or lower the minfds setting in the config file to allow the process to start.`},
		{"processes", "minprocs", unix.RLIMIT_NPROC, `The minimum number of available processes required to run this program is 7 as per the "minprocs" command-line argument or config file setting. The current environment will only allow you to open N processes.  Either raise the number of usable processes in your environment (see README.rst) or lower the minprocs setting in the config file to allow the program to start.`},
	} {
		got := limitError(row.what, row.option, 7, row.resource).Error()
		if got = regexp.MustCompile(`open \d+`).ReplaceAllString(got, "open N"); got != row.want {
			t.Errorf("%s:\n%s\nwant\n%s", row.option, got, row.want)
		}
	}
}
