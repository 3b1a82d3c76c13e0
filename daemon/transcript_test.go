package daemon

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestTranscripts replays wire/testdata: "> " is sent, "< " must come back, "! " is done to
// the fake world. With -update the lines that begin with "<" are written anew; there are as
// many as the file has.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("wire/testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts:", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".golden"), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			_, path := f.serveUnix(t, conf.UnixServer{})
			c := dial(t, path)
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			for i, line := range lines {
				switch {
				case strings.HasPrefix(line, "> "):
					c.line(line[2:])
				case strings.HasPrefix(line, "! "):
					f.directive(t, line[2:])
				case strings.HasPrefix(line, "<"):
					b, err := encodeJSON(c.reply())
					if err != nil {
						t.Fatal(err)
					}
					got := "< " + f.normal(string(b))
					if got != line && !*update {
						t.Errorf("%s:%d:\ngot  %s\nwant %s", name, i+1, got, line)
					}
					lines[i] = got
				}
			}
			if *update {
				if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// normal replaces what differs from run to run.
func (f *fake) normal(s string) string {
	s = strings.ReplaceAll(s, f.dir, "/var/log")
	for _, r := range [][2]string{
		{`"now":\d+`, `"now":1795372867`},
		{`uptime [^"]+`, `uptime 0:00:07`},
		{`"description":"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M"`, `"description":"Nov 22 06:42 PM"`},
	} {
		s = regexp.MustCompile(r[0]).ReplaceAllString(s, r[1])
	}
	return s
}

// directive does to the fake world what a transcript says.
func (f *fake) directive(t *testing.T, line string) {
	t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "mood":
		n, _ := strconv.Atoi(rest)
		f.setMood(proc.Mood(n))
	case "fail":
		what, code, _ := strings.Cut(rest, ": ")
		f.fail[what] = &wire.Fault{Code: code, Number: wire.Number(code)}
	case "push":
		lost, text, _ := strings.Cut(rest, " ")
		n, _ := strconv.ParseInt(lost, 10, 64)
		f.follower(t, 0).push(text+"\n", n)
	case "hold":
		f.mu.Lock()
		f.hold = make(chan struct{})
		f.mu.Unlock()
	case "plan":
		f.setPlan()
	case "broken":
		f.broken = conf.Errors{
			{Pos: conf.Pos{File: "/etc/supervisord.conf", Line: 14}, Section: "program:web", Key: "startsec", Msg: "unknown option", Hint: "did you mean startsecs?", Compat: "unknown option startsec"},
			{Pos: conf.Pos{File: "/etc/supervisord.conf", Line: 20}, Section: "program:db", Key: "priority", Msg: "not a number"},
		}
	case "subscribed":
		eventually(t, "a subscription", func() bool { return f.bus.Wants(event.ProcessStateRunning) })
	case "publish":
		f.bus.Publish(event.Event{Type: event.ProcessStateRunning, Process: "cat", Group: "cat", From: "STARTING", PID: 4243})
		f.bus.Publish(event.Event{Type: event.Tick5, When: 5})
	default:
		t.Fatal(errors.New("no such directive: " + line))
	}
}

// setPlan makes reread find something of every kind.
func (f *fake) setPlan() {
	old, new := f.cfg.Groups[1], f.cfg.Groups[1]
	f.plan = conf.Plan{
		Added:   []*conf.Group{f.cfg.Groups[len(f.cfg.Groups)-1]},
		Changed: []conf.GroupChange{{Old: old, New: new, Reasons: []conf.Reason{{Process: "cat", Key: "startsecs", Old: "1", New: "5", Pos: conf.Pos{File: "/etc/supervisord.conf", Line: 12}}}}},
		Removed: []*conf.Group{f.groups[3]},
	}
}
