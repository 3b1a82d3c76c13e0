package ctl

import (
	"path/filepath"
	"strings"
	"testing"

	"gosv/daemon/wire"
)

// actionCase is a row of a table of the actions.
type actionCase struct {
	name   string
	action string
	setup  func(*fake)
	only   string // "json": the XML-RPC server cannot say it, or says it differently
}

// faults makes a setup that gives faults.
func faults(pairs ...string) func(*fake) {
	return func(f *fake) {
		for i := 0; i < len(pairs); i += 3 {
			f.faults[pairs[i]] = fault(pairs[i+1], pairs[i+2])
		}
	}
}

func shuttingDown(f *fake) {
	for _, m := range []string{"hello", "status", "start", "stop", "signal", "clear", "tail", "reread", "update", "avail", "reload", "shutdown", "add:x", "remove:x"} {
		f.faults[m] = fault(wire.ShutdownState, "")
	}
	delete(f.faults, "hello")
}

// cases is every row of every action's table, by action.
func cases() map[string][]actionCase {
	noProcs := func(f *fake) { f.procs = nil }
	onlyRunning := func(f *fake) { f.procs = []wire.Process{f.procs[0], f.procs[2], f.procs[7]} }
	changed := func(f *fake) {
		f.changes = wire.Changes{Added: []string{"new", "alpha"}, Changed: []string{"talk"}, Removed: []string{"nolog"}}
		f.procs = append(f.procs, wire.Process{Group: "nolog", Name: "nolog", State: "STOPPED"})
	}
	stepsOf := func(steps ...wire.UpdateStep) func(*fake) {
		return func(f *fake) { changed(f); f.steps = steps }
	}
	return map[string][]actionCase{
		"status": {
			{name: "all", action: "status"},
			{name: "all by name", action: "status nope all"},
			{name: "one running", action: "status cat"},
			{name: "all running", action: "status", setup: onlyRunning},
			{name: "stopped", action: "status manual"},
			{name: "exited", action: "status quick0"},
			{name: "fatal", action: "status fatal"},
			{name: "group", action: "status grp:*"},
			{name: "group short", action: "status grp:"},
			{name: "member", action: "status grp:g2"},
			{name: "order and repetition", action: "status talk cat talk"},
			{name: "bare group name", action: "status grp"},
			{name: "unknown process", action: "status nope"},
			{name: "unknown group", action: "status nope:*"},
			{name: "unknown group short", action: "status nope:"},
			{name: "unknown member", action: "status nope:x"},
			{name: "unknown then stopped", action: "status nope fatal"},
			{name: "running then unknown", action: "status cat nope"},
			{name: "no processes", action: "status", setup: noProcs},
			{name: "long name", action: "status", setup: func(f *fake) {
				f.procs[3].Group, f.procs[3].Name = "a-group-with-a-long-name", "and-a-process-with-one"
				f.procs[0].Group, f.procs[0].Name = "test_\u00f6\u00e4\u00fc", "test_\u00f6\u00e4\u00fc"
			}},
			{name: "hostile names", action: "status", setup: func(f *fake) {
				f.procs = f.procs[:1]
				f.procs[0].Group, f.procs[0].Name, f.procs[0].Description = "\x1b]0;x\a", "\u202egnp\u009b2J", "two\nlines \xff"
			}, only: "json"},
			{name: "in pieces", action: "status", setup: func(f *fake) { f.pieces = true }},
		},
		"start": {
			{name: "started", action: "start manual"},
			{name: "member", action: "start grp:g1", setup: func(f *fake) { f.procs[3].State = "STOPPED" }},
			{name: "already", action: "start cat"},
			{name: "unknown", action: "start nope"},
			{name: "unknown member", action: "start grp:nope"},
			{name: "unknown group", action: "start nope:*"},
			{name: "command not found", action: "start fatal", setup: faults("start:fatal", wire.NoFile, "can't find command '/nonexistent/fatal'")},
			{name: "not executable", action: "start fatal", setup: faults("start:fatal", wire.NotExecutable, "command at '/etc/passwd' is not executable")},
			{name: "spawn error", action: "start flap", setup: faults("start:flap", wire.SpawnError, "flap")},
			{name: "abnormal termination", action: "start talk", setup: faults("start:talk", wire.AbnormalTermination, "talk")},
			{name: "group", action: "start grp:*", setup: func(f *fake) { f.procs[3].State, f.procs[4].State = "STOPPED", "EXITED" }},
			{name: "group with nothing to do", action: "start grp:*"},
			{name: "all", action: "start all"},
			{name: "several", action: "start manual nope quick0"},
			{name: "code is the last", action: "start cat nope fatal", setup: faults("start:fatal", wire.SpawnError, "fatal")},
			{name: "no name", action: "start"},
			{name: "other fault", action: "start cat", setup: faults("start:cat", wire.Failed, "cat is in an unknown process state")},
			{name: "shutting down", action: "start cat", setup: shuttingDown},
			{name: "not allowed", action: "start cat", setup: faults("start:cat", wire.NotAllowed, "cat belongs to another user"), only: "json"},
			{name: "not allowed at all", action: "start all", setup: faults("start", wire.NotAllowed, "only the daemon's user may"), only: "json"},
		},
		"stop": {
			{name: "stopped", action: "stop cat"},
			{name: "not running", action: "stop manual"},
			{name: "unknown", action: "stop nope"},
			{name: "unknown group", action: "stop nope:*"},
			{name: "failed", action: "stop cat", setup: faults("stop:cat", wire.Failed, "cannot signal")},
			{name: "group", action: "stop grp:*"},
			{name: "all", action: "stop all"},
			{name: "group with nothing running", action: "stop manual:*"},
			{name: "several", action: "stop cat manual nope"},
			{name: "no name", action: "stop"},
			{name: "shutting down", action: "stop cat", setup: shuttingDown},
		},
		"restart": {
			{name: "running", action: "restart cat", only: "json"},
			{name: "stopped before", action: "restart manual"},
			{name: "stopped before, start alone", action: "restart manual", setup: func(f *fake) { f.shape = "start" }},
			{name: "unknown", action: "restart nope"},
			{name: "start fails", action: "restart quick0", setup: faults("start:quick0", wire.SpawnError, "quick0")},
			{name: "several", action: "restart manual quick0"},
			{name: "group", action: "restart manual:*"},
			{name: "no name", action: "restart"},
		},
		"signal": {
			{name: "signalled", action: "signal HUP cat"},
			{name: "bad signal", action: "signal FOO cat grp:g1", setup: faults("signal:cat", wire.BadSignal, "FOO", "signal:grp:g1", wire.BadSignal, "FOO")},
			{name: "bad signal to all", action: "signal FOO all", setup: faults("signal:cat", wire.BadSignal, "FOO")},
			{name: "not running", action: "signal HUP manual"},
			{name: "unknown", action: "signal HUP nope"},
			{name: "unknown group", action: "signal HUP nope:*"},
			{name: "group", action: "signal HUP grp:*"},
			{name: "all", action: "signal 15 all"},
			{name: "failed", action: "signal HUP cat", setup: faults("signal:cat", wire.Failed, "cannot signal")},
			{name: "no arguments", action: "signal"},
			{name: "one argument", action: "signal HUP"},
		},
		"pid": {
			{name: "daemon", action: "pid"},
			{name: "one", action: "pid cat"},
			{name: "not running", action: "pid manual"},
			{name: "unknown", action: "pid nope"},
			{name: "group", action: "pid grp:*"},
			{name: "all", action: "pid all"},
			{name: "code is the last", action: "pid cat nope manual"},
		},
		"clear": {
			{name: "cleared", action: "clear cat"},
			{name: "several", action: "clear cat manual"},
			{name: "unknown", action: "clear nope"},
			{name: "failed", action: "clear cat", setup: faults("clear:cat", wire.Failed, "/var/log/cat.log")},
			{name: "group", action: "clear grp:*"},
			{name: "unknown group", action: "clear nope:*"},
			{name: "all", action: "clear all"},
			{name: "no name", action: "clear"},
		},
		"tail": {
			{name: "stdout", action: "tail cat"},
			{name: "stderr", action: "tail cat stderr"},
			{name: "stdout by name", action: "tail cat STDOUT"},
			{name: "last bytes", action: "tail -3 cat"},
			{name: "all", action: "tail -0 cat"},
			{name: "from a byte on", action: "tail --4 cat"},
			{name: "raw", action: "tail talk"},
			{name: "member", action: "tail grp:g1"},
			{name: "middle ignored", action: "tail cat b stderr"},
			{name: "no log", action: "tail manual"},
			{name: "unknown", action: "tail nope"},
			{name: "group", action: "tail grp:*"},
			{name: "unreadable", action: "tail cat", setup: faults("tail", wire.Failed, "/var/log/cat.log")},
			{name: "bad channel", action: "tail cat foo"},
			{name: "bad argument", action: "tail -x cat"},
			{name: "bare dash", action: "tail - cat"},
			{name: "no arguments", action: "tail"},
			{name: "too many", action: "tail a b c d"},
			{name: "only a modifier", action: "tail -f"},
			{name: "other fault", action: "tail cat", setup: faults("tail", wire.BadArguments, "")},
			{name: "follow", action: "tail -f cat"},
			{name: "follow stderr", action: "tail -f cat stderr"},
			{name: "follow unknown", action: "tail -f nope"},
			{name: "follow without log", action: "tail -f manual"},
		},
		"maintail": {
			{name: "main log", action: "maintail"},
			{name: "last bytes", action: "maintail -4"},
			{name: "all", action: "maintail -0"},
			{name: "no log", action: "maintail", setup: func(f *fake) { delete(f.logs, ":stdout") }},
			{name: "unreadable", action: "maintail", setup: faults("maintail", wire.Failed, "")},
			{name: "bad argument", action: "maintail x"},
			{name: "bad number", action: "maintail -x"},
			{name: "too many", action: "maintail -1 -2"},
			{name: "follow", action: "maintail -f"},
		},
		"fg": {
			{name: "no name", action: "fg"},
			{name: "too many", action: "fg a b"},
			{name: "unknown", action: "fg nope"},
			{name: "group", action: "fg grp:*"},
			{name: "not running", action: "fg talk"},
		},
		"avail": {
			{name: "rows", action: "avail"},
			{name: "argument", action: "avail x"},
			{name: "shutting down", action: "avail", setup: shuttingDown},
		},
		"reread": {
			{name: "nothing", action: "reread"},
			{name: "changes", action: "reread", setup: changed},
			{name: "reasons", action: "reread", setup: func(f *fake) {
				changed(f)
				f.changes.Reasons = []wire.Reason{{Group: "talk", Process: "talk", Option: "command", Old: "a", New: "b", File: "/etc/s.conf", Line: 7}}
			}, only: "json"},
			{name: "config error", action: "reread", setup: faults("reread", wire.CantReread, "invalid value for 'loglevel'")},
			{name: "all config errors", action: "reread", setup: func(f *fake) {
				f.faults["reread"] = fault(wire.CantReread, "invalid value for 'loglevel'")
				f.faults["reread"].Details = []string{"s.conf:3: [supervisord] loglevel: bad", "s.conf:9: [program:x] command: missing"}
			}, only: "json"},
			{name: "shutting down", action: "reread", setup: shuttingDown},
			{name: "argument", action: "reread x"},
		},
		"add": {
			{name: "added", action: "add newone"},
			{name: "several", action: "add a b"},
			{name: "active", action: "add cat", setup: faults("add:cat", wire.AlreadyAdded, "cat")},
			{name: "unknown", action: "add nope", setup: faults("add:nope", wire.BadName, "nope")},
			{name: "shutting down", action: "add x", setup: shuttingDown},
			{name: "other fault", action: "add x", setup: faults("add:x", wire.Failed, "why")},
			{name: "no names", action: "add"},
		},
		"remove": {
			{name: "removed", action: "remove nolog"},
			{name: "running", action: "remove cat", setup: faults("remove:cat", wire.StillRunning, "cat")},
			{name: "unknown", action: "remove nope", setup: faults("remove:nope", wire.BadName, "nope")},
			{name: "shutting down", action: "remove x", setup: shuttingDown},
			{name: "no names", action: "remove"},
		},
		"update": {
			{name: "nothing", action: "update"},
			{name: "changes", action: "update", setup: stepsOf(
				wire.UpdateStep{Group: "nolog", Did: "stopped"}, wire.UpdateStep{Group: "nolog", Did: "removed"},
				wire.UpdateStep{Group: "talk", Did: "stopped"}, wire.UpdateStep{Group: "talk", Did: "updated"},
				wire.UpdateStep{Group: "new", Did: "added"}, wire.UpdateStep{Group: "alpha", Did: "added"})},
			{name: "named", action: "update alpha nope alpha", setup: stepsOf(
				wire.UpdateStep{Group: "nope", Err: badName("nope")}, wire.UpdateStep{Group: "alpha", Did: "added"})},
			{name: "all among names", action: "update nope all"},
			{name: "has problems", action: "update", setup: func(f *fake) {
				f.changes.Removed = []string{"cat"}
				f.faults["stop:cat"] = fault(wire.Failed, "x")
				f.steps = []wire.UpdateStep{{Group: "cat", Did: "stopped"}, {Group: "cat", Err: fault(wire.Failed, "x")}}
			}},
			{name: "config error", action: "update", setup: faults("update", wire.CantReread, "bad", "reread", wire.CantReread, "bad")},
			{name: "busy", action: "update", setup: faults("update", wire.Busy, "an update is under way"), only: "json"},
			{name: "shutting down", action: "update", setup: shuttingDown},
		},
		"reload": {
			{name: "restarted", action: "reload"},
			{name: "argument", action: "reload x"},
			{name: "shutting down", action: "reload", setup: shuttingDown},
			{name: "broken config", action: "reload", setup: faults("reload", wire.CantReread, "bad"), only: "json"},
		},
		"shutdown": {
			{name: "shut down", action: "shutdown"},
			{name: "argument", action: "shutdown x"},
			{name: "shutting down", action: "shutdown", setup: shuttingDown},
			{name: "other fault", action: "shutdown", setup: faults("shutdown", wire.Failed, "why")},
		},
		"upgrade": {
			{name: "upgraded", action: "upgrade", only: "json"},
			{name: "cannot take over", action: "upgrade", setup: faults("upgrade", wire.Failed, "/usr/bin/gosv cannot take over: it ended with status 2"), only: "json"},
			{name: "not allowed", action: "upgrade", setup: faults("upgrade", wire.NotAllowed, "upgrade"), only: "json"},
			{name: "busy", action: "upgrade", setup: faults("upgrade", wire.Busy, "another change is under way: startProcess"), only: "json"},
			{name: "argument", action: "upgrade x"},
		},
		"version": {
			{name: "version", action: "version"},
			{name: "argument", action: "version x"},
		},
		"open": {
			{name: "bad URL", action: "open ftp://x"},
			{name: "no URL", action: "open"},
			{name: "nobody there", action: "open unix:///nonexistent/s"},
		},
		"help": {
			{name: "help", action: "help"},
			{name: "question mark", action: "?"},
			{name: "topic", action: "?status"},
			{name: "unknown", action: "help foo"},
		},
		"other": {
			{name: "unknown action", action: "foo"},
			{name: "unknown with arguments", action: "foo bar"},
			{name: "exclamation mark", action: "!ls"},
			{name: "exit", action: "exit"},
			{name: "quit", action: "quit now"},
			{name: "EOF", action: "EOF"},
			{name: "wrong API version", action: "status", setup: func(f *fake) { f.api = "4.0" }},
			{name: "wrong API version elsewhere", action: "start cat", setup: func(f *fake) { f.api = "4.0" }},
			{name: "no supervisor namespace", action: "start cat", setup: faults("hello", wire.UnknownMethod, "")},
		},
	}
}

// TestActions runs every row against both kinds of server, whose texts must be the same,
// and once with --json.
func TestActions(t *testing.T) {
	t.Parallel()
	for action, rows := range cases() {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			for _, row := range rows {
				serve := func(listen func(*fake, testing.TB) string, more ...string) outcome {
					f := newFake()
					if row.setup != nil {
						row.setup(f)
					}
					url := listen(f, t)
					o := act(t, url, row.action, more...)
					o.out = strings.ReplaceAll(o.out, url, "unix:///SOCKET")
					o.err = strings.ReplaceAll(o.err, url, "unix:///SOCKET")
					return o
				}
				text := serve((*fake).serveJSON)
				machine := serve((*fake).serveJSON, "--json")
				if machine.exit != text.exit {
					t.Errorf("%s: exit code %d with --json, %d without", row.name, machine.exit, text.exit)
				}
				b.WriteString("## " + row.name + "\n$ " + row.action + "\n" + text.String() + "json:\n" + machine.out)
				if machine.err != "" {
					t.Errorf("%s: --json prints on stderr: %q", row.name, machine.err)
				}
				if row.only == "json" {
					continue
				}
				if old := serve((*fake).serveXML); old != text {
					t.Errorf("%s: over XML-RPC\n%vover JSON\n%v", row.name, old, text)
				}
			}
			golden(t, action, b.String())
		})
	}
}

// TestEveryActionIsTested finds forgotten ones.
func TestEveryActionIsTested(t *testing.T) {
	rows := cases()
	for _, cmd := range commands() {
		if rows[cmd.name] == nil && cmd.name != "exit" && cmd.name != "quit" {
			t.Errorf("no cases for %s", cmd.name)
		}
	}
}

// TestEveryCommandFileIsListed finds a cmd_x.go that the list in command.go forgets.
func TestEveryCommandFileIsListed(t *testing.T) {
	files, err := filepath.Glob("cmd_*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob: %v, %v", files, err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(f, "cmd_"), ".go")
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		if lookup(name) == nil {
			t.Errorf("%s: no action %q in commands()", f, name)
		}
	}
	if got, want := len(commands()), len(files); got != want {
		t.Errorf("%d actions, %d files", got, want)
	}
}
