package ctl

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"gosv/proc/testenv"
)

// TestMain also plays supervisorctl, for tests that need a process on a terminal.
func TestMain(m *testing.M) {
	if argv0, ok := os.LookupEnv("CTL_TEST_ARGV0"); ok {
		os.Exit(Main(argv0, os.Args[1:]))
	}
	testenv.Plain()
	os.Exit(m.Run())
}

// outcome is what a run of ctl printed and ended with.
type outcome struct {
	out, err string
	exit     int
}

func (o outcome) String() string {
	return fmt.Sprintf("rc %d\nstdout:\n%sstderr:\n%s", o.exit, o.out, o.err)
}

// runCtl runs ctl with input on stdin and without a configuration file.
func runCtl(t testing.TB, argv0, input string, args ...string) outcome {
	t.Helper()
	return runEnv(t, nil, argv0, input, args...)
}

func runEnv(t testing.TB, environ []string, argv0, input string, args ...string) outcome {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.WriteString(input)
		w.Close()
	}()
	var out, errout bytes.Buffer
	sys := system{in: r, out: &out, err: &errout, environ: environ, find: func() string { return "" }}
	exit := run(sys, argv0, args)
	return outcome{out.String(), errout.String(), exit}
}

// act runs one action against a server, as gosv ctl.
func act(t testing.TB, url, action string, more ...string) outcome {
	t.Helper()
	return runCtl(t, "gosv ctl", "", append(append([]string{"-s", url}, more...), strings.Fields(action)...)...)
}
