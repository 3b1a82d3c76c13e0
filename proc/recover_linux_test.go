package proc

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
)

// TestRecoverFindsTheChild: a child whose launch was not answered is told from what it has started,
// and, by what is its own, from others that listen on the same socket.
func TestRecoverFindsTheChild(t *testing.T) {
	begin := func() int {
		c := exec.Command("sleep", "600")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			c.Process.Kill()
			c.Wait()
		})
		return c.Process.Pid
	}
	first := begin()
	for at := bootTicks(); bootTicks() < at+2; { // so that their start times differ
		time.Sleep(time.Millisecond)
	}
	second := begin()
	const socket, out = 11, 12
	for _, test := range []struct {
		name string
		of   *conf.Socket
		open map[uint64][]holding
		want int
	}{
		{"what it has started", nil, map[uint64][]holding{out: {{second, 1}, {first, 1}}}, first},
		{"the socket of another", &conf.Socket{}, map[uint64][]holding{socket: {{first, 0}, {second, 0}}, out: {{second, 1}}}, second},
		{"none, but another with its socket", &conf.Socket{}, map[uint64][]holding{socket: {{first, 0}}}, 0},
	} {
		r := &recovery{open: test.open}
		k := r.launched(&process{conf: &conf.Process{Socket: test.of}}, nil, &intent{Pipes: [3]uint64{socket, out, out}})
		if k.PID != test.want {
			t.Errorf("%s: the child is %d, want %d (of %d and %d)", test.name, k.PID, test.want, first, second)
		}
	}
}
