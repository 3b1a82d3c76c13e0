//go:build unix

package proc

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init runs one command as the first process of a container must: it passes signals on,
// collects every orphan, and ends as its command ends. It is all of tini and of dumb-init,
// and nothing of the manager: no configuration, no log, no socket.
type Init struct {
	Argv []string // the command, looked up as execvp does
	Env  []string // "K=V"

	Group       bool                              // signals go to the command's process group, not to it alone
	Session     bool                              // the command leads a session of its own; what is left of its group is told to end with it
	Rewrite     map[syscall.Signal]syscall.Signal // what to send instead; 0: nothing
	Remap       map[int]int                       // exit status of the command to ours
	Subreaper   bool                              // orphans come to us although we are not PID 1
	Adopt       bool                              // the same where the system can, and nothing is said where it cannot
	ParentDeath syscall.Signal                    // sent to us when our parent ends, and to the command when we are killed; 0: none
	WarnReaped  bool                              // a warning for each orphan that was collected

	Log func(InitLevel, string) // nil: nothing is said
}

// InitLevel is how important a line of Init is; tini's levels.
type InitLevel int

const (
	InitFatal InitLevel = iota
	InitWarn
	InitInfo
	InitDebug
	InitTrace
)

// initRun is one Init under way. It belongs to one goroutine.
type initRun struct {
	*Init
	pid     int // of the command
	tty     terminal
	ignored map[syscall.Signal]int // signals to drop once: our own doing
}

// Run starts the command and returns the exit status: the command's, 128 plus the number of
// the signal that ended it, 127 when there is no such command and 126 when it cannot be
// executed, 1 when we could not do what was asked. It may be called once in a process's
// life, from main: it waits for everybody's children.
func (i *Init) Run() int {
	// The parent-death signal of a child comes when the thread that forked it ends.
	runtime.LockOSThread()
	r := &initRun{Init: i, ignored: map[syscall.Signal]int{}}
	bell := make(chan os.Signal, 1)
	signal.Notify(bell, syscall.SIGCHLD)
	signals := make(chan os.Signal, 128)
	for _, sig := range forwarded() {
		// What we were told to ignore (nohup) the command ignores too.
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	trapped, err := trapSignals()
	if err != nil {
		r.say(InitDebug, "some signals cannot be passed on: %v", err)
	}
	if !r.prepare() {
		return 1
	}
	if code, ok := r.start(); !ok {
		return code
	}
	syscall.Chdir("/") // so that where the command works can be unmounted, as dumb-init does
	shrink()
	for {
		select {
		case <-bell:
			if status, ended := r.reap(); ended {
				return r.end(status)
			}
		case sig := <-signals:
			r.pass(sig.(syscall.Signal))
		case sig := <-trapped:
			r.pass(sig)
		}
	}
}

func (r *initRun) say(l InitLevel, format string, args ...any) {
	if r.Log != nil {
		r.Log(l, fmt.Sprintf(format, args...))
	}
}

// prepare becomes what an init must be before it has children.
func (r *initRun) prepare() bool {
	if r.ParentDeath != 0 {
		if err := setParentDeath(r.ParentDeath); err != nil {
			r.say(InitFatal, "cannot set the parent-death signal: %v", err)
			return false
		}
	}
	first := os.Getpid() == 1
	if r.Subreaper || r.Adopt && !first {
		switch err := becomeSubreaper(); {
		case err == nil:
			r.say(InitTrace, "registered as a subreaper")
		case r.Subreaper:
			r.say(InitFatal, "cannot become a subreaper: %v", err)
			return false
		}
	}
	if !first && !r.Adopt && !isSubreaper() {
		r.say(InitWarn, "not running as PID 1 and not a subreaper, so orphans go to another process and zombies are not reaped here\nto change that give -s (or set TINI_SUBREAPER), or run as PID 1")
	}
	return true
}

// forwarded are the signals that are passed on: all that a process can see, but for SIGCHLD
// and those that trapSignals takes.
func forwarded() []os.Signal {
	var list []os.Signal
	for n := syscall.Signal(1); n <= lastSignal; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD:
		default:
			if !trapsSignal(n) {
				list = append(list, n)
			}
		}
	}
	return list
}

// pass hands a signal that we got to the command.
func (r *initRun) pass(sig syscall.Signal) {
	if r.ignored[sig] > 0 {
		r.ignored[sig]--
		r.say(InitDebug, "dropped %s: it came from giving up the terminal", signalName(sig))
		return
	}
	send, rewritten := r.Rewrite[sig]
	if !rewritten {
		send = sig
		if r.Session && stopsJob(sig) {
			send = syscall.SIGSTOP // the others do nothing in a session that no shell looks after
		}
	}
	group := r.Group
	if sig == syscall.SIGCONT && r.tty.handed {
		r.tty.give(r.pid)
		group = true // the terminal has stopped the whole group
	}
	if send != 0 {
		r.send(send, group)
	}
	// Who stops us expects that nothing goes on. With a terminal it is enough to stop when the
	// command does.
	if stopsJob(sig) && !r.tty.handed {
		r.say(InitDebug, "stopping as well")
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	}
}

func (r *initRun) send(sig syscall.Signal, group bool) {
	to := r.pid
	if group {
		to = -to
	}
	r.say(InitDebug, "passing %s on", signalName(sig))
	switch err := syscall.Kill(to, sig); err {
	case nil:
	case syscall.ESRCH:
		r.say(InitWarn, "the command was gone when %s was to be passed on", signalName(sig))
	default:
		r.say(InitWarn, "cannot pass %s on: %v", signalName(sig), err)
	}
}

// stopsJob says whether sig is one of those with which a terminal stops a job.
func stopsJob(sig syscall.Signal) bool {
	return sig == syscall.SIGTSTP || sig == syscall.SIGTTIN || sig == syscall.SIGTTOU
}

// reap collects all that have ended, the command among them or not.
func (r *initRun) reap() (status syscall.WaitStatus, ended bool) {
	options := syscall.WNOHANG
	if r.tty.jobControl {
		options |= syscall.WUNTRACED
	}
	for {
		var s syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &s, options, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid <= 0:
			return status, ended
		case s.Stopped():
			if pid == r.pid && stopsJob(s.StopSignal()) {
				r.suspend()
			}
		case pid == r.pid:
			status, ended = s, true
			r.say(InitDebug, "the command ended: %s", statusText(s))
		case r.WarnReaped:
			r.say(InitWarn, "reaped zombie with pid %d (%s)", pid, statusText(s))
		default:
			r.say(InitDebug, "reaped pid %d (%s)", pid, statusText(s))
		}
	}
}

// suspend stops us because the terminal has stopped the command, so that the shell above
// gets its prompt. SIGCONT is passed on as usual.
func (r *initRun) suspend() {
	r.say(InitDebug, "the command was stopped, stopping as well")
	r.tty.take()
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

// end cleans up after the command and says what our own exit status is.
func (r *initRun) end(status syscall.WaitStatus) int {
	if r.Session {
		syscall.Kill(-r.pid, syscall.SIGTERM)
	}
	r.tty.take()
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	if to, ok := r.Remap[code]; ok {
		r.say(InitDebug, "exit status %d becomes %d", code, to)
		return to
	}
	return code
}

// SignalByName is the signal with this name, with or without SIG, or number; 0 and false
// for what is none. RTMIN+3 and RTMAX-1 are known where there are real-time signals.
func SignalByName(name string) (syscall.Signal, bool) {
	return signalByName(name, unix.SignalNum)
}
