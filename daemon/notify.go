package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/state"
)

// notifier tells a service manager how the daemon is (sd_notify): one datagram, lines of
// NAME=value. It lives as long as the process, over all reloads. A nil notifier is one
// that nobody asked for, and says nothing.
type notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration // within which WATCHDOG=1 is wanted; 0: it is not
}

// notifyNames are the variables that are between the service manager and us. Programs do
// not inherit them: they would speak in our name.
func notifyNames() []string {
	return []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}
}

// newNotifier connects to the service manager that the environment names; nil without one.
func newNotifier(getenv func(string) string, pid int) (*notifier, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // "@" is an abstract one here as there
	if err != nil {
		return nil, fmt.Errorf("cannot reach the service manager: %w", err)
	}
	n := &notifier{conn: conn}
	usec, err := strconv.ParseUint(getenv("WATCHDOG_USEC"), 10, 63)
	if who := getenv("WATCHDOG_PID"); err == nil && (who == "" || who == strconv.Itoa(pid)) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n, nil
}

// tell sends one message. That nobody takes it is no trouble of ours.
func (n *notifier) tell(lines ...string) {
	if n == nil {
		return
	}
	n.conn.SetWriteDeadline(time.Now().Add(time.Second))
	n.conn.Write([]byte(strings.Join(lines, "\n")))
}

// reloading says that a reload has begun; READY=1 ends it. systemd wants to know since when,
// on the clock that it uses.
func (n *notifier) reloading() {
	if n != nil {
		n.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic().Microseconds(), 10))
	}
}

// ready says that the daemon is up, for the first time or again.
func (n *notifier) ready(status string) { n.tell("READY=1", "STATUS="+status) }

// statusPause is the least time between two messages about the programs.
const statusPause = time.Second

// serve keeps the service manager informed until ctx is done: the programs' state when it
// has changed, that the end has begun, and life signs if they are wanted.
func (n *notifier) serve(ctx context.Context, d *Daemon) {
	if n == nil {
		return
	}
	changed, stopping := make(chan struct{}, 1), make(chan struct{}, 1)
	cancel := d.bus.Subscribe([]event.Type{event.ProcessState, event.ProcessGroup, event.SupervisorStateChangeStopping}, func(_ uint64, ev event.Event) {
		bell := changed
		if ev.Type == event.SupervisorStateChangeStopping {
			bell = stopping
		}
		select {
		case bell <- struct{}{}:
		default:
		}
	})
	defer cancel()
	last := d.programs(ctx)
	n.ready(last)
	var dog <-chan time.Time
	if n.watchdog > 0 {
		tick := time.NewTicker(n.watchdog / 2)
		defer tick.Stop()
		dog = tick.C
		n.lifeSign(ctx, d)
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	due := changed // nil during a pause
	told := false
	stop := func() {
		if !told && d.mgr.Mood() == proc.MoodShutdown {
			told = true
			n.tell("STOPPING=1", "STATUS=stopping everything")
		}
	}
	defer stop() // for a restart that became a shutdown
	for {
		select {
		case <-ctx.Done():
			return
		case <-stopping:
			stop()
		case <-dog:
			n.lifeSign(ctx, d)
		case <-due:
			if text := d.programs(ctx); text != last && d.mgr.Mood() == proc.MoodRunning {
				last = text
				n.tell("STATUS=" + text)
			}
			due = nil
			pause.Reset(statusPause)
		case <-pause.C:
			due = changed
		}
	}
}

// lifeSign is sent if the manager's loop answers. If it does not, for as long as it takes,
// the service manager does what it was told to do about it.
func (n *notifier) lifeSign(ctx context.Context, d *Daemon) {
	ctx, cancel := context.WithTimeout(ctx, n.watchdog/2)
	defer cancel()
	_, err := d.mgr.Process(ctx, "", "") // there is none, which it says
	var f *proc.Fault
	if errors.As(err, &f) {
		n.tell("WATCHDOG=1")
	}
}

// programs is a line about all programs: "5 programs: 4 RUNNING, 1 FATAL".
func (d *Daemon) programs(ctx context.Context) string {
	infos, err := d.mgr.Processes(ctx)
	if err != nil {
		return "running"
	}
	return programsText(infos)
}

func programsText(infos []proc.Info) string {
	counts := map[state.State]int{}
	for i := range infos {
		counts[infos[i].State]++
	}
	noun := "programs"
	if len(infos) == 1 {
		noun = "program"
	}
	var parts []string
	for _, s := range []state.State{state.Running, state.Starting, state.Backoff, state.Stopping, state.Exited, state.Stopped, state.Fatal} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	text := fmt.Sprintf("%d %s", len(infos), noun)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}
