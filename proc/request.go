package proc

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"gosv/conf"
	"gosv/proc/event"
	"gosv/proc/state"
)

// Options are what a manager needs from its owner.
type Options struct {
	Kernel    Kernel
	Launchers int                        // how many children may be started at the same time, beside 32 that hang; 0: one
	Log       *slog.Logger               // Supervisor's lines, levels in levels.go
	Publish   func(event.Event)          // never blocks; nil: nobody listens
	Adding    func(*conf.Group)          // told of each group before its PROCESS_GROUP_ADDED; never blocks; may be nil
	Output    func(*conf.Process) Output // asked once for every process record; nil: /dev/null
	Environ   []string                   // "K=V", what children inherit
	ServerURL string                     // SUPERVISOR_SERVER_URL of children, "" for none
	Drain     time.Duration              // between Shutdown and the first stop; 0: none
	Timeout   time.Duration              // for all of a shutdown, Drain included; 0: none
	ExitOn    conf.ExitOn                // which end of a process is the end of everything
	Decided   func(Verdict)              // told of such an end when it begins; never blocks; may be nil
	Noted     func(pid int)              // the end of an adopted process is in the ledger; may be nil
	Ledger    *Ledger                    // what a later daemon is left, should this one be killed; nil: nothing
}

// Output receives what one process writes, over all its runs. Its methods are called
// by the launcher and by the loop; none but Attach may block.
type Output interface {
	// Attach prepares a run: the files that become the child's descriptors 1 and 2
	// (the same file twice with redirect_stderr). The caller closes them after the fork.
	Attach() (stdout, stderr *os.File, err error)
	// Started names the child that now writes to what the last Attach returned.
	Started(pid int)
	// Exited says that the child was reaped. The output reads what is left in the pipes
	// and then calls done, from any goroutine, soon even if a disk hangs or a grandchild
	// keeps the pipe open; such a pipe is read on until it ends.
	Exited(done func())
	// Close says that the process record is gone.
	Close()
}

// Heir is an Output that can go on with the pipes of a child that an earlier daemon started.
type Heir interface {
	// Adopt names the child and gives the pipes of its stdout and stderr, whose ends to read
	// from are the Output's from then on. It is called before Run.
	Adopt(pid int, pipes [2]Pipe)
	// Logs are the files that the streams go to, by "stdout" and "stderr", where a later
	// daemon could not tell it from the configuration.
	Logs() map[string]string
}

// Pipe is a pipe that an earlier daemon made.
type Pipe struct {
	FD    int    // the end to read from; -1: it is gone
	Inode uint64 // 0: there was none
}

// Kernel is everything the manager asks of the operating system about children.
type Kernel interface {
	// Launch starts a child and returns when it has exec'd or failed to. It is called
	// from the launchers, never from the loop. Failures after the fork are an *ExecError.
	Launch(Spec) (pid int, err error)
	// Signal sends sig to the child pid, or to its process group.
	Signal(pid int, sig syscall.Signal, group bool) error
	// Adopt watches a process that is not our child but is to be reaped and signalled as if
	// it were. born is its start time; ESRCH says that it is gone.
	Adopt(pid int, born uint64) error
	// Sweep kills all that carries Spec.Mark, or has one of these pipes as its descriptor 0, 1
	// or 2, and waits until it is gone; it says how many there were. It may take seconds,
	// and is not called from the loop. A pipe is an inode, 0 for none.
	Sweep(mark string, pipes [3]uint64) int
	// Reap collects one dead child without waiting; ok is false when there is none.
	Reap() (pid int, status syscall.WaitStatus, ok bool)
	// Died rings when children may have died. One ring may stand for many.
	Died() <-chan struct{}
}

// Kind says what an Op does.
type Kind uint8

const (
	Start Kind = iota
	Stop
	Restart
	Signal
)

// Op is one wish about one process, a group, or all.
type Op struct {
	Kind    Kind
	Group   string // "" for all groups
	Process string // "" for the whole group
	Wait    bool   // results come when the wish is fulfilled or has failed, not when it is begun
	Signal  syscall.Signal
	Sees    func(*conf.Process) bool // nil: all; others are as if they were not there
}

// Result is what became of one process of an Op. Err is nil or a *Fault.
type Result struct {
	Group, Process string
	Did            string // "started", "stopped", "signalled"; Restart gives "stopped" and "started"
	Err            error
}

// Info is what is known of one process, copied out of the loop.
type Info struct {
	Group, Name string
	State       state.State
	PID         int       // 0: no child
	Start, Stop time.Time // wall clock with monotonic reading; zero: never
	ExitStatus  int       // of the last run; -1 after death by a signal; 0 when unknown
	SpawnErr    string    // Supervisor's text; "" once it was spawned
	Config      *conf.Process
	Life        Life
}

// Mood is the daemon's state with Supervisor's numbers.
type Mood int

const (
	MoodShutdown   Mood = -1
	MoodRestarting Mood = 0
	MoodRunning    Mood = 1
)

// Step is one thing that Update did to a group.
type Step struct {
	Group string
	Did   string // "stopped", "removed", "updated", "added"
	Err   error
}

// The methods of *Manager. All wait for the loop's answer, not longer than ctx; all
// return ErrClosed once Run has returned.
type requests interface {
	// Run is the loop. It returns when Shutdown has stopped everything, or when ctx is done.
	Run(ctx context.Context) error
	// Do carries out op and hands over each process's result as soon as it is known, from
	// Do's own goroutine. It returns a *Fault when op as a whole is refused (BadName,
	// ShutdownState), else nil. For a single process the one Result carries the fault.
	// Which processes a group or all means is Supervisor's rule: Start takes those not up,
	// Stop those up or about to be started again, Signal those signallable; sorted by (group priority, process priority).
	Do(ctx context.Context, op Op, each func(Result)) error
	// Add makes a group known and starts its autostart processes. AlreadyAdded, ShutdownState.
	Add(ctx context.Context, g *conf.Group) error
	// Remove forgets a group that is at rest. BadName, StillRunning, ShutdownState.
	Remove(ctx context.Context, name string) error
	// Update carries out a plan: per group stop, remove, add. Only one runs at a time:
	// a second one gets the fault Busy. only limits it to these groups, nil means all.
	Update(ctx context.Context, p conf.Plan, only []string, each func(Step)) error
	// Processes is every process, sorted by (group, name).
	Processes(ctx context.Context) ([]Info, error)
	// Known is the same, perhaps without a word with the loop: the list is shared, and nobody
	// may change it.
	Known(ctx context.Context) ([]Info, error)
	// Process is one process. BadName.
	Process(ctx context.Context, group, name string) (Info, error)
	// Groups is the active groups in order.
	Groups(ctx context.Context) ([]*conf.Group, error)
	// Stdin writes to a process's standard input. BadName, NotRunning, NoFile (closed).
	// A child that does not read gets no more than the pipe takes: the rest waits in a
	// bounded queue, and past that the fault is Failed.
	Stdin(ctx context.Context, group, name string, data []byte) error
	// Shutdown begins to stop everything, in reverse order of the groups' priority; it
	// returns at once. mood is MoodShutdown or MoodRestarting; shutdown beats restarting.
	Shutdown(mood Mood)
	// Force kills what is left of a shutdown under way; it returns at once.
	Force()
	// Draining says that Shutdown was called and the stopping has not begun.
	Draining() bool
	// Mood is the daemon's state; it may be asked at any time.
	Mood() Mood
	// Verdict is why everything ended by itself, if it did, once Run has returned.
	Verdict() (v Verdict, ok bool)
}

var _ requests = (*Manager)(nil)
