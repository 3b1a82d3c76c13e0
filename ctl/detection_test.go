package ctl

import (
	"bufio"
	"io"
	"net"
	"slices"
	"testing"
)

// TestDetection says which protocol is used with which server.
func TestDetection(t *testing.T) {
	t.Parallel()
	t.Run("http refuses at once", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		url := f.serve(t, func(nc net.Conn) {
			r := bufio.NewReader(nc)
			if first, err := r.Peek(1); err == nil && first[0] == '{' {
				io.WriteString(nc, "HTTP/1.0 400 Bad Request\r\n\r\n")
				return
			}
			f.handleXML(&peeked{nc, r})
		})
		if o := act(t, url, "version"); o.out != "4.2.5\n" {
			t.Errorf("version: %v", o)
		}
	})
	t.Run("http closes at once", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		url := f.serve(t, func(nc net.Conn) {
			r := bufio.NewReader(nc)
			if first, err := r.Peek(1); err == nil && first[0] != '{' {
				f.handleXML(&peeked{nc, r})
			}
		})
		if o := act(t, url, "version"); o.out != "4.2.5\n" {
			t.Errorf("version: %v", o)
		}
	})
	t.Run("tcp is XML-RPC", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				f.handleXML(nc)
				nc.Close()
			}
		}()
		if o := act(t, "http://"+l.Addr().String(), "version"); o.out != "4.2.5\n" {
			t.Errorf("version: %v", o)
		}
		if calls, want := f.took(), []string{"supervisor.getVersion", "supervisor.getSupervisorVersion"}; !slices.Equal(calls, want) {
			t.Errorf("calls: %q, want %q", calls, want)
		}
	})
	t.Run("JSON asks once", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		act(t, f.serveJSON(t), "status")
		if calls, want := f.took(), []string{"hello", "status"}; !slices.Equal(calls, want) {
			t.Errorf("calls: %q, want %q", calls, want)
		}
	})
	t.Run("restart is one wish", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		url := f.serveJSON(t)
		act(t, url, "restart cat")
		act(t, url, "restart cat talk")
		want := []string{"hello", "restart cat", "hello", "stop cat", "stop talk", "start cat", "start talk"}
		if calls := f.took(); !slices.Equal(calls, want) {
			t.Errorf("calls: %q, want %q", calls, want)
		}
	})
}

// peeked is a connection of which some was read ahead.
type peeked struct {
	net.Conn
	r io.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }
