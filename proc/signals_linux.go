package proc

// pythonSignals are the signals whose name in Python on Linux is not the usual one. It is
// a table, never changed.
var pythonSignals = map[int]string{29: "SIGPOLL", 34: "SIGRTMIN", 64: "SIGRTMAX"}
