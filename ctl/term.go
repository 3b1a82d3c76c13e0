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

// terminalMode is the mode of a terminal, zero for what is none.
func terminalMode(f *os.File) *unix.Termios {
	mode, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		return &unix.Termios{}
	}
	return mode
}

// setTerminalMode does nothing to what is no terminal.
func setTerminalMode(f *os.File, mode *unix.Termios) {
	unix.IoctlSetTermios(int(f.Fd()), setTermios, mode)
}

// echoOff makes a terminal not show what is typed, until the function it returns is called.
func echoOff(f *os.File) (restore func()) {
	old := terminalMode(f)
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	setTerminalMode(f, &quiet)
	return func() { setTerminalMode(f, old) }
}
