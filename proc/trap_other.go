//go:build unix && !(linux && (amd64 || arm64))

package proc

import "syscall"

// trapsSignal is false: all signals come from os/signal.
func trapsSignal(syscall.Signal) bool { return false }

func trapSignals() (<-chan syscall.Signal, error) { return nil, nil }
