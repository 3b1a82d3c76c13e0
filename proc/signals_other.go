//go:build unix && !linux

package proc

// pythonSignals are the signals whose name in Python is not the usual one. It is a table,
// never changed.
var pythonSignals = map[int]string{}
