//go:build !linux || !(amd64 || arm64)

package vfork

import "unsafe"

// Known says whether there is a Start for this machine.
const Known = false

func start(*cloneArgs, uintptr, *Call, unsafe.Pointer) (pid, errno uintptr) { panic("not here") }

// Grow does nothing: the stack grows as it has to.
func Grow() {}

func limitOfFiles() Limit { return Limit{} }
