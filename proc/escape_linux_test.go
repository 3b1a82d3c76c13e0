package proc

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// strays are processes with a mark to be swept, told by it or by their control group alone.
func strays(t *testing.T, f func(t *testing.T, k *UnixKernel, mark string, ended <-chan error)) {
	for _, by := range []string{"environment", "control group"} {
		t.Run(by, func(t *testing.T) {
			k, err := NewKernel()
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			mark := "mark." + by
			c := exec.Command("sleep", "1000")
			c.Env = append(os.Environ(), escapeEnv+"="+mark)
			if by == "control group" {
				cage := k.cages.open(mark)
				if cage < 0 {
					t.Skip("there is no control group of version 2 that may be written to")
				}
				defer unix.Close(cage)
				c.Env = os.Environ()
				c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: cage}
			}
			if err := c.Start(); err != nil {
				t.Skip(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			defer c.Process.Kill()
			f(t, k, mark, ended)
		})
	}
}

// descriptors are two limits of them, what there was and so few that none is left, and which sets one.
func descriptors(t *testing.T) (was, none unix.Rlimit, set func(unix.Rlimit)) {
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none = was
	none.Cur = 3
	set = func(l unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { set(was) })
	return was, none, set
}

// TestSweepWithoutDescriptors: who cannot look has not seen that nothing is left. Nothing else may run meanwhile.
func TestSweepWithoutDescriptors(t *testing.T) {
	strays(t, func(t *testing.T, k *UnixKernel, mark string, ended <-chan error) {
		was, none, set := descriptors(t)
		set(none)
		swept := make(chan int, 1)
		go func() { swept <- k.Sweep(mark, [3]uint64{}) }()
		select {
		case n := <-swept:
			t.Errorf("it has seen %d without looking", n)
			swept <- n
		case <-time.After(50 * time.Millisecond):
		}
		set(was)
		if n := <-swept; n != 1 {
			t.Fatalf("it has seen %d, want the one", n)
		}
		if failed := (*exec.ExitError)(nil); !errors.As(<-ended, &failed) || failed.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %v", failed)
		}
	})
}

// TestSweepAtTheLimit: who has a descriptor now and none then has not seen that nothing is left either. Nothing else
// may run meanwhile.
func TestSweepAtTheLimit(t *testing.T) {
	for range 5 {
		strays(t, func(t *testing.T, k *UnixKernel, mark string, ended <-chan error) {
			was, none, set := descriptors(t)
			swept := make(chan struct{})
			go func() {
				defer close(swept)
				k.Sweep(mark, [3]uint64{})
			}()
			for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); set(was) {
				set(none)
			}
			<-swept
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("it is swept, and lives")
			}
		})
	}
}

// aloof runs f in a thread that ends with it, for what is done to the thread.
func aloof(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		f()
	}()
	<-done
}

// TestSweepWithoutProc: where there is no /proc to look at, nobody waits for one.
func TestSweepWithoutProc(t *testing.T) {
	k, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	dir := t.TempDir()
	aloof(t, func() {
		if err := errors.Join(unix.Unshare(unix.CLONE_FS), unix.Chroot(dir)); err != nil {
			t.Logf("SKIPPED: %v", err)
			return
		}
		begun := time.Now()
		if n := k.Sweep("mark.x", [3]uint64{}); n != 0 {
			t.Errorf("it has seen %d", n)
		}
		if took := time.Since(begun); took >= sweepMax {
			t.Errorf("it took %v", took)
		}
	})
}

// TestSweepWithoutPidfds: where pidfd_open(2) is refused, as by some containers, the control group is there still.
func TestSweepWithoutPidfds(t *testing.T) {
	k, err := NewKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	const mark = "mark.without"
	cage := k.cages.open(mark)
	if cage < 0 {
		t.Skip("there is no control group of version 2 that may be written to")
	}
	defer unix.Close(cage)
	c := exec.Command("sleep", "1000")
	c.Env = append(os.Environ(), escapeEnv+"="+mark)
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: cage}
	if err := c.Start(); err != nil {
		t.Skipf("no child can be made in a control group: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer c.Process.Kill()
	aloof(t, func() {
		const load, isEqual, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		filter := []unix.SockFilter{
			{Code: load}, // the number of the call
			{Code: isEqual, K: unix.SYS_PIDFD_OPEN, Jf: 1},
			{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
			{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		}
		prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
			unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0))
		if err != nil {
			t.Logf("SKIPPED: %v", err)
			c.Process.Kill()
			return
		}
		if n := k.Sweep(mark, [3]uint64{}); n != 1 {
			t.Errorf("it has seen %d, want the one", n)
			c.Process.Kill()
		}
	})
	<-ended
}
