//go:build !linux || !(amd64 || arm64)

package vfork

import "unsafe"

// Known says whether there is a Start for this machine.
const Known = false

func start(*cloneArgs, uintptr, *Call, unsafe.Pointer) (pid, errno uintptr) { panic("not here") }

func limitOfFiles() Limit { return Limit{} }
