package logs

import "sync"

// followMax is how far a follower may be behind before it loses bytes.
const followMax = 1 << 20

// Follower receives new output. A slow reader loses its own oldest bytes, counted.
type Follower struct {
	ready chan struct{} // 1-buffered
	leave func(*Follower)

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
