package state

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/states.md anew")

const statesFile = "../../docs/states.md"

// docs/states.md is written by the same walk that checks the model, so it cannot rot.
func TestStatesDocument(t *testing.T) {
	t.Parallel()
	got := document()
	if *update {
		if err := os.WriteFile(statesFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(statesFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./proc/state -run StatesDocument -update", statesFile)
	}
}

// row is one line of the table: where we are, what happens, what comes of it. when holds,
// for each thing that may decide, the values with which it came out this way.
type row struct {
	from, event, to, acts string
	when                  []map[string]bool
}

// What may decide between two outcomes, in the order of the table's last column.
func deciding(s stepSeen) []string {
	yes := func(b bool, name string) string {
		if b {
			return name
		}
		return "not " + name
	}
	startsecs := "startsecs=0"
	if s.p.Startsecs > 0 {
		startsecs = "startsecs>0"
	}
	retries := "retries left"
	if s.before.m.Failures >= s.p.Startretries {
		retries = "no retries left"
	}
	again := map[Autorestart]string{Never: "autorestart=false", Unexpected: "autorestart=unexpected", Always: "autorestart=true"}[s.p.Autorestart]
	exit, quick := "", ""
	if s.ev.Kind == ChildExited {
		exit, quick = yes(s.ev.Expected, "in exitcodes"), yes(s.ev.Pause > 0, "within a second of its start")
	}
	return []string{yes(s.p.Closing, "shutting down"), startsecs, retries, again, exit, quick, yes(s.before.m.Again, "to be started again"),
		yes(s.p.Spent, "no restart left"), yes(s.before.m.GaveUp, "given up")}
}

var eventNames = map[Kind]string{
	Start: "start", Stop: "stop", Restart: "restart", Shutdown: "shutdown", Launched: "child launched",
	LaunchFailed: "launch failed", Elapsed: "time is over", ChildExited: "child exited", Unhealthy: "unhealthy",
}

var childNames = map[Child]string{None: "", Launching: ", launching", Live: ", child lives"}

func describe(a Action) string {
	switch a.Do {
	case Launch:
		return "launch"
	case SendStop:
		return "send stopsignal"
	case SendKill:
		return "send SIGKILL"
	case Arm:
		return "arm"
	case Disarm:
		return "disarm"
	case Spend:
		return "count a restart"
	}
	return "enter " + a.State.String()
}

// table is every step that does something, equal ones once.
func table() ([]*row, []map[string]bool) {
	var rows []*row
	index := map[string]*row{}
	groups := map[string][]map[string]bool{} // all values seen for one (from, event)
	collect := func(into []map[string]bool, values []string) []map[string]bool {
		if into == nil {
			into = make([]map[string]bool, len(values))
			for i := range into {
				into[i] = map[string]bool{}
			}
		}
		for i, v := range values {
			into[i][v] = true
		}
		return into
	}
	for _, p := range policies() {
		if p.Stopwaitsecs == 0 {
			continue // the same steps
		}
		walk(p, func(s stepSeen) {
			from := s.before.m.State.String() + childNames[s.before.m.Child]
			event := eventNames[s.ev.Kind]
			to, acts := []string{}, []string{}
			armed := time.Duration(0)
			for _, a := range s.acts {
				if a.Do == Enter {
					to = append(to, a.State.String())
				} else if a.Do == Arm {
					armed = a.Delay
				}
				if a.Do != Enter {
					acts = append(acts, describe(a))
				}
			}
			key := from + "|" + event
			groups[key] = collect(groups[key], deciding(s))
			if len(s.acts) == 0 && s.after == s.before.m {
				to = []string{"(nothing)"}
			} else if len(to) == 0 {
				to = []string{"(stays)"}
			}
			if i := slices.Index(acts, "arm"); i >= 0 {
				name := "startsecs"
				switch {
				case s.after.State == Backoff:
					name = "1 s per failure"
				case s.after.State == Stopping:
					name = "stopwaitsecs"
				case s.after.State == Exited:
					name = "for the rest of the second"
				}
				if armed > 0 {
					acts[i] = "wait " + name
				}
			}
			if s.after.Again && !s.before.m.Again {
				acts = append(acts, "remember to start again")
			} else if s.before.m.Again && !s.after.Again && s.after.State == Stopping {
				acts = append(acts, "forget to start again")
			}
			if s.after.GaveUp && !s.before.m.GaveUp {
				acts = append(acts, "remember to give up")
			}
			id := key + "|" + strings.Join(to, " ") + "|" + strings.Join(acts, " ")
			r := index[id]
			if r == nil {
				r = &row{from: from, event: event, to: strings.Join(to, ", "), acts: strings.Join(acts, ", ")}
				index[id] = r
				rows = append(rows, r)
			}
			r.when = collect(r.when, deciding(s))
		}, func(State, State) {}, func(node, Event, error) {})
	}
	all := make([]map[string]bool, len(rows))
	for i, r := range rows {
		all[i] = map[string]bool{}
		for d, values := range groups[r.from+"|"+r.event] {
			if len(values) > len(r.when[d]) { // this one decides
				for v := range r.when[d] {
					all[i][v] = true
				}
			}
		}
	}
	return rows, all
}

func document() []byte {
	var b bytes.Buffer
	b.WriteString(statesIntro)
	b.WriteString("<!-- not run: a picture; TestStatesDocument draws it -->\n```mermaid\nstateDiagram-v2\n    [*] --> STOPPED\n")
	for _, e := range edges {
		fmt.Fprintf(&b, "    %v --> %v: %s\n", e[0], e[1], reason(e))
	}
	b.WriteString("```\n\n## Every step\n\n" + tableIntro)
	b.WriteString("| in | when | becomes | actions | only if |\n|---|---|---|---|---|\n")
	rows, when := table()
	outcomes := map[string]int{}
	for _, r := range rows {
		outcomes[r.from+"|"+r.event]++
	}
	lines := []string{}
	for i, r := range rows {
		if r.to == "(nothing)" {
			continue
		}
		only := make([]string, 0, len(when[i]))
		for v := range when[i] {
			only = append(only, v)
		}
		slices.Sort(only)
		if len(only) == 0 && outcomes[r.from+"|"+r.event] > 1 {
			only = []string{"otherwise"}
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.from, r.event, r.to, r.acts, strings.Join(only, ", ")))
	}
	slices.Sort(lines)
	for _, l := range lines {
		b.WriteString(l)
	}
	return b.Bytes()
}

// reason is what leads from one state to another, as the walk saw it.
func reason(e [2]State) string {
	var why []string
	for _, p := range policies() {
		walk(p, func(s stepSeen) {
			from := s.before.m.State
			for _, a := range s.acts {
				if a.Do != Enter {
					continue
				}
				name := eventNames[s.ev.Kind]
				if from != s.before.m.State { // a state passed through
					name = "at once"
				}
				if from == e[0] && a.State == e[1] && !slices.Contains(why, name) {
					why = append(why, name)
				}
				from = a.State
			}
		}, func(State, State) {}, func(node, Event, error) {})
	}
	slices.Sort(why)
	return strings.Join(why, " / ")
}

const statesIntro = `# The states of a process

Written by ` + "`go test ./proc/state -run StatesDocument -update`" + `; do not edit. The same walk over
every machine that can arise checks the invariants listed in proc/state/model_test.go.

A process is in one of Supervisor's states: STOPPED (0), STARTING (10), RUNNING (20), BACKOFF (30),
STOPPING (40), EXITED (100), FATAL (200). What the kernel still owes us (a child that is being
launched, a child that lives) is kept beside the state.

`

const tableIntro = `Steps that change nothing are left out. "launching" means that the child was asked for and has not
come yet, "time is over" that what was waited for has elapsed: startsecs, the pause before the next
attempt, or stopwaitsecs. The last column names what decides where more than one thing can come of it.

`
