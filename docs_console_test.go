package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

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

// docsShown is what running a page's blocks must print, by page.
var docsShown = map[string]string{
	"README.md":             `(?m)^web +(STARTING|RUNNING) `,
	"HACKING.md":            `^$`,
	"docs/configuration.md": `(?s)no faults.*no faults.*command = .*\[program\.web\].*\[program\.`,
	"docs/metrics.md":       `^ok\nok\nok\n$`,
	"docs/operations.md":    `(?s)^web +RUNNING .*hello.*supervisord started.*no faults.*No config updates to processes\n$`,
	"docs/protocol.md":      `(?s)^\{"id":1,"ok":\[.*"state":"RUNNING"`,
	"docs/web.md":           `^303\n$`,
}

// TestDocsShell runs the blocks that say so, all of a page in one folder, where there is a
// configuration and, unless the page starts one, its daemon. Only names and places differ.
func TestDocsShell(t *testing.T) {
	t.Parallel()
	pages := map[string][]docBlock{}
	for _, b := range docsBlocks(t) {
		if b.mark == "<!-- run by TestDocsShell -->" {
			pages[b.page] = append(pages[b.page], b)
		}
	}
	if len(pages) != len(docsShown) {
		t.Errorf("%d pages have blocks, %d are known", len(pages), len(docsShown))
	}
	for page, blocks := range pages {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			docsShell(t, page, blocks)
		})
	}
}

func docsShell(t *testing.T, page string, blocks []docBlock) {
	text := ""
	for _, block := range blocks {
		text += block.text
	}
	for word, tool := range map[string]string{"nc -": "nc (apt-get install netcat-openbsd)", "curl -": "curl"} {
		name, _, _ := strings.Cut(tool, " ")
		if _, err := exec.LookPath(name); err != nil && strings.Contains(text, word) {
			t.Skip("the page needs " + tool)
		}
	}
	addr := loopback(t)
	server := "[inet_http_server]\nport = " + addr + "\n"
	if page == "docs/web.md" {
		server = docsFirst(t, page, "ini", addr)
	}
	b := newBox(t, "", server+"[program:web]\ncommand = sh -c 'echo hello; echo hello >&2; exec sleep 1000'\nstartsecs = 0\n")
	gosv, err := exec.LookPath("gosv")
	if err != nil {
		t.Fatal(err)
	}
	for link, file := range map[string]string{"supervisord.conf": "s.conf", "gosv": gosv} {
		if err := os.Symlink(file, b.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	starts := strings.Contains(text, "supervisord -c")
	if !starts {
		b.start()
		b.reaches("web", "RUNNING")
		for _, file := range []string{"web-stdout", "web-stderr"} {
			b.until("web has said hello", func() bool {
				logs, _ := filepath.Glob(b.path(file + "*"))
				return len(logs) == 1 && len(readAll(t, logs[0])) > 0
			})
		}
	}
	repo, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	move := strings.NewReplacer("FILE", "supervisord.conf", "NAME", "web", "127.0.0.1:9001", addr,
		"/etc/gosv.toml", b.path("s.conf"), "/etc/supervisor/", b.dir+"/", "/run/supervisor.sock", b.path("s.sock"), "/run/gosv.sock", b.path("s.sock"))
	// make only says what it would do: that there is such a target.
	script := `make() { command make -n -C "$REPO" "$@" >/dev/null; }
curl() { command curl -sS -o /dev/null -w '%{http_code}\n' "$@"; }
` + move.Replace(text)
	var out []byte
	run := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
		cmd.Dir, cmd.WaitDelay = b.dir, 10*time.Second
		cmd.Env = append(os.Environ(), "PATH="+b.dir+":"+os.Getenv("PATH"), "REPO="+repo, "GOSV_MARK="+b.dir)
		out, err = cmd.CombinedOutput()
		return err == nil && regexp.MustCompile(docsShown[page]).Match(out)
	}
	if page == "docs/protocol.md" { // nc -N waits for a second only, which a busy machine may need
		b.until("nc has the answer", run)
	} else if !run() {
		t.Errorf("%s: %v\n%s\nwant %s", page, err, out, docsShown[page])
	}
	if starts {
		b.ctl("shutdown")
		b.until("all has ended", func() bool { return len(b.marked()) == 0 })
	}
}

// docsFirst is the first block of a page in a language, its address another one.
func docsFirst(t *testing.T, page, lang, addr string) string {
	for _, b := range docsBlocks(t) {
		if b.page == page && b.lang == lang {
			return strings.ReplaceAll(b.text, "127.0.0.1:9001", addr)
		}
	}
	t.Fatalf("%s shows no %s", page, lang)
	return ""
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

// TestDocsNginx: the page goes through nginx as docs/web.md says.
func TestDocsNginx(t *testing.T) {
	t.Parallel()
	nginx := nginxPath(t)
	b := newBox(t, "", "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n").start()
	front := loopback(t)
	_, block, _ := strings.Cut(string(readAll(t, "docs/web.md")), "```nginx\n")
	block, _, _ = strings.Cut(block, "```")
	who := ""
	if os.Getuid() == 0 {
		who = "user root;\n"
	}
	b.write("nginx.conf", who+"daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+
		"client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"+
		"server {\nlisten "+front+";\n"+strings.ReplaceAll(block, "/run/supervisor.sock", b.path("s.sock"))+"}\n}\n")
	var said bytes.Buffer
	cmd := exec.Command(nginx, "-p", b.dir, "-c", b.path("nginx.conf"))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		resp, err := http.Get("http://" + front + path)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	b.until("nginx answers with the page", func() bool { return strings.Contains(get("/supervisor/"), `data-name="web"`) })
	if sheet := get("/supervisor/stylesheets/supervisor.css"); !strings.Contains(sheet, "body {") {
		t.Errorf("the sheet is %q", sheet)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("nginx: %v\n%s", err, said.String())
	}
	b.stop()
}

// TestDocsMigrate changes over from Debian's Supervisor as docs/migrate.md says.
func TestDocsMigrate(t *testing.T) {
	t.Parallel()
	const original = "/usr/bin/supervisord"
	if _, err := os.Stat(original); err != nil {
		t.Skip("the page needs Supervisor (apt-get install supervisor)")
	}
	b := newBox(t, "", "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"+
		"[program:web]\ncommand = sleep 1000\nstartsecs = 0\n")
	gosv, err := exec.LookPath("gosv")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write("gosv", string(readAll(t, gosv)))
	var blocks []string
	for _, block := range docsBlocks(t) {
		if block.mark == "<!-- run by TestDocsMigrate -->" {
			blocks = append(blocks, block.text)
		}
	}
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	move := strings.NewReplacer("/etc/supervisor/supervisord.conf", b.path("s.conf"), "/var/run/supervisor.sock", b.path("s.sock"),
		"/var/run/supervisord.pid", b.path("d.pid"), "/usr/local/bin/", b.path("bin")+"/", "supervisorctl shutdown", "supervisorctl -c "+b.path("s.conf")+" shutdown",
		"supervisorctl status", "supervisorctl -c "+b.path("s.conf")+" status")
	run := func(block string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", move.Replace(block))
		cmd.Dir, cmd.WaitDelay = b.dir, 10*time.Second
		cmd.Env = append(os.Environ(), "PATH=/usr/bin:/bin:"+filepath.Dir(gosv), "GOSV_MARK="+b.dir)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	theirs := exec.Command(original, "-n", "-c", b.path("s.conf"))
	theirs.Dir = b.dir
	b.out = b.path("out.txt")
	b.run(theirs)
	shown := ""
	looks := regexp.MustCompile(`no faults.*\nweb +RUNNING +pid \d+`)
	b.until("gosv ctl shows Supervisor's program", func() bool {
		shown = run(blocks[0])
		return looks.MatchString(shown)
	})
	shown = run(blocks[1])
	if !regexp.MustCompile(`(?m)^Shut down\nweb +(STARTING|RUNNING) `).MatchString(shown) {
		t.Errorf("the change says\n%s", shown)
	}
	b.until("gosv answers", func() bool { _, _, err := b.ask("hello", map[string]any{"protocol": 1}); return err == nil })
	b.ctl("shutdown")
	b.until("all has ended", func() bool { return len(b.marked()) == 0 })
}
