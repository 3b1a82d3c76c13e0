package ctl

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullOutput(t *testing.T) {
	t.Parallel()
	var errs strings.Builder
	url := newFake().serveJSON(t)
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	sys := system{in: in, out: fullDisk{}, err: &errs, find: func() string { return "" }}
	if code := run(sys, "supervisorctl", []string{"-s", url, "version"}); code != exitGeneric {
		t.Errorf("exit code %d", code)
	}
	if got := errs.String(); got != "error: cannot write what there is to say: no space left on device\n" {
		t.Errorf("it says %q", got)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.hang = "start"
	o := startTerminal(t, "supervisorctl", "-s", f.serveJSON(t), "start", "manual")
	f.await(t, "start manual")
	o.send("\x03")
	o.end()
	if how := o.cmd.ProcessState.Sys().(syscall.WaitStatus); !how.Signaled() || how.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", o.cmd.ProcessState)
	}
}
