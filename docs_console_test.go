package main

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gosv/conf"
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

// docBlock is what a page shows between ``` and ```, with the comment on the line above.
type docBlock struct {
	page             string
	line             int
	mark, lang, text string
}

// docsBlocks are the blocks of all pages that people read.
func docsBlocks(t *testing.T) []docBlock {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 15 {
		t.Fatalf("pages %q, %v", pages, err)
	}
	var list []docBlock
	for _, page := range append(pages, "README.md", "SECURITY.md", "HACKING.md", "CHANGELOG.md") {
		before, n := "", 0
		var now *docBlock
		for line := range strings.Lines(string(readAll(t, page))) {
			n++
			switch bare := strings.TrimSpace(line); {
			case strings.HasPrefix(bare, "```") && now == nil:
				now = &docBlock{page: page, line: n, mark: before, lang: bare[3:]}
			case strings.HasPrefix(bare, "```"):
				list = append(list, *now)
				now = nil
			case now != nil:
				now.text += line
			default:
				before = bare
			}
		}
	}
	return list
}

// docsConsoles are the pages whose console blocks a test runs, and the test.
var docsConsoles = map[string]string{"docs/containers.md": "TestDocsConsole", "docs/fleet.md": "TestDocsConsole", "docs/json.md": "TestDocs"}

// TestDocsBlocks: configurations that the pages show are without faults and warnings; what
// else they show says which test runs it, or why none does.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	tests, err := exec.Command("sh", "-c", "grep -rhoE --include=*_test.go '^func Test[A-Za-z0-9]+' .").Output()
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("user = blog\n", "user = "+me.Username+"\n", "user = ops\n", "user = "+me.Username+"\n")
	mark := regexp.MustCompile(`^<!-- (run by (Test\w+)(: .+)?|not run: .+) -->$`)
	for _, b := range docsBlocks(t) {
		test := docsConsoles[b.page]
		switch b.lang {
		case "ini", "toml":
			text := here.Replace(b.text)
			if b.lang == "ini" && !strings.Contains(text, "[supervisord]") {
				text += "[supervisord]\n"
			}
			if b.lang == "ini" && strings.Contains(text, "\nprograms = ") { // who may be seen
				text += "[program:web]\ncommand = /bin/true\n[program:worker]\ncommand = /bin/true\n"
			}
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/conf.d", 0o755); err != nil { // for [include]
				t.Fatal(err)
			}
			writeConf(t, dir+"/conf.d/own.conf", "[program:own]\ncommand = /bin/true\n")
			_, notices, faults := conf.Inspect(writeConf(t, dir+"/x."+b.lang, text), conf.Options{})
			for _, n := range notices {
				if n.Level != "INFO" {
					t.Errorf("%s:%d: %s", b.page, b.line, n.Text)
				}
			}
			if len(faults) > 0 {
				t.Errorf("%s:%d: %v", b.page, b.line, faults)
			}
			continue
		case "console":
		default:
			m := mark.FindStringSubmatch(b.mark)
			if m == nil {
				t.Errorf("%s:%d: a block comes after %q: say which test runs it", b.page, b.line, b.mark)
				continue
			}
			if test = m[2]; test == "" {
				continue
			}
		}
		if !strings.Contains(string(tests), "func "+test+"\n") {
			t.Errorf("%s:%d: there is no test %q", b.page, b.line, test)
		}
	}
}

// TestDocsWords: the pages name no command of gosv that there is not.
func TestDocsWords(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"ctl": true, "conf": true}
	for _, word := range strings.Fields("-- init daemon healthcheck demo version --version conf/check conf/show conf/convert conf/sample conf/schema conf/options") {
		known[word] = true
	}
	actions, err := filepath.Glob("ctl/cmd_*.go")
	if err != nil || len(actions) < 15 {
		t.Fatalf("%q, %v", actions, err)
	}
	for _, file := range actions {
		known["ctl/"+strings.TrimSuffix(strings.TrimPrefix(file, "ctl/cmd_"), ".go")] = true
	}
	// After a backtick or at the beginning of a command, its flags left out.
	said := regexp.MustCompile("(?m)(?:`|^\\$ |^)(?:\\./)?gosv (?:(ctl|conf) (?:--?[a-z]+ (?:[a-z]+:/\\S+ |[^ `-]*/\\S+ |\\S+\\.\\S+ )?)*)?([a-z]+|--[a-z]*)\\b?")
	pages, _ := filepath.Glob("docs/*.md")
	n := 0
	for _, page := range append(pages, "README.md", "SECURITY.md", "HACKING.md", "CHANGELOG.md") {
		for _, m := range said.FindAllStringSubmatch(string(readAll(t, page)), -1) {
			word := m[2]
			if m[1] != "" {
				word = m[1] + "/" + word
			}
			if n++; !known[word] && m[0][0] == '`' {
				t.Errorf("%s names %q", page, m[0])
			}
		}
	}
	page := string(readAll(t, "docs/configuration.md"))
	_, places := conf.Find("gosv daemon")
	for _, place := range places {
		if !strings.Contains(page, "`"+place+"`") {
			t.Errorf("docs/configuration.md does not say that %s is looked for", place)
		}
	}
	if n < 50 {
		t.Errorf("%d commands found: does this test still look for them?", n)
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

// TestDocsLinks: what the pages point to inside the repository is there, headings included.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	pages, _ := filepath.Glob("docs/*.md")
	examples, _ := filepath.Glob("examples/*/*.md")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	n := 0
	for _, page := range append(append(pages, examples...), "README.md", "SECURITY.md", "HACKING.md", "CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(string(readAll(t, page)), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			n++
			if file == "" {
				file = page
			} else {
				file = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s points to %s, which is not there", page, m[1])
				continue
			}
			found := anchor == ""
			if !found {
				for line := range strings.Lines(string(readAll(t, file))) {
					title := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
					found = found || strings.HasPrefix(line, "#") && strings.ReplaceAll(drop.ReplaceAllString(title, ""), " ", "-") == anchor
				}
			}
			if !found {
				t.Errorf("%s points to %s, but there is no such heading", page, m[1])
			}
		}
	}
	if n < 50 {
		t.Errorf("%d links found: does this test still look for them?", n)
	}
}
