package daemon

import (
	"time"

	"golang.org/x/sys/unix"
)

// suspended is how long the machine has slept since it was booted: the monotonic clock, on
// which programs are waited for, stands still meanwhile, as they do.
func suspended() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - mono.Nano())
}
