package proc

import (
	"encoding/binary"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// linkPair is both ends of a link, which the test closes.
func linkPair(t *testing.T) [2]int {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// What a brain said last is heard, also if it has not read what it was told itself. (The soak,
// seed 32: a keeper started a gosv again that had ended in order.)
func TestLinkLastWords(t *testing.T) {
	t.Parallel()
	pair := linkPair(t)
	defer unix.Close(pair[0])
	sendNow(pair[0], sayDied, 1)
	if err := send(pair[1], sayBye, 2, -1, linkTime); err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[1])
	data, _, err := receive(pair[0])
	if err != nil || data[0] != sayBye || linkNumber(data) != 2 {
		t.Errorf("heard %v %v, want the last words", data, err)
	}
	if data, _, err := receive(pair[0]); err == nil {
		t.Errorf("heard %v, want the end", data)
	}
}

// TestLinkKeeperHangs: a keeper that does not read is given up, as one that has died, and hears that it has
// nothing to start again when it goes on.
func TestLinkKeeperHangs(t *testing.T) {
	t.Parallel()
	pair := linkPair(t)
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	unix.SetsockoptTimeval(pair[1], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Usec: 1000})
	l := &Link{fd: pair[1], parent: 2}
	lost := make(chan struct{})
	l.GoOn(Ears{Lost: func() { close(lost) }})
	for i := 0; i < 1<<20 && !l.Lost(); i++ {
		l.Drop(uint64(i))
	}
	if !l.Lost() || !l.Hangs() {
		t.Fatal("a keeper that does not read is not lost")
	}
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Fatal("nobody was told")
	}
	// The old one, which is the parent of the daemon.
	k := &keeper{link: pair[0], watch: -1, pid: 3, up: true, held: map[uint64]int{}}
	messages := make(chan fromBrain)
	go readLink(pair[0], messages)
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	if code, over := k.brainDied(0, again, messages); !over || code != 0 || k.link != -1 {
		t.Errorf("when that gosv has ended, the old keeper says %d %v, link %d; want it to end", code, over, k.link)
	}
}

// TestLinkProcess1Hangs: that a keeper that is process 1 does not read is told too, and ends nothing: what it says when
// it goes on is heard.
func TestLinkProcess1Hangs(t *testing.T) {
	t.Parallel()
	pair := linkPair(t)
	defer unix.Close(pair[1])
	unix.SetsockoptTimeval(pair[1], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Usec: 1000})
	l := &Link{fd: pair[1], parent: 1}
	lost, died := make(chan bool), make(chan int)
	l.GoOn(Ears{
		Lost: func() { lost <- l.Lost() && l.Hangs() },
		Died: func(pid int, _ syscall.WaitStatus) { died <- pid },
	})
	late := time.After(time.Minute)
	hears := func(what string) {
		t.Helper()
		select {
		case hangs := <-lost:
			if !hangs {
				t.Error(what, "is told, and is not so")
			}
		case pid := <-died:
			t.Errorf("process %d has died, want that %s is told", pid, what)
		case <-late:
			t.Fatal(what, "is not told")
		}
	}
	for i := 0; i < 1<<20 && !l.Lost(); i++ {
		l.Drop(uint64(i))
	}
	hears("that it does not read")
	for n := uint64(0); ; n++ { // it goes on
		data, _, err := receive(pair[0])
		if err != nil || data[0] != sayDrop || linkNumber(data) != n {
			t.Fatalf("message %d is %q (%v), want only what was said before", n, data, err)
		}
		if waits, _ := unix.Poll([]unix.PollFd{{Fd: int32(pair[0]), Events: unix.POLLIN}}, 0); waits == 0 {
			break
		}
	}
	if err := sendNow(pair[0], sayDied, 7); err != nil {
		t.Fatal(err)
	}
	select {
	case pid := <-died:
		if pid != 7 {
			t.Errorf("process %d has died, want 7", pid)
		}
	case <-lost:
		t.Error("it is told twice")
	case <-late:
		t.Fatal("what it says is not heard any more")
	}
	unix.Close(pair[0])
	hears("the end of the link")
}

// TestKeeperGiveIsBounded: a daemon that does not read holds the keeper up once, and finds the end of what it
// was told.
func TestKeeperGiveIsBounded(t *testing.T) {
	t.Parallel()
	pair := linkPair(t)
	defer unix.Close(pair[0])
	k := &keeper{deaths: make([]death, 1<<14)}
	if err := k.give(pair[0], 10*time.Millisecond); err == nil {
		t.Error("all was told to one who does not read")
	}
	n := 0
	for ; ; n++ {
		data, _, err := receive(pair[1])
		if err != nil {
			break
		}
		if data[0] != sayDied {
			t.Fatalf("message %d is %q", n, data[0])
		}
	}
	if n == 0 || n >= len(k.deaths) {
		t.Errorf("%d messages came, want some", n)
	}
	l := &Link{fd: pair[1], parent: 2}
	if _, _, err := l.Take(Ears{}); err == nil || !l.Lost() {
		t.Errorf("the daemon goes on with that keeper: %v", err)
	}
	if data, _, err := receive(pair[0]); err != nil || data[0] != sayGive {
		t.Errorf("the keeper heard %v %v", data, err)
	}
	if data, _, err := receive(pair[0]); err != nil || data[0] != sayBye {
		t.Errorf("the keeper heard %v %v, want that it is not needed", data, err)
	}
	unix.Close(pair[1])
}

// TestKeeperHoldsOn: a pipe that the keeper has stays with it when the next brain gives it once more and
// there is no descriptor for that.
func TestKeeperHoldsOn(t *testing.T) {
	t.Parallel()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{held: map[uint64]int{7: fd}}
	k.message(fromBrain{data: binary.NativeEndian.AppendUint64([]byte{sayHold}, 7), fd: -1})
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || k.held[7] != fd {
		t.Errorf("it holds %v: %v", k.held, err)
	}
	unix.Close(fd)
}

// TestLinkOfProcess1: a keeper that is process 1 and has been given up, for it did not read, hears from the next
// version of the daemon too that it ends in order.
func TestLinkOfProcess1(t *testing.T) {
	pair := linkPair(t)
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	env, fd := (&Link{fd: pair[1], parent: 1, lost: true, hangs: true}).Environ()
	if fd != pair[1] {
		t.Fatalf("the descriptor %d is handed on, want %d", fd, pair[1])
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	TakeLink().Bye()
	if data, _, err := receive(pair[0]); err != nil || data[0] != sayBye {
		t.Errorf("heard %v %v", data, err)
	}
}

// TestLinkKeeperHangsUnderSignals: one that does not read is given up also where signals come all the time, as the
// SIGIO of pipes; each ends a send, and must not give it its whole time again.
func TestLinkKeeperHangsUnderSignals(t *testing.T) {
	t.Parallel()
	bell := make(chan os.Signal, 1)
	signal.Notify(bell, unix.SIGIO)
	defer signal.Stop(bell)
	pair := linkPair(t)
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	limit := unix.NsecToTimeval(int64(linkTime))
	unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	l := &Link{fd: pair[0], parent: 1}
	tid, over := make(chan int), make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread()
		tid <- unix.Gettid()
		for sendNow(l.fd, sayDrop, 1) == nil {
		}
		l.Drop(1)
	}()
	sender := <-tid
	tick := time.NewTicker(linkTime / 3)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		select {
		case <-tick.C:
			unix.Tgkill(os.Getpid(), sender, unix.SIGIO)
		case <-late:
			t.Fatal("a keeper that does not read is not given up")
		case <-over:
			if !l.Lost() {
				t.Error("it is not lost")
			}
			return
		}
	}
}
