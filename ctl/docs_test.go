package ctl

import (
	"os"
	"strings"
	"testing"

	"gosv/daemon/wire"
)

// TestDocs runs the examples of docs/json.md; -update writes their output anew.
func TestDocs(t *testing.T) {
	t.Parallel()
	const file = "../docs/json.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake()
	f.logs["cat:stdout"] = "one\ntwo\nthree\n"
	f.changes = wire.Changes{Added: []string{"newone"}, Changed: []string{"cat"}, Reasons: []wire.Reason{
		{Group: "cat", Process: "cat", Option: "startsecs", Old: "1", New: "5", File: "/etc/supervisord.conf", Line: 12},
	}}
	f.steps = []wire.UpdateStep{{Group: "cat", Did: "stopped"}, {Group: "cat", Did: "updated"}, {Group: "newone", Did: "added"}}
	url := f.serveJSON(t)

	var got strings.Builder
	shown := map[string]bool{}
	inside := false
	for line := range strings.Lines(string(text)) {
		action, isExample := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ gosv ctl --json ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = strings.HasPrefix(line, "```console")
			got.WriteString(line)
		case !inside:
			got.WriteString(line)
		case isExample:
			got.WriteString(line)
			got.WriteString(act(t, url, action, "--json").out)
			shown[strings.Fields(action)[0]] = true
		}
	}
	for _, cmd := range commands() {
		if !shown[cmd.name] {
			t.Errorf("%s has no example of %s", file, cmd.name)
		}
	}
	if got.String() == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs (go test -update writes it anew):\n%s", file, difference(got.String(), string(text)))
}
