package proc

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/proc/state"
)

// trace is what a child is told by from others, also by a later daemon.
type trace struct {
	Born    uint64    `json:",omitempty"` // startTime; 0: not known
	Pipes   [3]uint64 // inodes of its descriptors 0, 1 and 2; 0: not known
	Foreign bool      `json:",omitempty"` // it is no child of this daemon
}

// note writes down how things are with p, for a later daemon.
func (m *Manager) note(p *process) {
	if m.Ledger == nil || p.m.Child == state.Launching { // of that the launcher has written
		return
	}
	m.Ledger.add(&ledgerRecord{Proc: m.kept(p)})
	if m.Ledger.due() {
		m.rewrite()
	} else {
		m.mendLater()
	}
}

func cannotNote(err error) error {
	return fmt.Errorf("cannot note what becomes of programs, for the case that gosv is killed: %w", err)
}

// mendEvery is how often a ledger that could not be written is written anew, until it can be.
const mendEvery = 5 * time.Second

// unnoted owns that deadline.
type unnoted struct{}

func (unnoted) elapsed(m *Manager) {
	if m.Ledger.failing() {
		m.rewrite()
	}
}

func (m *Manager) mendLater() {
	if m.Ledger.failing() && !m.unnoted.armed() {
		m.arm(&m.unnoted, mendEvery)
	}
}

// kept is p as the ledger has it.
func (m *Manager) kept(p *process) *Kept {
	now := m.now()
	k := &Kept{
		Group: p.conf.Group, Name: p.conf.Name, Machine: p.m, PID: p.pid, Status: int(p.status),
		Start: p.start, Stop: p.stop, Exit: p.exit, SpawnErr: p.err, Life: p.life, Trace: p.trace,
		At: time.Now(), Dead: p.dead, Logs: logsOf(p.out),
	}
	if p.due.armed() {
		left := p.due.at - now
		k.Due = &left
	}
	for _, at := range p.restarts {
		k.Restarts = append(k.Restarts, now-at)
	}
	if p.socket != nil {
		k.Socket = p.socket.conf.URL
	}
	return k
}

func logsOf(o Output) map[string]string {
	if h, ok := o.(Heir); ok {
		return h.Logs()
	}
	return nil
}

// rewrite puts what is known now in the place of a ledger that has become long.
func (m *Manager) rewrite() {
	records := []*ledgerRecord{{Closing: m.closing != nil}}
	for _, g := range m.order {
		records[0].Groups = append(records[0].Groups, g.conf)
		for _, p := range g.procs {
			switch {
			case p.m.Child == state.Launching:
				records = append(records, &ledgerRecord{Intent: &intent{Group: p.conf.Group, Name: p.conf.Name, At: time.Now(), Logs: logsOf(p.out)}})
			case p.m != state.Machine{} || p.life.Begun > 0 || p.noted:
				records = append(records, &ledgerRecord{Proc: m.kept(p)})
			}
		}
	}
	if err := m.Ledger.renew(records); err != nil {
		m.Ledger.say(cannotNote(err))
	}
	m.mendLater()
}

// Begin starts the ledger of a manager that knows nothing yet. It is called before Run,
// where there is nothing to Recover.
func (m *Manager) Begin() {
	if m.Ledger != nil {
		m.rewrite()
	}
}

// Recover goes on with what an earlier daemon left when it was killed: the groups that it
// had, in the states in which it had them. Who lives is adopted; with kill it is stopped
// with its process group and started again. Who died meanwhile ends as if it did now. It is
// called before Run, which then calls begin before anything happens. What it returns are
// processes that live and that we may not signal.
func (m *Manager) Recover(past *Past, kill bool, begin func()) error {
	if begin != nil {
		m.post(begin)
	}
	m.post(func() { // before anything that starts a process
		if m.Mood() < MoodRunning {
			m.beginEnding()
		}
	})
	r := &recovery{m: m, past: past, kill: kill}
	for _, c := range past.Groups {
		g := m.newGroup(c)
		m.groups[c.Name] = g
		m.order = append(m.order, g)
		for _, p := range g.procs {
			r.process(p)
		}
	}
	if m.Ledger != nil {
		m.rewrite()
	}
	if r.adopted+r.lost > 0 || past.Dropped > 0 {
		m.log.say(LevelWarn, "an earlier gosv (pid %d) did not end in order: %d of its programs still run, %d ended meanwhile", past.PID, r.adopted, r.lost)
	}
	if past.Dropped > 0 {
		m.log.say(LevelWarn, "%d of the notes that it left cannot be read", past.Dropped)
	}
	return r.beyond
}

// recovery is a Recover under way.
type recovery struct {
	m             *Manager
	past          *Past
	kill          bool
	adopted, lost int
	beyond        error                // about processes that we may not signal
	open          map[uint64][]holding // who has which pipe open; nil: not looked yet
}

// holding is a process that has a pipe open, and as which of its descriptors 0, 1 and 2.
type holding struct{ pid, fd int }

// process gives p what is known of it, and arranges for what has to happen to it first.
func (r *recovery) process(p *process) {
	m := r.m
	id := [2]string{p.conf.Group, p.conf.Name}
	k := r.past.procs[id]
	if i := r.past.intents[id]; i != nil {
		var unseen error
		if k, unseen = r.launched(p, k, i); unseen != nil {
			m.strand(k, unseen)
			r.rest(p, k, 0)
			return
		}
	}
	switch {
	case k == nil || r.past.Closing && k.PID == 0: // it never came to it, or only the end of all stopped it
		if p.conf.Autostart {
			r.begin(p)
		}
		return
	case k.Machine.Child == state.Launching:
		r.begin(p)
		return
	}
	age := max(0, time.Since(k.At))
	if c := p.conf.Socket; c != nil {
		p.group.socket(c)
		if k.Machine.Child == state.Live {
			k.Socket = c.URL
		}
	}
	if k.PID == 0 || k.Dead || k.Machine.Child != state.Live {
		r.rest(p, k, age)
		return
	}
	k.Stdin, k.Trace.Foreign, p.noted = -1, true, true
	err := m.adopt(k, !crowded())
	if err != nil && err != syscall.ESRCH {
		m.strand(k, err)
		r.rest(p, k, age)
		return
	}
	k.Trace.Foreign = false // resume does not adopt it again
	if err == nil {
		k.Stdin, _ = openOf(k.PID, 0, k.Trace.Pipes[0], syscall.O_WRONLY)
		if k.Stdin >= parkFrom { // it can be opened again
			closeFD(k.Stdin)
			k.Stdin = -1
		}
	}
	m.resume(p, k, age)
	p.trace.Foreign = true
	r.output(p, k, err == nil)
	if err != nil {
		r.lost++
		m.disarm(&p.due)
		status := unknownStatus
		if h, ok := m.Kernel.(keptKernel); ok && err == syscall.ESRCH {
			status = h.Fate(k.PID)
		}
		m.post(func() { m.exited(p, status) })
		return
	}
	if err := m.Kernel.Signal(p.pid, 0, false); err == syscall.EPERM {
		r.beyond = errors.Join(r.beyond, fmt.Errorf("%s (pid %d) is another user's", p.conf.Name, p.pid))
	}
	r.adopted++
	r.live(p)
}

// begin lets p be started when the loop runs.
func (r *recovery) begin(p *process) {
	r.m.post(func() {
		if p.m.State.Down() {
			r.m.step(p, state.Event{Kind: state.Start})
		}
	})
}

// rest is for a process without a child.
func (r *recovery) rest(p *process, k *Kept, age time.Duration) {
	m := r.m
	dead := k.Dead && k.Machine.Child == state.Live
	pid := k.PID
	if dead {
		r.output(p, k, false)
	}
	k.PID, k.Stdin, k.Trace, p.noted = 0, -1, trace{}, true
	m.resume(p, k, age)
	delete(m.live, 0)
	if !dead {
		return
	}
	p.pid, p.dead = pid, true // reaped: never signalled
	run := p.run
	m.post(func() { m.drained(p, run) })
}

// live is what happens to one that lives.
func (r *recovery) live(p *process) {
	m := r.m
	again := state.Event{Kind: state.Restart}
	switch {
	case p.m.State == state.Stopping:
		p.m.Again = p.m.Again || r.past.Closing && p.conf.Autostart
		m.post(func() { m.kill(p, syscall.Signal(p.conf.Stopsignal), p.conf.Stopasgroup || r.kill) })
	case r.kill:
		m.log.say(LevelInfo, "stopping %s (pid %d), which an earlier gosv left (on_crash=kill)", p.conf.Name, p.pid)
		p.whole = true
		m.post(func() { m.step(p, again) })
	case p.conf.Kind == conf.EventListener: // nobody knows what it was told last
		m.post(func() { m.step(p, again) })
	default:
		m.log.say(LevelInfo, "adopted: '%s' with pid %d", p.conf.Name, p.pid)
	}
}

// output gives p's output the pipes that its child writes to.
func (r *recovery) output(p *process, k *Kept, alive bool) {
	var pipes [2]Pipe
	for n := range pipes {
		pipes[n].FD = -1
		ino := k.Trace.Pipes[n+1]
		if ino == 0 || n == 1 && ino == k.Trace.Pipes[1] {
			continue // one pipe for both
		}
		pipes[n].Inode = ino
		fd, err := r.kept(ino), error(nil)
		if fd < 0 && alive {
			fd, err = openOf(k.PID, n+1, ino, syscall.O_RDONLY)
		}
		if fd < 0 && err == nil {
			fd, err = r.held(ino)
		}
		pipes[n].FD = fd
		if err != nil {
			r.unread(p, k, alive, err)
		}
	}
	if h, ok := p.out.(Heir); ok {
		h.Adopt(k.PID, pipes)
	} else {
		closeFD(pipes[0].FD)
		closeFD(pipes[1].FD)
	}
	if alive && p.socket != nil && p.socket.file == nil {
		p.socket.take(k.PID)
	}
}

// held is the end to read from of a pipe that a child of its program may have still; -1: none has
// it. An error says that one may, and that it could not be looked for, or not be opened for want of descriptors.
func (r *recovery) held(ino uint64) (int, error) {
	list, err := r.holders(ino)
	for _, h := range list {
		fd, unseen := openOf(h.pid, h.fd, ino, syscall.O_RDONLY)
		if fd >= 0 {
			return fd, nil
		}
		if scarce(unseen) {
			err = unseen
		}
	}
	return -1, err
}

// unread is what happens to a program whose pipe cannot be read: it is started again, or would hang as soon as
// that is full. One that has ended, or is being stopped, is not.
func (r *recovery) unread(p *process, k *Kept, alive bool, why error) {
	m := r.m
	if !alive || p.m.State == state.Stopping {
		m.log.say(LevelWarn, "cannot read what is left of the output of %s (pid %d), which may be lost: %v", p.conf.Name, k.PID, why)
		return
	}
	m.log.say(LevelWarn, "cannot read what %s (pid %d) writes, so it is started again: %v", p.conf.Name, k.PID, why)
	m.post(func() { m.step(p, state.Event{Kind: state.Restart}) })
}

// keptKernel is a Kernel to which a keeper has told what it held and who died.
type keptKernel interface {
	Pipe(inode uint64) int
	Fate(pid int) syscall.WaitStatus
}

// kept is the end to read from that the keeper had of a pipe; -1: it had none.
func (r *recovery) kept(inode uint64) int {
	if h, ok := r.m.Kernel.(keptKernel); ok {
		return h.Pipe(inode)
	}
	return -1
}

func (r *recovery) holders(ino uint64) (list []holding, err error) {
	if r.open == nil {
		r.open, err = holders()
	}
	return r.open[ino], err
}

// Log is the file that a stream ("stdout", "stderr") went to, where the configuration does
// not tell; "" if it does.
func (p *Past) Log(group, name, stream string) string {
	id := [2]string{group, name}
	if p == nil {
		return ""
	}
	if i := p.intents[id]; i != nil {
		return i.Logs[stream]
	}
	if k := p.procs[id]; k != nil {
		return k.Logs[stream]
	}
	return ""
}

// Logs are all files of Log.
func (p *Past) Logs() map[string]bool {
	all := map[string]bool{}
	if p == nil {
		return all
	}
	for _, i := range p.intents {
		for _, path := range i.Logs {
			all[path] = true
		}
	}
	for _, k := range p.procs {
		for _, path := range k.Logs {
			all[path] = true
		}
	}
	return all
}
