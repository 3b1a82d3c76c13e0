package proc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSweepWithoutDescriptors: who cannot look has not seen that nothing is left. Nothing else may run meanwhile.
func TestSweepWithoutDescriptors(t *testing.T) {
	k, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	c := exec.Command("sleep", "1000")
	c.Env = append(os.Environ(), escapeEnv+"=mark.x")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer c.Process.Kill()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	swept := make(chan int, 1)
	go func() { swept <- k.Sweep("mark.x", [3]uint64{}) }()
	select {
	case n := <-swept:
		t.Errorf("it has seen %d without looking", n)
		swept <- n
	case <-time.After(50 * time.Millisecond):
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if n := <-swept; n != 1 {
		t.Fatalf("it has seen %d, want the one", n)
	}
	if err := <-ended; err == nil || c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", err)
	}
}
