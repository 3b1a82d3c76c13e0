// Package proctest has stand-ins for what a process manager touches: a kernel whose
// children are scripted, and an output that keeps nothing. Time is package time's, so in a
// testing/synctest bubble a minute of crashes takes microseconds.
package proctest

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"gosv/proc"
)

// Behaviour is what one launch and its child do. The zero value starts at once, lives until
// it is signalled and dies of the signal at once.
type Behaviour struct {
	Err       error         // the launch fails with this
	LaunchFor time.Duration // how long the launch takes
	Life      time.Duration // the child exits by itself after this; 0: it does not
	AtOnce    bool          // the child exits before its launch has returned
	Status    syscall.WaitStatus
	Dying     time.Duration // from a deadly signal to the end
	Stubborn  bool          // only SIGKILL is deadly
	Deaf      bool          // Signal fails with EPERM
	PID       int           // of the child, as if it had come round again; 0: a new one
	Unheard   bool          // its end rings no bell
}

// Exit is the wait status of a child that exited with code.
func Exit(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }

// Killed is the wait status of a child that a signal ended.
func Killed(sig syscall.Signal) syscall.WaitStatus { return syscall.WaitStatus(sig) }

// Launch is one launch that succeeded.
type Launch struct {
	Name string // "group:name"
	PID  int
	At   time.Time
	Spec proc.Spec
}

// Sent is one signal that reached a child.
type Sent struct {
	Name   string
	PID    int
	Signal syscall.Signal
	Group  bool
	At     time.Time
}

// Kernel is a fake proc.Kernel. Pids are not used twice unless a
// Behaviour says so, so a signal to one that was
// reaped is seen; it, and a second child of one process, are kept in Faults.
type Kernel struct {
	// Behave says what the nth launch (from 0) of a process does; nil: all do nothing special.
	Behave func(s proc.Spec, nth int) Behaviour

	died chan struct{}

	mu       sync.Mutex // guards the fields below
	children map[int]*child
	byName   map[string]*child
	zombies  []*child
	counts   map[string]int
	next     int
	launches []Launch
	sent     []Sent
	faults   []string
}

type child struct {
	Behaviour
	name   string
	pid    int
	born   uint64
	status syscall.WaitStatus
	dead   bool // a zombie
	timer  *time.Timer
}

// NewKernel makes a kernel without children.
func NewKernel() *Kernel {
	return &Kernel{died: make(chan struct{}, 1), children: map[int]*child{}, byName: map[string]*child{}, counts: map[string]int{}, next: 100}
}

// Launch starts a scripted child.
func (k *Kernel) Launch(s proc.Spec) (int, error) {
	name := s.Group + ":" + s.Name
	k.mu.Lock()
	nth := k.counts[name]
	k.counts[name]++
	k.mu.Unlock()
	var b Behaviour
	if k.Behave != nil {
		b = k.Behave(s, nth)
	}
	if b.LaunchFor > 0 {
		<-time.After(b.LaunchFor)
	}
	if b.Err != nil {
		return 0, b.Err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.byName[name]; c != nil {
		k.faults = append(k.faults, fmt.Sprintf("%s launched with pid %d still there", name, c.pid))
	}
	c := &child{Behaviour: b, name: name, pid: k.next}
	k.next++
	if b.PID != 0 {
		c.pid = b.PID
	}
	k.children[c.pid], k.byName[name] = c, c
	k.launches = append(k.launches, Launch{name, c.pid, time.Now(), s})
	switch {
	case b.AtOnce:
		k.end(c, b.Status)
	case b.Life > 0:
		k.endAfter(c, b.Life, b.Status)
	}
	return c.pid, nil
}

func (k *Kernel) endAfter(c *child, d time.Duration, status syscall.WaitStatus) {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = time.AfterFunc(d, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.end(c, status)
	})
}

// end makes a zombie of c. The caller holds mu.
func (k *Kernel) end(c *child, status syscall.WaitStatus) {
	if c.dead {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.dead, c.status = true, status
	k.zombies = append(k.zombies, c)
	if !c.Unheard {
		k.ring()
	}
}

func (k *Kernel) ring() {
	select {
	case k.died <- struct{}{}:
	default:
	}
}

// Signal delivers sig.
func (k *Kernel) Signal(pid int, sig syscall.Signal, group bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.children[pid]
	switch {
	case c == nil:
		k.faults = append(k.faults, fmt.Sprintf("signal %d to pid %d, which was reaped or never there", sig, pid))
		return syscall.ESRCH
	case c.Deaf:
		return syscall.EPERM
	}
	k.sent = append(k.sent, Sent{c.name, pid, sig, group, time.Now()})
	if c.dead {
		return nil
	}
	switch sig {
	case syscall.SIGKILL:
		k.end(c, Killed(sig))
	case 0, syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP:
	default:
		if c.Stubborn {
			return nil
		}
		if c.Dying > 0 {
			k.endAfter(c, c.Dying, Killed(sig))
		} else {
			k.end(c, Killed(sig))
		}
	}
	return nil
}

// Adopt finds a child that Survive has made.
func (k *Kernel) Adopt(pid int, born uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.children[pid]; c == nil || c.dead || c.born != born {
		return syscall.ESRCH
	}
	return nil
}

// Sweep finds nothing.
func (k *Kernel) Sweep(string, [3]uint64) int { return 0 }

// Survive makes a child of a process ("group:name") that an earlier daemon started.
func (k *Kernel) Survive(name string, pid int, born uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := &child{name: name, pid: pid, born: born}
	k.children[pid], k.byName[name] = c, c
}

// Reap collects one zombie.
func (k *Kernel) Reap() (int, syscall.WaitStatus, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.zombies) == 0 {
		return 0, 0, false
	}
	c := k.zombies[0]
	k.zombies = k.zombies[1:]
	delete(k.children, c.pid)
	delete(k.byName, c.name)
	return c.pid, c.status, true
}

// Died rings when there are zombies.
func (k *Kernel) Died() <-chan struct{} { return k.died }

// Exit lets the live child of a process ("group:name") exit now; false if there is none.
func (k *Kernel) Exit(name string, status syscall.WaitStatus) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.byName[name]
	if c == nil || c.dead {
		return false
	}
	k.end(c, status)
	return true
}

// Orphan makes a zombie that nobody launched and returns its pid.
func (k *Kernel) Orphan(status syscall.WaitStatus) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := &child{name: "orphan", pid: k.next}
	k.next++
	k.children[c.pid] = c
	k.end(c, status)
	return c.pid
}

// Children is how many there are, zombies included.
func (k *Kernel) Children() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.children)
}

// Launches are all that succeeded, in order.
func (k *Kernel) Launches() []Launch {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Launch(nil), k.launches...)
}

// Launched is how many launches succeeded.
func (k *Kernel) Launched() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.launches)
}

// Sent are all signals that reached a child, in order.
func (k *Kernel) Sent() []Sent {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Sent(nil), k.sent...)
}

// Faults are what a manager must never do, and did.
func (k *Kernel) Faults() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.faults...)
}
