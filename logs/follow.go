package logs

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// followMax is how far a follower may be behind before it loses bytes.
const followMax = 2 << 20

// Follower receives new output. A slow reader loses its own oldest bytes, counted.
type Follower struct {
	ready chan struct{} // 1-buffered
	leave func(*Follower)
	watch *watcher // reads the file by itself; nil: the pump pushes

	mu    sync.Mutex // guards what follows
	data  []byte
	lost  int64
	ended bool // ready is closed
	gone  bool // the reader has left
}

func newFollower(leave func(*Follower)) *Follower {
	return &Follower{ready: make(chan struct{}, 1), leave: leave}
}

// Ready rings when Take has something, and is closed at the end of the stream.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Take returns what has come since the last Take, and how many bytes before it were lost.
// The data is the caller's.
func (f *Follower) Take() (data []byte, lost int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, lost = f.data, f.lost
	f.data, f.lost = nil, 0
	return data, lost
}

// Close ends the following; Ready is closed too.
func (f *Follower) Close() {
	f.mu.Lock()
	f.gone = true
	f.data = nil
	f.mu.Unlock()
	f.end()
	f.leave(f)
}

// push never blocks.
func (f *Follower) push(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	if len(b) > followMax {
		f.lost += int64(len(b) - followMax)
		b = b[len(b)-followMax:]
	}
	if over := len(f.data) + len(b) - followMax; over > 0 {
		// Half of the queue goes at once, so that a stuck reader does not cost a copy of
		// the whole queue for each piece.
		over = min(len(f.data), max(over, followMax/2))
		f.lost += int64(over)
		f.data = f.data[:copy(f.data, f.data[over:])]
	}
	f.data = append(f.data, b...)
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// end closes Ready; what has not been taken can still be.
func (f *Follower) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		f.ended = true
		close(f.ready)
	}
}

func (f *Follower) left() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone
}

// followers are those of one stream; its owner's lock guards them.
type followers []*Follower

func (l *followers) push(b []byte) {
	for _, f := range *l {
		f.push(b)
	}
}

func (l *followers) end() {
	for _, f := range *l {
		f.end()
	}
	*l = nil
}

// sweep forgets those who have left.
func (l *followers) sweep() {
	kept := (*l)[:0]
	for _, f := range *l {
		if !f.left() {
			kept = append(kept, f)
		}
	}
	clear((*l)[len(kept):])
	if *l = kept; len(kept) == 0 {
		*l = nil
	}
}

// KeptFollower is a follower that goes on elsewhere.
type KeptFollower struct {
	Data    []byte        `json:",omitempty"` // not taken yet
	Lost    int64         `json:",omitempty"`
	Watched []KeptWatched `json:",omitempty"` // what it reads by itself
}

// KeptWatched is a file that is read by its follower, and how far it has been.
type KeptWatched struct {
	FD int
	At int64
}

// FDs are those of what it reads by itself. They are whose KeptFollower it is, until FollowOn has
// taken them.
func (k *KeptFollower) FDs() (list []int) {
	for _, x := range k.Watched {
		list = append(list, x.FD)
	}
	return list
}

// Leave closes f and says how to go on, with FollowOn. It is called while the Pump is frozen,
// so that nothing comes in between.
func (f *Follower) Leave() KeptFollower {
	var k KeptFollower
	if w := f.watch; w != nil {
		w.mu.Lock()
		for _, x := range w.files {
			if fd, err := unix.FcntlInt(x.f.Fd(), unix.F_DUPFD_CLOEXEC, 3); err == nil {
				k.Watched = append(k.Watched, KeptWatched{fd, x.at})
			}
			x.f.Close()
		}
		w.files = nil
		w.mu.Unlock()
	}
	k.Data, k.Lost = f.Take()
	f.Close()
	return k
}

// FollowOn is Follow for one that has left.
func (s *Sink) FollowOn(k KeptFollower) (*Follower, error) {
	if len(k.Watched) == 0 {
		_, l, err := s.Follow(0)
		return l.owed(k), err
	}
	w := &watcher{path: s.o.Path}
	for _, x := range k.Watched {
		var st unix.Stat_t
		if err := unix.Fstat(x.FD, &st); err != nil {
			return nil, err
		}
		unix.CloseOnExec(x.FD) // of a version that did not list it nobody else has seen to that
		w.files = append(w.files, watched{nil, idOf(&st), x.At})
	}
	change, err := changesOf(s.o.Path, k.FDs()...)
	if err != nil {
		return nil, fmt.Errorf("cannot watch log %q: %w", s.o.Path, err)
	}
	for i, x := range k.Watched { // from here on they are w's
		w.files[i].f = os.NewFile(uintptr(x.FD), s.o.Path)
	}
	return s.watchOn(w, change).owed(k), nil
}

// FollowOn is Follow for one that has left.
func (f *File) FollowOn(k KeptFollower) (*Follower, error) {
	_, l, err := f.Follow(0)
	return l.owed(k), err
}

// owed gives f what it had not taken when it left.
func (f *Follower) owed(k KeptFollower) *Follower {
	if f == nil || len(k.Data) == 0 && k.Lost == 0 {
		return f
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data = append(append([]byte(nil), k.Data...), f.data...)
	f.lost += k.Lost
	if !f.ended {
		select {
		case f.ready <- struct{}{}:
		default:
		}
	}
	return f
}
