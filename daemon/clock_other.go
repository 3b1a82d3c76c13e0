//go:build !linux

package daemon

import "time"

// suspended is not known here.
func suspended() time.Duration { return 0 }
