package proc

import (
	"fmt"
	"syscall"
	"testing"
)

// FuzzStat: whatever a program calls itself, the fields behind its name are the right ones.
func FuzzStat(f *testing.F) {
	f.Add("sh", uint64(12345))
	f.Add("a) S 1 (b", uint64(1))
	f.Add(") Z 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 99 \n", uint64(7))
	f.Add("", uint64(0))
	f.Fuzz(func(t *testing.T, name string, start uint64) {
		text := fmt.Sprintf("42 (%s) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 1 1", name, start)
		if got, _ := parseStart([]byte(text)); got != start {
			t.Errorf("%q: start is %d, want %d", text, got, start)
		}
		parseStart([]byte(name)) // anything else must not hurt
		if got, err := parseStart(fmt.Appendf(nil, "42 (%s) Z 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 1 1", name, start)); err != syscall.ESRCH {
			t.Errorf("a dead %q has started at %d", name, got)
		}
	})
}
