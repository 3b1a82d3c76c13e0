package daemon

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTailOfFIFO: a FIFO that takes the place of a log after the look at it holds up nobody.
func TestTailOfFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if done, err := (&chunks{}).regular(path, -1); done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
}
