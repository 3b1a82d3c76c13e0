package proc

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// stdin is our end of a child's standard input. The loop writes what the pipe takes at
// once; what it does not take waits in pending, and a goroutine that lives no longer than
// that writes it when the child reads.
type stdin struct {
	fd      int      // -1: closed, or parked, or never made
	file    *os.File // owns fd once a goroutine has had to wait for the child
	pending []byte   // not handed to the goroutine yet
	writing int      // bytes the goroutine has
}

// stdinMax is how much may wait for a child that does not read, if that is more than one piece: an
// event may be larger.
const stdinMax = 1 << 20

func (s *stdin) open(fd int) { *s = stdin{fd: fd} }

// closeStdin ends the child's standard input and the goroutine that writes to it.
func (p *process) closeStdin() {
	if p.stdin.file != nil {
		p.stdin.file.Close()
	} else {
		closeFD(p.stdin.fd)
	}
	p.stdin = stdin{fd: -1}
}

// Stdin writes to a process's standard input. It goes on working while everything is being
// stopped: event listeners get their events to the end.
func (m *Manager) Stdin(ctx context.Context, group, name string, data []byte) error {
	data = append([]byte(nil), data...)
	return tell(ctx, m, func() error {
		p, err := m.find(group, name)
		if err != nil {
			return err
		}
		return m.feed(p, data)
	})
}

func (m *Manager) feed(p *process, data []byte) error {
	s, name := &p.stdin, p.name()
	if p.pid == 0 || p.dead || !p.m.State.Up() {
		return &Fault{NotRunning, name}
	}
	if s.fd < 0 {
		if err := p.unpark(); err != nil {
			return &Fault{Failed, "cannot open the standard input of " + name + " again: " + err.Error()}
		}
	}
	if s.fd < 0 {
		return &Fault{NoFile, name}
	}
	waits := len(s.pending) + s.writing
	if waits > 0 && waits+len(data) > stdinMax { // a piece is refused as a whole, or taken as a whole
		return &Fault{Failed, name + " does not read its standard input"}
	}
	if waits == 0 {
		n, err := writeSome(s.fd, data)
		switch {
		case err == syscall.EPIPE:
			p.closeStdin()
			return &Fault{NoFile, name}
		case err != nil:
			return &Fault{Failed, "cannot write to the standard input of " + name + ": " + err.Error()}
		}
		data = data[n:]
	}
	if len(data) == 0 {
		return nil
	}
	s.pending = append(s.pending, data...)
	m.feedOn(p)
	return nil
}

// writeSome writes what a non-blocking descriptor takes now.
func writeSome(fd int, data []byte) (int, error) {
	done := 0
	for done < len(data) {
		n, err := syscall.Write(fd, data[done:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return done, nil
		case err != nil:
			return done, err
		}
		done += n
	}
	return done, nil
}

// feedOn hands what waits to a goroutine, unless there is one at work.
func (m *Manager) feedOn(p *process) {
	s := &p.stdin
	if s.writing > 0 || len(s.pending) == 0 || m.freezing != nil {
		return
	}
	if s.file == nil {
		s.file = os.NewFile(uintptr(s.fd), "stdin of "+p.conf.Name)
	}
	data, file, run := s.pending, s.file, p.run
	s.pending, s.writing = nil, len(data)
	file.SetWriteDeadline(time.Time{})
	m.tasks.Go(func() {
		n, err := file.Write(data) // ends when the child reads, or dies, or at a Freeze
		m.post(func() { m.fed(p, run, data[n:], err) })
	})
}

// fed is what waited having been written, or not.
func (m *Manager) fed(p *process, run uint32, left []byte, err error) {
	if p.run != run || p.stdin.fd < 0 {
		return
	}
	p.stdin.writing = 0
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.stdin.pending = append(left, p.stdin.pending...)
	} else if err != nil {
		p.closeStdin()
		return
	}
	m.feedOn(p)
}
