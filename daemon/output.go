package daemon

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// outputs are the log sinks of all processes. It is the one place that translates the
// std*_ options for package logs.
type outputs struct {
	d       *Daemon
	pump    *logs.Pump
	changed atomic.Uint64 // how often byID has been

	mu   sync.Mutex // guards what follows
	byID map[procID]*output
	kept map[procID]*keptOutput // of an earlier version, until a record asks for it
}

type procID struct{ group, name string }

// output is where one process's streams go. It is a proc.Output.
type output struct {
	all            *outputs
	conf           *conf.Process
	older          *output // guarded by all.mu: the record that this one is to replace
	stdout, stderr stream
	closed         atomic.Bool

	making sync.Mutex // held while a sink is made, which may wait for a disk; the manager's loop never takes it
}

// stream is one of a process's two streams; its sink is made at the first run, so that a
// log that cannot be opened is a spawn error and not the end of the daemon.
type stream struct {
	name string // "stdout" or "stderr"
	path string // "" for no file; never changes
	out  *output
	sink atomic.Pointer[logs.Sink]
}

// specialRing is how many bytes of a stream are kept in memory for tail when its log is a
// device, a pipe or a terminal, which cannot be read back.
const specialRing = 64 << 10

func newOutputs(d *Daemon, pump *logs.Pump) *outputs {
	return &outputs{d: d, pump: pump, byID: map[procID]*output{}}
}

// of is proc.Options.Output: a new record of p is being made, AUTO files included. It is
// not called from the manager's loop, so it may wait for a disk. The record of an older
// version of p may still be there; it is found again if this one is closed first.
func (o *outputs) of(p *conf.Process) proc.Output {
	out := newOutput(o, p)
	if k := o.handedOver(p); k != nil {
		out.resume(k)
		return o.known(out)
	}
	for _, st := range out.streams() {
		var err error
		if st.path, err = o.d.logPath(p, st.name, out.options(st)); err != nil {
			o.d.log.Warn(err.Error())
		}
	}
	return o.known(out)
}

func newOutput(o *outputs, p *conf.Process) *output {
	out := &output{all: o, conf: p}
	out.stdout.name, out.stderr.name = "stdout", "stderr"
	out.stdout.out, out.stderr.out = out, out
	return out
}

func (o *outputs) known(out *output) *output {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := procID{out.conf.Group, out.conf.Name}
	out.older = o.byID[id]
	o.byID[id] = out
	o.changed.Add(1)
	return out
}

func (out *output) streams() [2]*stream { return [2]*stream{&out.stdout, &out.stderr} }

// options are the std*_ options of a stream.
func (out *output) options(st *stream) *conf.Output {
	if st == &out.stderr {
		return &out.conf.Stderr
	}
	return &out.conf.Stdout
}

func (o *outputs) get(group, name string) *output {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byID[procID{group, name}]
}

// sink is the sink of a process's stream ("stdout", "stderr"), made now if the process never
// ran: a follower may wait for its first run. It is nil when there is none: no such process,
// redirect_stderr, a log that cannot be opened.
func (o *outputs) sink(group, name, stream string) *logs.Sink {
	out := o.get(group, name)
	if out == nil || stream == "stderr" && out.conf.RedirectStderr {
		return nil
	}
	st := &out.stdout
	if stream == "stderr" {
		st = &out.stderr
	}
	s, _, _ := out.open(st)
	return s
}

// clear empties the logs of a process (clearProcessLogs), also of one that is not running.
func (o *outputs) clear(group, name string) error {
	out := o.get(group, name)
	if out == nil {
		return nil
	}
	for _, st := range out.streams() {
		if st.path == "" {
			continue
		}
		sink, _, err := out.open(st)
		if err != nil {
			return err
		}
		if err := sink.Clear(); err != nil {
			return err
		}
	}
	return nil
}

// reopen opens all files again (SIGUSR2).
func (o *outputs) reopen() {
	o.mu.Lock()
	list := make([]*output, 0, len(o.byID))
	for _, out := range o.byID {
		list = append(list, out)
	}
	o.mu.Unlock()
	for _, out := range list {
		for s := range out.sinks() {
			if err := s.Reopen(); err != nil {
				o.d.log.Error(fmt.Sprintf("cannot reopen a log of '%s': %v", out.conf.Name, err))
			}
		}
	}
}

// Attach prepares a run.
func (out *output) Attach() (stdout, stderr *os.File, err error) {
	if stdout, err = out.attach(&out.stdout); err != nil {
		return nil, nil, err
	}
	if out.conf.RedirectStderr {
		return stdout, stdout, nil
	}
	if stderr, err = out.attach(&out.stderr); err != nil {
		stdout.Close()
		return nil, nil, err
	}
	return stdout, stderr, nil
}

func (out *output) attach(st *stream) (*os.File, error) {
	s, made, err := out.open(st)
	switch {
	case err != nil:
		return nil, err
	case made:
		return s.AttachNew()
	}
	return s.Attach()
}

// sinks are those that have been made.
func (out *output) sinks() iter.Seq[*logs.Sink] {
	return func(yield func(*logs.Sink) bool) {
		for _, st := range out.streams() {
			if s := st.sink.Load(); s != nil && !yield(s) {
				return
			}
		}
	}
}

// Started names the child that writes now.
func (out *output) Started(pid int) {
	for s := range out.sinks() {
		s.SetPID(pid)
	}
}

// Exited drains both pipes, one after the other, and then says so.
func (out *output) Exited(done func()) {
	for s := range out.sinks() {
		then := done
		done = func() { s.Drain(then) }
	}
	done()
}

// Close forgets the process; what grandchildren still write is read until they end.
func (out *output) Close() {
	o := out.all
	o.mu.Lock()
	id := procID{out.conf.Group, out.conf.Name}
	switch newest := o.byID[id]; {
	case newest != out:
		if newest != nil && newest.older == out {
			newest.older = nil
		}
	case out.older != nil:
		o.byID[id] = out.older
	default:
		delete(o.byID, id)
	}
	o.changed.Add(1)
	o.mu.Unlock()
	out.closed.Store(true)
	for s := range out.sinks() {
		s.Close()
	}
}

// open is the sink of a stream, made now unless it is there.
func (out *output) open(st *stream) (s *logs.Sink, made bool, err error) {
	out.making.Lock()
	defer out.making.Unlock()
	if s := st.sink.Load(); s != nil {
		return s, false, nil
	}
	sink, err := out.all.pump.Sink(out.sinkOptions(st))
	if err != nil {
		return nil, false, err
	}
	st.sink.Store(sink)
	if out.closed.Load() { // Close may have missed it
		sink.Close()
	}
	return sink, true, nil
}

// sinkOptions are the options of a stream for package logs.
func (out *output) sinkOptions(st *stream) logs.Options {
	d, p, opt := out.all.d, out.conf, out.options(st)
	o := logs.Options{
		Owner: st,
		Name:  p.Name, Stream: st.name, Files: d.files,
		Path: st.path, Inherit: opt.LogfileDirect, MaxBytes: int64(opt.LogfileMaxbytes), Backups: opt.LogfileBackups,
		StripANSI: d.config().Supervisord.StripANSI,
		Capture:   int64(opt.CaptureMaxbytes),
		Syslog:    opt.Syslog,
		Report:    d.report,
	}
	o.Line = lineFormat(opt.Format, logs.Label{Program: p.Name, Group: p.Group, Stream: st.name})
	if st.path != "" {
		o.Ring = specialRing
	}
	if o.Capture > 0 {
		o.OnCapture = d.onCapture(p, st.name)
	}
	o.OnData = d.onData(p, st.name, opt)
	if p.Kind == conf.EventListener && st == &out.stdout {
		o.Capture, o.OnCapture, o.Direct = 0, nil, true
	}
	return o
}

// onData is who else wants to see each piece of output; nil when nobody does.
func (d *Daemon) onData(p *conf.Process, stream string, opt *conf.Output) func(int, []byte) {
	listener := p.Kind == conf.EventListener && stream == "stdout"
	echo := d.main.level <= levelOf(conf.Debug)
	if !listener && !echo && !opt.EventsEnabled {
		return nil
	}
	typ := event.ProcessLogStdout
	if stream == "stderr" {
		typ = event.ProcessLogStderr
	}
	return func(pid int, data []byte) {
		if echo {
			text := event.Text(data)
			if listener {
				text = event.Repr(data)
			}
			d.log.Debug(fmt.Sprintf("'%s' %s output:\n%s", p.Name, stream, text))
		}
		if listener {
			d.pools.output(p, data)
		}
		if opt.EventsEnabled {
			d.bus.Publish(event.Event{Type: typ, Process: p.Name, Group: p.Group, PID: pid, Data: data})
		}
	}
}

func (d *Daemon) onCapture(p *conf.Process, stream string) func(int, []byte) {
	typ := event.ProcessCommunicationStdout
	if stream == "stderr" {
		typ = event.ProcessCommunicationStderr
	}
	return func(pid int, data []byte) {
		d.log.Debug(fmt.Sprintf("'%s' %s emitted a comm event", p.Name, stream))
		d.bus.Publish(event.Event{Type: typ, Process: p.Name, Group: p.Group, PID: pid, Data: data})
	}
}

// report takes remarks of package logs and of the pools into the main log.
func (d *Daemon) report(level, text string) {
	l := slog.LevelInfo
	switch level {
	case "ERRO":
		l = slog.LevelError
	case "WARN":
		l = slog.LevelWarn
	case "DEBG":
		l = slog.LevelDebug
	}
	d.log.Log(context.Background(), l, text)
}
