package daemon

import (
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/event"
	"gosv/proc/state"
)

// logFigures and poolFigures are the fake world's.
func (f *fake) logFigures(group, name string) (l logFigures) {
	if name == "cat" {
		l[0].known, l[0].bytes, l[0].lost = true, 1234, 5
		l[1].known = true
	}
	return l
}

func (f *fake) ownLost() int64 { return 77 }
func (f *fake) poolFigures() []poolFigures {
	return []poolFigures{{"listener", event.Stats{Buffered: 3, Accepted: 40, Processed: 30, Rejected: 2, Overflowed: 1}}}
}

// scrapeFake is the answer to GET /metrics.
func scrapeFake(t *testing.T, f *fake) string {
	t.Helper()
	f.api.figures = f
	s := &server{api: f.api, metrics: true}
	w := httptest.NewRecorder()
	if !s.serveMetrics(w, httptest.NewRequest("GET", "/metrics", nil)) || w.Code != 200 {
		t.Fatalf("/metrics = %d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.infos = []proc.Info{
		{Group: "cat", Name: "cat", State: state.Running, PID: os.Getpid(), Start: time.Now().Add(-time.Minute), Config: &conf.Process{Program: "cat"},
			Life: proc.Life{Begun: 4, Ended: []proc.Ended{{Code: 0, Runs: 1}, {Code: 137, Runs: 2}}}},
		{Group: "w", Name: "w_1", State: state.Fatal, Config: &conf.Process{Program: "worker"}},
		{Group: "odd\\\"\n\xff", Name: "odd", State: state.Stopped, PID: -1},
	}
	text := scrapeFake(t, f)
	families := parseProm(t, text)
	for _, want := range []string{
		`gosv_process_state{program="cat",group="cat",process="cat"} 20`,
		`gosv_process_state{program="worker",group="w",process="w_1"} 200`,
		`gosv_process_state{program="odd",group="odd\\\"\n` + "\uFFFD" + `",process="odd"} 0`,
		`gosv_process_up{program="cat",group="cat",process="cat"} 1`,
		`gosv_process_starts_total{program="cat",group="cat",process="cat"} 4`,
		`gosv_process_restarts_total{program="cat",group="cat",process="cat"} 3`,
		`gosv_process_restarts_total{program="worker",group="w",process="w_1"} 0`,
		`gosv_process_exits_total{program="cat",group="cat",process="cat",code="0"} 1`,
		`gosv_process_exits_total{program="cat",group="cat",process="cat",code="137"} 2`,
		`gosv_process_log_bytes_total{program="cat",group="cat",process="cat",stream="stdout"} 1234`,
		`gosv_process_log_lost_bytes_total{program="cat",group="cat",process="cat",stream="stdout"} 5`,
		`gosv_process_log_lost_bytes_total{program="cat",group="cat",process="cat",stream="stderr"} 0`,
		`gosv_pool_queue_depth{pool="listener"} 3`,
		`gosv_log_lost_bytes_total 77`,
		`gosv_pool_events_lost_total{pool="listener"} 1`,
		`gosv_process_overflow 0`,
		`gosv_daemon_running 1`,
		`gosv_info{version="` + Version + `"} 1`,
	} {
		if !slices.Contains(strings.Split(text, "\n"), want) {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
	for _, name := range []string{"gosv_process_uptime_seconds", "gosv_loop_latency_seconds", "go_goroutines"} {
		if families[name] == 0 {
			t.Errorf("no sample of %s", name)
		}
	}
	if useOf(os.Getpid()).ok {
		for _, name := range []string{"gosv_process_cpu_seconds_total", "gosv_process_resident_memory_bytes", "process_resident_memory_bytes", "process_open_fds"} {
			if families[name] != 1 {
				t.Errorf("%d samples of %s, want 1", families[name], name)
			}
		}
	}
}

// TestMetricsBounded: neither many processes nor many exit codes make an answer without end.
func TestMetricsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.infos = nil
	for i := range maxSeries + 7 {
		f.infos = append(f.infos, proc.Info{Group: "g", Name: fmt.Sprintf("p%05d", i), Config: &conf.Process{Program: "p"}})
	}
	for code := range 40 {
		f.infos[0].Life.Ended = append(f.infos[0].Life.Ended, proc.Ended{Code: code, Runs: 2})
	}
	text := scrapeFake(t, f)
	families := parseProm(t, text)
	if families["gosv_process_state"] != maxSeries || families["gosv_process_exits_total"] != maxCodes+1 {
		t.Errorf("%d states and %d exit codes, want %d and %d", families["gosv_process_state"], families["gosv_process_exits_total"], maxSeries, maxCodes+1)
	}
	for _, want := range []string{"gosv_process_overflow 7\n", `process="p00000",code="other"} 48` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestMetricsAreOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	s := &server{api: newFake(t).api}
	if s.serveMetrics(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)) {
		t.Error("/metrics is served without metrics=true")
	}
}

// parseProm checks a text against Prometheus's format, and counts the samples by family.
func parseProm(t *testing.T, text string) map[string]int {
	t.Helper()
	name := `[a-zA-Z_:][a-zA-Z0-9_:]*`
	label := `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`
	sample := regexp.MustCompile(`^(` + name + `)((?:\{` + label + `(?:,` + label + `)*\})?) (\S+)$`)
	help := regexp.MustCompile(`^# HELP (` + name + `) (?:[^\\\n]|\\[\\n])+$`)
	typ := regexp.MustCompile(`^# TYPE (` + name + `) (counter|gauge)$`)
	count, seen, family, kind := map[string]int{}, map[string]bool{}, "", ""
	if !strings.HasSuffix(text, "\n") {
		t.Error("the last line does not end")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if m := help.FindStringSubmatch(line); m != nil {
			if _, again := count[m[1]]; again {
				t.Errorf("a second family %s", m[1])
			}
			family, kind = m[1], ""
			count[family] = 0
		} else if m := typ.FindStringSubmatch(line); m != nil && m[1] == family && count[family] == 0 && kind == "" {
			if kind = m[2]; (kind == "counter") != strings.HasSuffix(family, "_total") {
				t.Errorf("%s is a %s", family, kind)
			}
		} else if m := sample.FindStringSubmatch(line); m != nil && m[1] == family && kind != "" {
			count[family]++
			if seen[m[1]+m[2]] {
				t.Errorf("twice: %s%s", m[1], m[2])
			}
			seen[m[1]+m[2]] = true
			if x, err := strconv.ParseFloat(m[3], 64); err != nil || math.IsNaN(x) || x < 0 {
				t.Errorf("bad value: %s", line)
			}
		} else {
			t.Errorf("not in Prometheus's format, or out of place: %q", line)
		}
	}
	for family, n := range count {
		if n == 0 {
			t.Errorf("%s has no samples", family)
		}
	}
	return count
}

// FuzzProm: no label breaks the format.
func FuzzProm(f *testing.F) {
	for _, s := range []string{"", "web", `\"`, "\n", "\xff\x00", "ü\u2028", "}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &prom{}
		p.family("x", "gauge", "help "+s)
		p.sample("a", s, "b", s).int(1)
		parseProm(t, string(p.text))
	})
}

// TestMetricsDoc holds docs/metrics.md to the table; -update writes its part anew.
func TestMetricsDoc(t *testing.T) {
	const file, begin, end = "../docs/metrics.md", "<!-- table -->\n", "<!-- end -->\n"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(doc), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no table", file)
	}
	var b strings.Builder
	b.WriteString("| metric | type | what it says |\n|---|---|---|\n")
	for _, m := range metrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.name, m.kind, m.help)
	}
	want := before + begin + b.String() + end + after
	if want == string(doc) {
		return
	}
	if !*update {
		t.Fatalf("%s does not say what the table says: go test ./daemon -run TestMetricsDoc -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
