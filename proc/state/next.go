package state

import "time"

// Next returns the machine after ev and what must be done about it, in order.
// It never looks at a clock and never fails: an event that means nothing in
// m.State returns m and no actions.
func Next(m Machine, ev Event, p Policy) (Machine, []Action) {
	s := step{m: m, p: p}
	switch ev.Kind {
	case Start:
		if m.State.Down() && !p.Closing {
			s.start()
		}
	case Stop:
		s.stop(Stopped)
	case Shutdown:
		s.stop(Fatal)
	case Restart:
		s.restart()
	case Unhealthy:
		if m.State == Starting || m.State == Running {
			s.unhealthy()
		}
	case Launched:
		s.launched()
	case LaunchFailed:
		s.launchFailed()
	case Elapsed:
		s.elapsed()
	case ChildExited:
		s.childExited(ev)
	}
	return s.m, s.acts
}

// killAgain is the least time between two SIGKILLs. Supervisor repeats them every
// stopwaitsecs, which may be 0; a child that even SIGKILL does not end at once (it hangs in
// the kernel) must not keep the loop spinning.
const killAgain = time.Second

// step is one call of Next under way.
type step struct {
	m    Machine
	p    Policy
	acts []Action
}

func (s *step) do(a Action) { s.acts = append(s.acts, a) }

func (s *step) enter(st State) {
	s.m.State = st
	s.do(Action{Do: Enter, State: st, Tries: s.m.Failures})
}

// start is a start that somebody asked for: old failures are forgotten
// (Supervisor keeps them, so that the next failure may be fatal at once).
func (s *step) start() {
	s.m.Failures = 0
	if s.m.Again { // EXITED, and it would have been started again by itself
		s.do(Action{Do: Disarm})
	}
	s.launch()
}

func (s *step) launch() {
	s.m.Again, s.m.GaveUp = false, false
	s.enter(Starting)
	s.m.Child = Launching
	s.do(Action{Do: Launch})
}

// stop ends a process; one that waits in BACKOFF, or in EXITED to be started again, has no
// child and rests at once.
func (s *step) stop(fromBackoff State) {
	waits := s.m.State == Exited && s.m.Again
	s.m.Again, s.m.GaveUp = false, false
	if waits {
		s.do(Action{Do: Disarm})
		if fromBackoff == Stopped {
			s.enter(Stopped)
		}
		return
	}
	switch s.m.State {
	case Starting, Running:
		s.m.Failures = 0
		s.enter(Stopping)
		if s.m.Child == Live {
			s.sendStop()
		} else {
			s.do(Action{Do: Disarm}) // still launching: Launched sends the signal
		}
	case Backoff:
		s.m.Failures = 0
		s.do(Action{Do: Disarm})
		s.enter(fromBackoff)
	}
}

func (s *step) sendStop() {
	s.do(Action{Do: SendStop})
	s.do(Action{Do: Arm, Delay: s.p.Stopwaitsecs})
}

// restart while the daemon ends is a stop: nothing starts any more.
func (s *step) restart() {
	s.stop(Stopped)
	switch {
	case s.p.Closing:
	case s.m.State == Stopping:
		s.m.Again = true
	case s.m.State.Down():
		s.start()
	}
}

// unhealthy is a restart that nobody asked for.
func (s *step) unhealthy() {
	s.restart()
	switch {
	case s.p.Closing:
	case s.p.Spent:
		s.m.Again, s.m.GaveUp = false, true
	default:
		s.do(Action{Do: Spend})
	}
}

func (s *step) launched() {
	if s.m.Child != Launching {
		return
	}
	s.m.Child = Live
	switch {
	case s.m.State == Stopping: // stopped while it was being launched
		s.sendStop()
	case s.p.Startsecs <= 0:
		s.running()
	default:
		s.do(Action{Do: Arm, Delay: s.p.Startsecs})
	}
}

func (s *step) launchFailed() {
	if s.m.Child != Launching {
		return
	}
	s.m.Child = None
	if s.m.State == Stopping {
		s.stopped()
		return
	}
	s.failed()
}

func (s *step) elapsed() {
	switch {
	case s.m.State == Starting && s.m.Child == Live:
		s.running()
	case s.m.State == Exited && s.m.Again:
		s.m.Again = false
		s.again()
	case s.m.State == Backoff && s.p.Closing:
		s.m.Failures = 0
		s.enter(Fatal)
	case s.m.State == Backoff && s.p.Spent:
		s.m.Failures = 0
		s.giveUp()
	case s.m.State == Backoff:
		s.do(Action{Do: Spend})
		s.launch()
	case s.m.State == Stopping && s.m.Child == Live:
		s.do(Action{Do: SendKill})
		s.do(Action{Do: Arm, Delay: max(s.p.Stopwaitsecs, killAgain)})
	}
}

func (s *step) childExited(ev Event) {
	if s.m.Child != Live {
		return
	}
	s.m.Child = None
	switch s.m.State {
	case Starting:
		s.failed() // before startsecs: whatever the exit code, it never was RUNNING
	case Running:
		s.exited(ev)
	case Stopping:
		s.stopped()
	}
}

func (s *step) running() {
	s.m.Failures = 0
	s.do(Action{Do: Disarm})
	s.enter(Running)
}

func (s *step) exited(ev Event) {
	s.enter(Exited)
	again := s.p.Autorestart == Always || s.p.Autorestart == Unexpected && !ev.Expected
	if again && ev.Pause > 0 && !s.p.Closing && !s.p.Spent {
		s.m.Again = true
		s.do(Action{Do: Arm, Delay: ev.Pause})
	} else if again {
		s.again()
	}
}

// again is a start that nobody asked for, from EXITED.
func (s *step) again() {
	switch {
	case s.p.Closing:
	case s.p.Spent:
		s.giveUp()
	default:
		s.do(Action{Do: Spend})
		s.launch()
	}
}

// giveUp is the end of a process that may not start again by itself: too many restarts.
func (s *step) giveUp() {
	s.m.State = Fatal
	s.do(Action{Do: Enter, State: Fatal, Spent: true})
}

func (s *step) stopped() {
	s.do(Action{Do: Disarm})
	again, gaveUp := s.m.Again && !s.p.Closing, s.m.GaveUp
	s.m.Again, s.m.GaveUp = false, false
	if gaveUp {
		s.giveUp()
		return
	}
	s.enter(Stopped)
	if again {
		s.start()
	}
}

// failed is a start that did not last: wait one second more each time, then give up.
func (s *step) failed() {
	s.m.Failures++
	s.enter(Backoff)
	if s.m.Failures > s.p.Startretries || s.p.Closing {
		s.m.Failures = 0
		s.do(Action{Do: Disarm})
		s.enter(Fatal)
		return
	}
	if s.p.Spent {
		s.m.Failures = 0
		s.do(Action{Do: Disarm})
		s.giveUp()
		return
	}
	s.do(Action{Do: Arm, Delay: time.Duration(s.m.Failures) * time.Second})
}
