package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ctl runs supervisorctl and returns its standard output and exit status.
func (b *box) ctl(args ...string) (string, int) {
	b.t.Helper()
	cmd := exec.Command("supervisorctl", append([]string{"-c", b.path("s.conf")}, args...)...)
	cmd.Dir = b.dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// fault is an error that the daemon answered with.
type fault struct {
	Code string
	Msg  string
}

func (f *fault) Error() string { return f.Code + ": " + f.Msg }

// ask asks the daemon over its socket.
func (b *box) ask(method string, params any) (events []json.RawMessage, ok json.RawMessage, err error) {
	c, err := net.Dial("unix", b.path("s.sock"))
	for end := time.Now().Add(patience); errors.Is(err, syscall.EAGAIN) && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // a full backlog (net.core.somaxconn): between two looks of a poll with a deadline
		c, err = net.Dial("unix", b.path("s.sock"))
	}
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 1, "m": method, "p": params}); err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(bufio.NewReaderSize(c, 1<<16))
	for {
		var line struct {
			Ev, Ok json.RawMessage
			Err    *fault
		}
		if err := d.Decode(&line); err != nil {
			return events, nil, err
		}
		switch {
		case line.Err != nil:
			return events, nil, line.Err
		case line.Ok != nil:
			return events, line.Ok, nil
		}
		events = append(events, line.Ev)
	}
}

// do is ask for a method that must succeed for each process, but for faults that are fine.
func (b *box) do(method string, params any, fine ...string) {
	b.t.Helper()
	events, _, err := b.ask(method, params)
	if f, ok := err.(*fault); err != nil && !(ok && slices.Contains(fine, f.Code)) {
		b.t.Fatalf("%s %v: %v", method, params, err)
	}
	for _, ev := range events {
		var r struct {
			Name string
			Err  *fault
		}
		if json.Unmarshal(ev, &r) == nil && r.Err != nil && !slices.Contains(fine, r.Err.Code) {
			b.t.Fatalf("%s %v: %s: %v", method, params, r.Name, r.Err)
		}
	}
}

type named struct {
	Name   string `json:"name"`
	Nowait bool   `json:"nowait,omitempty"`
}

// process is one row of status.
type process struct {
	Name, Group, State, Spawnerr, Description string
	Pid, Exitstatus                           int
	Start, Stop, Now                          float64
}

// status is the state of everything.
func (b *box) status() []process {
	b.t.Helper()
	parts, ok, err := b.ask("status", nil)
	if err != nil {
		b.t.Fatalf("status: %v", err)
	}
	var all []process
	for _, p := range append(parts, ok) {
		var list []process
		if err := json.Unmarshal(p, &list); err != nil {
			b.t.Fatalf("status: %v", err)
		}
		all = append(all, list...)
	}
	return all
}

// one is the state of one process, by its own name.
func (b *box) one(name string) process {
	b.t.Helper()
	for _, p := range b.status() {
		if p.Name == name {
			return p
		}
	}
	b.t.Fatalf("no process %q", name)
	return process{}
}

// reaches waits until a process is in one of the states; one that is STARTING has been started,
// which is a moment after it has that state.
func (b *box) reaches(name string, states ...string) process {
	b.t.Helper()
	var p process
	b.until(name+" is "+strings.Join(states, " or "), func() bool {
		p = b.one(name)
		return slices.Contains(states, p.State) && (p.State != "STARTING" || p.Pid != 0)
	})
	return p
}

// all waits until every process, or those with the names, is in the state.
func (b *box) all(state string, names ...string) {
	b.t.Helper()
	b.until("all are "+state, func() bool {
		list := b.status()
		for _, p := range list {
			if p.State != state && (names == nil || slices.Contains(names, p.Name)) {
				return false
			}
		}
		return len(list) > 0
	})
}

// count is how often the main log has a line with all of the words. Lines come a little behind what
// they tell of, and behind the answers of requests: counts calls for until, see logged.
func (b *box) count(words ...string) int {
	b.t.Helper()
	n := 0
	for line := range strings.Lines(b.read("d.log")) {
		has := true
		for _, w := range words {
			has = has && strings.Contains(line, w)
		}
		if has {
			n++
		}
	}
	return n
}

// logged waits until the main log has n lines with all of the words, which must not become more.
func (b *box) logged(n int, words ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the log has %d lines with %q", n, words), func() bool { return b.count(words...) >= n })
	if got := b.count(words...); got != n {
		b.t.Errorf("the log has %d lines with %q, want %d", got, words, n)
	}
}
