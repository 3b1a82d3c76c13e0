package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// inState is a program, as [program:NAME] lines, and how to bring it into a state.
type inState struct {
	state   string
	program string
	enter   func(b *box, name string) // from whatever a verb has made of it
}

func stopFirst(b *box, name string) {
	b.ask("signal", map[string]any{"name": name, "signal": "KILL"})
	b.ask("stop", named{Name: name})
}

var inStates = []inState{
	{"STOPPED", "command = sleep 1000\nstartsecs = 0\nautostart = false\n", stopFirst},
	{"STARTING", "command = sleep 1000\nstartsecs = 1000\nautostart = false\n", func(b *box, name string) {
		stopFirst(b, name)
		b.ask("start", named{name, true})
	}},
	{"RUNNING", "command = sleep 1000\nstartsecs = 0\nautostart = false\n", func(b *box, name string) {
		b.ask("start", named{Name: name})
	}},
	{"BACKOFF", "command = sh -c 'exit 3'\nstartsecs = 1000\nstartretries = 100\nautostart = false\n", func(b *box, name string) {
		stopFirst(b, name)
		b.ask("start", named{Name: name})
	}},
	{"STOPPING", "command = child stubborn\nstartsecs = 0\nstopwaitsecs = 1000\nautostart = false\nstdout_logfile = %(here)s/%(program_name)s.log\n", func(b *box, name string) {
		own := strings.TrimPrefix(name, "g:")
		if p := b.one(own); p.State == "STOPPING" {
			return
		}
		stopFirst(b, name)
		os.Truncate(b.path(own+".log"), 0)
		b.ask("start", named{Name: name})
		b.until("it ignores signals", func() bool { return b.read(own+".log") != "" })
		b.ask("stop", named{name, true})
	}},
	{"EXITED", "command = sh -c 'exit 0'\nstartsecs = 0\nautorestart = false\nautostart = false\n", func(b *box, name string) {
		b.ask("start", named{Name: name})
	}},
	{"FATAL", "command = sh -c 'exit 3'\nstartsecs = 1000\nstartretries = 0\nautostart = false\n", func(b *box, name string) {
		b.ask("start", named{Name: name})
	}},
}

// verb is what one command of ctl says of a process that is in a state, and its exit status.
// @ stands for the name, # for the group.
type verb struct {
	args string
	want map[string]string // by state: "STATUS TEXT", the text a regular expression; "" for every other state
}

// verbs with one process named. For groups and all, see several.
var verbs = []verb{
	{"status @", map[string]string{
		"STOPPED": `3 @ +STOPPED +.*`, "STARTING": `0 @ +STARTING +`, "RUNNING": `0 @ +RUNNING +pid \d+, uptime 0:\d\d:\d\d`,
		"BACKOFF": `0 @ +(BACKOFF +Exited too quickly \(process log may have details\)|STARTING  )`, "STOPPING": `0 @ +STOPPING +`,
		"EXITED": `3 @ +EXITED +\w+ \d+ \d+:\d+ [AP]M`, "FATAL": `3 @ +FATAL +Exited too quickly \(process log may have details\)`,
	}},
	{"start @", map[string]string{
		"STOPPED": `0 @: started`, "STARTING": `0 @: ERROR \(already started\)`, "RUNNING": `0 @: ERROR \(already started\)`,
		"BACKOFF": `0 @: ERROR \(already started\)`, "STOPPING": `7 @: ERROR \(abnormal termination\)`,
		"EXITED": `0 @: started`, "FATAL": `7 @: ERROR \(spawn error\)`,
	}},
	{"stop @", map[string]string{
		"STARTING": `0 @: stopped`, "RUNNING": `0 @: stopped`, "BACKOFF": `0 @: stopped`, "": `0 @: ERROR \(not running\)`,
	}},
	{"restart @", map[string]string{
		"STOPPED": `0 @: ERROR \(not running\)\n@: started`, "STARTING": "skip", "RUNNING": `0 @: stopped\n@: started`,
		"BACKOFF": `7 @: stopped\n@: ERROR \(spawn error\)`, "STOPPING": "skip", // they wait: TestRestartWhile
		"EXITED": `0 @: ERROR \(not running\)\n@: started`, "FATAL": `7 @: ERROR \(not running\)\n@: ERROR \(spawn error\)`,
	}},
	{"signal URG @", map[string]string{
		"STARTING": `0 @: signalled`, "RUNNING": `0 @: signalled`, "STOPPING": `0 @: signalled`, "": `7 @: ERROR \(not running\)`,
	}},
	{"signal NOPE @", map[string]string{"": `1 @: ERROR \(bad signal name\)`}},
	{"pid @", map[string]string{"STARTING": `0 [1-9]\d*`, "RUNNING": `0 [1-9]\d*`, "STOPPING": `0 [1-9]\d*`, "": `7 0`}},
	{"tail @", map[string]string{"STOPPING": `0 ignoring signals\n?`, "": `0 `}},
	{"tail -100 @ stderr", map[string]string{"": `0 `}},
	{"clear @", map[string]string{"": `0 @: cleared`}},
	{"avail", map[string]string{"": `0 (?s).*in use    manual    999:999.*`}},
	{"reread", map[string]string{"": `0 No config updates to processes`}},
	{"update", map[string]string{"": `0 `}},
	{"add #", map[string]string{"": `0 ERROR: process group already active`}},
	{"remove #", map[string]string{
		"STOPPED": `0 #: removed process group`, "EXITED": `0 #: removed process group`, "FATAL": `0 #: removed process group`,
		"": `1 ERROR: process/group still running: #`,
	}},
}

// several are the same for a group or all, where only those are meant for which there is
// something to do.
var several = []verb{
	{"status @", map[string]string{"": "same"}},
	{"start @", map[string]string{
		"STOPPED": "same", "EXITED": "same", "FATAL": "same", "STOPPING": "same", "": `0 `,
	}},
	{"stop @", map[string]string{"STARTING": "same", "RUNNING": "same", "BACKOFF": "same", "": `0 `}},
	{"restart @", map[string]string{
		"STARTING": "same", "RUNNING": "same", "BACKOFF": "same", "STOPPED": `0 @: started`, "EXITED": `0 @: started`,
		"FATAL": `7 @: ERROR \(spawn error\)`, "STOPPING": `7 @: ERROR \(abnormal termination\)`,
	}},
	{"signal URG @", map[string]string{"STARTING": "same", "RUNNING": "same", "STOPPING": "same", "": `0 `}},
	{"clear @", map[string]string{"": "same"}},
}

func (v verb) of(state string) string {
	if w, ok := v.want[state]; ok {
		return w
	}
	return v.want[""]
}

// TestVerbsInStates runs every command of ctl on a process in every state, by every form of
// its name, with and without --json.
func TestVerbsInStates(t *testing.T) {
	t.Parallel()
	for _, s := range inStates {
		t.Run(s.state, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, "", "[program:x]\n"+s.program+"[program:y]\n"+s.program+"[group:g]\nprograms = y\n").start()
			for _, form := range []struct{ say, spec, group, row string }{
				{"x", "x", "x", "x"}, {"g:y", "g:y", "g", "g:y"}, {"g:*", "g:y", "g", "g:y"}, {"all", "all", "", "all"},
			} {
				list := verbs
				if form.say == "g:*" || form.say == "all" {
					list = several
				}
				for i, v := range list {
					want := v.of(s.state)
					if want == "same" {
						for _, one := range verbs {
							if one.args == v.args {
								want = one.of(s.state)
							}
						}
					}
					for _, asJSON := range []bool{false, true} {
						if want == "skip" {
							continue
						}
						if asJSON && i%6 != 0 && (s.state == "BACKOFF" || s.state == "FATAL") {
							continue // slow: seconds each
						}
						args := strings.Fields(strings.NewReplacer("@", form.say, "#", form.group).Replace(v.args))
						specs := []string{form.spec}
						if form.say == "all" {
							specs = []string{"x", "g:y"}
						}
						var out string
						var code int
						b.until(fmt.Sprintf("%v is done in the state %s", args, s.state), func() bool {
							for _, spec := range specs {
								s.enter(b, spec)
							}
							starts := map[string]float64{}
							for _, spec := range specs {
								name := strings.TrimPrefix(spec, "g:")
								starts[name] = b.reaches(name, s.state).Start
							}
							command := args
							if asJSON {
								command = append([]string{"--json"}, args...)
							}
							out, code = b.ctl(command...)
							// A program in BACKOFF is started again after a second, which a busy machine may
							// need for the command: then that was not done in BACKOFF, and shows nothing of it.
							if s.state == "BACKOFF" && (args[0] == "pid" || args[0] == "signal") {
								for name, start := range starts {
									if p := b.one(name); p.State != "BACKOFF" || p.Start != start {
										return false
									}
								}
							}
							return true
						})
						if asJSON {
							b.checkJSON(want, args, out, code)
						} else {
							b.checkText(want, form.row, form.group, args, out, code)
						}
						if args[0] == "remove" {
							b.ctl("reread")
							b.ctl("add", form.group)
						}
					}
				}
			}
			for _, name := range []string{"x", "g:y"} {
				b.ask("signal", map[string]any{"name": name, "signal": "KILL"})
			}
			b.stop()
		})
	}
}

// TestRestartWhileStopping: a restart of what is stopping already waits for that, and starts it.
func TestRestartWhileStopping(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:x]\n"+inStates[4].program).start()
	inStates[4].enter(b, "x")
	b.reaches("x", "STOPPING")
	type result struct {
		out  string
		code int
	}
	done := make(chan result)
	go func() { out, code := b.ctl("restart", "x"); done <- result{out, code} }()
	b.until("it waits", func() bool { return b.count("waiting for x to stop") > 0 })
	b.do("signal", map[string]any{"name": "x", "signal": "KILL"})
	if r := <-done; r.code != 0 || r.out != "x: stopped\nx: started\n" {
		t.Errorf("exit status %d, %q", r.code, r.out)
	}
	b.reaches("x", "RUNNING")
	b.do("signal", map[string]any{"name": "x", "signal": "KILL"})
}

// TestRestartWhileStarting: a restart of what is starting stops it, and waits until the next one is up.
func TestRestartWhileStarting(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:x]\ncommand = sleep 1000\nstartsecs = 2\n").start()
	for _, flags := range [][]string{{"restart", "x"}, {"restart", "all"}} {
		b.do("stop", named{Name: "x"}, "NOT_RUNNING")
		b.do("start", named{"x", true})
		was := b.reaches("x", "STARTING", "RUNNING").Pid // on a busy machine the moment is over: it is the same then
		if out, code := b.ctl(flags...); code != 0 || out != "x: stopped\nx: started\n" {
			t.Errorf("%v: exit status %d, %q", flags, code, out)
		}
		if p := b.one("x"); p.State != "RUNNING" || p.Pid == was {
			t.Errorf("%v: x was %d and is %+v", flags, was, p)
		}
	}
	b.stop()
}

// checkText compares what ctl prints with the row of a table. For all, the lines for x and
// g:y come in either order.
func (b *box) checkText(want, name, group string, args []string, out string, code int) {
	b.t.Helper()
	status, text, _ := strings.Cut(want, " ")
	full := ""
	if text != "" {
		fill := func(name string) string {
			return strings.NewReplacer("@", name, "#", group).Replace(text) + "\n"
		}
		if name == "all" {
			var rows []string
			lines := strings.Split(text, `\n`)
			for _, text = range lines {
				rows = append(rows, fill("x"), fill("g:y"))
			}
			full = fmt.Sprintf("(%s){%d}", strings.Join(rows, "|"), 2*len(lines))
		} else {
			full = fill(name)
		}
	} else if args[0] == "tail" {
		full = "\n?"
	}
	if fmt.Sprint(code) != status || !regexp.MustCompile("^"+full+"$").MatchString(out) {
		b.t.Errorf("%v: exit status %d, want %s;\n%qwant\n%q", args, code, status, out, full)
	}
}

// checkJSON checks the shape that docs/json.md promises.
func (b *box) checkJSON(want string, args []string, out string, code int) {
	b.t.Helper()
	status, _, _ := strings.Cut(want, " ")
	var o struct {
		Gosv    *int
		Command *string
		Exit    *int
		Result  *[]map[string]any
		Errors  *[]struct{ Code, Msg, Name string }
	}
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := json.Unmarshal([]byte(out), &o); err != nil || strings.Count(out, "\n") != 1 {
		b.t.Errorf("--json %v: %v: %q", args, err, out)
		return
	}
	if o.Gosv == nil || *o.Gosv != 1 || o.Command == nil || *o.Command != args[0] || o.Exit == nil || *o.Exit != code || o.Result == nil || o.Errors == nil {
		b.t.Errorf("--json %v: exit status %d: %s", args, code, out)
		return
	}
	if fmt.Sprint(code) != status {
		b.t.Errorf("--json %v: exit status %d, want %s: %s", args, code, status, out)
	}
	if code != 0 && code != 3 && args[0] != "pid" && len(*o.Errors) == 0 {
		b.t.Errorf("--json %v: exit status %d without an error: %s", args, code, out)
	}
	for _, e := range *o.Errors {
		if e.Code == "" || e.Msg == "" {
			b.t.Errorf("--json %v: an error without code or text: %s", args, out)
		}
	}
}

// TestNamesThatMeanNothing: each command says so in its own words.
func TestNamesThatMeanNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "[program:x]\ncommand = sleep 1000\nstartsecs = 0\n[program:y]\ncommand = sleep 1000\nstartsecs = 0\n[group:g]\nprograms = y\n").start()
	b.all("RUNNING")
	for _, row := range []struct{ args, want string }{
		{"status nope", `4 nope: ERROR \(no such process\)`},
		{"status nope:*", `4 nope: ERROR \(no such group\)`},
		{"status g:nope", `4 g:nope: ERROR \(no such process\)`},
		{"status g", `4 g: ERROR \(no such process\)`},
		{"status x nope", `4 nope: ERROR \(no such process\)\nx +RUNNING .*`},
		{"start nope", `1 nope: ERROR \(no such process\)`},
		{"start nope:*", `2 nope: ERROR \(no such group\)`},
		{"start g:nope", `1 g:nope: ERROR \(no such process\)`},
		{"start", `2 (?s)Error: start requires a process name.*`},
		{"stop nope", `1 nope: ERROR \(no such process\)`},
		{"stop nope:*", `1 nope: ERROR \(no such group\)`},
		{"stop", `1 (?s)Error: stop requires a process name.*`},
		{"restart nope", `1 nope: ERROR \(no such process\)\nnope: ERROR \(no such process\)`},
		{"restart", `1 (?s)Error: restart requires a process name.*`},
		{"signal HUP nope", `1 nope: ERROR \(no such process\)`},
		{"signal HUP nope:*", `1 nope: ERROR \(no such group\)`},
		{"signal HUP", `1 (?s)Error: signal requires a signal name and a process name.*`},
		{"pid nope", `1 No such process nope`},
		{"pid g:*", `1 No such process g:\*`},
		{"pid x nope", `1 (?s)\d+\nNo such process nope`},
		{"clear nope", `1 nope: ERROR \(no such process\)`},
		{"clear", `1 (?s)Error: clear requires a process name.*`},
		{"tail nope", `1 nope: ERROR \(no such process name\)`},
		{"tail g:*", `1 g:\*: ERROR \(no such process name\)`},
		{"tail x foo", `1 Error: bad channel 'foo'`},
		{"tail -x x", `1 Error: bad argument -x`},
		{"tail", `1 (?s)Error: too few arguments.*`},
		{"maintail x", `1 (?s)Error: bad argument x.*`},
		{"fg nope", `1 ERROR: bad process name supplied`},
		{"fg", `1 (?s)ERROR: no process name supplied.*`},
		{"fg x g:y", `1 (?s)ERROR: too many process names supplied.*`},
		{"add nope", `1 ERROR: no such process/group: nope`},
		{"remove nope", `1 ERROR: no such process/group: nope`},
		{"update nope", `1 ERROR: no such group: nope`},
		{"nope", `1 \*\*\* Unknown syntax: nope`},
		{"avail x", `1 (?s)Error: avail accepts no arguments.*`},
		{"reread x", `1 (?s)Error: reread accepts no arguments.*`},
		{"reload x", `1 (?s)Error: reload accepts no arguments.*`},
		{"shutdown x", `1 (?s)Error: shutdown accepts no arguments.*`},
		{"version", `0 \d+\.\d+.*`},
		{"help", `0 (?s).*default commands.*`},
		{"help start", `0 (?s).*start.*`},
		{"pid", `0 \d+`},
		{"maintail", `0 (?s).*supervisord started with pid.*`},
	} {
		args := strings.Fields(row.args)
		out, code := b.ctl(args...)
		b.checkText(row.want, "", "", args, out, code)
		out, code = b.ctl(append([]string{"--json"}, args...)...)
		b.checkJSON(row.want, args, out, code)
	}
	out, code := b.ctl("--json", "fg", "x")
	if code != 0 || !json.Valid([]byte(out)) { // its input has ended
		t.Errorf("--json fg: %d %s", code, out)
	}
	for _, last := range []string{"reload", "shutdown"} {
		b.answers()
		out, code := b.ctl("--json", last)
		b.checkJSON("0 ", []string{last}, out, code)
		if last == "reload" {
			b.until("it has begun again", func() bool { return b.count("supervisord started with pid") == 2 })
		}
	}
	b.wait()
}
