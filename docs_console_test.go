package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestDocsConsole runs what the pages show after "$ ", and wants what they show below it.
func TestDocsConsole(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"docs/containers.md", "docs/fleet.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeConf(t, dir+"/good.toml", "[program.web]\ncommand = \"/bin/sleep 1000\"\n[program.app]\ncommand = \"/bin/sleep 1000\"\n")
			writeConf(t, dir+"/bad.toml", "[program.web]\ncomand = \"/bin/sleep 1000\"\ncommand = \"/bin/sleep 1000\"\n")
			blocks := strings.Split(string(readAll(t, page)), "```console\n")
			if len(blocks) < 2 {
				t.Fatal("no console block")
			}
			for _, block := range blocks[1:] {
				block, _, _ = strings.Cut(block, "```")
				for _, step := range strings.Split("\n"+block, "\n$ ")[1:] {
					command, want, _ := strings.Cut(step, "\n")
					cmd := exec.Command("sh", "-c", command)
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "TMPDIR="+dir)
					out, _ := cmd.CombinedOutput()
					if got := strings.TrimSpace(string(out)); got != strings.TrimSpace(want) {
						t.Errorf("$ %s\n%s\nwant\n%s", command, got, want)
					}
				}
			}
		})
	}
}

// TestDocsBlocks: what these pages show without "$ " says which test runs it, or why none does.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	tests, err := exec.Command("sh", "-c", "grep -hoE '^func Test[A-Za-z0-9]+' *_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	mark := regexp.MustCompile(`^<!-- (run by (Test\w+)|not run: .+) -->$`)
	for _, page := range []string{"docs/containers.md", "docs/fleet.md"} {
		before, inside := "", false
		for line := range strings.Lines(string(readAll(t, page))) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "```") {
				if inside = !inside; inside && line != "```console" {
					m := mark.FindStringSubmatch(before)
					if m == nil {
						t.Errorf("%s: a block comes after %q: say which test runs it", page, before)
					} else if m[2] != "" && !strings.Contains(string(tests), "func "+m[2]+"\n") {
						t.Errorf("%s: there is no test %s", page, m[2])
					}
				}
			}
			before = line
		}
	}
}

// docsBlock is the block of a page that the test is named before.
func docsBlock(t *testing.T, page string) string {
	t.Helper()
	_, after, ok := strings.Cut(string(readAll(t, page)), "<!-- run by "+t.Name()+" -->\n```\n")
	block, _, _ := strings.Cut(after, "```")
	if !ok || block == "" {
		t.Fatalf("%s has no block for %s", page, t.Name())
	}
	return block
}

// TestDocsLoop runs the loop over many hosts, with one host.
func TestDocsLoop(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), loopback(t)
	file := writeConf(t, dir+"/s.toml", "[inet_http_server]\nport = \""+addr+"\"\nusername = \"ops\"\npassword = \"secret\"\n[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n")
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", file}, nil)
	writeConf(t, dir+"/hosts", "127.0.0.1\n")
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(docsBlock(t, "docs/fleet.md"), "9001", port))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PASSWORD=secret")
	var out []byte
	until(t, "the host is well", func() bool {
		again := *cmd
		out, _ = again.CombinedOutput()
		return string(out) == host+": ok\n"
	})
	p.signal(syscall.SIGTERM)
	p.end(t)
}
