package main

import (
	"os"
	"os/exec"
	"regexp"
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
