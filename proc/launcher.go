package proc

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"gosv/proc/state"
)

// job is something for the launcher: a launch, or the closing of a socket that nobody
// listens on any more.
type job struct {
	p      *process
	run    uint32
	socket *socket
	nth    int // of the launches, in the order of decision
}

// launched is the answer to a job.
type launched struct {
	job
	pid   int
	trace trace // how a later daemon can tell it
	stdin int   // our end of the child's standard input; -1: none
	err   error // nil, an *ExecError, or why nothing was forked
}

// launcher does what would block the loop: lookups, opening, fork. A goroutine starts one
// child after the other, and most of that is waiting until the child has executed its
// program; so a thousand start a third sooner with two of them on two processors. They
// begin in the order of decision, and the loop hears of them in that order. As with
// Supervisor's fork, the next child may be quicker to execute its program.
type launcher struct {
	Options
	log    logger
	mark   string // what those with kill_escaped are marked with
	jobs   <-chan job
	answer func(launched)
	post   func(func())
	done   <-chan struct{} // closed: launch nothing more
	gate   *gate

	clock atomic.Int32 // how often startTime was what the time of a fork had told; clockDiffers: it was not
}

func (l *launcher) run() {
	for j := range l.jobs {
		if j.p == nil {
			j.socket.close(l.log)
			l.post(func() { l.answer(launched{job: j}) })
			continue
		}
		select {
		case <-l.done:
			continue
		default:
		}
		r := launched{job: j}
		r.pid, r.stdin, r.err = l.launch(j, &r.trace)
		l.post(func() { l.answer(r) })
	}
}

// launch carries out one launch. It reads nothing of the record but conf and out.
func (l *launcher) launch(j job, t *trace) (pid, stdin int, err error) {
	p := j.p
	s, err := spec(p.conf, l.Environ, l.ServerURL, l.mark)
	if err != nil {
		return 0, -1, err
	}
	stdin = -1
	if j.socket != nil {
		if s.Stdin, err = j.socket.open(l.log); err != nil {
			return 0, -1, fmt.Errorf("cannot make the FastCGI socket %s for '%s': %w", j.socket.conf.URL, p.conf.Name, err)
		}
	} else {
		if s.Stdin, stdin, err = stdinPipe(); err != nil {
			return 0, -1, openError(p.conf.Name, err)
		}
		defer s.Stdin.Close()
	}
	if s.Stdout, s.Stderr, err = p.out.Attach(); err != nil {
		closeFD(stdin)
		return 0, -1, openError(p.conf.Name, err)
	}
	defer closeFiles(s.Stdout, s.Stderr)
	if l.Ledger != nil {
		t.Pipes = [3]uint64{inodeOf(s.Stdin), inodeOf(s.Stdout)}
		if t.Pipes[2] = t.Pipes[1]; s.Stderr != s.Stdout {
			t.Pipes[2] = inodeOf(s.Stderr)
		}
		l.Ledger.add(&ledgerRecord{Intent: &intent{p.conf.Group, p.conf.Name, time.Now(), t.Pipes, logsOf(p.out)}})
	}
	if err = l.gate.pass(p); err != nil {
		closeFD(stdin)
		return 0, -1, err
	}
	before := bootTicks()
	if pid, err = l.Kernel.Launch(s); err == nil {
		if l.Ledger != nil {
			t.Born = l.born(pid, before, bootTicks())
		}
		if stdin >= parkFrom {
			t.Pipes[0] = inodeOf(s.Stdin)
			stdin = s.park(p.conf, pid, stdin, t.Pipes[0])
		}
		p.out.Started(pid)
		return pid, stdin, nil
	}
	closeFD(stdin)
	if failed, ok := err.(*ExecError); ok {
		if s.Stderr != nil {
			s.Stderr.WriteString(failed.Lines())
		}
		return 0, -1, failed
	}
	return 0, -1, forkError(p.conf.Name, err)
}

// born is the startTime of a child that was forked between two bootTicks. Most are forked
// within one tick, and then it is that one; the first ones are asked for all the same, to see
// whether this kernel counts like that: a kernel whose clocks differ by less than a tick agrees
// now and then, and a child whose time is wrong would not be known again.
func (l *launcher) born(pid int, before, after uint64) uint64 {
	if before != after || before == 0 || l.clock.Load() == clockDiffers {
		t, _ := startTime(pid)
		return t
	}
	agreed := l.clock.Load()
	if agreed >= clockAgrees {
		return before
	}
	t, err := startTime(pid)
	if t == before {
		l.clock.CompareAndSwap(agreed, agreed+1)
	} else if err == nil {
		l.clock.Store(clockDiffers)
	}
	return t
}

const (
	clockDiffers = -1
	clockAgrees  = 16 // times in a row
)

// openError is Supervisor's text when the files of a child cannot be made.
func openError(name string, err error) error {
	errno, ok := asErrno(err)
	switch {
	case ok && errno == syscall.EMFILE:
		return fmt.Errorf("too many open files to spawn '%s'", name)
	case ok:
		return fmt.Errorf("unknown error making dispatchers for '%s': %s", name, errnoName(errno))
	}
	return fmt.Errorf("unknown error making dispatchers for '%s': %w", name, err)
}

// forkError is Supervisor's text when there is no child.
func forkError(name string, err error) error {
	switch errno, _ := asErrno(err); errno {
	case syscall.EAGAIN:
		return fmt.Errorf("Too many processes in process table to spawn '%s'", name)
	case syscall.EMFILE:
		return fmt.Errorf("too many open files to spawn '%s'", name)
	}
	return fmt.Errorf("unknown error during fork for '%s': %s", name, errnoName(err))
}

func closeFiles(a, b *os.File) {
	a.Close()
	if b != a {
		b.Close()
	}
}

func closeFD(fd int) {
	if fd >= 0 {
		syscall.Close(fd)
	}
}

// launch asks the launcher for a child of p.
func (m *Manager) launch(p *process) {
	p.run++
	p.status = 0 // nothing is known of this run's end
	j := job{p: p, run: p.run}
	if c := p.conf.Socket; c != nil {
		p.socket = p.group.socket(c)
		p.socket.users++
		j.socket = p.socket
	}
	m.queue = append(m.queue, j)
}

// nextJob is where in the queue the job is that the launchers may have; -1: there is none.
func (m *Manager) nextJob() int {
	if m.freezing != nil {
		return -1
	}
	return slices.IndexFunc(m.queue, func(j job) bool { return j.socket == nil || m.mayTouch(j) })
}

// mayTouch says whether j may open or close its socket now. A launch waits for those that open the same
// address, for the first of them makes what the others get. It waits for each socket that is being closed
// too, for that may be its own address in other words (localhost, 127.0.0.1); that takes no time, while a
// launch may hang in a dead mount, and so nothing waits for launches with other addresses.
func (m *Manager) mayTouch(j job) bool {
	return !slices.ContainsFunc(m.opening, func(o job) bool {
		if j.p == nil {
			return o.socket == j.socket
		}
		return o.p == nil || o.socket.conf.URL == j.socket.conf.URL
	})
}

// dropUnwanted takes launches that were overtaken by a stop off the queue.
func (m *Manager) dropUnwanted() {
	if !m.unwanted {
		return
	}
	m.unwanted = false
	for i := 0; i < len(m.queue); i++ {
		if j := m.queue[i]; j.p != nil && j.p.m.State == state.Stopping {
			m.pop(i)
			i--
			m.step(j.p, state.Event{Kind: state.LaunchFailed})
			m.release(j.p)
		}
	}
}

// handedOver is the launchers having got a job of the queue.
func (m *Manager) handedOver(i int) {
	if m.queue[i].p != nil {
		m.inFlight++
		m.handed++
	}
	if m.queue[i].socket != nil {
		m.opening = append(m.opening, m.queue[i])
	}
	m.pop(i)
	m.sent++
	if !m.hang.armed() {
		m.awaitReply()
	}
}

// launchersMax bounds the launchers that are made in the place of others that hang.
const launchersMax = 32

// awaitReply looks after a while whether any launch has been answered.
func (m *Manager) awaitReply() {
	m.before = m.replies
	m.arm(&m.hang, slowLaunch)
}

// hanging is about launchers that hang: what they look at may be on a disk that never answers. When all do there is one
// more of them for those that wait. As long as any hangs it comes again and again, for with it the dead are collected,
// should nothing tell of a SIGCHLD that waits for a thread that hangs (see HearPending).
type hanging struct{}

func (hanging) elapsed(m *Manager) {
	if m.replies == m.before && len(m.jobs) > 0 && m.extra < launchersMax {
		m.extra++
		m.tasks.Go(m.launcher.run)
	}
	m.awaitReply()
}

// pop takes a job off the queue, mostly its head.
func (m *Manager) pop(i int) {
	copy(m.queue[1:i+1], m.queue[:i])
	m.queue[0] = job{}
	if m.queue = m.queue[1:]; len(m.queue) == 0 {
		m.queue = nil // do not keep the memory of one burst
	}
}

// answered is an answer of the launchers, in the loop. It has to wait for those of earlier
// launches.
func (m *Manager) answered(r launched) {
	if m.replies++; m.replies == m.sent {
		m.disarm(&m.hang)
	}
	if r.socket != nil {
		m.opening = slices.DeleteFunc(m.opening, func(o job) bool { return o.socket == r.socket })
	}
	if r.p == nil {
		return
	}
	if r.nth < m.heard { // the others did not wait for it any more
		m.launched(r)
		return
	}
	m.ahead[r.nth] = r
	m.hearAhead()
}

// hearAhead deals with the answers whose turn it is.
func (m *Manager) hearAhead() {
	for {
		r, ok := m.ahead[m.heard]
		if !ok {
			break
		}
		delete(m.ahead, m.heard)
		m.heard++
		m.launched(r)
	}
	if len(m.ahead) == 0 {
		m.disarm(&m.slow)
	} else if !m.slow.armed() {
		m.arm(&m.slow, slowLaunch)
	}
}

// slowLaunch is how long other launches wait for one that takes its time; it may hang in a
// disk for ever.
const slowLaunch = time.Second

// overdue hears what was launched after one that takes too long.
type overdue struct{}

func (overdue) elapsed(m *Manager) {
	if len(m.ahead) > 0 {
		m.heard = slices.Min(slices.Collect(maps.Keys(m.ahead)))
		m.hearAhead()
	}
}

// launched is a launch having succeeded or failed.
func (m *Manager) launched(r launched) {
	p := r.p
	m.inFlight--
	after, none := m.gate.leave(p)
	if p.m.Child != state.Launching { // given up, and so nothing was forked
		return
	}
	failed, executed := r.err.(*ExecError)
	switch {
	case r.err == nil:
		dead, early := m.early[r.pid]
		early = early && dead.nth > after // else somebody else's, whose pid came round again
		delete(m.early, r.pid)
		p.pid, p.dead = r.pid, early // reaped already: never signal it
		p.trace = r.trace
		p.stdin.open(r.stdin)
		m.live[r.pid] = p
		m.log.say(LevelInfo, "spawned: '%s' with pid %d", p.conf.Name, r.pid)
		m.step(p, state.Event{Kind: state.Launched})
		m.begun(p)
		if early {
			p.rings = true
			m.exited(p, dead.status)
		}
		if m.ending.forced {
			m.killNow(p)
		}
	case executed:
		m.log.say(LevelDebug, "%s: %v", p.conf.Name, failed)
		m.step(p, state.Event{Kind: state.Launched})
		m.begun(p)
		m.exited(p, syscall.WaitStatus(notSpawned<<8))
	default:
		p.err = r.err.Error()
		m.log.say(LevelInfo, "spawnerr: %s", p.err)
		m.step(p, state.Event{Kind: state.LaunchFailed})
		m.release(p)
	}
	if none {
		m.orphans()
	}
}

// giveUp is the end of all launches that have not come to their fork, once everything ends: some may hang, in
// a mount that is dead. A restart waits for them, for what hangs would be in the way of the next life.
func (m *Manager) giveUp() {
	if m.closing == nil || m.Mood() != MoodShutdown {
		return
	}
	m.gate.close()
	for _, g := range m.order {
		for _, p := range g.procs {
			if p.m.Child == state.Launching && !m.gate.forking(p) {
				m.step(p, state.Event{Kind: state.Shutdown})
				m.step(p, state.Event{Kind: state.LaunchFailed})
				m.release(p)
			}
		}
	}
}

// release gives up p's share of its socket, when its run is over and no new one has begun.
func (m *Manager) release(p *process) {
	s := p.socket
	if s == nil {
		return
	}
	s.users--
	if p.m.Child == state.None {
		p.socket = nil
	}
	if s.users == 0 {
		m.queue = append(m.queue, job{socket: s})
	}
}
