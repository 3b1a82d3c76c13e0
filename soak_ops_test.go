package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// soakOp is a row of the table of operations. draw takes its arguments from s.rnd, and from
// nothing else, so that a seed repeats them; do must not draw.
type soakOp struct {
	name   string
	weight int // how often; 0: never
	draw   func(s *soak) (text string, do func())
}

var soakOps = []soakOp{
	{"start", 12, soakAsk("start", "ALREADY_STARTED", "SPAWN_ERROR", "ABNORMAL_TERMINATION")},
	{"stop", 10, soakAsk("stop", "NOT_RUNNING")},
	{"restart", 10, soakAsk("restart", "NOT_RUNNING", "ALREADY_STARTED", "SPAWN_ERROR", "ABNORMAL_TERMINATION")},
	{"signal", 4, func(s *soak) (string, func()) {
		name, sig := s.name(), []string{"HUP", "USR1", "TERM", "KILL", "CONT", "URG"}[s.rnd.IntN(6)]
		return sig + " " + name, func() { s.request("signal", map[string]any{"name": name, "signal": sig}, "NOT_RUNNING") }
	}},
	{"update", 6, func(s *soak) (string, func()) {
		v := s.rnd.IntN(16)
		return fmt.Sprint(v), func() {
			s.changing.Lock()
			defer s.changing.Unlock()
			s.configure(v)
			s.request("update", nil, "BUSY", "STILL_RUNNING", "BAD_NAME", "ALREADY_ADDED")
		}
	}},
	{"reread", 1, func(s *soak) (string, func()) {
		return "", func() { s.request("reread", nil) }
	}},
	{"status", 6, func(s *soak) (string, func()) {
		return "", func() {
			s.request("status", nil)
			s.doubled()
		}
	}},
	{"tail", 3, func(s *soak) (string, func()) {
		n := s.rnd.IntN(100_000)
		return fmt.Sprint(n), func() {
			s.request("tail", map[string]any{"name": "talk", "bytes": n}, "NO_FILE", "FAILED")
			s.request("tail", map[string]any{"bytes": n})
		}
	}},
	{"follow", 4, func(s *soak) (string, func()) {
		name, d := fmt.Sprintf("w:w%d", s.rnd.IntN(3)), time.Duration(s.rnd.IntN(600))*time.Millisecond
		return fmt.Sprint(name, " ", d), func() { s.tailing(name, d) }
	}},
	{"clear", 2, func(s *soak) (string, func()) {
		return "talk", func() { s.request("clear", named{Name: "talk"}, "FAILED") }
	}},
	{"xmlrpc", 5, func(s *soak) (string, func()) {
		name, method := s.name(), []string{"startProcess", "stopProcess", "getProcessInfo", "startProcessGroup", "getAllProcessInfo", "getState"}[s.rnd.IntN(6)]
		return method + " " + name, func() { s.xml(method, name) }
	}},
	{"break off", 3, func(s *soak) (string, func()) {
		n := 1 + s.rnd.IntN(14)
		return fmt.Sprint(n), func() { s.breakOff(n) }
	}},
	{"reopen logs", 2, func(s *soak) (string, func()) {
		return "", func() { s.toDaemon(func(pid int) { syscall.Kill(pid, syscall.SIGUSR2) }) }
	}},
	{"kill -9", 12, func(s *soak) (string, func()) {
		name := s.name()
		return name, func() {
			for _, p := range s.known() {
				if p.Name == name[strings.LastIndex(name, ":")+1:] && p.Pid > 0 {
					syscall.Kill(p.Pid, syscall.SIGKILL)
				}
			}
		}
	}},
	{"hanging listener", 2, func(s *soak) (string, func()) {
		d := time.Duration(s.rnd.IntN(1500)) * time.Millisecond
		return d.String(), func() {
			for _, p := range s.known() {
				if p.Name == "ear" {
					s.freeze(p.Pid, d)
				}
			}
		}
	}},
	{"suspend", 1, func(s *soak) (string, func()) {
		d := time.Duration(s.rnd.IntN(400)) * time.Millisecond
		return d.String(), func() { s.toDaemon(func(int) { s.freeze(s.daemon(), d) }) }
	}},
	{"full disk", 2, func(s *soak) (string, func()) {
		d := time.Duration(s.rnd.IntN(1000)) * time.Millisecond
		return d.String(), func() {
			if s.small == "" {
				return
			}
			os.WriteFile(s.small+"/filler", make([]byte, 2<<20), 0o600) // fails, which is what it is for
			time.Sleep(d)                                               // drawn
			os.Remove(s.small + "/filler")
		}
	}},
	{"reload", 1, func(s *soak) (string, func()) {
		return "", func() {
			s.disturb(func() {
				n := s.count("supervisord started with pid")
				if _, _, err := s.ask("reload", nil); err != nil {
					s.wrong("reload: %v", err)
					return
				}
				s.until("it has begun again", func() bool { return s.count("supervisord started with pid") > n })
				s.answers()
			})
		}
	}},
	{"upgrade", 3, func(s *soak) (string, func()) {
		return "", func() { s.toDaemon(func(int) { s.upgraded() }) } // all others go on, and must not notice
	}},
	{"kill the daemon", 2, func(s *soak) (string, func()) {
		d := time.Duration(s.rnd.IntN(100)) * time.Millisecond
		return d.String(), func() {
			s.disturb(func() {
				if s.keeper {
					s.killKept()
					return
				}
				from, n := time.Now(), s.count("supervisord started with pid")
				s.kill9()
				time.Sleep(d) // drawn: how long there is no daemon
				s.begin(s.prefix...)
				s.answers()
				s.until("it has said so", func() bool { return s.count("supervisord started with pid") > n }) // a reload counts that, too
				s.crashes = append(s.crashes, soakSpan{from, time.Now()})
			})
		}
	}},
}

// upgraded notes what came of an upgrade: none may be done in the middle of another change,
// but some must be.
func (s *soak) upgraded() {
	_, _, err := s.ask("upgrade", nil)
	var f *fault
	switch {
	case err == nil:
		s.upgrades++
	case errors.As(err, &f) && (f.Code == "BUSY" || f.Code == "FAILED"):
		s.t.Logf("no upgrade: %v", err)
	default:
		s.wrong("upgrade: %v", err)
	}
}

// killKept kills a daemon that has a keeper. One that dies again within ten seconds is started
// later and later, so it is let alone for that long.
func (s *soak) killKept() {
	if time.Since(s.killed) < 11*time.Second {
		return
	}
	s.killed = time.Now()
	old, n := s.daemon(), s.count("supervisord started with pid")
	if old == 0 || syscall.Kill(old, syscall.SIGKILL) != nil {
		s.wrong("there is no daemon to be killed: %d", old)
		return
	}
	s.until("the keeper has started another one", func() bool { now := s.daemon(); return now != 0 && now != old })
	s.until("it has begun", func() bool { return s.count("supervisord started with pid") > n }) // a reload counts that, too
	s.killed = time.Now()
}

// toDaemon gives f the pid of the daemon, or of its keeper, who cannot be another one meanwhile.
func (s *soak) toDaemon(f func(pid int)) {
	s.changing.Lock()
	defer s.changing.Unlock()
	f(s.cmd.Process.Pid)
}

func (s *soak) name() string { return soakTargets[s.rnd.IntN(len(soakTargets))] }

// soakAsk is an operation on a process or a group.
func soakAsk(method string, fine ...string) func(*soak) (string, func()) {
	return func(s *soak) (string, func()) {
		name, nowait := s.name(), s.rnd.IntN(2) == 0
		return fmt.Sprint(name, " nowait=", nowait), func() { s.request(method, named{name, nowait}, fine...) }
	}
}

// disturb does what takes the daemon away for a while: one at a time, and no update meanwhile.
func (s *soak) disturb(do func()) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.away.Add(1)
	s.gone.Add(1)
	do()
	s.gone.Add(1)
	s.away.Add(-1)
}

// request asks the daemon; it must answer, with success or one of the faults that are fine.
// While the daemon is away nothing needs to work.
func (s *soak) request(method string, params any, fine ...string) {
	gone := s.gone.Load()
	begin := time.Now()
	events, _, err := s.ask(method, params)
	if s.away.Load() != 0 || s.gone.Load() != gone {
		return
	}
	// The names come and go with updates; what an update is about to replace is not started.
	fine = append(fine, "BAD_NAME", "BUSY")
	check := func(f *fault) {
		for _, code := range fine {
			if f.Code == code {
				return
			}
		}
		s.wrong("%s %v: %v", method, params, f)
	}
	var f *fault
	switch {
	case errors.As(err, &f):
		check(f)
	case err != nil:
		s.wrong("%s %v: %v after %v", method, params, err, time.Since(begin))
	}
	for _, ev := range events {
		var r struct{ Err *fault }
		if json.Unmarshal(ev, &r) == nil && r.Err != nil {
			check(r.Err)
		}
	}
}

// known is the status, or nothing while the daemon is away.
func (s *soak) known() (all []process) {
	parts, ok, err := s.ask("status", nil)
	for _, p := range append(parts, ok) {
		var list []process
		if err == nil && json.Unmarshal(p, &list) == nil {
			all = append(all, list...)
		}
	}
	return all
}

func (s *soak) xml(method, name string) {
	gone := s.gone.Load()
	params := "<param><value><string>" + name + "</string></value></param><param><value><boolean>0</boolean></value></param>"
	switch method {
	case "getProcessInfo":
		params = "<param><value><string>" + name + "</string></value></param>"
	case "getAllProcessInfo", "getState":
		params = ""
	}
	body := "<methodCall><methodName>supervisor." + method + "</methodName><params>" + params + "</params></methodCall>"
	c := s.web()
	resp, err := c.Post("http://x/RPC2", "text/xml", strings.NewReader(body))
	if err == nil {
		defer resp.Body.Close()
	}
	if s.away.Load() != 0 || s.gone.Load() != gone {
		return
	}
	if err != nil || resp.StatusCode != 200 {
		s.wrong("XML-RPC %s %s: %v", method, name, err)
	}
}

// breakOff is clients that leave in the middle.
func (s *soak) breakOff(n int) {
	for i, text := range []string{"", `{"id":1,"m":"sta`, `{"id":1,"m":"status"}` + "\n", `{"id":1,"m":"events"}` + "\n", `{"id":1,"m":"tail","p":{"name":"talk","follow":true}}` + "\n",
		"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml", "GET /logtail/talk HTTP/1.1\r\nHost: x\r\n\r\n"} {
		if i >= n {
			return
		}
		if c, err := net.Dial("unix", s.path("s.sock")); err == nil {
			c.Write([]byte(text))
			c.Close()
		}
	}
}

// tailing follows a log for a while: what it gets must be whole lines that follow each other.
func (s *soak) tailing(name string, d time.Duration) {
	c, err := net.Dial("unix", s.path("s.sock"))
	if err != nil {
		return // request would have told
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(d))
	fmt.Fprintf(c, `{"id":1,"m":"tail","p":{"name":%q,"follow":true,"bytes":1000}}`+"\n", name)
	var text string
	var skip = true // the first line may be a part of one
	next := map[string]int{}
	for dec := json.NewDecoder(c); ; {
		var line struct {
			Ev *struct {
				Data string
				Lost int
			}
		}
		if dec.Decode(&line) != nil || line.Ev == nil {
			return
		}
		if line.Ev.Lost > 0 {
			text, skip, next = "", true, map[string]int{}
		}
		data, _ := base64.StdEncoding.DecodeString(line.Ev.Data)
		text += string(data)
		for {
			one, rest, ok := strings.Cut(text, "\n")
			if !ok {
				break
			}
			text = rest
			if skip {
				skip = false
				continue
			}
			id, n, ok := soakParse(one)
			if due, known := next[id]; !ok || known && n != due {
				s.wrong("a follower of %s got %q where line %d is due", name, one, due)
				return
			}
			next[id] = n + 1
		}
	}
}
