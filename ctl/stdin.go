package ctl

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lineReader reads lines of stdin and can be interrupted: a goroutine left behind in a
// read would steal the next line from the shell.
type lineReader struct {
	f *os.File
	r *bufio.Reader
}

func newLineReader(f *os.File) *lineReader {
	return &lineReader{f: f, r: bufio.NewReader(f)}
}

// read is the next line without its end; the last one may lack it. The error is io.EOF at
// the end, or that of ctx.
func (l *lineReader) read(ctx context.Context) (string, error) {
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
	var line strings.Builder
	for {
		if l.r.Buffered() == 0 {
			if err := l.wait(ctx, int(wakeR.Fd())); err != nil {
				return "", err
			}
		}
		part, err := l.take()
		line.Write(part)
		if strings.HasSuffix(line.String(), "\n") {
			return strings.TrimSuffix(strings.TrimSuffix(line.String(), "\n"), "\r"), nil
		}
		if err != nil {
			if err == io.EOF && line.Len() > 0 {
				return line.String(), nil
			}
			return "", err
		}
	}
}

// take is what is buffered up to the end of a line, after at most one read.
func (l *lineReader) take() ([]byte, error) {
	if _, err := l.r.Peek(1); err != nil {
		return nil, err
	}
	part, _ := l.r.Peek(l.r.Buffered())
	for i, c := range part {
		if c == '\n' {
			part = part[:i+1]
			break
		}
	}
	l.r.Discard(len(part))
	return part, nil
}

// wait returns when the file can be read, or with an error when ctx is done.
func (l *lineReader) wait(ctx context.Context, wake int) error {
	fds := []unix.PollFd{{Fd: int32(l.f.Fd()), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
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
