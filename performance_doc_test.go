package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// figure is one that README.md states: where it is there, and what compare.py has found for it.
type figure struct {
	text               string // expression around the figure
	metric, case_, who string
	per                float64 // the unit of README.md in that of the metric
	format             string
}

// TestReadmeFigures: what README.md says of speed and size is in docs/performance.json, as measured last.
func TestReadmeFigures(t *testing.T) {
	t.Parallel()
	var all map[string]struct {
		Cases map[string]struct{ Values map[string]map[string]float64 }
	}
	if err := json.Unmarshal(readAll(t, "docs/performance.json"), &all); err != nil {
		t.Fatal(err)
	}
	readme := string(readAll(t, "README.md"))
	for _, f := range []figure{
		{`about ([\d.]+) MB \(`, "version", "installed", "gosv", 1, "%.1f"},
		{`Python and ([\d.]+) MiB for the daemon`, "memory", "PSS, 1 programs", "supervisor", 1, "%.0f"},
		{`([\d.]+) s for each .supervisorctl status`, "status", "status of 1", "supervisor", 1000, "%.2f"},
		{`one static binary, ([\d.]+) MiB`, "memory", "PSS, 1 programs", "gosv", 1, "%.0f"},
		{`one static binary, [\d.]+ MiB, ([\d.]+) ms`, "status", "status of 1", "gosv", 1, "%.0f"},
	} {
		m := regexp.MustCompile(f.text).FindStringSubmatch(readme)
		if m == nil {
			t.Errorf("README.md has no %q any more: change this test with it", f.text)
			continue
		}
		var values []float64
		for _, v := range all[f.metric].Cases[f.case_].Values[f.who] {
			values = append(values, v)
		}
		want := fmt.Sprintf(f.format, median(values)/f.per)
		if m[1] != want {
			t.Errorf("README.md says %q, docs/performance.json has %s (%s, %s, %s)", m[0], want, f.metric, f.case_, f.who)
		}
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	if len(v) == 0 {
		return math.NaN()
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// TestReadmeCommands: the commands beside the claims of README.md and docs/performance.md name tests,
// benchmarks and metrics that exist.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func (Test|Benchmark)\w+`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := string(out)
	metrics := regexp.MustCompile(`(?m)^METRICS = .*(?:\n .*)*`).FindString(string(readAll(t, "testdata/bench/compare.py")))
	script := regexp.MustCompile(`compare\.py ([a-z ]+)`)
	named := regexp.MustCompile(`-(run|bench) '?(?:Test)?([A-Z]\w*)(?:/(\w+))?`)
	for _, page := range []string{"README.md", "docs/performance.md", "docs/containers.md", "docs/crash.md"} {
		text := string(readAll(t, page))
		for _, m := range script.FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(m[1]) {
				if !regexp.MustCompile(`\b` + word + `\b`).MatchString(metrics) {
					t.Errorf("%s: compare.py has no metric %q (%s)", page, word, metrics)
				}
			}
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			kind := map[string]string{"run": "Test", "bench": "Benchmark"}[m[1]]
			if !strings.Contains(tests, "func "+kind+m[2]) {
				t.Errorf("%s: there is no %s%s", page, kind, m[2])
			}
			if m[3] != "" && m[2] == "Compat" {
				readAll(t, "testdata/compat/"+m[3]+".txt")
			}
		}
	}
	_, table, _ := strings.Cut(string(readAll(t, "README.md")), "## Why\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for line := range strings.Lines(strings.TrimSpace(table)) {
		if cells := strings.Split(line, " | "); len(cells) != 3 || !strings.Contains(cells[2], "`") && !strings.Contains(cells[2], "shown by") {
			if !strings.HasPrefix(line, "|---") {
				t.Errorf("README.md: a claim without a command beside it: %s", line)
			}
		}
	}
}
