package proc

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/proc/event"
	"gosv/proc/state"
)

// process is the record of one process. It belongs to the loop, but for conf and out,
// which never change.
type process struct {
	conf     *conf.Process
	group    *group
	out      Output
	m        state.Machine
	due      deadline // what the machine armed
	pid      int      // 0: none
	dead     bool     // pid was reaped, and its last output is being read
	rings    bool     // the main log says of SIGCHLD when this one is done with
	run      uint32   // counts launches
	status   syscall.WaitStatus
	life     Life
	start    time.Time
	stop     time.Time
	exit     int // exit status of the last run
	err      string
	restarts []time.Duration // when it was started again by itself; only with max_restarts
	stdin    stdin
	trace    trace
	whole    bool    // it is stopped with its process group, whatever the options say
	noted    bool    // an earlier daemon had it already
	socket   *socket // fcgi: what its program listens on
	waiters  *waiter // who wants to hear of it; nil costs nothing
}

func (p *process) name() string { return namespec(p.conf.Group, p.conf.Name) }

// namespec is Supervisor's name for a process: "group:name", or "name" when both are one.
func namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

func (m *Manager) policy(p *process) state.Policy {
	c := p.conf
	return state.Policy{
		Startsecs:    time.Duration(c.Startsecs),
		Startretries: c.Startretries,
		Autorestart:  autorestart(c.Autorestart),
		Stopwaitsecs: time.Duration(c.Stopwaitsecs),
		Closing:      m.closing != nil,
		Spent:        m.spent(p),
	}
}

func autorestart(a conf.Autorestart) state.Autorestart {
	switch a {
	case conf.RestartAlways:
		return state.Always
	case conf.RestartUnexpected:
		return state.Unexpected
	}
	return state.Never
}

// step lets something happen to a process: the machine decides, and what it decides is
// done, in order.
func (m *Manager) step(p *process, ev state.Event) {
	began := p.m.State
	from, was := began, p.m
	var acts []state.Action
	if ev.Kind == state.Start || ev.Kind == state.Restart {
		p.restarts = nil // somebody gives it a new chance
	}
	p.m, acts = state.Next(p.m, ev, m.policy(p))
	for _, a := range acts {
		switch a.Do {
		case state.Enter:
			m.enter(p, from, a, ev)
			from = a.State
		case state.Launch:
			m.launch(p)
		case state.SendStop:
			m.kill(p, syscall.Signal(p.conf.Stopsignal), p.conf.Stopasgroup || p.whole)
		case state.SendKill:
			m.log.say(LevelWarn, "killing '%s' (%d) with SIGKILL", p.conf.Name, p.pid)
			m.kill(p, syscall.SIGKILL, p.conf.Killasgroup || p.whole)
		case state.Arm:
			if !p.dead { // else its end is under way, and that is the wake-up
				m.arm(&p.due, a.Delay)
			}
		case state.Disarm:
			m.disarm(&p.due)
		case state.Spend:
			m.spend(p)
		}
	}
	if p.m != was {
		m.note(p)
	}
	m.settle(p)
	if s := p.m.State; s != began && (s == state.Exited && !p.m.Again || s == state.Fatal) {
		m.judge(p)
	}
}

// elapsed is the process's armed time being over.
func (p *process) elapsed(m *Manager) { m.step(p, state.Event{Kind: state.Elapsed}) }

// enter is the only place where the world hears of a state: record, event, log, waiters.
func (m *Manager) enter(p *process, from state.State, a state.Action, ev state.Event) {
	name := p.conf.Name
	if from == state.Backoff && a.State == state.Stopped {
		m.log.say(LevelDebug, "Attempted to kill %s, which is in BACKOFF state.", name)
	}
	switch a.State {
	case state.Starting:
		p.start, p.err, p.exit = time.Now(), "", 0
	case state.Backoff:
		if ev.Kind == state.ChildExited {
			p.err, p.exit = "Exited too quickly (process log may have details)", 0
		}
	case state.Stopping:
		m.unwanted = m.unwanted || p.m.Child == state.Launching
	case state.Exited:
		if p.exit = exitStatus(p.status); !ev.Expected {
			p.err = "Bad exit code " + strconv.Itoa(p.exit)
		}
	case state.Stopped:
		if ev.Kind == state.ChildExited {
			p.exit = exitStatus(p.status)
		}
	case state.Fatal:
		if a.Spent {
			p.err = p.budget()
		}
	}
	p.life.entered(a.State, ev.Expected)
	if from.Down() != a.State.Down() {
		if a.State.Down() {
			p.group.busy--
		} else {
			p.group.busy++
		}
	}
	m.Publish(event.Event{
		Type: stateEvent(a.State), Process: name, Group: p.conf.Group,
		From: from.String(), Tries: a.Tries, PID: p.pid, Expected: ev.Expected,
	})
	m.sayEntered(p, a, ev)
	m.hear(p, a.State)
}

// sayEntered writes the line that Supervisor writes after a change of state.
func (m *Manager) sayEntered(p *process, a state.Action, ev state.Event) {
	name := p.conf.Name
	switch a.State {
	case state.Running:
		m.log.say(LevelInfo, "success: %s entered RUNNING state, process has stayed up for > than %s seconds (startsecs)",
			name, strconv.FormatFloat(time.Duration(p.conf.Startsecs).Seconds(), 'f', -1, 64))
	case state.Backoff:
		if ev.Kind == state.ChildExited {
			m.log.say(LevelWarn, "exited: %s (%s; not expected)", name, statusText(p.status))
		}
	case state.Exited:
		if ev.Expected {
			m.log.say(LevelInfo, "exited: %s (%s; expected)", name, statusText(p.status))
		} else {
			m.log.say(LevelWarn, "exited: %s (%s; not expected)", name, statusText(p.status))
		}
	case state.Stopped:
		switch {
		case ev.Kind == state.LaunchFailed:
			m.log.say(LevelInfo, "stopped: %s (not spawned)", name)
		case ev.Kind == state.ChildExited && ev.Expected:
			m.log.say(LevelInfo, "stopped: %s (%s)", name, statusText(p.status))
		case ev.Kind == state.ChildExited:
			m.log.say(LevelWarn, "stopped: %s (%s)", name, statusText(p.status))
		}
	case state.Fatal:
		if a.Spent {
			m.log.say(LevelInfo, "gave up: %s entered FATAL state, %s", name, p.err)
		} else if m.closing == nil {
			m.log.say(LevelInfo, "gave up: %s entered FATAL state, too many start retries too quickly", name)
		}
	}
}

func stateEvent(s state.State) event.Type {
	switch s {
	case state.Starting:
		return event.ProcessStateStarting
	case state.Running:
		return event.ProcessStateRunning
	case state.Backoff:
		return event.ProcessStateBackoff
	case state.Stopping:
		return event.ProcessStateStopping
	case state.Exited:
		return event.ProcessStateExited
	case state.Stopped:
		return event.ProcessStateStopped
	case state.Fatal:
		return event.ProcessStateFatal
	}
	return event.ProcessStateUnknown
}

// kill signals the live child with the intention to end it. A child that was reaped is
// never signalled; one that cannot be signalled is told again after stopwaitsecs.
func (m *Manager) kill(p *process, sig syscall.Signal, group bool) {
	as := ""
	if group {
		as = "process group "
	}
	m.log.say(LevelDebug, "killing %s (pid %d) %swith signal %s", p.conf.Name, p.pid, as, signalName(sig))
	if err := m.signal(p, sig, group); err != nil {
		text := fmt.Sprintf("unknown problem killing %s (%d): %v", p.conf.Name, p.pid, err)
		m.log.say(LevelCritical, "%s", text)
		m.failStops(p, &Fault{Failed, text})
	}
}

// signal sends sig. That the child is gone already is no error: its end is on its way.
func (m *Manager) signal(p *process, sig syscall.Signal, group bool) error {
	err := error(syscall.ESRCH)
	if p.pid != 0 && !p.dead {
		err = m.Kernel.Signal(p.pid, sig, group)
	}
	if err == syscall.ESRCH {
		m.log.say(LevelDebug, "unable to signal %s (pid %d), it probably just exited on its own: [Errno 3] No such process", p.conf.Name, p.pid)
		return nil
	}
	return err
}

// expected says whether a child that ended so did as exitcodes says.
func (p *process) expected(s syscall.WaitStatus) bool {
	return slices.Contains(p.conf.Exitcodes, exitStatus(s))
}

// info is a copy of what others may know.
func (p *process) info() Info {
	return Info{
		Group: p.conf.Group, Name: p.conf.Name, State: p.m.State, PID: p.pid,
		Start: p.start, Stop: p.stop, ExitStatus: p.exit, SpawnErr: p.err, Config: p.conf, Life: p.life,
	}
}
