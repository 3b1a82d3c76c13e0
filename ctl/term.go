package ctl

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal says that w is a terminal, which has a window size.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// echoOff makes a terminal not show what is typed, until the function it returns is called.
func echoOff(f *os.File) (restore func()) {
	old, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		return func() {} // not a terminal
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	unix.IoctlSetTermios(int(f.Fd()), setTermios, &quiet)
	return func() { unix.IoctlSetTermios(int(f.Fd()), setTermios, old) }
}
