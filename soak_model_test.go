package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// soakEdges are the only changes of state that may be published (docs/states.md).
var soakEdges = map[string][]string{
	"STOPPED":  {"STARTING"},
	"STARTING": {"RUNNING", "BACKOFF", "STOPPING"},
	"RUNNING":  {"EXITED", "STOPPING"},
	"BACKOFF":  {"STARTING", "STOPPED", "FATAL"},
	"STOPPING": {"STOPPED"},
	"EXITED":   {"STARTING", "STOPPED"},
	"FATAL":    {"STARTING"},
}

// watch follows the daemon's events: each change of state must be a legal one, and begin where
// the last one of that process ended.
func (s *soak) watch(quit <-chan struct{}) {
	for n := 0; ; {
		gone := s.gone.Load()
		err := s.follow(quit, &n)
		select {
		case <-quit:
			s.t.Logf("%d changes of state followed", n)
			return
		case <-time.After(20 * time.Millisecond):
		}
		if s.away.Load() == 0 && s.gone.Load() == gone && s.good() {
			s.wrong("the stream of events has ended: %v", err)
			return
		}
	}
}

func (s *soak) follow(quit <-chan struct{}, n *int) error {
	c, err := net.Dial("unix", s.path("s.sock"))
	if err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-quit:
		case <-done:
		}
		c.Close()
	}()
	fmt.Fprintln(c, `{"id":1,"m":"events","p":{"types":["PROCESS_STATE","PROCESS_GROUP"]}}`)
	at := map[string]string{}
	d := json.NewDecoder(bufio.NewReader(c))
	for {
		var line struct {
			Ev *struct {
				Type, Payload string
				Lost          int
			}
			Err *fault
		}
		if err := d.Decode(&line); err != nil {
			return err
		}
		if line.Err != nil {
			return line.Err
		}
		if line.Ev == nil {
			continue
		}
		if line.Ev.Lost > 0 {
			clear(at)
		}
		f := map[string]string{}
		for _, word := range strings.Fields(line.Ev.Payload) {
			key, value, _ := strings.Cut(word, ":")
			f[key] = value
		}
		to, isState := strings.CutPrefix(line.Ev.Type, "PROCESS_STATE_")
		name := f["groupname"] + ":" + f["processname"]
		switch from, known := at[name], at[name] != ""; {
		case !isState: // a group that comes or goes is known from its next event on
			for name := range at {
				if strings.HasPrefix(name, f["groupname"]+":") {
					delete(at, name)
				}
			}
			continue
		case known && from != f["from_state"]:
			s.wrong("%s: %s from %s, but it was %s", name, to, f["from_state"], from)
		case !slices.Contains(soakEdges[f["from_state"]], to):
			s.wrong("%s: from %s to %s", name, f["from_state"], to)
		}
		at[name] = to
		*n++
	}
}

// soakMain is a main process of a program: one that the daemon started.
type soakMain struct {
	pid, parent int
	name        string
}

// mains are the living main processes of this box, whoever their parent is now.
func (s *soak) mains() (list []soakMain) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(env), "GOSV_MARK="+s.dir+"\x00") {
			continue
		}
		dir := filepath.Dir(f)
		args, _ := os.ReadFile(dir + "/cmdline")
		first, _, _ := strings.Cut(string(args), "\x00")
		stat, err := os.ReadFile(dir + "/stat")
		m := regexp.MustCompile(`^(\d+) \(.*\) ([A-Z]) (\d+) `).FindSubmatch(stat)
		if filepath.Base(first) != "soaker" || err != nil || m == nil || string(m[2]) == "Z" || string(m[2]) == "X" {
			continue
		}
		x := soakMain{}
		x.pid, _ = strconv.Atoi(string(m[1]))
		x.parent, _ = strconv.Atoi(string(m[3]))
		for _, e := range strings.Split(string(env), "\x00") {
			if name, ok := strings.CutPrefix(e, "SUPERVISOR_PROCESS_NAME="); ok {
				x.name = name
			}
		}
		list = append(list, x)
	}
	return list
}

// doubled fails if two of a program's processes live at the same time. One that a program has forked looks
// like another main process until it has executed its own.
func (s *soak) doubled() {
	by := map[string]soakMain{}
	for _, m := range s.mains() {
		other, two := by[m.name]
		if two && m.parent != other.pid && other.parent != m.pid && alive(other.pid) && alive(m.pid) && s.isMain(other.pid) && s.isMain(m.pid) {
			s.wrong("two of %s: %d and %d", m.name, other.pid, m.pid)
		}
		by[m.name] = m
	}
}

func (s *soak) isMain(pid int) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && strings.Contains(string(env), "GOSV_MARK="+s.dir+"\x00")
}

// daemon is the pid of the daemon itself, which may have a keeper as its parent; 0 while
// there is none.
func (s *soak) daemon() int {
	_, ok, err := s.ask("hello", map[string]any{"protocol": 1})
	var hello struct{ Pid int }
	if err != nil || json.Unmarshal(ok, &hello) != nil {
		return 0
	}
	return hello.Pid
}

// soakFigures are what must not grow; rss is in MB.
type soakFigures struct{ rss, goroutines, fds, threads float64 }

func (s *soak) figures() soakFigures {
	_, threads := switches(s.daemon())
	return soakFigures{s.metric("process_resident_memory_bytes") / (1 << 20), s.metric("go_goroutines"), s.metric("process_open_fds"), float64(threads)}
}

// rest brings everything to where it can be compared: all operations over, the first
// configuration, everything stopped once, and started. Then status and /proc must agree.
func (s *soak) rest() soakFigures {
	s.busy.Wait()
	s.configure(0)
	s.do("update", nil)
	s.do("stop", named{Name: "all"}, "NOT_RUNNING")
	s.until("no main process is left", func() bool { return len(s.mains()) == 0 })
	for _, p := range s.status() {
		if p.Pid != 0 || !slices.Contains([]string{"STOPPED", "EXITED", "FATAL"}, p.State) {
			s.wrong("after stop all: %+v", p)
		}
	}
	for _, name := range []string{"w:*", "i:*", "slow", "stub", "forker", "talk", "disk", "g:*", "ear", "f"} {
		s.do("start", named{Name: name}, "ALREADY_STARTED")
	}
	s.all("RUNNING", soakUp...)
	s.until("status and /proc agree", func() bool {
		var want, got []string
		for _, p := range s.status() {
			if p.Pid != 0 {
				want = append(want, fmt.Sprint(p.Name, " ", p.Pid))
			}
		}
		for _, m := range s.mains() {
			got = append(got, fmt.Sprint(m.name, " ", m.pid))
		}
		slices.Sort(want)
		slices.Sort(got)
		return slices.Equal(want, got) && len(want) == len(soakUp)
	})
	s.until("there is no zombie", func() bool { return zombies(s.pid())+zombies(s.daemon()) == 0 })
	s.until("the listener has heard of all", func() bool { return s.metric(`gosv_pool_queue_depth{pool="ear"}`) == 0 })
	if lost := s.metric(`gosv_pool_events_lost_total{pool="ear"}`); lost != 0 {
		s.wrong("%v events were lost", lost)
	}
	return s.figures()
}
