package ctl

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lineReader reads lines of stdin and can be interrupted: a goroutine left behind in a
// read would steal the next line from the shell.
type lineReader struct {
	file *os.File
	fd   int // what is read; for a terminal it never blocks
	buf  []byte
}

func newLineReader(f *os.File) *lineReader { return &lineReader{file: f, fd: -1} }

// read is the next line without its end; the last one may lack it. The error is io.EOF at
// the end, or that of ctx.
func (l *lineReader) read(ctx context.Context) (string, error) {
	if l.fd < 0 {
		l.fd = readable(l.file)
	}
	wakeR, wakeW, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer wakeR.Close()
	stop := context.AfterFunc(ctx, func() { wakeW.Close() })
	defer func() {
		if stop() {
			wakeW.Close()
		}
	}()
	for {
		if i := bytes.IndexByte(l.buf, '\n'); i >= 0 {
			line := string(l.buf[:i])
			l.buf = l.buf[i+1:]
			return strings.TrimSuffix(line, "\r"), nil
		}
		if err := l.wait(ctx, int(wakeR.Fd())); err != nil {
			return "", err
		}
		var more [4096]byte
		n, err := unix.Read(l.fd, more[:])
		switch {
		case err == unix.EAGAIN, err == unix.EINTR:
		case err != nil:
			return "", err
		case n > 0:
			l.buf = append(l.buf, more[:n]...)
		case len(l.buf) > 0:
			line := string(l.buf)
			l.buf = nil
			return line, nil
		default:
			return "", io.EOF
		}
	}
}

// wait returns when the file can be read, or with an error when ctx is done.
func (l *lineReader) wait(ctx context.Context, wake int) error {
	fds := []unix.PollFd{{Fd: int32(l.file.Fd()), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == unix.EINTR:
		case err != nil:
			return err
		default:
			return nil
		}
	}
}

// readable is the descriptor to read f by. Ctrl-C makes a terminal forget the line that
// poll has promised, and the read after it would block. So our terminal is opened a second
// time, not to block: on f itself that would also hold for everyone who shares it.
func readable(f *os.File) int {
	fd := int(f.Fd())
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil {
		return fd // not our terminal
	}
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fd
	}
	return tty
}
