package proc

import (
	"errors"
	"sync"
)

// gate is what a launch passes between what may hang, looking and opening, and its fork. The
// launchers and the loop share it. A child may be reaped before its launch has answered, so the
// loop keeps the dead that it does not know (early); but only while there is a fork under way,
// and each for those forks only that had begun before it was counted: a later child may have its pid.
// (One that is reaped in the very microseconds between pass and fork, and whose pid that fork gets,
// cannot be told.)
type gate struct {
	mu     sync.Mutex       // guards what follows
	passed map[*process]int // whose fork has begun and was not answered: what dead was then
	dead   int              // counts the early dead
	shut   bool             // nobody passes any more
}

var errShut = errors.New("nothing is started any more")

// pass is the fork of p's child beginning, unless it may not.
func (g *gate) pass(p *process) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return errShut
	}
	if g.passed == nil {
		g.passed = map[*process]int{}
	}
	g.passed[p] = g.dead
	return nil
}

// close shuts the gate: what has not passed will never fork.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// forking says whether the fork of p's child has begun.
func (g *gate) forking(p *process) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, passed := g.passed[p]
	return passed
}

// died numbers one who is not known; 0: nobody's fork is under way, so it is an orphan.
func (g *gate) died() (nth int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.passed) == 0 {
		return 0
	}
	g.dead++
	return g.dead
}

// leave is p's launch having been answered. Who has a number up to after had died before its fork;
// none says that no other fork is under way.
func (g *gate) leave(p *process) (after int, none bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	after = g.passed[p]
	delete(g.passed, p)
	return after, len(g.passed) == 0
}
