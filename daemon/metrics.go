package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/state"
)

// Bounds of what one scrape shows, so that a configuration of thousands of processes cannot
// flood who collects it.
const (
	maxSeries = 2000 // processes with figures of their own; the rest is in gosv_process_overflow
	maxCodes  = 16   // exit codes of one process; the rest is code="other"
)

// scrape is everything that one answer of /metrics shows, taken once.
type scrape struct {
	infos []proc.Info
	left  int // processes that are over maxSeries
	used  []procUse
	logs  []logFigures // by process, stdout and stderr
	pools []poolFigures
	own   ownUse
	lost  int64 // of the main log
	mood  proc.Mood
	loop  time.Duration
	now   time.Time
}

// logFigures are the counters of a process's logs: stdout, stderr.
type logFigures [2]struct {
	known       bool
	bytes, lost int64
}

// poolFigures are the counters of one event listener pool.
type poolFigures struct {
	name string
	event.Stats
}

// figures are what the metrics need besides the manager.
type figures interface {
	logFigures(group, name string) logFigures
	poolFigures() []poolFigures
	ownLost() int64 // bytes of the main log that could not be written
}

// metric is one row of docs/metrics.md, and one family of the answer.
type metric struct {
	name, kind, help string
	write            func(s *scrape, p *prom)
}

// metrics is the table of all metrics.
func metrics() []metric {
	each := func(f func(s *scrape, p *prom, i int, info *proc.Info)) func(*scrape, *prom) {
		return func(s *scrape, p *prom) {
			for i := range s.infos {
				f(s, p, i, &s.infos[i])
			}
		}
	}
	live := func(f func(p *prom, info *proc.Info, u procUse)) func(*scrape, *prom) {
		return each(func(s *scrape, p *prom, i int, info *proc.Info) {
			if s.used[i].ok {
				f(p, info, s.used[i])
			}
		})
	}
	logs := func(f func(bytes, lost int64) int64) func(*scrape, *prom) {
		return each(func(s *scrape, p *prom, i int, info *proc.Info) {
			for n, stream := range [...]string{"stdout", "stderr"} {
				if l := s.logs[i][n]; l.known {
					p.process(info, "stream", stream).int(f(l.bytes, l.lost))
				}
			}
		})
	}
	pools := func(f func(event.Stats) uint64) func(*scrape, *prom) {
		return func(s *scrape, p *prom) {
			for _, pool := range s.pools {
				p.sample("pool", pool.name).int(int64(f(pool.Stats)))
			}
		}
	}
	return []metric{
		{"gosv_process_state", "gauge", "State of the process with Supervisor's number: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL.",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) { p.process(info).int(int64(info.State)) })},
		{"gosv_process_up", "gauge", "1 if the process is RUNNING, else 0.",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) { p.process(info).bool(info.State == state.Running) })},
		{"gosv_process_uptime_seconds", "gauge", "How long the process has been up; 0 if it is not.",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) {
				up := time.Duration(0)
				if info.PID != 0 && !info.Start.IsZero() {
					up = max(0, s.now.Sub(info.Start))
				}
				p.process(info).float(up.Seconds())
			})},
		{"gosv_process_starts_total", "counter", "Children that were started.",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) { p.process(info).int(int64(info.Life.Begun)) })},
		{"gosv_process_restarts_total", "counter", "Children that were started after the first one.",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) {
				p.process(info).int(max(0, int64(info.Life.Begun)-1))
			})},
		{"gosv_process_exits_total", "counter", "Children that have ended, by exit status (128 plus its number for a signal).",
			each(func(s *scrape, p *prom, _ int, info *proc.Info) { writeExits(p, info) })},
		{"gosv_process_cpu_seconds_total", "counter", "CPU time that the present child has used, in user and kernel mode; without its own children.",
			live(func(p *prom, info *proc.Info, u procUse) { p.process(info).float(u.cpu.Seconds()) })},
		{"gosv_process_resident_memory_bytes", "gauge", "Resident memory of the present child; without its own children.",
			live(func(p *prom, info *proc.Info, u procUse) { p.process(info).int(u.rss) })},
		{"gosv_process_log_bytes_total", "counter", "Bytes that were read from the process, by stream.",
			logs(func(bytes, _ int64) int64 { return bytes })},
		{"gosv_process_log_lost_bytes_total", "counter", "Bytes that could not be written to the log, by stream.",
			logs(func(_, lost int64) int64 { return lost })},
		{"gosv_process_overflow", "gauge", fmt.Sprintf("Processes that are left out above because there are more than %d.", maxSeries),
			func(s *scrape, p *prom) { p.sample().int(int64(s.left)) }},
		{"gosv_pool_queue_depth", "gauge", "Events that wait in the buffer of the event listener pool.",
			pools(func(s event.Stats) uint64 { return uint64(s.Buffered) })},
		{"gosv_pool_events_total", "counter", "Events that the pool has taken in.",
			pools(func(s event.Stats) uint64 { return s.Accepted })},
		{"gosv_pool_events_rejected_total", "counter", "Events that a listener gave back.",
			pools(func(s event.Stats) uint64 { return s.Rejected })},
		{"gosv_pool_events_lost_total", "counter", "Events that were dropped because the pool's buffer was full.",
			pools(func(s event.Stats) uint64 { return s.Overflowed })},
		{"gosv_pool_deaf", "gauge", "Listeners of the pool that broke the protocol and get no events until they start again.",
			pools(func(s event.Stats) uint64 { return uint64(s.Deaf) })},
		{"gosv_info", "gauge", "1, with the version.",
			func(_ *scrape, p *prom) { p.sample("version", Version).int(1) }},
		{"gosv_daemon_running", "gauge", "1 while the daemon runs, 0 while it is shutting down or restarting.",
			func(s *scrape, p *prom) { p.sample().bool(s.mood == proc.MoodRunning) }},
		{"gosv_log_lost_bytes_total", "counter", "Bytes of gosv's own log that could not be written to its file.",
			func(s *scrape, p *prom) { p.sample().int(s.lost) }},
		{"gosv_loop_latency_seconds", "gauge", "How long the manager of the processes took to answer this scrape.",
			func(s *scrape, p *prom) { p.sample().float(s.loop.Seconds()) }},
		{"go_goroutines", "gauge", "Goroutines of the daemon.",
			func(_ *scrape, p *prom) { p.sample().int(int64(runtime.NumGoroutine())) }},
		{"process_cpu_seconds_total", "counter", "CPU time that the daemon itself has used.",
			func(s *scrape, p *prom) { p.known(s.own.ok).float(s.own.cpu.Seconds()) }},
		{"process_resident_memory_bytes", "gauge", "Resident memory of the daemon itself.",
			func(s *scrape, p *prom) { p.known(s.own.ok).int(s.own.rss) }},
		{"process_open_fds", "gauge", "Open file descriptors of the daemon itself.",
			func(s *scrape, p *prom) { p.known(s.own.ok).int(int64(s.own.fds)) }},
		{"process_max_fds", "gauge", "How many it may have.",
			func(s *scrape, p *prom) { p.known(s.own.ok).int(int64(s.own.maxFDs)) }},
	}
}

func writeExits(p *prom, info *proc.Info) {
	var other uint64
	for i, e := range info.Life.Ended {
		if i >= maxCodes {
			other += e.Runs
			continue
		}
		p.process(info, "code", strconv.Itoa(e.Code)).int(int64(e.Runs))
	}
	if other > 0 {
		p.process(info, "code", "other").int(int64(other))
	}
}

// process begins a sample of a process.
func (p *prom) process(info *proc.Info, more ...string) *prom {
	program := info.Name
	if info.Config != nil {
		program = info.Config.Program
	}
	p.sample("program", program, "group", info.Group, "process", info.Name)
	return p.labels(more...)
}

// take collects what a scrape shows.
func (a *api) take(ctx context.Context) (*scrape, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	s := &scrape{mood: a.mgr.Mood(), now: time.Now()}
	infos, err := a.mgr.Processes(ctx)
	if err != nil {
		return nil, err
	}
	s.loop = time.Since(s.now)
	if s.infos = infos; len(infos) > maxSeries {
		s.infos, s.left = infos[:maxSeries], len(infos)-maxSeries
	}
	s.used, s.logs = make([]procUse, len(s.infos)), make([]logFigures, len(s.infos))
	for i := range s.infos {
		p := &s.infos[i]
		s.logs[i] = a.figures.logFigures(p.Group, p.Name)
		if p.PID != 0 {
			s.used[i] = useOf(p.PID)
		}
	}
	s.pools = a.figures.poolFigures()
	s.own, s.lost = measureSelf(os.Getpid()), a.figures.ownLost()
	return s, nil
}

// serveMetrics answers /metrics in Prometheus's text format where the server's section asks
// for it. It says whether the path was its.
func (s *server) serveMetrics(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/metrics" || !s.metrics {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
		return true
	}
	data, err := s.take(r.Context())
	if err != nil {
		http.Error(w, fmt.Sprintf("the manager does not answer: %v", err), http.StatusServiceUnavailable)
		return true
	}
	p := &prom{}
	for _, m := range metrics() {
		p.family(m.name, m.kind, m.help)
		m.write(data, p)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(p.text)))
	if r.Method == http.MethodGet {
		w.Write(p.text)
	}
	return true
}

// logFigures are those of a process's sinks that have been made.
func (d *Daemon) logFigures(group, name string) (f logFigures) {
	out := d.outputs.get(group, name)
	if out == nil {
		return f
	}
	for i, st := range out.streams() {
		if sink := st.sink.Load(); sink != nil {
			n := sink.Stats()
			f[i].known, f[i].bytes, f[i].lost = true, n.Bytes, n.Lost
		}
	}
	return f
}

// poolFigures are those of the active pools, sorted by name.
func (d *Daemon) poolFigures() []poolFigures { return d.pools.figures() }

// ownLost is how much of the main log is not in its file.
func (d *Daemon) ownLost() int64 { return d.main.lost() }
