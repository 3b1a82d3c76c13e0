package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDocsNameTests: what SECURITY.md and the pages for operators call a proof exists, and
// no limit of SECURITY.md is without one.
func TestDocsNameTests(t *testing.T) {
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func (Test|Fuzz)\w+`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		tests[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	fuzz := map[string]bool{} // targets that SECURITY.md has not named
	for n := range tests {
		if strings.HasPrefix(n, "Fuzz") {
			fuzz[n] = true
		}
	}
	name := regexp.MustCompile("`((Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	for _, file := range []string{"SECURITY.md", "docs/access.md", "docs/operations.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		under, n := "", 0
		for line := range strings.Lines(string(text)) {
			n++
			if strings.HasPrefix(line, "#") {
				under = strings.TrimSpace(strings.Trim(line, "# "))
			}
			named := name.FindAllStringSubmatch(line, -1)
			for _, m := range named {
				if !tests[m[1]] {
					t.Errorf("%s:%d: there is no %s", file, n, m[1])
				}
			}
			for _, m := range named {
				if file == "SECURITY.md" {
					delete(fuzz, m[1])
				}
			}
			cells := strings.Count(line, " | ")
			if file == "SECURITY.md" && under == "Limits" && cells == 3 && len(named) == 0 && !strings.HasPrefix(line, "| what") {
				t.Errorf("%s:%d: no proof: %s", file, n, line)
			}
		}
	}
	for n := range fuzz {
		t.Logf("SECURITY.md does not name %s under Parsers", n)
	}
}

// securityNumbers is where the code has the limits of SECURITY.md that no option sets: by the
// beginning of the row, the file and the constant.
var securityNumbers = map[string]string{
	"connections of a server":             "daemon/server.go maxConns",
	"connections of one account":          "daemon/server.go maxPeerConns",
	"first byte on a unix":                "daemon/server.go firstByteTime",
	"a line of JSON":                      "daemon/server.go lineTime",
	"length of a line of JSON":            "daemon/wire/wire.go MaxLine",
	"the same of who is no admin":         "daemon/session.go maxLowLine",
	"the same before a password":          "daemon/session.go maxHello",
	"requests of one connection":          "daemon/session.go maxCalls",
	"the same of one account or user":     "daemon/rooms.go maxPeerCalls",
	"taking an answer":                    "daemon/server.go writeTime",
	"HTTP header, time":                   "daemon/http.go headerTime",
	"HTTP header, size":                   "daemon/http.go maxHeader",
	"HTTP body, time":                     "daemon/http.go bodyTime",
	"HTTP body, size":                     "daemon/http.go maxBody",
	"taking an HTTP answer":               "daemon/http.go answerTime",
	"idle HTTP connection":                "daemon/http.go idleTime",
	"calls of one `system.multicall`":     "daemon/methods_system.go maxMulti",
	"answers of one":                      "daemon/methods_system.go maxAnswer",
	"one read of a log":                   "daemon/methods_log.go maxRead",
	"events that a client":                "daemon/methods_short.go eventsMax",
	"payloads of events":                  "daemon/tail.go eventsBytes",
	"what a follower of a log":            "logs/follow.go followMax",
	"an answer of a listener":             "proc/event/protocol.go maxResult",
	"what waits for a program":            "proc/stdin.go stdinMax",
	"output that waits":                   "logs/backlog.go backlogMax",
	"a line that `log_format`":            "logs/format.go lineMax",
	"main log lines that wait":            "daemon/log.go targetMax",
	"audit lines about refusals":          "daemon/audit.go maxRefused",
	"size of a configuration":             "conf/load.go maxFile",
	"files that `[include]`":              "conf/load.go maxIncluded",
	"processes of a program":              "conf/load.go maxNumprocs",
	"a secret of":                         "proc/secrets.go secretMax",
	"depth of brackets":                   "conf/tomlscan.go maxDepth",
	"a log on the web page":               "daemon/web/tail.go maxTail",
	"exit codes of a process in /metrics": "daemon/metrics.go maxCodes",
	"processes in one answer":             "daemon/metrics.go maxSeries",
	"how long requests of who":            "daemon/upgrade.go quietTime",
	"time for a new version":              "daemon/upgrade.go tryTime",
	"time to end what":                    "proc/escape_linux.go sweepMax",
	"answer of the manager":               "daemon/probe.go probeTime",
	"depth of XML-RPC values":             "daemon/xmlrpc/decode.go lim.Depth",
	"sizes of bodies, reads of logs and":  "",
}

// TestSecurityNumbers: the limits that SECURITY.md states are the code's, or the defaults of
// the options that it names.
func TestSecurityNumbers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	options, err := os.ReadFile("docs/options.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n## Limits\n")
	table, _, more := strings.Cut(table, "\n## ")
	if !ok || !more {
		t.Fatal("SECURITY.md has no limits")
	}
	seen, rows := map[string]bool{}, 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || strings.HasPrefix(line, "| what |") {
			continue
		}
		rows++
		what, limit := strings.TrimPrefix(cells[0], "| "), strings.TrimPrefix(cells[1], "about ")
		if name, ok := strings.CutPrefix(cells[2], "`"); ok {
			name, _, _ = strings.Cut(name, "`")
			if !regexp.MustCompile("(?m)^\\| `" + name + "` \\| [^|]+ \\| `" + limit + "` \\|").Match(options) {
				t.Errorf("%s: the default of %s is not %s", what, name, limit)
			}
			continue
		}
		place, best := "", ""
		for row, p := range securityNumbers {
			if strings.HasPrefix(what, row) && len(row) > len(best) {
				place, best = p, row
			}
		}
		if best == "" {
			t.Errorf("nobody knows where the code has: %s", what)
			continue
		}
		seen[best] = true
		if place != "" {
			if is := constant(t, place); !slices.Contains(is, limit) {
				t.Errorf("%s: %s, but %s is %q", what, limit, place, is)
			}
		}
	}
	if rows < 40 || len(seen) != len(securityNumbers) {
		t.Errorf("%d rows; %d places of %d were named", rows, len(seen), len(securityNumbers))
	}
}

// constant is how the value of a constant may be written; place is its file and its name.
func constant(t *testing.T, place string) []string {
	t.Helper()
	file, name, _ := strings.Cut(place, " ")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^\s*(?:const )?` + regexp.QuoteMeta(name) + `\s+= (?:([\d_]+)(?: << (\d+))?(?: \* )?)?(?:time\.(Second|Minute))?(?:\s*//.*)?$`).FindStringSubmatch(string(source))
	if m == nil {
		t.Fatalf("%s has no constant %s that this test can read", file, name)
	}
	n := 1
	if m[1] != "" {
		n, _ = strconv.Atoi(strings.ReplaceAll(m[1], "_", ""))
	}
	shift, _ := strconv.Atoi(m[2])
	n <<= shift
	switch m[3] {
	case "Minute":
		return []string{fmt.Sprint(n, " min"), fmt.Sprint(60*n, " s")}
	case "Second":
		return []string{fmt.Sprint(n, " s")}
	}
	return []string{fmt.Sprint(n), fmt.Sprint(n>>10, " KiB"), fmt.Sprint(n>>20, " MiB")}
}

// TestProtocolNumbers: the limits in docs/protocol.md are the code's too.
func TestProtocolNumbers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Limits\n")
	for row, places := range map[string]string{
		"connections of a server":       "daemon/server.go maxConns",
		"of these, connections of one":  "daemon/server.go maxPeerConns",
		"first byte on a unix socket":   "daemon/server.go firstByteTime",
		"a line":                        "daemon/wire/wire.go MaxLine,daemon/session.go maxLowLine,daemon/server.go lineTime,daemon/session.go maxHello",
		"calls of one":                  "daemon/methods_system.go maxMulti,daemon/methods_system.go maxAnswer",
		"requests of a connection":      "daemon/session.go maxCalls",
		"sizes below":                   "",
		"taking an answer":              "daemon/server.go writeTime",
		"what a follower may be behind": "logs/follow.go followMax,daemon/methods_short.go eventsMax,daemon/tail.go eventsBytes",
		"HTTP header":                   "daemon/http.go maxHeader,daemon/http.go headerTime",
		"HTTP body":                     "daemon/http.go maxBody,daemon/http.go bodyTime",
		"idle HTTP connection":          "daemon/http.go idleTime",
		"taking an HTTP answer":         "daemon/http.go answerTime",
		"depth of XML-RPC values":       "daemon/xmlrpc/decode.go lim.Depth",
		"one answer of `read*Log`":      "daemon/methods_log.go maxRead",
	} {
		m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(row) + `[^|]*\| ([^|]*) \|`).FindStringSubmatch(table)
		if m == nil {
			t.Errorf("there is no row %q", row)
			continue
		}
		limit := strings.ReplaceAll(m[1], ",000", "000")
		for place := range strings.SplitSeq(places, ",") {
			if place == "" {
				continue
			}
			if is := constant(t, place); !slices.ContainsFunc(is, func(s string) bool { return regexp.MustCompile(`\b` + s + `\b`).MatchString(limit) }) {
				t.Errorf("%s: %s, but %s is %q", row, m[1], place, is)
			}
		}
	}
	if n := strings.Count(table, "\n| ") - 1; n != 15 {
		t.Errorf("%d rows, want the 15 that are looked at", n)
	}
}
