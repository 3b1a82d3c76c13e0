//go:build linux

// Not in the package itself, which imports nothing.
package vfork_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"gosv/proc/vfork"
)

func TestMain(m *testing.M) {
	if os.Getenv("VFORK_TELL") != "" {
		var now syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
		fmt.Println(vfork.Files.Soft, vfork.Files.Hard, now.Cur)
		return
	}
	os.Exit(m.Run())
}

// TestFiles: the limit is read before package syscall raises it.
func TestFiles(t *testing.T) {
	if !vfork.Known {
		t.Skip("NOT TESTED: there is no Start for " + runtime.GOARCH)
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -Sn 100 && ulimit -Hn 200 && exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), "VFORK_TELL=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if got := string(bytes.TrimSpace(out)); got != "100 200 199" {
		t.Errorf("limits as we were started, and now: %s, want 100 200 199", got)
	}
}

// shared is what a child reads.
type shared struct {
	calls     [4]vfork.Call
	path      *byte
	argv, env []*byte
}

// begin has a child execute path, as what out is to be its standard output.
func begin(t *testing.T, out uintptr, path string) (pid int, s *shared) {
	t.Helper()
	s = &shared{}
	var err error
	if s.path, err = syscall.BytePtrFromString(path); err != nil {
		t.Fatal(err)
	}
	if s.argv, err = syscall.SlicePtrFromStrings([]string{"echo", "hello"}); err != nil {
		t.Fatal(err)
	}
	s.env = []*byte{nil}
	const closeRange, unshare = 436, 2
	s.calls = [4]vfork.Call{
		{Number: closeRange, Args: [6]uintptr{out + 1, 1<<32 - 1, unshare}},
		{Number: syscall.SYS_DUP3, Args: [6]uintptr{out, 1}},
		{Number: closeRange, Args: [6]uintptr{3, 1<<32 - 1}},
		{Number: syscall.SYS_EXECVE, Args: [6]uintptr{uintptr(unsafe.Pointer(s.path)), uintptr(unsafe.Pointer(&s.argv[0])), uintptr(unsafe.Pointer(&s.env[0]))}},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, mine := ^uint64(0), uint64(0)
	mask := func(set, old *uint64) {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0); errno != 0 {
			t.Error(errno)
		}
	}
	mask(&all, &mine)
	pid, errno := vfork.Start(s.calls[:], unsafe.Pointer(s))
	mask(&mine, nil)
	if errno == uintptr(syscall.ENOSYS) || errno == uintptr(syscall.EPERM) || errno == uintptr(syscall.EINVAL) {
		t.Skipf("NOT TESTED: clone3 is not to be had here: %v", syscall.Errno(errno))
	}
	if errno != 0 {
		t.Fatal(syscall.Errno(errno))
	}
	return pid, s
}

// TestStart: the child has its own descriptors, ours stay, and a call that fails is told.
func TestStart(t *testing.T) {
	if !vfork.Known {
		t.Skip("NOT TESTED: there is no Start for " + runtime.GOARCH)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("NOT TESTED: no /proc: %v", err)
	}
	var status syscall.WaitStatus
	pid, s := begin(t, w.Fd(), "/bin/echo")
	if e := s.calls[0].Errno; e == uintptr(syscall.ENOSYS) || e == uintptr(syscall.EPERM) {
		syscall.Wait4(pid, &status, 0, nil)
		t.Skipf("NOT TESTED: close_range is not to be had here: %v", syscall.Errno(e))
	}
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 0 {
		t.Errorf("wait: %v, status %d, calls %+v", err, status.ExitStatus(), s.calls)
	}
	failed, s := begin(t, w.Fd(), "/nonexistent")
	if _, err := syscall.Wait4(failed, &status, 0, nil); err != nil || status.ExitStatus() != 253 {
		t.Errorf("wait: %v, status %d", err, status.ExitStatus())
	}
	if e := syscall.Errno(s.calls[3].Errno); e != syscall.ENOENT {
		t.Errorf("exec failed with %v, want ENOENT", e)
	}
	after, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after (%v)", len(before), len(after), err)
	}
	w.Close()
	text := make([]byte, 100)
	n, _ := r.Read(text)
	if string(text[:n]) != "hello\n" {
		t.Errorf("%s says %q", strconv.Itoa(pid), text[:n])
	}
	if n, err := r.Read(text); n != 0 {
		t.Errorf("the pipe goes on: %q, %v", text[:n], err)
	}
}
