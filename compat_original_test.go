package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// forkServer runs Supervisor's own supervisorctl in children of one Python process
// (testdata/compat/forkserver.py): a few hundred calls cost seconds, not minutes.
type forkServer struct {
	dir   string
	in    io.Writer
	ended chan struct{}

	mu    sync.Mutex // guards what follows, and writes to in
	last  int
	calls map[int]*forkCall
}

type forkCall struct {
	pid  int
	done chan int // its exit status
}

// startForkServer returns nil where it does not work: then each call starts Python.
func startForkServer(t *testing.T) *forkServer {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "testdata/compat/forkserver.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Logf("without a fork server: %v", err)
		return nil
	}
	f := &forkServer{dir: t.TempDir(), in: in, ended: make(chan struct{}), calls: map[int]*forkCall{}}
	go func() {
		defer close(f.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var a struct{ ID, PID, RC int }
			if json.Unmarshal(lines.Bytes(), &a) == nil {
				f.answer(a.ID, a.PID, a.RC)
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		<-f.ended
		cmd.Wait()
	})
	return f
}

func (f *forkServer) answer(id, pid, rc int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[id]
	if pid != 0 {
		c.pid = pid
		return
	}
	delete(f.calls, id)
	c.done <- rc
}

// run runs a call to its end.
func (f *forkServer) run(sd *side, stdin string, args []string) (result, error) {
	c := &forkCall{done: make(chan int, 1)}
	f.mu.Lock()
	f.last++
	id := f.last
	f.calls[id] = c
	f.mu.Unlock()
	files := make([]string, 3)
	for i := range files {
		files[i] = filepath.Join(f.dir, strconv.Itoa(id)+"."+strconv.Itoa(i))
		defer os.Remove(files[i])
	}
	if err := os.WriteFile(files[0], []byte(stdin), 0o644); err != nil {
		return result{}, err
	}
	line, err := json.Marshal(map[string]any{"id": id, "dir": sd.dir, "env": sd.env, "files": files, "argv": append([]string{originalCtl}, args...)})
	if err != nil {
		return result{}, err
	}
	f.mu.Lock()
	_, err = f.in.Write(append(line, '\n'))
	f.mu.Unlock()
	if err != nil {
		return result{}, err
	}
	select {
	case rc := <-c.done:
		out, _ := os.ReadFile(files[1])
		errs, _ := os.ReadFile(files[2])
		return result{string(out), string(errs), rc}, nil
	case <-f.ended:
		return result{}, fmt.Errorf("the fork server has ended during %q", args)
	case <-time.After(patience):
		f.mu.Lock()
		if c.pid != 0 {
			syscall.Kill(c.pid, syscall.SIGKILL)
		}
		f.mu.Unlock()
		out, _ := os.ReadFile(files[1])
		return result{}, fmt.Errorf("supervisorctl %s: %w\n%s", strings.Join(args, " "), errLong, out)
	}
}
