package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gosv/conf"
	"gosv/proc/event"
)

// compatDoc is the page that says what is the same as in Supervisor and what is not.
const compatDoc = "docs/compatibility.md"

// docRow is a row of one of its tables.
type docRow struct {
	line  int
	under string // the heading
	cells []string
}

func compatRows(t *testing.T) []docRow {
	t.Helper()
	text, err := os.ReadFile(compatDoc)
	if err != nil {
		t.Fatal(err)
	}
	var rows []docRow
	under, n := "", 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			under = strings.ReplaceAll(strings.TrimLeft(line, "# "), "`", "")
		case strings.HasPrefix(line, "| ") && !strings.HasSuffix(line, "| proof |") && under != "Compatibility with Supervisor":
			rows = append(rows, docRow{n, under, strings.Split(strings.Trim(line, "| "), " | ")})
		}
	}
	return rows
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestCompatDocProofs: every row names a proof, and every proof that is named exists.
func TestCompatDocProofs(t *testing.T) {
	proofs := map[string]bool{}
	files, _ := filepath.Glob("testdata/compat/*.txt")
	for _, f := range files {
		s, err := parseScenario(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.cases[1:] {
			proofs[strings.TrimSuffix(filepath.Base(f), ".txt")+": "+c.title] = true
		}
	}
	scripts, _ := filepath.Glob("testdata/script/*.txt")
	for _, f := range scripts {
		proofs["script: "+strings.TrimSuffix(filepath.Base(f), ".txt")] = true
	}
	for _, u := range upstreams {
		issue, _, _ := strings.Cut(u.name, " ")
		proofs["TestCompatUpstream: "+issue] = true
	}
	tests, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func (Test|Fuzz)\w+`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(tests)) {
		proofs[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	for _, r := range compatRows(t) {
		named := codeSpan.FindAllStringSubmatch(r.cells[len(r.cells)-1], -1)
		if len(named) == 0 {
			t.Errorf("%s:%d: no proof: %s", compatDoc, r.line, strings.Join(r.cells, " | "))
		}
		for _, m := range named {
			if !proofs[m[1]] {
				t.Errorf("%s:%d: there is no %q", compatDoc, r.line, m[1])
			}
		}
	}
}

// TestCompatDocIsWhole: no option, flag, action, method, fault, event, bug or surprise is
// without a row.
func TestCompatDocIsWhole(t *testing.T) {
	if *update {
		writeOnlyInGosv(t)
	}
	rows := map[string]map[string]bool{} // by heading: what stands in first cells
	for _, r := range compatRows(t) {
		if rows[r.under] == nil {
			rows[r.under] = map[string]bool{}
		}
		rows[r.under][r.cells[0]] = true
		for _, m := range codeSpan.FindAllStringSubmatch(r.cells[0], -1) {
			rows[r.under][m[1]] = true
		}
	}
	need := func(under string, names ...string) {
		t.Helper()
		for _, n := range names {
			if !rows[under][n] {
				t.Errorf("%s: no row for %s under %q", compatDoc, n, under)
			}
		}
	}
	for section, names := range documentedOptions(t) {
		for _, n := range names {
			if !rows[section][n] && !rows["Only in gosv"][n] {
				t.Errorf("%s: no row for %s of %s (make docs adds what is only in gosv; what Supervisor has needs a row by hand)", compatDoc, n, section)
			}
		}
	}
	for n := 1; n <= 39; n++ {
		need("Bugs of the original", fmt.Sprintf("B%d", n))
	}
	for n := 1; n <= 28; n++ {
		need("Surprises that were kept", fmt.Sprintf("S%d", n))
	}
	for e := event.Any; e <= event.ProcessGroupRemoved; e++ {
		need("Events", e.String())
	}
	source, err := os.ReadFile("daemon/wire/wire.go")
	if err != nil {
		t.Fatal(err)
	}
	faults := regexp.MustCompile(`(?m)^\t\w+ += "([A-Z_]+)" +// \d+$`).FindAllSubmatch(source, -1)
	if len(faults) != 18 {
		t.Errorf("%d faults in daemon/wire/wire.go, want 18", len(faults))
	}
	for _, m := range faults {
		need("Faults", string(m[1]))
	}
	for _, line := range strings.Split(tool(t, "supervisord", "-h"), "\n") {
		if m := regexp.MustCompile(`^-.*?(--[a-z_]+)`).FindStringSubmatch(line); m != nil {
			need("supervisord", m[1])
		}
	}
	file := filepath.Join(t.TempDir(), "supervisord.conf")
	if err := os.WriteFile(file, []byte("[supervisorctl]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(tool(t, "supervisorctl", "-c", file, "help"), "====\n")
	need("Actions of supervisorctl", strings.Fields(list)...)
}

// TestCompatDocMethods: a running daemon has no method without a row.
func TestCompatDocMethods(t *testing.T) {
	dir, err := os.MkdirTemp("", "up") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sd, err := newSide(1, dir, &txtar.Archive{Files: []txtar.File{{Name: "supervisord.conf", Data: []byte(base + "\n")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sd.close)
	if err := sd.stepStart(""); err != nil {
		t.Fatal(err, sd.state())
	}
	text, err := sd.rpc("system.listMethods", nil)
	if err != nil {
		t.Fatal(err)
	}
	methods := regexp.MustCompile(`<string>([^<]+)</string>`).FindAllStringSubmatch(text, -1)
	if len(methods) != 41 {
		t.Errorf("%d methods, want 41", len(methods))
	}
	var rows []string
	for _, r := range compatRows(t) {
		if r.under == "Methods" {
			rows = append(rows, strings.Trim(r.cells[0], "`"))
		}
	}
	for _, m := range methods {
		if !slices.Contains(rows, m[1]) {
			t.Errorf("%s: no row for %s", compatDoc, m[1])
		}
	}
}

// documentedOptions are the options of conf's table, by section as docs/options.md has them.
func documentedOptions(t *testing.T) map[string][]string {
	t.Helper()
	var b bytes.Buffer
	if err := conf.OptionsDoc(&b); err != nil {
		t.Fatal(err)
	}
	options, section := map[string][]string{}, ""
	for line := range strings.Lines(b.String()) {
		if rest, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(rest)
		}
		if m := regexp.MustCompile("^\\| `([a-z_.]+)` \\|").FindStringSubmatch(line); m != nil && strings.HasPrefix(section, "[") {
			options[section] = append(options[section], m[1])
		}
	}
	if len(options) < 10 {
		t.Fatalf("only %d sections in the list of options", len(options))
	}
	return options
}

// writeOnlyInGosv writes the rows of the options that Supervisor has not.
func writeOnlyInGosv(t *testing.T) {
	t.Helper()
	known := map[string]bool{}
	for _, r := range compatRows(t) {
		if r.under != "Only in gosv" {
			known[r.under+" "+strings.Trim(r.cells[0], "`")] = true
		}
	}
	var only []string
	for section, names := range documentedOptions(t) {
		for _, n := range names {
			if !known[section+" "+n] {
				only = append(only, fmt.Sprintf("| `%s` | of gosv | `TestEveryOption` |\n", n))
			}
		}
	}
	slices.Sort(only)
	text, err := os.ReadFile(compatDoc)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), "### Only in gosv\n")
	intro, rest, ok2 := strings.Cut(rest, "|---|---|---|\n")
	_, tail, ok3 := strings.Cut(rest, "\n\n")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s: no table under Only in gosv", compatDoc)
	}
	new := head + "### Only in gosv\n" + intro + "|---|---|---|\n" + strings.Join(slices.Compact(only), "") + "\n" + tail
	if err := os.WriteFile(compatDoc, []byte(new), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tool runs one of gosv's programs and returns what it prints.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return string(out)
}
