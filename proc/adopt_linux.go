package proc

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// foreigners are processes that we supervise and that are not our children: those that
// outlived an earlier daemon. One descriptor each, and one goroutine for all.
type foreigners struct {
	mu    sync.Mutex // guards what follows
	byPID map[int]*foreigner
	byFD  map[int32]*foreigner
	dead  []foreigner // to be reaped
	poll  int         // epoll; valid when byPID is not nil
	bell  int         // eventfd, ends the goroutine
	ended chan struct{}

	fates   map[int]syscall.WaitStatus // who the keeper says has died, until all are adopted
	settled bool                       // all are
}

type foreigner struct {
	pid    int
	fd     int
	born   uint64
	status syscall.WaitStatus
	until  time.Time // zombie: how long to wait for its status
}

// Adopt watches the process pid that began at born (startTime; 0: not known), and lets it be
// signalled. ESRCH: it is gone. Where it may not be seen when the process began, it is taken for the one
// that is meant if it leads a process group, as all do that we start, and may be signalled.
func (k *UnixKernel) Adopt(pid int, born uint64) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	there, err := lives(pid, born)
	if err != nil && !scarce(err) && leads(pid) && unix.Kill(pid, 0) == nil {
		there, err = true, nil
	}
	if err == nil && !there { // another one has its pid
		err = unix.ESRCH
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	f := &k.foreigners
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byPID == nil {
		if err := f.begin(k.died); err != nil {
			unix.Close(fd)
			return err
		}
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
	if err := unix.EpollCtl(f.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		unix.Close(fd)
		return err
	}
	x := &foreigner{pid: pid, fd: fd, born: born}
	f.byPID[pid], f.byFD[int32(fd)] = x, x
	return nil
}

// begin starts the goroutine. f.mu is held.
func (f *foreigners) begin(died chan struct{}) (err error) {
	if f.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if f.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(f.poll)
		return os.NewSyscallError("eventfd", err)
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(f.bell)}
	if err = unix.EpollCtl(f.poll, unix.EPOLL_CTL_ADD, f.bell, &e); err != nil {
		unix.Close(f.poll)
		unix.Close(f.bell)
		return os.NewSyscallError("epoll_ctl", err)
	}
	f.byPID, f.byFD, f.ended = map[int]*foreigner{}, map[int32]*foreigner{}, make(chan struct{})
	go f.watch(died)
	return nil
}

// statusWait is how long a process that has ended is waited for until its parent has
// collected it, since only then the kernel or the keeper tells how it ended.
const statusWait = 500 * time.Millisecond

func (f *foreigners) watch(died chan struct{}) {
	defer close(f.ended)
	var events [64]unix.EpollEvent
	var zombies []*foreigner
	for {
		wait := -1
		if len(zombies) > 0 {
			wait = int(max(0, time.Until(zombies[0].until)/time.Millisecond)) + 1
		}
		n, err := unix.EpollWait(f.poll, events[:], wait)
		if err != nil {
			n = 0
		}
		f.mu.Lock()
		if f.byPID == nil {
			f.mu.Unlock()
			return
		}
		for _, e := range events[:n] {
			x := f.byFD[e.Fd]
			if x != nil && x.until.IsZero() && over(x.fd) {
				x.until = time.Now().Add(statusWait)
				zombies = append(zombies, x)
			}
		}
		rest := zombies[:0]
		for _, x := range zombies {
			if f.byFD[int32(x.fd)] != x { // told meanwhile
				continue
			}
			status, known := f.statusOf(x)
			if !known && time.Now().Before(x.until) {
				rest = append(rest, x)
				continue
			}
			f.end(x, status)
			ring(died)
		}
		zombies = rest
		f.mu.Unlock()
	}
}

// statusOf is how x ended. f.mu is held.
func (f *foreigners) statusOf(x *foreigner) (syscall.WaitStatus, bool) {
	if s, ok := pidfdStatus(x.fd); ok {
		return s, true
	}
	if s, ok := zombieStatus(x.pid, x.born); ok {
		return s, true
	}
	return unknownStatus, false
}

// end takes x off what is watched. f.mu is held.
func (f *foreigners) end(x *foreigner, status syscall.WaitStatus) {
	unix.EpollCtl(f.poll, unix.EPOLL_CTL_DEL, x.fd, nil)
	unix.Close(x.fd)
	delete(f.byFD, int32(x.fd))
	delete(f.byPID, x.pid)
	x.status = status
	f.dead = append(f.dead, *x)
}

// Told is the parent of adopted processes saying how one of them ended. It is false if pid
// is none of them.
func (k *UnixKernel) Told(pid int, status syscall.WaitStatus) bool {
	f := &k.foreigners
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.byPID[pid]; x != nil {
		f.end(x, status)
		ring(k.died)
		return true
	}
	if f.settled {
		return false
	}
	if f.fates == nil {
		f.fates = map[int]syscall.WaitStatus{}
	}
	if _, known := f.fates[pid]; !known {
		f.fates[pid] = status
	}
	return true
}

// reap is the next of them that has ended.
func (f *foreigners) reap() (pid int, status syscall.WaitStatus, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dead) == 0 {
		return 0, 0, false
	}
	x := f.dead[0]
	f.dead = f.dead[1:]
	return x.pid, x.status, true
}

// signal signals one of them; ok is false if pid is none. A process is signalled through its
// pidfd, and so never another one that has got its pid. Its group cannot be another's while
// it is there itself.
func (f *foreigners) signal(pid int, sig syscall.Signal, group bool) (err error, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.byPID[pid]
	if x == nil {
		return nil, false
	}
	if !group {
		return unix.PidfdSendSignal(x.fd, sig, nil, 0), true
	}
	if err := unix.PidfdSendSignal(x.fd, 0, nil, 0); err != nil {
		return err, true
	}
	return syscall.Kill(-pid, sig), true
}

func (f *foreigners) close() {
	f.mu.Lock()
	begun := f.byPID != nil
	for _, x := range f.byPID {
		unix.Close(x.fd)
	}
	f.byPID, f.byFD = nil, nil
	if begun {
		one := [8]byte{1}
		unix.Write(f.bell, one[:])
	}
	f.mu.Unlock()
	if begun {
		<-f.ended
		unix.Close(f.poll)
		unix.Close(f.bell)
	}
}

// pidfdStatus asks the kernel how a process ended that its parent has collected (Linux
// 6.15; PIDFD_GET_INFO).
func pidfdStatus(fd int) (syscall.WaitStatus, bool) {
	const getInfo, infoExit = 0xc040ff0b, 1 << 3 // _IOWR(0xFF, 11, struct pidfd_info) of 64 bytes
	var info struct {
		mask, cgroup                                              uint64
		pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, _, _ uint32
		exit                                                      int32
	}
	info.mask = infoExit
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), getInfo, uintptr(unsafe.Pointer(&info)))
	if errno != 0 || info.mask&infoExit == 0 {
		return 0, false
	}
	return syscall.WaitStatus(info.exit), true
}

// zombieStatus is how a process ended that its parent has not collected yet: the 52nd field
// of /proc/PID/stat, which is 0 for those who may not know.
func zombieStatus(pid int, born uint64) (syscall.WaitStatus, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/stat")
	f := statFields(text)
	if err != nil || len(f) <= 52-3 || len(f[0]) != 1 || f[0][0] != 'Z' || string(f[22-3]) != strconv.FormatUint(born, 10) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(f[52-3]), 10, 32)
	if err != nil {
		return 0, false
	}
	var st unix.Stat_t
	mayKnow := n != 0 || unix.Stat(dir, &st) == nil && int(st.Uid) == os.Geteuid() || mayTrace()
	return syscall.WaitStatus(n), mayKnow
}

// mayTrace says whether we have CAP_SYS_PTRACE.
func mayTrace() bool {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(text, []byte("\nCapEff:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	caps, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 64)
	return err == nil && caps&(1<<unix.CAP_SYS_PTRACE) != 0
}

// crowded says that so few descriptors are left that no other program is to be adopted: each
// takes one more than one that we have started, and when all are used up nothing can be told
// of processes any more, and nobody be answered.
func crowded() bool {
	const left = 64
	var most unix.Rlimit
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) // the first number that is free
	if err != nil {
		return true
	}
	unix.Close(fd)
	return unix.Getrlimit(unix.RLIMIT_NOFILE, &most) == nil && uint64(fd)+left > most.Cur
}

// openOf opens what the process pid has as its descriptor n, if that is the pipe with the
// inode ino. -1: it is not.
func openOf(pid, n int, ino uint64, flags int) (int, error) {
	if ino == 0 {
		return -1, nil
	}
	path := "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(n)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		if err != unix.ENOENT {
			return -1, err
		}
		if _, unseen := startTime(pid); unseen != nil && unseen != unix.ESRCH {
			return -1, unseen
		}
		return -1, nil // it has closed it
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO || st.Ino != ino {
		return -1, nil
	}
	fd, err := unix.Open(path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if unix.Fstat(fd, &st) != nil || st.Ino != ino {
		unix.Close(fd)
		return -1, nil
	}
	return fd, nil
}

// hasPipe says whether a pipe is descriptor n of a process, as far as we may see.
func hasPipe(pid, n int, ino uint64) bool {
	var st unix.Stat_t
	return unix.Stat("/proc/"+strconv.Itoa(pid)+"/fd/"+strconv.Itoa(n), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO && st.Ino == ino
}

// holders are the processes that have pipes or sockets as their descriptors 0, 1 and 2. An error says
// that it could not look for them.
func holders() (map[uint64][]holding, error) {
	all := map[uint64][]holding{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	me := os.Getpid()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == me {
			continue
		}
		for fd := range 3 {
			var st unix.Stat_t
			if unix.Stat("/proc/"+e.Name()+"/fd/"+strconv.Itoa(fd), &st) != nil {
				continue
			}
			if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFIFO || kind == unix.S_IFSOCK {
				all[st.Ino] = append(all[st.Ino], holding{pid, fd})
			}
		}
	}
	return all, nil
}

// leads says whether a process leads its process group, as those do that we start.
func leads(pid int) bool {
	group, err := unix.Getpgid(pid)
	return err == nil && group == pid
}

// socketOf is a duplicate of what the process pid has as its descriptor 0, if that is a
// socket; -1: it is not, or may not be had.
func socketOf(pid int) int {
	p, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1
	}
	defer unix.Close(p)
	fd, err := unix.PidfdGetfd(p, 0, 0)
	if err != nil {
		return -1
	}
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || n == 0 {
		unix.Close(fd)
		return -1
	}
	return fd
}

// endStranger kills a process and its group where there are no pidfds, and waits until it
// is gone, ten seconds at most. An error says why it may live still.
func endStranger(pid int, born uint64) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		there, err := lives(pid, born)
		if err != nil || !there {
			return err
		}
		if err := syscall.Kill(-pid, syscall.SIGKILL); err == syscall.EPERM {
			return err
		}
	}
	return errors.New("it does not end although it was killed")
}

// over says whether the process of a pidfd has ended: what epoll has said of the number may be of one before it.
func over(fd int) bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n == 1
}
