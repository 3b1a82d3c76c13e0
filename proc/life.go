package proc

import (
	"slices"
	"syscall"

	"gosv/proc/state"
)

// Life is what a process record has counted since it was made. A record is made anew when
// its group is removed and added again, so the counters may begin again at 0.
type Life struct {
	Begun    uint64  // children that were started
	Ended    []Ended // how they ended, sorted by Code; never changed once it is here
	BeenUp   bool    // it has been RUNNING, or has EXITED as exitcodes says
	Expected bool    // the last child ended as exitcodes says
}

// Ended counts the children that ended in one way.
type Ended struct {
	Code int // exit status, or 128 plus the signal's number
	Runs uint64
}

// ended counts an end. The old list is left alone: others may be reading it.
func (l *Life) ended(s syscall.WaitStatus, expected bool) {
	code := s.ExitStatus()
	if s.Signaled() {
		code = 128 + int(s.Signal())
	}
	l.Expected = expected
	at, found := slices.BinarySearchFunc(l.Ended, code, func(e Ended, code int) int { return e.Code - code })
	l.Ended = slices.Clone(l.Ended)
	if found {
		l.Ended[at].Runs++
	} else {
		l.Ended = slices.Insert(l.Ended, at, Ended{code, 1})
	}
}

// entered takes note of a state.
func (l *Life) entered(s state.State, expected bool) {
	if s == state.Running || s == state.Exited && expected {
		l.BeenUp = true
	}
}
