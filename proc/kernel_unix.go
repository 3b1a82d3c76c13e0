//go:build unix

package proc

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"gosv/conf"
)

// UnixKernel is the real Kernel. It forks with vfork's speed and without a thread per
// child; wait4(-1) collects everybody's children, so nothing else in the program may wait.
type UnixKernel struct {
	died     chan struct{}
	signals  chan os.Signal
	ended    chan struct{}
	pending  *os.File    // Linux: tells of a SIGCHLD that has not been taken yet; nil: there is none
	indirect atomic.Bool // children cannot be made with package vfork
	shim     string      // the executable that is our exec shim; "" for none

	pipes map[uint64]int // by inode: what a keeper held; given out by Pipe
	// Masked are signals that this process was started with as blocked, and that children are
	// not to inherit so: an upgrade blocks them. Set it before the first Launch.
	Masked []syscall.Signal

	foreigners foreigners
	cages      cages
	tasks      sync.WaitGroup
}

// NewKernel makes the real Kernel. Close it at the end. Descriptors that we were born with
// are marked close-on-exec, but for the first three: Supervisor closes them in each child,
// which costs a call for each of minfds numbers.
func NewKernel() (*UnixKernel, error) {
	k := &UnixKernel{died: make(chan struct{}, 1), signals: make(chan os.Signal, 1), ended: make(chan struct{})}
	if os.Getenv(shimMark) == "" { // else we are a shim's executable that is not one
		k.shim = self()
	}
	keepDescriptors()
	signal.Notify(k.signals, syscall.SIGCHLD)
	go func() {
		defer close(k.ended)
		for range k.signals {
			ring(k.died)
		}
	}()
	return k, nil
}

// Close ends the listening for SIGCHLD. Children are left alone.
func (k *UnixKernel) Close() {
	signal.Stop(k.signals)
	close(k.signals)
	<-k.ended
	k.pending.Close()
	k.tasks.Wait()
	k.foreigners.close()
	k.cages.close()
}

// Launch starts a child in a process group of its own, in our session, as Supervisor does.
// What the fork itself cannot set goes through the exec shim. So does a child that failed
// after the fork: the shim repeats it and says in the child's own log which step it was,
// with Supervisor's words and status 127, which an error number alone does not tell.
func (k *UnixKernel) Launch(s Spec) (int, error) {
	cage := k.cages.open(s.Mark)
	defer closeFD(cage)
	become, mayBecome := credential(s.User)
	direct := s.Umask == conf.Unset && mayBecome
	var err error
	if direct {
		var pid int
		if pid, err = k.forkExec(cage, s.Path, s.Argv, s.Env, s.Dir, become, s); err == nil {
			return pid, nil
		}
		if err == syscall.EMFILE || err == syscall.ENFILE {
			return 0, err // of the fork: it needs a pipe
		}
	}
	if k.shim == "" {
		return 0, explain(s, direct, mayBecome, err)
	}
	pid, shimErr := k.forkExec(cage, k.shim, shimArgs(s), append(s.Env[:len(s.Env):len(s.Env)], shimMark+"=1"), "", nil, s)
	switch {
	case shimErr == nil:
		return pid, nil
	case noFork(shimErr):
		return 0, shimErr
	case direct: // the shim is out of reach
		return 0, explain(s, direct, mayBecome, err)
	}
	return 0, &ExecError{"exec", k.shim, shimErr}
}

// noFork says whether err is one of a fork.
func noFork(err error) bool {
	return err == syscall.EAGAIN || err == syscall.ENOMEM || err == syscall.EMFILE || err == syscall.ENFILE
}

// scarce says that there was no descriptor to look with, which another look may have. What else keeps us from looking (no
// /proc, no pidfds) stays.
func scarce(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// explain says which step err came from, where there is no shim to say it.
func explain(s Spec, direct, mayBecome bool, err error) error {
	switch {
	case !mayBecome:
		return &ExecError{"setuid", uid(s.User), errNotRoot}
	case !direct:
		return &ExecError{"exec", ShimName, syscall.ENOENT}
	case noFork(err):
		return err
	}
	if s.Dir != "" {
		if st, statErr := os.Stat(s.Dir); statErr != nil || !st.IsDir() {
			return &ExecError{"chdir", s.Dir, err}
		}
	}
	return &ExecError{"exec", s.Argv[0], err}
}

// forkExec is syscall.ForkExec with s's files. ForkExec holds off other forks, resets the
// handled signals to their defaults, SIGPIPE among them (Supervisor's children inherit an
// ignored SIGPIPE, to the grief of their pipelines), and restores the soft limit of open
// files that Go's runtime has raised.
func (k *UnixKernel) forkExec(cage int, path string, argv, env []string, dir string, become *syscall.Credential, s Spec) (int, error) {
	defer unmask(k.Masked)()
	in, out := blocking(s.Stdin), blocking(s.Stdout)
	errors := out
	if s.Stderr != s.Stdout {
		errors = blocking(s.Stderr)
	}
	attr := &syscall.ProcAttr{
		Dir: dir, Env: env, Files: []uintptr{in, out, errors},
		Sys: &syscall.SysProcAttr{Setpgid: true, Credential: become},
	}
	pid, err := k.forkInto(cage, path, argv, attr)
	runtime.KeepAlive(s)
	return pid, err
}

// blocking is a file's descriptor, made to block: a child does not expect anything else.
func blocking(f *os.File) uintptr {
	fd := f.Fd()
	syscall.SetNonblock(int(fd), false)
	return fd
}

// Signal sends sig to a child or to its process group.
func (k *UnixKernel) Signal(pid int, sig syscall.Signal, group bool) error {
	if err, ok := k.foreigners.signal(pid, sig, group); ok {
		return err
	}
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, sig)
}

// Reap collects one dead child.
func (k *UnixKernel) Reap() (int, syscall.WaitStatus, bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err == nil && pid > 0 {
			return pid, status, true
		}
		return k.foreigners.reap()
	}
}

// Died rings at SIGCHLD.
func (k *UnixKernel) Died() <-chan struct{} { return k.died }
