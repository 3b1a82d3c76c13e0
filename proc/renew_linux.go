package proc

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A keeper can begin in the midst of a brain's life, in two ways: the brain starts another
// one when its keeper has been killed (Link.Renew), which is not its parent then and watches it
// by pidfd; and a keeper becomes the version of a brain that has been upgraded, by exec
// (Link.Update), which changes nothing between the two.

const (
	keptEnv   = "GOSV_KEEPER_STATE" // the descriptor of a keptKeeper
	parentEnv = "GOSV_KEEPER_PID"   // the keeper's, where it is not the brain's parent
)

// keptKeeper is what a keeper begins with that starts no brain. A later version may leave
// out what it does not know.
type keptKeeper struct {
	PID    int // of the brain
	Watch  int // pidfd of a brain that is no child; -1: it is one
	Link   int
	Files  []int          `json:",omitempty"`
	Held   map[uint64]int `json:",omitempty"`
	Died   []uint64       `json:",omitempty"`
	Queued []int          `json:",omitempty"`
	Masked []int          `json:",omitempty"` // signals that are blocked until they are caught

	Background, Hears, Up, Bye, Asked bool `json:",omitempty"`
}

// state puts it into a file in memory.
func (s *keptKeeper) state() (fd int, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return -1, err
	}
	if fd, err = unix.MemfdCreate("gosv-keeper", unix.MFD_CLOEXEC); err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	for done := 0; done < len(text); {
		n, err := unix.Pwrite(fd, text[done:], int64(done))
		if err != nil {
			unix.Close(fd)
			return -1, err
		}
		done += n
	}
	return fd, nil
}

// keptState is what this keeper begins with; nil: it is to start a brain.
func keptState() (*keptKeeper, error) {
	text := os.Getenv(keptEnv)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(keptEnv)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s=%q is no descriptor", keptEnv, text)
	}
	f := os.NewFile(uintptr(fd), "state")
	defer f.Close()
	s := &keptKeeper{Watch: -1}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	return s, json.NewDecoder(f).Decode(s)
}

// goOn begins with what is known.
func (k *keeper) goOn(s *keptKeeper, messages chan<- fromBrain) {
	k.pid, k.link, k.watch, k.files, k.background = s.PID, s.Link, s.Watch, s.Files, s.Background
	k.hears, k.up, k.bye, k.asked = s.Hears, s.Up, s.Bye, s.Asked
	for _, n := range s.Masked {
		k.masked = append(k.masked, syscall.Signal(n))
	}
	fds := []int{k.link, k.watch}
	for ino, fd := range s.Held {
		k.held[ino] = fd
		fds = append(fds, fd)
	}
	for _, fd := range append(fds, s.Files...) {
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	for _, n := range s.Died {
		k.deaths = append(k.deaths, death{int(uint32(n)), syscall.WaitStatus(uint32(n >> 32))})
	}
	for _, n := range s.Queued {
		k.queued = append(k.queued, syscall.Signal(n))
	}
	unix.SetsockoptTimeval(k.link, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 5})
	go readLink(k.link, messages)
	if k.watch >= 0 {
		for _, name := range []string{"LISTEN_PID", "WATCHDOG_PID"} {
			if os.Getenv(name) != "" {
				os.Setenv(name, strconv.Itoa(os.Getpid()))
			}
		}
		go func(fd int) { // ends with the brain
			list := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			for {
				if _, err := unix.Poll(list, -1); err != unix.EINTR {
					break
				}
			}
			close(k.gone)
		}(k.watch)
	}
}

// become executes program, another version of the keeper, in our place. It returns only when
// that fails. Signals that come meanwhile wait for the successor.
func (k *keeper) become(program int, signals chan os.Signal) error {
	list := keeperSignals()
	_, undo := BlockSignals(list)
	defer func() {
		undo()
		syscall.Kill(os.Getpid(), syscall.SIGCHLD)
	}()
	k.passAll(signals)
	s := &keptKeeper{
		PID: k.pid, Watch: k.watch, Link: k.link, Files: k.files, Held: k.held,
		Background: k.background, Hears: k.hears, Up: k.up, Bye: k.bye, Asked: k.asked,
	}
	fds := []int{k.link}
	if k.watch >= 0 {
		fds = append(fds, k.watch)
	}
	for _, fd := range k.held {
		fds = append(fds, fd)
	}
	for _, fd := range k.files {
		if fd > 2 {
			fds = append(fds, fd)
		}
	}
	for _, x := range list {
		s.Masked = append(s.Masked, int(x))
	}
	for _, d := range k.deaths {
		s.Died = append(s.Died, d.number())
	}
	for _, x := range k.queued {
		s.Queued = append(s.Queued, int(x))
	}
	state, err := s.state()
	if err != nil {
		return err
	}
	defer unix.Close(state)
	fds = append(fds, state)
	for _, fd := range fds {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	}
	env := append(os.Environ(), keptEnv+"="+strconv.Itoa(state))
	k.passAll(signals) // as late as can be: one that comes now, before the kernel has ended all threads but this, is lost
	err = syscall.Exec("/proc/self/fd/"+strconv.Itoa(program), append([]string{KeeperName}, k.argv...), env)
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return os.NewSyscallError("exec", err)
}

// passAll passes on what has come.
func (k *keeper) passAll(signals chan os.Signal) {
	idle := make(chan os.Signal, 1)
	signal.Notify(idle, syscall.SIGCHLD)
	signal.Stop(idle) // waits for those that are on their way
	for range len(signals) {
		k.pass((<-signals).(syscall.Signal))
	}
}

// Renew starts another keeper in the place of one that is lost, with the words, directory
// and descriptors (numbered from 3) that it is to start the daemon with, and without the signals masked
// being blocked: it hands that on. It is no child of ours. GoOn has to be called then, and everything said again.
func (l *Link) Renew(words []string, dir string, given []*os.File, masked []syscall.Signal) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[0])
	me, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		unix.Close(pair[1])
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(me)
	files := []uintptr{0, 1, 2}
	s := &keptKeeper{PID: os.Getpid(), Files: []int{0, 1, 2}, Background: l.Background, Hears: true, Up: true}
	for _, f := range given {
		s.Files = append(s.Files, len(files))
		files = append(files, f.Fd())
	}
	s.Link, s.Watch = len(files), len(files)+1
	state, err := s.state()
	if err != nil {
		unix.Close(pair[1])
		return err
	}
	defer unix.Close(state)
	files = append(files, uintptr(pair[0]), uintptr(me), uintptr(state))
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return len(e) > 11 && e[:11] == "GOSV_KEEPER" })
	env = append(env, keptEnv+"="+strconv.Itoa(len(files)-1))
	defer unmask(masked)()
	pid, err := syscall.ForkExec(self(), append([]string{KeeperName}, words...), &syscall.ProcAttr{
		Dir: dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Cloneflags: unix.CLONE_PARENT},
	})
	if err != nil {
		unix.Close(pair[1])
		return err
	}
	unix.SetsockoptTimeval(pair[1], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 1})
	for _, name := range []string{"LISTEN_PID", "WATCHDOG_PID"} { // they are meant for the keeper
		if os.Getenv(name) != "" {
			os.Setenv(name, strconv.Itoa(pid))
		}
	}
	l.mu.Lock()
	unix.Close(l.fd)
	l.fd, l.parent, l.lost, l.hangs = pair[1], pid, false, false
	l.mu.Unlock()
	return nil
}

// Update has the keeper become the version that we are.
func (l *Link) Update() {
	if l == nil {
		return
	}
	if fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		l.say(sayExec, 0, fd)
		unix.Close(fd)
	}
}
