package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	addr, server := "", ""
	if strings.Contains(text, "127.0.0.1:9001") {
		addr = loopback(t)
		server = "[inet_http_server]\nport = " + addr + "\n"
	}
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
		ctx, cancel := context.WithTimeout(t.Context(), patience)
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

// TestDocsNginx: the page goes through nginx as docs/web.md says.
func TestDocsNginx(t *testing.T) {
	t.Parallel()
	nginx := nginxPath(t)
	b := newBox(t, "", "[program:web]\ncommand = sleep 1000\nstartsecs = 0\n").start()
	_, block, _ := strings.Cut(string(readAll(t, "docs/web.md")), "```nginx\n")
	block, _, _ = strings.Cut(block, "```")
	who := ""
	if os.Getuid() == 0 {
		who = "user root;\n"
	}
	b.write("nginx.conf", who+"daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+
		"client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"+
		"server {\nlisten unix:"+b.path("n.sock")+";\n"+strings.ReplaceAll(block, "/run/supervisor.sock", b.path("s.sock"))+"}\n}\n")
	var said bytes.Buffer
	cmd := exec.Command(nginx, "-p", b.dir, "-c", b.path("nginx.conf"))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.path("n.sock"))
	}}}
	get := func(path string) string {
		resp, err := client.Get("http://localhost" + path)
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
		ctx, cancel := context.WithTimeout(t.Context(), patience)
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
