package proc

import (
	"math"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gosv/proc/vfork"
)

// image is what a child of forkDirectly reads: it has our memory until its exec.
type image struct {
	calls     [16]vfork.Call
	n         int
	path, dir *byte
	argv, env []*byte
	groups    []uint32
	mask      unix.Sigset_t
	limit     vfork.Limit
}

func (im *image) call(number uintptr, args ...uintptr) {
	c := &im.calls[im.n]
	c.Number = number
	copy(c.Args[:], args)
	im.n++
}

// forkDirectly is syscall.ForkExec for what Launch needs of it, with package vfork. ok is false
// when it cannot be had: there is no child then, nor was there one that did anything.
func (k *UnixKernel) forkDirectly(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error, ok bool) {
	if !vfork.Known || k.indirect.Load() || attr.Sys.UseCgroupFD {
		return 0, nil, false
	}
	im := &image{}
	highest := uintptr(2)
	for _, fd := range attr.Files {
		if fd < 3 { // the child would lose it to another one
			return 0, nil, false
		}
		highest = max(highest, fd)
	}
	if im.path, err = syscall.BytePtrFromString(path); err != nil {
		return 0, err, true
	}
	if im.argv, err = syscall.SlicePtrFromStrings(argv); err != nil {
		return 0, err, true
	}
	if im.env, err = syscall.SlicePtrFromStrings(attr.Env); err != nil {
		return 0, err, true
	}

	im.call(unix.SYS_SETPGID, 0, 0)
	im.call(unix.SYS_CLOSE_RANGE, highest+1, math.MaxUint32, unix.CLOSE_RANGE_UNSHARE)
	own := im.n // from here on the child has a table of descriptors of its own
	for i, fd := range attr.Files {
		im.call(unix.SYS_DUP3, fd, uintptr(i), 0)
	}
	im.call(unix.SYS_CLOSE_RANGE, 3, math.MaxUint32, 0)
	im.call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&im.mask)), 0, 8)
	if c := attr.Sys.Credential; c != nil {
		im.groups = append([]uint32{}, c.Groups...)
		im.call(unix.SYS_SETGROUPS, uintptr(len(im.groups)), uintptr(unsafe.Pointer(unsafe.SliceData(im.groups))))
		im.call(unix.SYS_SETGID, uintptr(c.Gid))
		im.call(unix.SYS_SETUID, uintptr(c.Uid))
	}
	if attr.Dir != "" {
		if im.dir, err = syscall.BytePtrFromString(attr.Dir); err != nil {
			return 0, err, true
		}
		im.call(unix.SYS_CHDIR, uintptr(unsafe.Pointer(im.dir)))
	}
	if l := raisedFiles(); l.Hard != 0 {
		im.limit = l
		im.call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&im.limit)), 0)
	}
	im.call(unix.SYS_EXECVE, uintptr(unsafe.Pointer(im.path)), uintptr(unsafe.Pointer(&im.argv[0])), uintptr(unsafe.Pointer(&im.env[0])))

	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	runtime.LockOSThread()
	unix.PthreadSigmask(unix.SIG_SETMASK, &all, &im.mask)
	pid, errno := vfork.Start(im.calls[:im.n], unsafe.Pointer(im))
	unix.PthreadSigmask(unix.SIG_SETMASK, &im.mask, nil)
	runtime.UnlockOSThread()

	if errno != 0 {
		return k.noChild(syscall.Errno(errno))
	}
	for i := range im.calls[:im.n] {
		if errno := im.calls[i].Errno; errno != 0 {
			var status syscall.WaitStatus
			for {
				if _, err := syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
					break
				}
			}
			if i < own {
				return k.noChild(syscall.Errno(errno))
			}
			return 0, syscall.Errno(errno), true
		}
	}
	return pid, nil, true
}

// noChild is the answer of forkDirectly when there is no child, or none with a table of its own. The
// machine may have no room for one now; else it is an old kernel, or a filter of system calls, and
// is not asked again.
func (k *UnixKernel) noChild(e syscall.Errno) (int, error, bool) {
	if noFork(e) {
		return 0, e, true
	}
	k.indirect.Store(true)
	return 0, nil, false
}

// raisedFiles is the limit of open descriptors that a child is to have when package syscall
// has raised ours, as syscall.ForkExec sees to it; zero when it has not, or when it was set
// anew since.
func raisedFiles() vfork.Limit {
	var now unix.Rlimit
	was := vfork.Files
	if was.Hard == 0 || was.Soft >= was.Hard-1 || unix.Getrlimit(unix.RLIMIT_NOFILE, &now) != nil || now.Cur != was.Hard-1 || now.Max != was.Hard {
		return vfork.Limit{}
	}
	return was
}
