package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports holds the walls between the packages: what each may import of gosv, and why
// the rest is forbidden. Test files are free.
func TestImports(t *testing.T) {
	allowed := map[string]struct {
		imports []string
		why     string
	}{
		"gosv":               {[]string{"ctl", "daemon", "proc"}, "main only chooses who runs; proc is there for the exec shim"},
		"gosv/conf":          {nil, "conf must not act: gosv conf check works on a laptop"},
		"gosv/logs":          {nil, "logs takes a small Options; daemon/output.go is the one place that translates"},
		"gosv/proc/state":    {nil, "pure by construction"},
		"gosv/proc/event":    {nil, "events are a leaf: whoever listens imports them, never the other way"},
		"gosv/proc/vfork":    {nil, "it must be initialized before package syscall"},
		"gosv/proc":          {[]string{"conf", "proc/state", "proc/event", "proc/vfork"}, "proc hands output to a sink that it was given, and never sees logs or daemon"},
		"gosv/daemon/wire":   {nil, "the contract cannot drag the server along"},
		"gosv/daemon/xmlrpc": {nil, "the codec knows no method names"},
		"gosv/daemon/web":    {[]string{"daemon/wire"}, "the page calls the registry as everyone does"},
		"gosv/daemon":        {[]string{"conf", "logs", "proc", "proc/state", "proc/event", "daemon/wire", "daemon/xmlrpc", "daemon/web"}, "daemon and ctl never see each other"},
		"gosv/ctl":           {[]string{"conf", "daemon/wire"}, "the socket is the contract, and ctl must start in milliseconds"},
		"gosv/proc/testenv":  {nil, "for TestMain of every package"},
		"gosv/proc/proctest": {[]string{"conf", "proc"}, "the fake kernel is for tests"},
	}
	for pkg, imports := range listImports(t, "./...") {
		rule, ok := allowed[pkg]
		if !ok {
			t.Errorf("%s is not in the table of packages: a new package needs a row and a reason", pkg)
			continue
		}
		for _, imp := range imports {
			short, ours := strings.CutPrefix(imp, "gosv/")
			if ours && !slices.Contains(rule.imports, short) {
				t.Errorf("%s must not import %s: %s", pkg, imp, rule.why)
			}
			if imp == "os/exec" && pkg != "gosv/proc" {
				t.Errorf("%s must not import os/exec: only proc forks, execs or waits", pkg)
			}
			if imp == "text/template" || imp == "html/template" {
				t.Errorf("%s must not import %s: it looks up methods by name, so the linker keeps all of every type (2 MB)", pkg, imp)
			}
			if (imp == "gopkg.in/ini.v1" || imp == "github.com/BurntSushi/toml") && pkg != "gosv/conf" {
				t.Errorf("%s must not import %s: it appears in conf and nowhere else", pkg, imp)
			}
		}
	}
	if got := listImports(t, "./proc/vfork")["gosv/proc/vfork"]; !slices.Equal(got, []string{"unsafe"}) {
		t.Errorf("proc/vfork imports %v, want unsafe alone: it must be initialized before package syscall", got)
	}
	if got := listImports(t, "./proc/state")["gosv/proc/state"]; !slices.Equal(got, []string{"time"}) {
		t.Errorf("proc/state imports %v, want time alone: a pure function reads no clock and logs nothing", got)
	}
}

func listImports(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, pattern).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	list := map[string][]string{}
	for line := range bytes.Lines(out) {
		words := strings.Fields(string(line))
		list[words[0]] = words[1:]
	}
	return list
}
