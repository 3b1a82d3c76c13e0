//go:build unix && !linux

package logs

import "errors"

// pipeSizeOf: pipes cannot be grown here.
func pipeSizeOf(*Sink) int { return pipeSize }

func rawTerminal(int) error { return errors.ErrUnsupported }
