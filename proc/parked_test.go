//go:build linux

package proc_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// TestStdinOfMany: with very many descriptors open a program costs one, and its standard input
// still takes what is written to it, does not end before, and is missing where the program has
// closed it. With few it is kept.
func TestStdinOfMany(t *testing.T) {
	ctx := context.Background()
	var dummies []*os.File
	for len(dummies) == 0 || dummies[len(dummies)-1].Fd() < 1000 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		dummies = append(dummies, f)
	}
	run := func(t *testing.T, change func(*conf.Process)) *real {
		w := newReal(t, nil)
		w.add(child("cat", "", func(c *conf.Process) {
			c.Command.Argv = []string{"cat"}
			change(c)
		}))
		w.until("cat runs", func() bool { return w.info("cat").State == state.Running })
		return w
	}
	as := func(*conf.Process) {}
	// writers counts our descriptors of the pipe that is the child's standard input.
	writers := func(w *real) (n int) {
		want, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", w.info("cat").PID))
		if err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == want {
				n++
			}
		}
		return n
	}
	tell := func(w *real, text string) error { return w.m.Stdin(ctx, "cat", "cat", []byte(text)) }

	t.Run("written to", func(t *testing.T) {
		w := run(t, as)
		if n := writers(w); n != 0 {
			t.Errorf("%d descriptors are kept", n)
		}
		for i, text := range []string{"one\n", "two\n"} {
			if err := tell(w, text); err != nil {
				t.Fatal(err)
			}
			if n := writers(w); n != 1 {
				t.Errorf("%d descriptors after writing %d times", n, i+1)
			}
		}
		w.until("cat has written it", func() bool { return w.read("cat.out") == "one\ntwo\n" })
	})
	t.Run("closed by the program", func(t *testing.T) {
		w := run(t, func(c *conf.Process) {
			c.Command.Argv = []string{"/bin/sh", "-c", "exec <&-; echo closed; exec sleep 300"}
		})
		w.until("it has closed it", func() bool { return w.read("cat.out") == "closed\n" })
		if err := tell(w, "x"); faultText(err) != "NO_FILE: cat" {
			t.Errorf("writing to what is closed: %v", err)
		}
	})
	t.Run("upgrade", func(t *testing.T) { // hands nothing over, but what is needed to open it
		w := run(t, as)
		if err := w.m.Freeze(ctx, func(f proc.Frozen) error {
			if p := f.Processes[0]; p.Stdin != -1 || p.Trace.Pipes[0] == 0 {
				t.Errorf("frozen: %+v", p)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
	for name, change := range map[string]func(*conf.Process){
		"event listener": func(c *conf.Process) { c.Kind = conf.EventListener },
		"umask":          func(c *conf.Process) { c.Umask = 0o22 },
	} {
		t.Run(name, func(t *testing.T) {
			if w := run(t, change); writers(w) != 1 {
				t.Errorf("%d descriptors", writers(w))
			}
		})
	}
	for _, f := range dummies {
		f.Close()
	}
	t.Run("few", func(t *testing.T) {
		if w := run(t, as); writers(w) != 1 {
			t.Errorf("%d descriptors", writers(w))
		}
	})
}

// TestRoom: the kernel's table of descriptors is made large once, before a thousand programs start.
func TestRoom(t *testing.T) {
	w := newReal(t, nil)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	w.k.Room([]*conf.Group{{Processes: make([]*conf.Process, 600)}, {Processes: make([]*conf.Process, 400)}})
	w.until("there is room", func() bool {
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "\nFDSize:\t")
		size, _, _ := strings.Cut(after, "\n")
		n, err := strconv.ParseUint(size, 10, 64)
		return err == nil && n >= min(2000, limit.Cur)
	})
}
