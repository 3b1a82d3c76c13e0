package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"slices"
	"sync"
	"time"

	"gosv/conf"
	"gosv/logs"
)

// mainLog is the daemon's own log: a slog.Handler that writes Supervisor's line format,
// "2006-01-02 15:04:05,000 LEVL message", to the log file or syslog, and to stdout in the
// foreground. Writers never wait for a disk or a terminal: each target has a queue and a
// goroutine, and a target that hangs loses the lines for which there is no room, counted.
type mainLog struct {
	level   slog.Level
	file    *logs.File // nil: syslog or none
	name    string     // path of file
	targets []*target
	out     *target // standard output; nil in the background
	without error   // why there is no file, though one is usual
}

// levelName is the four letters of Supervisor's loggers.py.
func levelName(l slog.Level) string {
	switch {
	case l >= levelAudit:
		return "AUDT"
	case l >= levelOf(conf.Critical):
		return "CRIT"
	case l >= slog.LevelError:
		return "ERRO"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	case l >= slog.LevelDebug:
		return "DEBG"
	case l >= levelOf(conf.Trace):
		return "TRAC"
	}
	return "BLAT"
}

// levelOf maps Supervisor's number to slog's: 10 apart there, 4 apart here.
func levelOf(l conf.Level) slog.Level {
	switch {
	case l >= conf.Critical:
		return slog.LevelError + 4
	case l >= conf.Erro:
		return slog.LevelError
	case l >= conf.Warn:
		return slog.LevelWarn
	case l >= conf.Info:
		return slog.LevelInfo
	case l >= conf.Debug:
		return slog.LevelDebug
	case l >= conf.Trace:
		return slog.LevelDebug - 4
	}
	return slog.LevelDebug - 8
}

// Enabled, Handle, WithAttrs and WithGroup make mainLog a slog.Handler.
func (l *mainLog) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

func (l *mainLog) Handle(_ context.Context, r slog.Record) error {
	msg := r.Message
	r.Attrs(func(a slog.Attr) bool {
		msg += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	msg = safeText(msg)
	line := formatLine(r.Time, r.Level, msg)
	for _, t := range l.targets {
		if t.format == nil {
			t.write(line)
		} else {
			t.write(t.format(r.Time, r.Level, msg))
		}
	}
	return nil
}

func (l *mainLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *mainLog) WithGroup(string) slog.Handler      { return l }

func formatLine(t time.Time, level slog.Level, msg string) []byte {
	line := make([]byte, 0, 32+len(msg))
	line = t.AppendFormat(line, "2006-01-02 15:04:05")
	ms := t.Nanosecond() / int(time.Millisecond)
	line = append(line, ',', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), ' ')
	line = append(line, levelName(level)...)
	line = append(line, ' ')
	line = append(line, indented(msg)...)
	return append(line, '\n')
}

// openMainLog opens the log that s describes; in the foreground its lines go to stdout
// too, unless silent.
func openMainLog(s *conf.Supervisord, files *logs.Files, foreground bool) (*mainLog, error) {
	l := &mainLog{level: levelOf(s.Loglevel)}
	if foreground {
		out, err := files.Open("/dev/stdout", 0, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot write to standard output: %w", err)
		}
		l.out = newTarget(out.Write, out.Close)
		l.out.format = ownFormat(s.LogFormat)
		if !s.Silent && !(l.out.format != nil && conf.Stdio(s.Logfile)) { // else each line would come twice
			l.targets = append(l.targets, l.out)
		}
	}
	switch s.Logfile {
	case "":
	case "syslog":
		w, err := syslog.New(syslog.LOG_INFO|syslog.LOG_USER, "supervisord")
		if err != nil {
			l.close()
			return nil, fmt.Errorf("cannot reach syslog: %w", err)
		}
		l.targets = append(l.targets, newTarget(eachLine(w), w.Close))
	default:
		f, err := files.Open(s.Logfile, int64(s.LogfileMaxbytes), s.LogfileBackups)
		if err != nil && len(l.targets) > 0 && !s.Origin.Given("logfile") {
			l.without = err // nobody asked for a file: where nothing can be written, stdout is enough
			return l, nil
		}
		if err != nil {
			l.close()
			return nil, err // it names the file
		}
		l.file, l.name = f, s.Logfile
		t := newTarget(f.Write, f.Close)
		if conf.Stdio(s.Logfile) {
			t.format = ownFormat(s.LogFormat)
		}
		l.targets = append(l.targets, t)
	}
	return l, nil
}

// stdout is the daemon's standard output for lines that are not the log's: queued like
// them, so that nobody waits for a reader. In the background they go nowhere.
func (l *mainLog) stdout() io.Writer {
	if l.out == nil {
		return io.Discard
	}
	return l.out
}

// eachLine writes every line as a message of its own, as supervisord's SyslogHandler does.
func eachLine(w io.Writer) func([]byte) (int, error) {
	return func(lines []byte) (int, error) {
		for line := range bytes.Lines(lines) {
			if _, err := w.Write(line); err != nil {
				return 0, err
			}
		}
		return len(lines), nil
	}
}

// lost is how many bytes of the log could not be written to its file.
func (l *mainLog) lost() int64 {
	if l.file == nil {
		return 0
	}
	return l.file.Lost()
}

// path is the log file's path, "" when there is none (syslog).
func (l *mainLog) path() string { return l.name }

// clear removes the log file and opens a new one (clearLog).
func (l *mainLog) clear() error {
	l.flush()
	if l.file == nil {
		return nil
	}
	return l.file.Clear()
}

// reopen opens the log file again by its name (SIGUSR2).
func (l *mainLog) reopen() error {
	l.flush()
	if l.file == nil {
		return nil
	}
	return l.file.Reopen()
}

// follow is logs.File.Follow of the main log.
func (l *mainLog) follow(n int64) ([]byte, *logs.Follower, error) {
	l.flush()
	return l.file.Follow(n)
}

// flush waits until what was logged so far has been written, a second at most.
func (l *mainLog) flush() {
	for _, t := range l.targets {
		t.flush(time.Second)
	}
}

// close writes what is left and closes the targets.
func (l *mainLog) close() {
	for _, t := range l.targets {
		t.close()
	}
	if l.out != nil && !slices.Contains(l.targets, l.out) {
		l.out.close()
	}
}

// targetMax is how many bytes a target may be behind before it loses lines.
const targetMax = 4 << 20

// target is one place where log lines go, with a goroutine that writes them.
type target struct {
	format func(time.Time, slog.Level, string) []byte // nil: formatLine; set before the first line

	out  func([]byte) (int, error)
	shut func() error
	ring chan struct{} // 1-buffered: something was queued
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex // guards the fields below
	queue  []byte
	lost   int  // lines left out because the queue was full
	busy   bool // the goroutine is writing
	closed bool
	idle   []chan struct{} // closed when everything is written
	held   bool            // nothing is written for now
	rested chan struct{}   // closed when it is not; nil: nobody waits for that
}

func newTarget(out func([]byte) (int, error), shut func() error) *target {
	t := &target{out: out, shut: shut, ring: make(chan struct{}, 1), done: make(chan struct{})}
	go t.run()
	return t
}

// Write queues lines; it never fails.
func (t *target) Write(lines []byte) (int, error) {
	t.write(lines)
	return len(lines), nil
}

func (t *target) write(line []byte) {
	t.mu.Lock()
	if len(t.queue)+len(line) > targetMax {
		t.lost++
	} else {
		t.queue = append(t.queue, line...)
	}
	t.mu.Unlock()
	t.wake()
}

func (t *target) wake() {
	select {
	case t.ring <- struct{}{}:
	default:
	}
}

func (t *target) run() {
	defer close(t.done)
	var spare []byte
	for range t.ring {
		for {
			t.mu.Lock()
			if t.held {
				t.rest()
				t.mu.Unlock()
				break
			}
			lines, lost := t.queue, t.lost
			if t.busy = len(lines) > 0; t.busy { // else the queue would be the spare buffer, and the next one too
				t.queue, t.lost = spare[:0], 0
			}
			closed := t.closed
			if !t.busy {
				for _, c := range t.idle {
					close(c)
				}
				t.idle = nil
			}
			t.mu.Unlock()
			if len(lines) == 0 {
				if closed {
					return
				}
				break
			}
			t.out(lines) // logs.File counts and reports what it cannot write
			if lost > 0 {
				format := t.format
				if format == nil {
					format = formatLine
				}
				t.out(format(time.Now(), slog.LevelWarn, fmt.Sprintf("%d log lines were left out because this log was not written fast enough", lost)))
			}
			if spare = lines; cap(spare) > 64<<10 {
				spare = nil // do not keep the memory of one burst
			}
		}
	}
}

// flush waits until the queue is empty, not longer than d.
func (t *target) flush(d time.Duration) {
	t.mu.Lock()
	if len(t.queue) == 0 && !t.busy {
		t.mu.Unlock()
		return
	}
	c := make(chan struct{})
	t.idle = append(t.idle, c)
	t.mu.Unlock()
	t.wake()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
	}
}

// close writes what is queued and closes the place, unless it hangs for a second.
func (t *target) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.wake()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-t.done:
		t.shut()
	case <-timer.C:
	}
}
