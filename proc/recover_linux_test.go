package proc

import (
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosv/conf"
	"gosv/proc/state"
)

// TestRecoverFindsTheChild: a child whose launch was not answered is told from what it has started,
// and, by what is its own, from others that listen on the same socket.
func TestRecoverFindsTheChild(t *testing.T) {
	first := leader(t).Process.Pid
	for at := bootTicks(); bootTicks() < at+2; { // so that their start times differ
		time.Sleep(time.Millisecond)
	}
	second := leader(t).Process.Pid
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
		k, _ := r.launched(&process{conf: &conf.Process{Socket: test.of}}, nil, &intent{Pipes: [3]uint64{socket, out, out}})
		if k.PID != test.want {
			t.Errorf("%s: the child is %d, want %d (of %d and %d)", test.name, k.PID, test.want, first, second)
		}
	}
}

// leader is a process that leads a group, as those do that we start.
func leader(t *testing.T) *exec.Cmd {
	c := exec.Command("sleep", "600")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// TestStartTimeUnknown: a process that cannot be seen (hidepid=2 shows as little as an empty
// directory) does not pass for dead.
func TestStartTimeUnknown(t *testing.T) {
	empty := t.TempDir()
	c := leader(t)
	if _, err := startTimeIn(empty, c.Process.Pid); err == nil || err == syscall.ESRCH {
		t.Errorf("one that lives and cannot be seen: %v", err)
	}
	if _, err := lives(c.Process.Pid, 0); err == nil {
		t.Error("nobody knows when it began, and yet whether it lives")
	}
	c.Process.Kill()
	c.Wait()
	if _, err := startTimeIn(empty, c.Process.Pid); err != syscall.ESRCH {
		t.Errorf("one that is gone: %v, want ESRCH", err)
	}
	if there, err := lives(c.Process.Pid, 0); there || err != nil {
		t.Errorf("one that is gone lives: %v, %v", there, err)
	}
}

// TestAdoptWithoutDescriptors: who cannot be looked at for want of descriptors is not taken for the one that is meant.
func TestAdoptWithoutDescriptors(t *testing.T) {
	c := leader(t)
	u := &UnixKernel{died: make(chan struct{}, 1)}
	defer u.foreigners.close()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	next, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	one := was
	one.Cur = uint64(next) + 1
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &one); err != nil {
		t.Fatal(err)
	}
	unix.Close(next)
	err = u.Adopt(c.Process.Pid, 1)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err != unix.EMFILE {
		t.Errorf("a stranger with its pid: %v, want that there are no descriptors", err)
	}
}

// TestRecoverWithoutDescriptors: a launch that was not answered, and whose child cannot be looked for, is not made a second
// time. Nothing else may run meanwhile.
func TestRecoverWithoutDescriptors(t *testing.T) {
	for _, closing := range []bool{false, true} {
		m := New(Options{Kernel: cannotWatch{}})
		p := m.newGroup(&conf.Group{Name: "p", Processes: []*conf.Process{{Group: "p", Name: "p", Autostart: true}}}).procs[0]
		i := &intent{Group: "p", Name: "p", Pipes: [3]uint64{11, 12, 12}}
		r := &recovery{m: m, past: &Past{Closing: closing, intents: map[[2]string]*intent{{"p", "p"}: i}}}
		was, none, set := descriptors(t)
		set(none)
		r.process(p)
		set(was)
		m.readMail()
		if i := p.info(); i.State != state.Fatal || !strings.Contains(i.SpawnErr, "may still run (") {
			t.Errorf("closing %v: it is %v (%s), want FATAL and why", closing, i.State, i.SpawnErr)
		}
	}
}

// TestRecoverOutputWithoutDescriptors: a pipe that a child of its program may have still, and that cannot be looked for or not be
// opened, does not pass for one that nobody has. Nothing else may run meanwhile.
func TestRecoverOutputWithoutDescriptors(t *testing.T) {
	live := leader(t).Process.Pid // without a pipe of its own
	child, ino := holder(t)
	const again, lost = "so it is started again: ", "which may be lost: "
	for _, test := range []struct {
		name  string
		of    state.State
		alive bool
		open  map[uint64][]holding
		said  string
	}{
		{"one that lives", state.Running, true, nil, again},
		{"one that is being stopped", state.Stopping, true, nil, lost},
		{"one that has ended", state.Running, false, nil, lost},
		{"one whose child was seen", state.Running, false, map[uint64][]holding{ino: {{child, 1}}}, lost},
	} {
		var log strings.Builder
		m := New(Options{Kernel: cannotWatch{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		p := m.newGroup(&conf.Group{Name: "p", Processes: []*conf.Process{{Group: "p", Name: "p"}}}).procs[0]
		p.m = state.Machine{State: test.of, Child: state.Live}
		r := &recovery{m: m, past: &Past{}, open: test.open}
		was, none, set := descriptors(t)
		set(none)
		r.output(p, &Kept{PID: live, Trace: trace{Pipes: [3]uint64{0, ino, ino}}}, test.alive)
		set(was)
		m.readMail()
		if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), test.said) || !strings.Contains(log.String(), "too many open files") {
			t.Errorf("%s: the log says %s", test.name, &log)
		}
		want := state.Machine{State: test.of, Child: state.Live}
		if test.said == again {
			want.State, want.Again = state.Stopping, true
		}
		if p.m != want {
			t.Errorf("%s: it is %+v, want %+v", test.name, p.m, want)
		}
		fd, err := r.held(ino) // for the next one it is looked for anew
		if err != nil || fd < 0 {
			t.Errorf("%s: with descriptors it is not found: %v", test.name, err)
		}
		closeFD(fd)
	}
}

// holder is a process that has a pipe as its standard output, and the inode of that.
func holder(t *testing.T) (pid int, ino uint64) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	c := exec.Command("sleep", "600")
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c.Process.Pid, inodeOf(w)
}

// cannotWatch is a kernel that adopts nobody.
type cannotWatch struct{ Kernel }

func (cannotWatch) Adopt(int, uint64) error { return syscall.EIO }

// TestRecoverUnknown: a program of which nobody can find out whether it lives is not started a second
// time, one that is known to be gone is, and one that lives and cannot be watched is killed first.
func TestRecoverUnknown(t *testing.T) {
	var log strings.Builder
	m := New(Options{Kernel: cannotWatch{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := leader(t)
	pid := c.Process.Pid
	k := &Kept{Name: "p", PID: pid, Stdin: -1, Machine: state.Machine{State: state.Running, Child: state.Live}}
	err := m.adopt(k, true)
	if err == nil || err == syscall.ESRCH {
		t.Fatalf("a program that began nobody knows when: %v", err)
	}
	m.strand(k, err)
	if k.PID != 0 || k.Machine != (state.Machine{State: state.Fatal}) || !strings.Contains(k.SpawnErr, strconv.Itoa(pid)) {
		t.Errorf("it is %+v (%s), want FATAL and why", k.Machine, k.SpawnErr)
	}
	if there, err := lives(pid, began(t, pid)); !there || err != nil {
		t.Errorf("it was killed: %v", err)
	}
	u := &UnixKernel{died: make(chan struct{}, 1)}
	defer u.foreigners.close()
	if err := u.Adopt(pid, 0); err != nil {
		t.Errorf("it leads a group and may be signalled, and is not adopted: %v", err)
	}
	if err := u.Adopt(pid, began(t, pid)+1); err != syscall.ESRCH {
		t.Errorf("another one with its pid: %v, want ESRCH", err)
	}
	dead := make(chan error)
	born := began(t, pid)
	go func() { dead <- c.Wait() }()
	k.PID, k.Trace.Born = pid, born
	if err := m.adopt(k, false); err != syscall.ESRCH {
		t.Errorf("one that lives and cannot be watched: %v", err)
	}
	if err := <-dead; err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended so: %v", err)
	}
	log.Reset()
	if err := m.adopt(k, false); err != syscall.ESRCH || log.Len() > 0 {
		t.Errorf("one that is gone: %v; the log says %s", err, &log)
	}
}

// TestAdoptedNumberAgain: what epoll has said of a process that its parent has told of meanwhile is not taken for the
// death of another one that has its descriptor's number now.
func TestAdoptedNumberAgain(t *testing.T) {
	t.Parallel()
	k, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	child := func() int {
		c := exec.Command("sleep", "1000")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		return c.Process.Pid
	}
	adopt := func(pid int) {
		if err := k.Adopt(pid, began(t, pid)); err != nil {
			t.Fatal(err)
		}
	}
	f := &k.foreigners
	for range 30 {
		a, b, c := child(), child(), child()
		adopt(a)
		adopt(c)
		f.mu.Lock() // as Adopt and Told have it
		x := f.byPID[a]
		syscall.Kill(a, syscall.SIGKILL)
		for !over(x.fd) {
			runtime.Gosched()
		}
		for range 1000 { // watch hears of it, and waits for the lock
			runtime.Gosched()
		}
		f.end(x, 9)
		fd, err := unix.PidfdOpen(b, 0)
		if err != nil {
			t.Fatal(err)
		}
		y := &foreigner{pid: b, fd: fd, born: began(t, b)}
		e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
		if err := unix.EpollCtl(f.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
			t.Fatal(err)
		}
		f.byPID[b], f.byFD[int32(fd)] = y, y
		f.mu.Unlock()
		syscall.Kill(c, syscall.SIGKILL)
		for dead := false; !dead; runtime.Gosched() { // then watch has dealt with what came before
			f.mu.Lock()
			dead = f.byPID[c] == nil
			f.mu.Unlock()
		}
		f.mu.Lock()
		if !y.until.IsZero() || f.byPID[b] != y {
			t.Error("one that lives is taken for dead")
		}
		f.mu.Unlock()
	}
}
