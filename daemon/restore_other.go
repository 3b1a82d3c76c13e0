//go:build !linux

package daemon

import "errors"

// fileWatch exists on Linux only; elsewhere SIGUSR2 makes a deleted socket again.
type fileWatch struct{}

func watchFile(string) (*fileWatch, error) { return nil, errors.ErrUnsupported }

func (*fileWatch) wait() error  { return errors.ErrUnsupported }
func (*fileWatch) Close() error { return nil }
