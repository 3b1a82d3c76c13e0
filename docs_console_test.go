package main

import (
	"os"
	"os/exec"
	"strings"
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
