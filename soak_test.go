package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestSoak runs random operations and faults against a daemon, for GOSV_SOAK (10s), and holds
// it to what must be true all the time and at rest: soak_model_test.go. GOSV_SEED repeats the
// operations of an earlier run; `make soak T=10m SEED=1` says both. Half of the time is with a
// keeper, where nothing at all may be lost.
func TestSoak(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("GOSV_SOAK"))
	if err != nil {
		d = 10 * time.Second
	}
	seed, err := strconv.ParseUint(os.Getenv("GOSV_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano() % 1_000_000)
	}
	t.Logf("seed %d: make soak T=%v SEED=%d runs the same operations", seed, d, seed)
	for _, mode := range []string{"alone", "keeper"} {
		t.Run(mode, func(t *testing.T) { newSoak(t, seed, mode == "keeper").run(d / 2) })
	}
}

// soak is one run.
type soak struct {
	*box
	rnd     *rand.Rand
	small   string     // a small disk as we see it; "": there is none
	prefix  []string   // the command that starts the daemon where it sees that disk
	keeper  bool       // a keeper starts the daemon again
	crashes []soakSpan // when there was no daemon, nor a keeper
	killed  time.Time  // when a keeper's daemon was killed last

	upgrades int // that were done

	away     atomic.Int32 // operations that take the daemon away: requests may fail
	gone     atomic.Int64 // how many there were
	changing sync.Mutex   // held by what changes the configuration or takes the daemon away
	busy     sync.WaitGroup
	places   chan struct{}

	mu  sync.Mutex // guards bad
	bad []string   // what must not be
}

type soakSpan struct{ from, to time.Time }

const soakSections = `
[program:w]
process_name = w%(process_num)d
numprocs = 3
command = soaker write %(here)s/runs
startsecs = 0
autorestart = true
redirect_stderr = true
stdout_logfile = %(here)s/w%(process_num)d.log
stdout_logfile_maxbytes = 1MB
stdout_logfile_backups = 1000
[program:i]
process_name = i%(process_num)d
numprocs = 4
command = soaker idle
startsecs = 0
autorestart = true
[program:slow]
command = soaker idle
startsecs = 1
[program:stub]
command = soaker stubborn
startsecs = 0
stopwaitsecs = 1
[program:crash]
command = soaker exit
startsecs = 0
autorestart = true
[program:fast]
command = soaker fast
startretries = 1
[program:forker]
command = soaker fork
startsecs = 0
stopasgroup = true
killasgroup = true
[program:talk]
command = soaker talk
startsecs = 0
stdout_logfile = %(here)s/talk.log
stdout_logfile_maxbytes = 20KB
[program:disk]
command = soaker talk
startsecs = 0
stdout_logfile = %(here)s/small/disk.log
stdout_logfile_maxbytes = 200KB
stdout_logfile_backups = 2
[program:a]
command = soaker idle
startsecs = 0
[program:b]
command = soaker idle
startsecs = 0
[group:g]
programs = a,b
[eventlistener:ear]
command = soaker ear %(here)s/ear.got
events = PROCESS_STATE,TICK_5
buffer_size = 20000
startsecs = 0
autorestart = true
[fcgi-program:f]
command = soaker idle
socket = unix://%(here)s/f.sock
startsecs = 0
`

// soakTargets are names for operations: processes, groups, all, and two that do not exist.
var soakTargets = []string{"w:w0", "w:w1", "w:w2", "w:*", "i:i0", "i:i1", "i:i2", "i:i3", "i:*", "slow", "stub", "crash", "fast", "forker",
	"talk", "disk", "g:a", "g:b", "g:*", "ear", "f", "extra0", "extra1", "nothing", "i:i9", "all"}

// soakUp are those that run when everything was started and is quiet.
var soakUp = []string{"w0", "w1", "w2", "i0", "i1", "i2", "i3", "slow", "stub", "forker", "talk", "disk", "a", "b", "ear", "f"}

func newSoak(t *testing.T, seed uint64, keeper bool) *soak {
	s := &soak{keeper: keeper, box: newBox(t, "", ""), rnd: rand.New(rand.NewPCG(seed, 1)), places: make(chan struct{}, 4)}
	s.strays = true // what forker leaves behind when it is killed
	for _, dir := range []string{"runs", "small"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.configure(0)
	s.disk()
	s.start(s.prefix...)
	return s
}

// disk makes a small disk, where it may: a process that lives as long as the test holds the
// mount, and each daemon is started beside it.
func (s *soak) disk() {
	if os.Getuid() != 0 || exec.Command("unshare", "-m", "true").Run() != nil {
		s.t.Log("not done: a full disk, which takes root and unshare")
		return
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none small && echo made > made && exec sleep 100000")
	cmd.Dir = s.dir
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s.until("the disk is there", func() bool { return s.read("made") != "" })
	s.prefix = []string{"nsenter", "-m", "-t", strconv.Itoa(cmd.Process.Pid), "--"}
	s.small = fmt.Sprintf("/proc/%d/root%s/small", cmd.Process.Pid, s.dir)
}

// configure writes a configuration: which extra programs there are, and what is changed.
func (s *soak) configure(variant int) {
	text := "[unix_http_server]\nfile = %(here)s/s.sock\nmetrics = true\n[supervisorctl]\nserverurl = unix://%(here)s/s.sock\n" +
		"[supervisord]\npidfile = %(here)s/d.pid\nchildlogdir = %(here)s\nenvironment = GOSV_MARK=\"%(here)s\"\nlogfile = %(here)s/d.log\nlogfile_maxbytes = 0\n" + fmt.Sprintf("keeper = %t\n", s.keeper) + soakSections
	for i := range 2 {
		if variant>>i&1 != 0 {
			text += fmt.Sprintf("[program:extra%d]\ncommand = soaker idle\nstartsecs = 0\n", i)
		}
	}
	if variant&4 != 0 {
		text = strings.Replace(text, "[program:slow]\n", "[program:slow]\npriority = 5\n", 1)
	}
	if variant&8 != 0 {
		text = strings.Replace(text, "numprocs = 4\n", "numprocs = 3\n", 1)
	}
	s.write("s.new", text)
	if err := os.Rename(s.path("s.new"), s.path("s.conf")); err != nil {
		s.t.Fatal(err)
	}
}

// wrong notes what must not be, with the operations before it in the log.
func (s *soak) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.bad = append(s.bad, text)
	s.mu.Unlock()
	s.t.Logf("WRONG: %s", text)
}

func (s *soak) good() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bad) == 0 && !s.t.Failed()
}

func (s *soak) run(d time.Duration) {
	quit := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { s.watch(quit) })
	for _, op := range soakOps { // each once, so that what is opened at first use is open
		if op.weight > 0 {
			s.perform(op)
		}
	}
	base := s.rest()
	s.t.Logf("at rest: %+v\n%s", base, s.descriptors())
	n, rests := 0, 1
	for end := time.Now().Add(d); time.Now().Before(end) && s.good(); n++ {
		s.perform(s.pick())
		if n%150 == 149 {
			s.settled(base)
			rests++
		}
	}
	last := s.settled(base)
	if s.upgrades == 0 { // each was drawn in the midst of something else; now nothing is in its way
		s.upgraded()
	}
	close(quit)
	watch.Wait()
	s.finish()
	s.t.Logf("%d operations, %d upgrades, %d times at rest; at the end %+v", n, s.upgrades, rests, last)
	if s.upgrades == 0 {
		s.wrong("no upgrade was done")
	}
	if len(s.bad) > 0 {
		s.t.Errorf("%s", strings.Join(s.bad, "\n"))
	}
}

// perform draws an operation's arguments and begins it; at most four are under way.
func (s *soak) perform(op soakOp) {
	text, do := op.draw(s)
	pause := time.Duration(s.rnd.IntN(30)) * time.Millisecond
	s.t.Logf("%s %s", op.name, text)
	s.places <- struct{}{}
	s.busy.Go(func() {
		defer func() { <-s.places }()
		do()
	})
	time.Sleep(pause) // drawn: when the next operation comes is a part of the run
}

func (s *soak) pick() soakOp {
	sum := 0
	for _, op := range soakOps {
		sum += op.weight
	}
	n := s.rnd.IntN(sum)
	for _, op := range soakOps {
		if n -= op.weight; n < 0 {
			return op
		}
	}
	panic("internal error: weights")
}

// settled is rest, and that nothing has grown since base.
func (s *soak) settled(base soakFigures) (now soakFigures) {
	allowed := 12.0 // MB
	if raceBuilt() {
		allowed = 120
	}
	fits := func() bool {
		// A daemon that has adopted children watches them: a goroutine and two descriptors. /dev/null, inotify and
		// the two of tee are opened at first use as well; after an upgrade there are none of these six.
		return now.fds <= base.fds+6 && now.goroutines <= base.goroutines+1 && now.threads <= base.threads+8 && now.rss <= base.rss+allowed
	}
	now = s.rest()
	for end := time.Now().Add(patience); !fits() && time.Now().Before(end) && s.good(); {
		time.Sleep(100 * time.Millisecond) // between two looks of a poll with a deadline
		now = s.figures()
	}
	if !fits() {
		s.wrong("grown: %+v, at first %+v\n%s", now, base, s.descriptors())
	}
	return now
}

// finish ends the daemon and compares logs with what was written.
func (s *soak) finish() {
	s.do("stop", named{Name: "all"})
	s.t.Logf("stopped")
	s.stop()
	s.until("no main process is left", func() bool { return len(s.mains()) == 0 })
	runs, err := soakRuns(s.path("runs"))
	if err != nil {
		s.t.Fatal(err)
	}
	lines, all := 0, map[string]int{}
	for i := range 3 {
		got, err := soakLog(s.path(fmt.Sprintf("w%d.log", i)))
		if err != nil {
			s.wrong("%v", err)
		}
		for id, n := range got {
			all[id] = n
			lines += n
		}
	}
	for id, want := range runs {
		if got := all[id]; (got < want && !s.cutShort(id)) || got > want+soakBatch {
			s.wrong("%s wrote %d lines, in the log are %d", id, want, got)
		}
	}
	for id := range all {
		if _, ok := runs[id]; !ok {
			s.wrong("a line of %s, which never ran", id)
		}
	}
	s.t.Logf("%d lines of %d runs", lines, len(runs))
	for _, word := range []string{"panic", "internal error", "DATA RACE", "goroutine "} {
		if out := s.output(); strings.Contains(out, word) || s.count(word) > 0 {
			from := max(0, strings.Index(out, word)-200)
			s.wrong("%q in the daemon's output:\n%s", word, out[from:min(len(out), from+8000)])
		}
	}
}

// cutShort says whether a run of a program ended when there was no daemon: what was in its
// pipe then is gone, as docs/crash.md says.
func (s *soak) cutShort(id string) bool {
	st, err := os.Stat(s.path("runs/" + id))
	return err == nil && slices.ContainsFunc(s.crashes, func(c soakSpan) bool {
		return st.ModTime().After(c.from.Add(-time.Second)) && st.ModTime().Before(c.to)
	})
}

func raceBuilt() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(x debug.BuildSetting) bool { return x.Key == "-race" && x.Value == "true" })
}

// descriptors are what the daemon has open, for messages.
func (s *soak) descriptors() string {
	out, _ := exec.Command("ls", "-l", fmt.Sprintf("/proc/%d/fd", s.daemon())).Output()
	return regexp.MustCompile(`(?m)^.* (\d+ -> )`).ReplaceAllString(string(out), "$1")
}

// freeze sends SIGSTOP and remembers to undo it.
func (s *soak) freeze(pid int, d time.Duration) {
	if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return
	}
	time.Sleep(d) // drawn: how long it hangs
	syscall.Kill(pid, syscall.SIGCONT)
}
