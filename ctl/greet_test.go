package ctl

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gosv/daemon/wire"
)

// greeted is what greeting a server gives that takes some time before it reads the hello
// and before it answers; none means that it never does.
func greeted(t *testing.T, read, answer time.Duration) (err error, took time.Duration) {
	const none = 0
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var peer sync.WaitGroup
		peer.Go(func() {
			defer theirs.Close()
			time.Sleep(read)
			c := wire.NewConn(theirs, bufio.NewReader(theirs))
			var req wire.Request
			if c.Read(&req) != nil {
				return
			}
			if answer == none {
				c.Read(&req) // until the client goes
				return
			}
			time.Sleep(answer)
			c.Write(wire.Reply{ID: req.ID, OK: []byte(`{"api":"3.0"}`)})
		})
		begin := time.Now()
		c := newJSONClient(&server{url: "unix:///nonexistent/s"}, ours)
		err = c.greet(context.Background())
		took = time.Since(begin)
		if err == nil && c.hello.API != apiVersion {
			t.Errorf("hello: %+v", c.hello)
		}
		ours.Close()
		peer.Wait()
	})
	return err, took
}

func TestGreet(t *testing.T) {
	t.Parallel()
	var late *timeoutError
	rows := []struct {
		name         string
		read, answer time.Duration
		ok           bool
	}{
		{"quick", 0, time.Millisecond, true},
		{"after the probe", 0, 5 * time.Second, true},
		{"slow to read", 5 * time.Second, time.Millisecond, true}, // a busy machine
		{"never", 0, 0, false},
		{"never reads", time.Hour, 0, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			err, took := greeted(t, row.read, row.answer)
			if row.ok && (err != nil || took > row.read+row.answer) {
				t.Errorf("greet: %v after %v", err, took)
			}
			if !row.ok && (!errors.As(err, &late) || took < greetTime || took > greetTime+time.Second) {
				t.Errorf("greet: %v after %v, want a timeout after %v", err, took, greetTime)
			}
		})
	}
}
