package proc

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ReadyEnv names the descriptor on which a daemon that goes into the background tells the
// process that started it that it is up.
const ReadyEnv = "GOSV_READY_FD"

// The words of the link between the keeper and the brain. Each message is one word and a
// number of 8 bytes, in a packet of its own.
const (
	sayHold  = 'H' // the descriptor that comes with it, which is the pipe with this inode
	sayDrop  = 'D' // that inode
	sayHears = 'S' // the brain catches signals
	sayUp    = 'U' // the brain is up
	sayBye   = 'B' // the brain ends in order
	sayGive  = 'G' // the brain wants to know what is held and who died
	sayDied  = 'd' // status and pid of one who died
	sayNoted = 'N' // the brain has made a note of the death of this pid
	sayEnd   = 'e' // of the answer to sayGive
	sayExec  = 'X' // with the program that the keeper is to become
	sayFull  = 'f' // the keeper could not hold a pipe for want of a descriptor; its limit of them
)

const linkSize = 9

func linkNumber(data []byte) uint64 {
	if len(data) < linkSize {
		return 0
	}
	return binary.NativeEndian.Uint64(data[1:])
}

// linkTime is how long the brain waits for its keeper to take a message. One that hangs must not hold it up for ever.
const linkTime = time.Second

// send is one message; fd goes with it unless it is -1. Where the link has a time limit that is most, which signals
// do not begin anew.
func send(link int, word byte, number uint64, fd int, most time.Duration) error {
	began := time.Now()
	data := binary.NativeEndian.AppendUint64([]byte{word}, number)
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	for {
		err := unix.Sendmsg(link, data, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
		if time.Since(began) >= most {
			return unix.EAGAIN
		}
	}
}

// sendNow does not wait for a brain that does not read.
func sendNow(link int, word byte, number uint64) error {
	return unix.Sendmsg(link, binary.NativeEndian.AppendUint64([]byte{word}, number), nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
}

func receive(link int) (data []byte, fd int, err error) {
	data = make([]byte, linkSize)
	rights := make([]byte, unix.CmsgSpace(4))
	for {
		n, nr, _, _, err := unix.Recvmsg(link, data, rights, unix.MSG_CMSG_CLOEXEC)
		// The other side has closed it with something of ours unread: told once, before what it
		// has said, such as that it ends in order.
		if err == unix.EINTR || err == unix.ECONNRESET {
			continue
		}
		if err != nil {
			return nil, -1, err
		}
		if n != linkSize {
			return nil, -1, io.EOF
		}
		fd = -1
		if list, err := unix.ParseSocketControlMessage(rights[:nr]); err == nil && len(list) == 1 {
			if fds, err := unix.ParseUnixRights(&list[0]); err == nil && len(fds) == 1 {
				fd = fds[0]
			}
		}
		return data, fd, nil
	}
}

// Link is the brain's side of the link to its keeper. All methods may be called on nil, by a
// daemon without a keeper.
type Link struct {
	Background bool // the daemon is in the background already

	mu     sync.Mutex // guards what follows
	fd     int
	parent int // the keeper's pid
	lost   bool
	hangs  bool   // it is lost because it does not read
	tell   func() // Ears.Lost; nil: nobody hears yet
}

// Lost says that the keeper has died, or does not read what it is told.
func (l *Link) Lost() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Keeper is its pid.
func (l *Link) Keeper() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.parent
}

// TakeLink is the link that the keeper left in the environment, and takes it out of there; nil:
// there is none.
func TakeLink() *Link {
	fd, err := strconv.Atoi(os.Getenv(keeperEnv))
	background := os.Getenv(backgroundEnv) != ""
	parent, wrong := strconv.Atoi(os.Getenv(parentEnv))
	if wrong != nil {
		parent = os.Getppid()
	}
	os.Unsetenv(keeperEnv)
	os.Unsetenv(backgroundEnv)
	os.Unsetenv(parentEnv)
	if err != nil {
		return nil
	}
	l := &Link{fd: fd, parent: parent, Background: background, lost: fd < 0}
	if l.lost {
		return l
	}
	unix.CloseOnExec(fd)
	limit := unix.NsecToTimeval(int64(linkTime))
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	return l
}

// Environ is what a program that this one executes needs in its environment to have the link
// in its turn, with the descriptor, which is to be left open for it; -1: there is none, and if the keeper is lost
// the environment says that. Process 1 only hangs when it is lost: it has to hear at last that we end in order.
func (l *Link) Environ() (env []string, fd int) {
	if l == nil {
		return nil, -1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fd = l.fd
	if l.lost && l.parent != 1 {
		fd = -1
	}
	env = []string{keeperEnv + "=" + strconv.Itoa(fd), parentEnv + "=" + strconv.Itoa(l.parent)}
	if l.Background {
		env = append(env, backgroundEnv+"=1")
	}
	return env, fd
}

// BecomeKeeper executes the keeper in our place, which starts us again with these words. It
// returns only when that fails.
func BecomeKeeper(words []string) error {
	return syscall.Exec(self(), append([]string{KeeperName}, words...), os.Environ())
}

func (l *Link) say(word byte, number uint64, fd int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return
	}
	if err := send(l.fd, word, number, fd, linkTime); err != nil {
		l.hangs = err == unix.EAGAIN
		l.lose()
		if l.parent == 1 && l.tell != nil {
			go l.tell() // listen goes on; l.mu is held, and who is told asks us
		}
	}
}

// lose gives a keeper up. Should it only hang, it hears when it goes on that it has nothing to start
// again any more: that is for another one then. Process 1 stays the keeper, and may say more. l.mu is held.
func (l *Link) lose() {
	l.lost = true
	if l.parent != 1 {
		l.bye()
		unix.Shutdown(l.fd, unix.SHUT_RDWR) // wakes listen
	}
}

// bye is told also to a keeper that does not read. l.mu is held.
func (l *Link) bye() error {
	err := sendNow(l.fd, sayBye, 0)
	if err == unix.EAGAIN {
		unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20) // as much as is allowed
		err = sendNow(l.fd, sayBye, 0)
	}
	return err
}

// Hangs says that the keeper is lost because it does not read.
func (l *Link) Hangs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hangs
}

// Hears says that signals are caught.
func (l *Link) Hears() { l.say(sayHears, 0, -1) }

// Up says that the daemon is up: from now on it is started again when it dies.
func (l *Link) Up() { l.say(sayUp, 0, -1) }

// Bye says that the daemon ends in order.
func (l *Link) Bye() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bye() == unix.EAGAIN {
		send(l.fd, sayBye, 0, -1, linkTime)
	}
}

// Hold gives the keeper a duplicate of fd, the reading end of the pipe with this inode.
func (l *Link) Hold(fd int, inode uint64) { l.say(sayHold, inode, fd) }

// Drop has the keeper close it.
func (l *Link) Drop(inode uint64) { l.say(sayDrop, inode, -1) }

// Noted says that the death of an adopted process will not be forgotten.
func (l *Link) Noted(pid int) { l.say(sayNoted, uint64(pid), -1) }

// Ears are what hears the keeper's words, from one goroutine that ends with the link; but that process 1 cannot be told
// anything is heard from another one, and again when the link ends.
type Ears struct {
	Died func(pid int, status syscall.WaitStatus) // a process that lost an earlier daemon as its parent
	Full func(limit uint64)                       // it had no descriptor for a pipe
	Lost func()                                   // it is lost itself; the last word, but of process 1
}

// Take asks the keeper for what it holds: the pipes, by inode, which are the caller's then, and who
// has died without us. From then on ears hear.
func (l *Link) Take(ears Ears) (pipes map[uint64]int, died map[int]syscall.WaitStatus, err error) {
	if l == nil {
		return nil, nil, nil
	}
	l.say(sayGive, 0, -1)
	pipes, died = map[uint64]int{}, map[int]syscall.WaitStatus{}
	for {
		data, fd, err := receive(l.fd)
		if err != nil {
			l.mu.Lock()
			l.lose()
			l.mu.Unlock()
			return pipes, died, errors.Join(errors.New("the keeper does not answer"), err)
		}
		number := linkNumber(data)
		switch data[0] {
		case sayHold:
			if fd >= 0 {
				unix.SetNonblock(fd, true)
				pipes[number] = fd
			}
		case sayDied:
			if pid := int(uint32(number)); pid > 0 {
				if _, known := died[pid]; !known {
					died[pid] = syscall.WaitStatus(uint32(number >> 32))
				}
			}
		case sayEnd:
			l.GoOn(ears)
			return pipes, died, nil
		}
	}
}

// GoOn is Take for a daemon that has taken over from another version of itself in the same
// process, and has everything already.
func (l *Link) GoOn(ears Ears) {
	if l != nil {
		l.mu.Lock()
		l.tell = ears.Lost
		l.mu.Unlock()
		go l.listen(ears)
	}
}

func (l *Link) listen(ears Ears) {
	l.mu.Lock()
	link := l.fd
	l.mu.Unlock()
	for {
		data, fd, err := receive(link)
		closeFD(fd)
		if err != nil {
			break
		}
		switch n := linkNumber(data); data[0] {
		case sayDied:
			ears.Died(int(uint32(n)), syscall.WaitStatus(uint32(n>>32)))
		case sayFull:
			ears.Full(n)
		}
	}
	l.mu.Lock()
	if l.fd == link && !l.lost {
		l.lose()
	}
	l.mu.Unlock()
	ears.Lost()
}
