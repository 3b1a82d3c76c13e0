package state

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The model test walks every machine that can arise, under every answer the kernel may
// give and every wish an operator may have at any moment, for every policy, and asserts
// what must always hold:
//
//	1  never a second child
//	2  never a signal without a live child
//	3  STOPPED, EXITED, FATAL and BACKOFF imply no child
//	4  every waiting state has a pending wake-up, and no other state has one
//	5  no silent state change: Enter, and only Enter, tells the state
//	6  after Stop nothing starts again by itself; while closing nothing starts at all
//	7  the edges are exactly the documented set
//	8  a live child in STOPPING has been told
//	9  a restart that nobody asked for is paid for, and none happens when none is left
//
// and besides: time never spins (what Elapsed arms is longer than nothing), an answer that
// is not owed changes nothing, and failures are counted only where they mean something.

// node is a machine and what the world around it is like.
type node struct {
	m       Machine
	child   Child // the world's own account of it
	armed   bool
	told    bool // the live child was sent a stop signal or SIGKILL
	stopped bool // the operator's last word was stop
	asked   bool // the restart under way is an operator's, or was paid for
	closing bool
}

// edges are all changes of state that users may ever see.
var edges = [][2]State{
	{Stopped, Starting}, {Exited, Starting}, {Fatal, Starting}, {Backoff, Starting},
	{Starting, Running}, {Starting, Backoff}, {Starting, Stopping},
	{Running, Exited}, {Running, Stopping},
	{Backoff, Stopped}, {Backoff, Fatal},
	{Exited, Stopped}, // it was to be started again
	{Stopping, Stopped},
	{Exited, Fatal}, {Stopping, Fatal}, // no restart is left
}

func policies() []Policy {
	var all []Policy
	for _, startsecs := range []time.Duration{0, time.Second} {
		for _, retries := range []int{0, 1, 2} {
			for _, again := range []Autorestart{Never, Unexpected, Always} {
				for _, wait := range []time.Duration{0, 10 * time.Second} {
					all = append(all, Policy{Startsecs: startsecs, Startretries: retries, Autorestart: again, Stopwaitsecs: wait})
				}
			}
		}
	}
	return all
}

// events are what may happen to n: what the kernel owes, and any wish.
func (n node) events() []Event {
	evs := []Event{{Kind: Start}, {Kind: Stop}, {Kind: Restart}, {Kind: Unhealthy}}
	if n.closing {
		evs = append(evs, Event{Kind: Shutdown})
	}
	switch n.child {
	case Launching:
		evs = append(evs, Event{Kind: Launched}, Event{Kind: LaunchFailed})
	case Live:
		for _, pause := range []time.Duration{0, time.Second} {
			evs = append(evs, Event{Kind: ChildExited, Pause: pause, Expected: true}, Event{Kind: ChildExited, Pause: pause})
		}
	}
	if n.armed {
		evs = append(evs, Event{Kind: Elapsed})
	}
	return evs
}

// before is what the world does in delivering ev: the child is there or gone, the timer is
// used up, the operator has spoken.
func (n node) before(ev Event) node {
	switch ev.Kind {
	case Launched:
		n.child, n.told = Live, false
	case LaunchFailed, ChildExited:
		n.child = None
	case Elapsed:
		n.armed = false
	case Stop, Shutdown:
		n.stopped = true
	case Start:
		n.stopped = n.stopped && !n.m.State.Down()
	case Restart:
		n.stopped = false
	}
	switch ev.Kind {
	case Start:
		n.asked = n.asked || n.m.State.Down()
	case Restart:
		n.asked = true
	case Stop, Shutdown:
		n.asked = false
	}
	return n
}

// carryOut performs the actions in the world and says which invariant they break.
func (n node) carryOut(ev Event, p Policy, next Machine, acts []Action, saw func(from, to State)) (node, error) {
	state := n.m.State
	for _, a := range acts {
		switch a.Do {
		case Enter:
			if a.State == state {
				return n, fmt.Errorf("5: entered %v twice", state)
			}
			if a.Spent && (a.State != Fatal || !p.Spent && ev.Kind != ChildExited && ev.Kind != LaunchFailed) {
				return n, fmt.Errorf("9: says in %v that no restart is left", a.State)
			}
			saw(state, a.State)
			state = a.State
		case Launch:
			if n.child != None {
				return n, fmt.Errorf("1: launch with a child")
			}
			if n.stopped {
				return n, fmt.Errorf("6: launch after stop")
			}
			if n.closing {
				return n, fmt.Errorf("6: launch while closing")
			}
			if !n.asked {
				return n, fmt.Errorf("9: launch that nobody asked for or paid for")
			}
			n.child, n.asked = Launching, false
		case Spend:
			if p.Spent {
				return n, fmt.Errorf("9: spends what is not there")
			}
			if n.asked {
				return n, fmt.Errorf("9: pays for what was asked for")
			}
			n.asked = true
		case SendStop, SendKill:
			if n.child != Live {
				return n, fmt.Errorf("2: signal without a live child")
			}
			n.told = true
		case Arm:
			if ev.Kind == Elapsed && a.Delay <= 0 {
				return n, fmt.Errorf("time spins")
			}
			n.armed = true
		case Disarm:
			n.armed = false
		}
	}
	if state != next.State {
		return n, fmt.Errorf("5: silently in %v, the world believes %v", next.State, state)
	}
	n.m = next
	return n, nil
}

// check says which invariant the node breaks.
func (n node) check(p Policy) error {
	m := n.m
	if m.Child != n.child {
		return fmt.Errorf("the machine believes in child %v, the world in %v", m.Child, n.child)
	}
	waits := false
	switch m.State {
	case Stopped, Exited, Fatal:
		if n.child != None {
			return fmt.Errorf("3: a child at rest")
		}
		waits = m.State == Exited && m.Again
	case Backoff:
		if n.child != None {
			return fmt.Errorf("3: a child in BACKOFF")
		}
		waits = true
	case Starting:
		if n.child == None {
			return fmt.Errorf("STARTING, and nothing is started")
		}
		waits = n.child == Live
	case Running:
		if n.child != Live {
			return fmt.Errorf("RUNNING without a child")
		}
	case Stopping:
		if n.child == None {
			return fmt.Errorf("STOPPING, and nothing is there")
		}
		if n.child == Live && !n.told {
			return fmt.Errorf("8: a live child does not know that it is to stop")
		}
		waits = n.child == Live
	default:
		return fmt.Errorf("no machine enters %v", m.State)
	}
	if waits != n.armed {
		return fmt.Errorf("4: waits %v, armed %v", waits, n.armed)
	}
	if m.Again && (m.State != Stopping && m.State != Exited || n.stopped) {
		return fmt.Errorf("6: wants to start again in %v", m.State)
	}
	if m.GaveUp && (m.State != Stopping || m.Again || n.stopped) {
		return fmt.Errorf("9: gave up in %v", m.State)
	}
	if counts := m.State == Starting || m.State == Backoff; m.Failures != 0 && !counts {
		return fmt.Errorf("%d failures are remembered in %v", m.Failures, m.State)
	}
	if m.Failures < 0 || m.Failures > p.Startretries {
		return fmt.Errorf("%d failures with startretries=%d", m.Failures, p.Startretries)
	}
	return nil
}

// stepSeen is one step of the walk, for whoever wants to know (the diagram).
type stepSeen struct {
	p      Policy
	before node
	ev     Event
	after  Machine
	acts   []Action
}

// walk visits everything that can arise under p and reports what breaks an invariant.
func walk(p Policy, saw func(stepSeen), edge func(from, to State), fail func(node, Event, error)) int {
	seen := map[node]bool{}
	queue := []node{{}}
	visit := func(n node) {
		if !seen[n] {
			seen[n] = true
			queue = append(queue, n)
		}
	}
	seen[node{}] = true
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if !n.closing {
			closed := n
			closed.closing = true
			visit(closed)
		}
		p.Closing = n.closing
		for _, p.Spent = range []bool{false, true} { // it may change at any time
			for _, ev := range n.events() {
				next, acts := Next(n.m, ev, p)
				saw(stepSeen{p, n, ev, next, acts})
				after, err := n.before(ev).carryOut(ev, p, next, acts, edge)
				if err == nil {
					err = after.check(p)
				}
				if err != nil {
					fail(n, ev, err)
					continue
				}
				visit(after)
			}
		}
	}
	return len(seen)
}

func TestModel(t *testing.T) {
	t.Parallel()
	got := map[[2]State]bool{}
	machines := 0
	for _, p := range policies() {
		machines += walk(p, func(stepSeen) {},
			func(from, to State) { got[[2]State{from, to}] = true },
			func(n node, ev Event, err error) { t.Errorf("%+v\n  under %+v\n  policy %+v: %v", n, ev, p, err) })
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d machines under %d policies", machines, len(policies()))
	for _, e := range edges { // 7
		if !got[e] {
			t.Errorf("nothing leads from %v to %v, though the documents say so", e[0], e[1])
		}
	}
	for e := range got {
		if !slices.Contains(edges, e) {
			t.Errorf("%v to %v is not a documented edge", e[0], e[1])
		}
	}
}

// What the kernel does not owe changes nothing when it comes all the same.
func TestAnswersNotOwed(t *testing.T) {
	t.Parallel()
	owed := map[Kind]Child{Launched: Launching, LaunchFailed: Launching, ChildExited: Live}
	for _, p := range policies() {
		walk(p, func(s stepSeen) {
			for kind, child := range owed {
				if s.before.child == child {
					continue
				}
				if m, acts := Next(s.before.m, Event{Kind: kind}, s.p); m != s.before.m || len(acts) != 0 {
					t.Errorf("Next(%+v, %v) = %+v, %v, want no change", s.before.m, kind, m, acts)
				}
			}
		}, func(State, State) {}, func(node, Event, error) {})
	}
}

func BenchmarkStep(b *testing.B) {
	p := Policy{Startsecs: time.Second, Startretries: 3, Autorestart: Always, Stopwaitsecs: 10 * time.Second}
	life := []Event{{Kind: Start}, {Kind: Launched}, {Kind: Elapsed}, {Kind: ChildExited}, {Kind: Launched}, {Kind: Elapsed}, {Kind: Stop}, {Kind: ChildExited}}
	var m Machine
	for i := 0; b.Loop(); i++ {
		m, _ = Next(m, life[i%len(life)], p)
	}
}
