package proc

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// KeeperName is argv[0] of the keeper: a program whose main sees it must answer with
// os.Exit(Keeper(os.Args[1:])). The keeper is the parent of the daemon, which it calls the
// brain. It knows no configuration and opens nothing: it starts the brain again when that
// dies, holds the ends of the programs' pipes that the brain reads from, collects programs
// that have lost the brain as their parent, and passes signals on.
const KeeperName = "gosv-keeper"

const (
	keeperEnv     = "GOSV_KEEPER_FD"         // the brain's end of the link
	backgroundEnv = "GOSV_KEEPER_BACKGROUND" // the brain is in the background already
)

// keeper is the keeper's state; only its loop touches it.
type keeper struct {
	argv       []string // of the brain
	files      []int    // descriptors that the brain inherits
	ready      int      // of these, the one for the answer to whoever waits for the start; -1: none
	background bool

	pid    int           // of the brain; 0: there is none
	watch  int           // its pidfd, if it is no child of ours; -1: it is
	gone   chan struct{} // closed when that has ended
	link   int           // our end; -1: none
	began  time.Time
	quick  int  // how often in a row it died soon
	up     bool // it has been up, at some time
	hears  bool // it catches signals
	bye    bool // it ends in order
	asked  bool // it has asked for what we hold
	full   bool // it was told, once, that not every pipe is held
	held   map[uint64]int
	deaths []death
	queued []syscall.Signal // for a brain that does not hear yet
	masked []syscall.Signal // that are blocked since we became another version
}

// death is how a process ended that was not the brain.
type death struct {
	pid    int
	status syscall.WaitStatus
}

// deathsMax bounds those that nobody asks for.
const deathsMax = 1 << 16

// fromBrain is a message, with the descriptor that came with it; -1: none. nil data: the
// link has ended.
type fromBrain struct {
	link int
	data []byte
	fd   int
}

// Keeper is the keeper. args are the brain's words, its name first. It returns the exit
// status: the brain's, when that ended in order.
func Keeper(args []string) int {
	if len(args) == 0 {
		fmt.Fprintf(os.Stderr, "%s: this is a part of gosv; see keeper= in docs/crash.md\n", KeeperName)
		return 2
	}
	k := &keeper{argv: args, ready: -1, link: -1, watch: -1, gone: make(chan struct{}), held: map[uint64]int{}}
	known, err := keptState()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: cannot go on: %v\n", KeeperName, err)
		return 2
	}
	if known == nil {
		k.files = inherited()
	}
	if fd, err := strconv.Atoi(os.Getenv(ReadyEnv)); err == nil {
		k.ready = fd
	}
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	for _, fd := range k.files {
		if fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	signals, died := keeperBells()
	messages := make(chan fromBrain)
	again := time.NewTimer(time.Hour)
	again.Stop()
	if known != nil {
		k.goOn(known, messages)
		syscall.Kill(os.Getpid(), syscall.SIGCHLD) // somebody may have died meanwhile
	} else if err := k.start(messages); err != nil {
		fmt.Fprintf(os.Stderr, "%s: cannot start gosv: %v\n", KeeperName, err)
		return 2
	}
	for {
		select {
		case m := <-messages:
			if m.data != nil && m.data[0] == sayExec && m.fd >= 0 {
				if err := k.become(m.fd, signals); err != nil {
					fmt.Fprintf(os.Stderr, "%s: cannot become the new version: %v\n", KeeperName, err)
				}
				go readLink(m.link, messages)
			}
			k.message(m)
		case <-k.gone:
			unix.Close(k.watch)
			k.watch, k.gone = -1, nil
			if code, over := k.brainDied(0, again, messages); over {
				return code
			}
		case s := <-signals:
			k.pass(s.(syscall.Signal))
		case <-died:
			if code, over := k.reap(again, messages); over {
				return code
			}
		case <-again.C:
			if err := k.start(messages); err != nil {
				fmt.Fprintf(os.Stderr, "%s: cannot start gosv again: %v\n", KeeperName, err)
				again.Reset(keeperPause(k.quick))
				k.quick++
			}
		}
	}
}

func keeperSignals() []syscall.Signal {
	return []syscall.Signal{syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// keeperBells are where signals come, and apart from them word of deaths: of these there may be any number while we are
// busy, and what does not fit is dropped.
func keeperBells() (signals, died chan os.Signal) {
	signals, died = make(chan os.Signal, 64), make(chan os.Signal, 1)
	for _, s := range keeperSignals() {
		if s == syscall.SIGCHLD {
			signal.Notify(died, s)
		} else {
			signal.Notify(signals, s)
		}
	}
	return signals, died
}

// inherited are the descriptors that we were given to pass on.
func inherited() []int {
	var list []int
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return []int{0, 1, 2}
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			list = append(list, fd)
		}
	}
	slices.Sort(list)
	return list
}

// start starts the brain, in a process group of its own: what a terminal sends to ours
// reaches it once, through us.
func (k *keeper) start(messages chan<- fromBrain) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var files []uintptr
	for _, fd := range k.files {
		for len(files) < fd {
			files = append(files, ^uintptr(0))
		}
		files = append(files, uintptr(fd))
	}
	env := append(os.Environ(), keeperEnv+"="+strconv.Itoa(len(files)))
	if k.background {
		env = append(env, backgroundEnv+"=1")
	}
	files = append(files, uintptr(pair[1]))
	defer unmask(k.masked)()
	pid, err := syscall.ForkExec(self(), k.argv, &syscall.ProcAttr{Env: env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}})
	unix.Close(pair[1])
	if err != nil {
		unix.Close(pair[0])
		return err
	}
	unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 5})
	k.pid, k.link, k.began, k.hears, k.bye, k.asked, k.full = pid, pair[0], time.Now(), false, false, false, false
	if k.ready >= 0 { // the brain's alone: whoever reads it waits for its end
		unix.Close(k.ready)
		k.files = slices.DeleteFunc(k.files, func(fd int) bool { return fd == k.ready })
		k.ready, k.background = -1, true
		os.Unsetenv(ReadyEnv)
	}
	go readLink(k.link, messages) // ends with the link
	return nil
}

func readLink(link int, messages chan<- fromBrain) {
	for {
		data, fd, err := receive(link)
		if err != nil {
			data = nil
		}
		messages <- fromBrain{link, data, fd}
		if data == nil || data[0] == sayExec && fd >= 0 { // what comes then is for our successor
			return
		}
	}
}

// message is one of the brain, or the end of the link to it. What an earlier brain has sent
// counts too: it may have died since.
func (k *keeper) message(m fromBrain) {
	if m.data == nil {
		unix.Close(m.link)
		if m.link == k.link {
			k.link, k.asked = -1, false
			if k.bye && k.pid != 0 { // it has another keeper, or ends
				for ino, fd := range k.held {
					unix.Close(fd)
					delete(k.held, ino)
				}
			}
		}
		return
	}
	word, number := m.data[0], linkNumber(m.data)
	switch word {
	case sayHold:
		k.hold(number, m.fd)
		return
	case sayDrop:
		if fd, ok := k.held[number]; ok {
			unix.Close(fd)
			delete(k.held, number)
		}
	case sayHears:
		k.hears = true
		for _, s := range k.queued {
			k.signal(s)
		}
		k.queued = nil
	case sayUp:
		k.up = true
		if k.background {
			k.letGo()
		}
	case sayBye:
		k.bye = true
	case sayNoted:
		if i := slices.IndexFunc(k.deaths, func(d death) bool { return d.pid == int(number) }); i >= 0 {
			k.deaths = slices.Delete(k.deaths, i, i+1)
		}
	case sayGive:
		k.asked = k.give(m.link, giveMax) == nil
	}
	closeFD(m.fd)
}

// keeperSpare is how many descriptors the keeper does not hold pipes with: it needs some to start
// a brain and to become another version.
const keeperSpare = 16

// hold takes the pipe with this inode. fd is the lowest number that was free; -1: we had none left, or the
// whole system had not, which the kernel does not tell apart for a descriptor that is sent.
func (k *keeper) hold(inode uint64, fd int) {
	var limit unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	old, have := k.held[inode]
	if fd < 0 || uint64(fd)+keeperSpare >= limit.Cur {
		closeFD(fd)
		if !have && !k.full {
			sendNow(k.link, sayFull, limit.Cur)
			k.full = true
		}
		return
	}
	if have {
		unix.Close(old)
	}
	k.held[inode] = fd
}

// giveMax is how long a brain has to hear what we hold.
const giveMax = 5 * time.Second

// give tells the brain what is held and who died. One that does not hear it in time, or cannot,
// finds that no more comes, and does without us: it says so, or dies.
func (k *keeper) give(link int, most time.Duration) (err error) {
	end := time.Now().Add(most)
	tell := func(word byte, number uint64, fd int) {
		if err != nil {
			return
		}
		left := max(time.Millisecond, time.Until(end))
		limit := unix.NsecToTimeval(int64(left))
		unix.SetsockoptTimeval(link, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
		if err = send(link, word, number, fd, left); err == nil && time.Now().After(end) {
			err = unix.EAGAIN
		}
	}
	for ino, fd := range k.held {
		tell(sayHold, ino, fd)
	}
	for _, d := range k.deaths {
		tell(sayDied, d.number(), -1)
	}
	tell(sayEnd, 0, -1)
	if err != nil {
		unix.Shutdown(link, unix.SHUT_WR)
	}
	return err
}

// letGo lets go of the terminal, as the brain does in the background.
func (k *keeper) letGo() {
	if null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		for fd := range 3 {
			unix.Dup3(null, fd, 0)
		}
		unix.Close(null)
	}
}

// pass sends a signal on to the brain, when there is one that catches it.
func (k *keeper) pass(s syscall.Signal) {
	if k.pid != 0 && k.hears {
		k.signal(s)
	} else if len(k.queued) < 64 {
		k.queued = append(k.queued, s)
	}
}

// signal signals the brain.
func (k *keeper) signal(s syscall.Signal) {
	if k.watch >= 0 {
		unix.PidfdSendSignal(k.watch, s, nil, 0)
	} else {
		syscall.Kill(k.pid, s)
	}
}

// reap collects the dead. over says that the brain is one of them and is not to be started
// again.
func (k *keeper) reap(again *time.Timer, messages <-chan fromBrain) (code int, over bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return 0, false
		}
		if pid == k.pid && k.watch < 0 {
			if code, over = k.brainDied(status, again, messages); over {
				return code, true
			}
			continue
		}
		d := death{pid, status}
		if k.deaths = append(k.deaths, d); len(k.deaths) > deathsMax {
			k.deaths = k.deaths[1:]
		}
		if k.asked {
			sendNow(k.link, sayDied, d.number())
		}
	}
}

func (d death) number() uint64 { return uint64(uint32(d.status))<<32 | uint64(uint32(d.pid)) }

// brainDied decides what follows.
func (k *keeper) brainDied(status syscall.WaitStatus, again *time.Timer, messages <-chan fromBrain) (code int, over bool) {
	code = status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	pid := k.pid
	k.pid, k.hears = 0, false
	k.lastWords(messages)
	if k.bye || !k.up {
		return code, true
	}
	if time.Since(k.began) > 10*time.Second {
		k.quick = 0
	}
	fmt.Fprintf(os.Stderr, "%s: gosv (pid %d) has died (%s): starting it again\n", KeeperName, pid, statusText(status))
	again.Reset(keeperPause(k.quick))
	k.quick++
	return 0, false
}

// lastWords is what the brain said before it died and we have not heard yet.
func (k *keeper) lastWords(messages <-chan fromBrain) {
	late := time.NewTimer(time.Second)
	defer late.Stop()
	for k.link >= 0 {
		select {
		case m := <-messages:
			k.message(m)
			late.Reset(time.Second)
		case <-late.C: // a child that was just being started has the link still
			k.link, k.asked = -1, false
		}
	}
}

// keeperPause is how long the keeper waits before it starts a brain again: not at all, then
// twice as long each time that it does not last, ten seconds at most.
func keeperPause(quick int) time.Duration {
	if quick == 0 {
		return 0
	}
	return min(100*time.Millisecond<<min(quick, 10), 10*time.Second)
}
