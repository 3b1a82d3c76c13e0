package proc

import (
	"fmt"
	"syscall"
	"time"

	"gosv/proc/state"
)

// adopt has a child that is not ours watched, if there is room for that. ESRCH: it is gone, or has
// been killed since it cannot be watched. Any other error: it may live, and nobody knows.
func (m *Manager) adopt(k *Kept, room bool) error {
	err := error(syscall.EMFILE)
	if room {
		err = m.Kernel.Adopt(k.PID, k.Trace.Born)
	}
	if err == nil || err == syscall.ESRCH {
		return err
	}
	there, unknown := lives(k.PID, k.Trace.Born)
	if there {
		m.log.say(LevelWarn, "cannot watch %s (pid %d), so it is killed: %v", k.Name, k.PID, err)
		unknown = endStranger(k.PID, k.Trace.Born)
	}
	if unknown != nil {
		return unknown
	}
	return syscall.ESRCH
}

// strand makes FATAL of a process whose child may live and cannot be watched: it is not to be
// there twice.
func (m *Manager) strand(k *Kept, why error) {
	as := ""
	if k.PID != 0 {
		as = fmt.Sprintf(", as process %d", k.PID)
	}
	k.SpawnErr = fmt.Sprintf("an earlier '%s' may still run%s (%v): see to it, then start it", k.Name, as, why)
	m.log.say(LevelError, "%s is not started: %s", k.Name, k.SpawnErr)
	closeFD(k.Stdin)
	k.Machine, k.PID, k.Trace = state.Machine{State: state.Fatal}, 0, trace{}
	k.Stdin, k.Unread, k.Due, k.Socket = -1, nil, nil, ""
}

// launched finds the child of a launch whose end the daemon did not live to see. An error says that
// there was nothing to look for it with.
func (r *recovery) launched(p *process, k *Kept, i *intent) (*Kept, error) {
	fresh := &Kept{Group: i.Group, Name: i.Name, Stdin: -1, Machine: state.Machine{State: state.Starting, Child: state.Launching}, At: i.At, Start: i.At, Logs: i.Logs}
	if k != nil {
		fresh.Life, fresh.Restarts, fresh.Machine.Failures = k.Life, k.Restarts, k.Machine.Failures
	}
	for n, ino := range i.Pipes {
		if ino == 0 || n == 0 && p.conf.Socket != nil { // that is the others' too
			continue
		}
		pid, born, err := r.oldest(ino, n)
		if scarce(err) {
			return fresh, err
		}
		if pid != 0 {
			fresh.PID, fresh.Machine.Child = pid, state.Live
			fresh.Trace = trace{Born: born, Pipes: i.Pipes}
			fresh.Life.Begun++
			zero := time.Duration(0)
			fresh.Due = &zero // a moment later it is RUNNING: it has been up as long as there was no daemon
			return fresh, nil
		}
	}
	return fresh, nil
}

// oldest is the first of those that have a pipe as their descriptor n and lead a process group:
// the others are what it has started itself. 0: there is none.
func (r *recovery) oldest(ino uint64, n int) (pid int, born uint64, err error) {
	list, err := r.holders(ino)
	for _, h := range list {
		t, unseen := startTime(h.pid)
		if scarce(unseen) {
			return 0, 0, unseen
		}
		if h.fd == n && unseen == nil && leads(h.pid) && (pid == 0 || t < born || t == born && h.pid < pid) {
			pid, born = h.pid, t
		}
	}
	return pid, born, err
}
