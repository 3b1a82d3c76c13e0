package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// exampleConf is a configuration of examples/, with the directories that a host has moved to dir.
func exampleConf(dir, text string) string {
	for _, d := range []string{"/var/log/gosv", "/run/gosv"} {
		text = strings.ReplaceAll(text, d+"/", dir+"/")
		text = strings.ReplaceAll(text, d+"\n", dir+"\n")
	}
	return text
}

func loopback(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

// TestExamplesCheck: every configuration in examples/ is without faults, those inside
// manifests too.
func TestExamplesCheck(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	files, _ := filepath.Glob("examples/*/gosv.*")
	for _, f := range files {
		texts[f] = string(readAll(t, f))
	}
	texts["examples/kubernetes/pod.yaml.toml"] = indented(string(readAll(t, "examples/kubernetes/pod.yaml")), "gosv.toml: |\n")
	_, after, _ := strings.Cut(string(readAll(t, "examples/nomad/web.nomad.hcl")), "<<EOF\n")
	texts["examples/nomad/web.toml"], _, _ = strings.Cut(after, "EOF\n")
	if len(texts) < 6 {
		t.Errorf("only %d configurations", len(texts))
	}
	for name, text := range texts {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(exampleConf(dir, text)), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("gosv", "conf", "check", file)
		cmd.Env = append(os.Environ(), "GOSV_PASSWORD=x")
		if out, err := cmd.CombinedOutput(); err != nil || len(text) < 50 {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, text)
		}
	}
}

// indented is the block scalar of YAML that follows head.
func indented(text, head string) string {
	_, after, _ := strings.Cut(text, head)
	prefix := after[:len(after)-len(strings.TrimLeft(after, " "))]
	var b strings.Builder
	for line := range strings.Lines(after) {
		rest, ok := strings.CutPrefix(line, prefix)
		if !ok && strings.TrimSpace(line) != "" {
			break
		}
		b.WriteString(rest)
	}
	return b.String()
}

// TestExamplesByTheirTools asks the tools that the manifests are for.
func TestExamplesByTheirTools(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		tool, remedy string
		args         []string
	}{
		{"hclfmt", "go install github.com/hashicorp/hcl/v2/cmd/hclfmt@v2.20.1", []string{"-check", "examples/nomad/web.nomad.hcl"}},
		{"ansible-playbook", "apt-get install ansible", []string{"--syntax-check", "-i", "localhost,", "examples/ansible/play.yml"}},
		{"python3", "apt-get install python3-yaml", []string{"-c", "import sys, yaml\nfor f in sys.argv[1:]: assert list(yaml.safe_load_all(open(f)))", "examples/kubernetes/pod.yaml", "examples/kubernetes/sidecar.yaml", "examples/ansible/play.yml"}},
	} {
		t.Run(row.tool, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(row.tool); err != nil {
				t.Skipf("%s is not here to check examples/ (%s)", row.tool, row.remedy)
			}
			out, err := exec.Command(row.tool, row.args...).CombinedOutput()
			switch {
			case err != nil && bytes.Contains(out, []byte("No module named 'yaml'")):
				t.Skipf("no YAML for Python (%s)", row.remedy)
			case err != nil:
				t.Errorf("%s %q: %v\n%s", row.tool, row.args, err, out)
			}
		})
	}
}

// nginxPath is where nginx is.
func nginxPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("the example needs nginx (apt-get install nginx-light)")
	return ""
}

// TestExampleFastCGI runs nginx and php as examples/fastcgi says, but for where. The socket
// outlives the restart of one process.
func TestExampleFastCGI(t *testing.T) {
	t.Parallel()
	nginx := nginxPath(t)
	if _, err := exec.LookPath("/usr/bin/php-cgi"); err != nil || os.Getuid() != 0 {
		t.Skip("the example needs root and php-cgi (apt-get install php-cgi)")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // www-data must come to the socket
		t.Fatal(err)
	}
	front := loopback(t)
	move := strings.NewReplacer("127.0.0.1:8080", front, "/usr/sbin/nginx", nginx, "/srv/php/", dir+"/", "/run/", dir+"/", "/var/log/", dir+"/",
		"unix:///run/", "unix://"+dir+"/", "unix:/run/", "unix:"+dir+"/")
	for _, name := range []string{"gosv.conf", "nginx.conf", "index.php"} {
		writeConf(t, dir+"/"+name, move.Replace(string(readAll(t, "examples/fastcgi/"+name))))
	}
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", dir + "/gosv.conf"}, nil)
	answers := func() bool {
		resp, err := http.Get("http://" + front + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body) == "hello from php\n"
	}
	until(t, "nginx answers with what php says", answers)
	before, err := os.Stat(dir + "/php.sock")
	if err != nil || before.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v, want mode 0660", before, err)
	}
	for i := range 4 {
		if out, err := exec.Command("gosv", "ctl", "-c", dir+"/gosv.conf", "restart", fmt.Sprintf("php:php_%d", i)).CombinedOutput(); err != nil {
			t.Errorf("restart: %v\n%s", err, out)
		}
	}
	if !answers() || strings.Contains(string(readAll(t, dir+"/gosv.log")), "Closing socket") {
		t.Errorf("the socket was closed\n%s", readAll(t, dir+"/gosv.log"))
	}
	p.signal(syscall.SIGTERM)
	if code, out, stderr := p.end(t); code != 0 {
		t.Errorf("exit status %d\n%s%s", code, out, stderr)
	}
}

// TestExampleContainer runs nginx and the app as examples/container says, but for where.
func TestExampleContainer(t *testing.T) {
	t.Parallel()
	nginx := nginxPath(t)
	dir := t.TempDir()
	here, err := filepath.Abs("examples/container")
	if err != nil {
		t.Fatal(err)
	}
	app, front, own := loopback(t), loopback(t), loopback(t)
	move := strings.NewReplacer("127.0.0.1:8000", app, "127.0.0.1:8080", front, "127.0.0.1:9001", own, "@gosv", dir+"/s.sock",
		"/usr/sbin/nginx", nginx, "/srv/app/nginx.conf", dir+"/nginx.conf", "/srv/app/", here+"/", "/tmp/", dir+"/", "drain_secs = 2", "drain_secs = 0")
	for _, name := range []string{"gosv.toml", "nginx.conf"} {
		text := move.Replace(string(readAll(t, "examples/container/"+name)))
		if os.Getuid() == 0 && name == "nginx.conf" {
			text = "user root;\n" + text
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", dir + "/gosv.toml"}, nil)
	var last string
	until(t, "it is ready", func() bool {
		out, err := exec.Command("gosv", "healthcheck", "-c", dir+"/gosv.toml").CombinedOutput()
		last = string(out)
		return err == nil
	})
	var body []byte
	until(t, "nginx answers with what the app says", func() bool {
		resp, err := http.Get("http://" + front + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, _ = io.ReadAll(resp.Body)
		return string(body) == "hello from the app\n"
	})
	resp, err := http.Get("http://" + own + "/metrics")
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("metrics: %v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	p.signal(syscall.SIGTERM)
	if code, out, stderr := p.end(t); code != 0 {
		t.Errorf("exit status %d; %s\n%s%s", code, last, out, stderr)
	}
}

// TestExampleJob runs the job at each tick, with a tick of 5 seconds for one of an hour.
func TestExampleJob(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a tick: not in the short run")
	}
	dir := t.TempDir()
	here, err := filepath.Abs("examples/job")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("TICK_3600", "TICK_5", "/srv/job/", here+"/", "@gosv", dir+"/s.sock",
		`"/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "8000"`, `"/bin/sleep", "1000"`).Replace(string(readAll(t, "examples/job/gosv.toml")))
	if err := os.WriteFile(dir+"/gosv.toml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", dir + "/gosv.toml"}, nil)
	p.wait(t, "the job ran\n")
	p.wait(t, "the job ran\n")
	p.signal(syscall.SIGTERM)
	if code, _, _ := p.end(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
