//go:build !linux

package daemon

// dropProgram is Linux's.
func dropProgram() {}
