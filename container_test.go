package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRunc runs the image's layer as nobody, without a capability, on a root that cannot be
// written to, with gosv as PID 1.
func TestRunc(t *testing.T) {
	t.Parallel()
	bin := static(t)
	if _, err := exec.LookPath("runc"); err != nil || os.Getuid() != 0 {
		t.Skip("containers need root and runc (apt-get install runc)")
	}
	dir := t.TempDir()
	for _, d := range []string{"proc", "dev", "sys", "etc", "tmp"} {
		if err := os.MkdirAll(dir+"/rootfs/"+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(dir+"/rootfs/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data := readAll(t, bin)
	if err := os.WriteFile(dir+"/rootfs/gosv", data, 0o755); err != nil {
		t.Fatal(err)
	}
	const bare = "logfile = \"none\"\npidfile = \"none\"\n"
	write("etc/inner.toml", "[supervisord]\n"+bare)
	toStdout := "stdout_logfile = \"/dev/stdout\"\nstdout_logfile_maxbytes = 0\nredirect_stderr = true\n"
	write("etc/gosv.toml", "[unix_http_server]\nfile = \"@gosv\"\n[supervisord]\n"+bare+
		"[program.inner]\ncommand = [\"/gosv\", \"daemon\", \"-n\", \"-c\", \"/etc/inner.toml\"]\n"+toStdout)
	// A program that gives up, and one that does nothing about TERM, both made of gosv alone.
	write("etc/fatal.toml", "[supervisord]\nexit_on = \"fatal\"\nlog_format = \"json\"\n"+bare+
		"[program.bad]\ncommand = [\"/gosv\", \"init\", \"--remap-exit\", \"0=3\", \"--\", \"/gosv\", \"version\"]\nstartretries = 0\n"+toStdout)
	stubborn := "[program.stubborn]\ncommand = [\"/gosv\", \"init\", \"--rewrite\", \"TERM=0\", \"--\", \"/gosv\", \"daemon\", \"-n\", \"-c\", \"/etc/inner.toml\"]\nstopwaitsecs = 3600\n" + toStdout
	write("etc/budget.toml", "[supervisord]\nshutdown_timeout = 3\n"+bare+stubborn)
	write("etc/twice.toml", "[supervisord]\nshutdown_timeout = 3000\n"+bare+stubborn)
	write("termination-log", "")
	if err := os.Chmod(dir+"/rootfs/termination-log", 0o666); err != nil { // as the kubelet makes it
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", "cd "+dir+" && runc spec").CombinedOutput(); err != nil {
		t.Fatalf("runc spec: %v\n%s", err, out)
	}
	spec := map[string]any{}
	if err := json.Unmarshal(readAll(t, dir+"/config.json"), &spec); err != nil {
		t.Fatal(err)
	}
	process := spec["process"].(map[string]any)
	process["terminal"] = false
	process["user"] = map[string]any{"uid": 65534, "gid": 65534}
	process["capabilities"] = map[string]any{}
	process["noNewPrivileges"] = true
	spec["root"].(map[string]any)["readonly"] = true
	spec["mounts"] = append(spec["mounts"].([]any), map[string]any{"destination": "/dev/termination-log", "type": "bind",
		"source": dir + "/rootfs/termination-log", "options": []string{"bind", "rw"}})
	run := func(name string, args ...string) *initProc {
		process["args"] = args
		text, _ := json.Marshal(spec)
		if err := os.WriteFile(dir+"/config.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { exec.Command("runc", "delete", "-f", name).Run() })
		return startInit(t, []string{"runc", "run", "--bundle", dir, name}, nil)
	}
	id := "gosv-test-" + filepath.Base(dir)
	p := run(id+"-0", "/gosv", "--", "/gosv", "version")
	if code, out, stderr := p.end(t); code != 0 || !strings.HasPrefix(out, "gosv ") {
		if strings.Contains(stderr, "unable to") || strings.Contains(stderr, "cgroup") {
			t.Skipf("runc does not work here: %s", stderr)
		}
		t.Fatalf("gosv -- gosv version: %d %q %q", code, out, stderr)
	}
	if code, _, stderr := run(id+"-1", "/gosv", "--", "/nonexistent").end(t); code != 127 {
		t.Errorf("gosv -- /nonexistent: %d %q, want 127", code, stderr)
	}
	p = run(id+"-2", "/gosv", "daemon", "-c", "/etc/gosv.toml")
	until(t, "the container is healthy", func() bool {
		return exec.Command("runc", "exec", id+"-2", "/gosv", "healthcheck", "-c", "/etc/gosv.toml").Run() == nil
	})
	if out, err := exec.Command("runc", "exec", id+"-2", "/gosv", "ctl", "-c", "/etc/gosv.toml", "stop", "inner").CombinedOutput(); err != nil {
		t.Errorf("ctl stop: %v %s", err, out)
	}
	if err := exec.Command("runc", "exec", id+"-2", "/gosv", "healthcheck", "-c", "/etc/gosv.toml").Run(); err == nil {
		t.Error("the container is healthy without its program")
	}
	if out, err := exec.Command("runc", "kill", id+"-2", "TERM").CombinedOutput(); err != nil {
		t.Fatalf("runc kill: %v %s", err, out)
	}
	if code, out, stderr := p.end(t); code != 0 {
		t.Errorf("exit status %d, want 0\n%s%s", code, out, stderr)
	}

	// exit_on: the status is the program's, and Kubernetes is told why.
	code, out, stderr := run(id+"-3", "/gosv", "daemon", "-c", "/etc/fatal.toml").end(t)
	why := string(readAll(t, dir+"/rootfs/termination-log"))
	if code != 3 || !strings.Contains(why, "bad was given up") {
		t.Errorf("exit_on: status %d, want 3; the termination log has %q\n%s%s", code, why, out, stderr)
	}
	for line := range strings.Lines(out) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %q", line)
		}
	}
	write("etc/bad.toml", "[supervisord]\n"+bare+"[program.x]\ncomand = \"/gosv version\"\n")
	code, out, stderr = run(id+"-4", "/gosv", "daemon", "-c", "/etc/bad.toml").end(t)
	if why := string(readAll(t, dir+"/rootfs/termination-log")); code != 2 || !strings.Contains(why, "did you mean command") {
		t.Errorf("a fault in the configuration: status %d, want 2; the termination log has %q\n%s%s", code, why, out, stderr)
	}
	for i, row := range []struct{ conf, want string }{
		{"budget", "(3 seconds, shutdown_timeout) is nearly over: killing what is left: stubborn"},
		{"twice", "killing what is left, as asked: stubborn"},
	} {
		name := id + "-" + row.conf
		p := run(name, "/gosv", "daemon", "-c", "/etc/"+row.conf+".toml")
		p.waitFor(t, "supervisord started with pid [^1]") // the inner one, which init shields from TERM
		for range i + 1 {
			if out, err := exec.Command("runc", "kill", name, "TERM").CombinedOutput(); err != nil {
				t.Fatalf("runc kill: %v %s", err, out)
			}
			if i == 1 {
				p.waitFor(t, "waiting for stubborn to die|as asked")
			}
		}
		if code, out, stderr := p.end(t); code != 0 || !strings.Contains(out, row.want) {
			t.Errorf("%s: status %d, want 0, and %q\n%s%s", row.conf, code, row.want, out, stderr)
		}
	}
}

// TestRuncTerminal is docker run -it: the shell under gosv has the terminal and job control.
func TestRuncTerminal(t *testing.T) {
	t.Parallel()
	bin := static(t)
	busybox, err := os.ReadFile("/bin/busybox")
	if _, missing := exec.LookPath("runc"); missing != nil || err != nil || os.Getuid() != 0 {
		t.Skip("it needs root, runc and busybox-static")
	}
	for _, flag := range []string{"-g", "--setsid"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, d := range []string{"proc", "dev", "sys", "bin"} {
				if err := os.MkdirAll(dir+"/rootfs/"+d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for name, data := range map[string][]byte{"gosv": readAll(t, bin), "bin/sh": busybox, "bin/busybox": busybox} {
				if err := os.WriteFile(dir+"/rootfs/"+name, data, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := exec.Command("sh", "-c", "cd "+dir+" && runc spec").CombinedOutput(); err != nil {
				t.Fatalf("runc spec: %v\n%s", err, out)
			}
			spec := map[string]any{}
			if err := json.Unmarshal(readAll(t, dir+"/config.json"), &spec); err != nil {
				t.Fatal(err)
			}
			spec["process"].(map[string]any)["args"] = []string{"/gosv", "init", flag, "--", "/bin/sh"}
			text, _ := json.Marshal(spec)
			writeConf(t, dir+"/config.json", string(text))
			id := "gosv-tty" + flag + "-" + filepath.Base(filepath.Dir(dir))
			t.Cleanup(func() { exec.Command("runc", "delete", "-f", id).Run() })
			p := onTerminal(t, "runc", "run", "--bundle", dir, id)
			p.types("echo pid $PPID\n")
			p.shows(t, "pid 1\n")
			p.types("busybox sleep 1000\n")
			p.shows(t, "sleep 1000\n")
			until(t, "it sleeps", func() bool {
				out, _ := exec.Command("runc", "exec", id, "/bin/busybox", "ps").Output()
				return strings.Contains(string(out), "sleep 1000")
			})
			p.types("\x03") // ends the sleep and not the shell
			p.types("echo still $((40+2))\n")
			p.shows(t, "still 42\n")
			if strings.Contains(p.screen(), "job control") {
				t.Errorf("no job control:\n%s", p.screen())
			}
			p.types("exit 3\n")
			p.exits(t, 3)
		})
	}
}

// TestPodman loads the image and runs it as an engine does.
func TestPodman(t *testing.T) {
	t.Parallel()
	file := image(t)
	dir := t.TempDir()
	podman := engine(t, dir)
	if out, err := podman("info"); err != nil {
		t.Skipf("podman does not work here: %v\n%s", err, out)
	}
	var out []byte
	var err error
	for line := range strings.Lines(docsBlock(t, "docs/containers.md")) { // the commands of the page
		words := strings.Fields(strings.NewReplacer("dist/gosv-linux-amd64.tar", file, "run --rm", "run --rm --network none").Replace(line))
		if out, err = podman(words[1:]...); words[0] != "podman" || err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	if !bytes.HasPrefix(out, []byte("gosv ")) {
		t.Errorf("podman run wrote %q", out)
	}
	run := []string{"run", "--rm", "--network", "none", "--read-only", "--user", "1000:1000", "--cap-drop", "ALL"}
	config := dir + "/gosv.toml"
	if err := os.WriteFile(config, []byte("[unix_http_server]\nfile = \"@gosv\"\n[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := podman(append(run[:1:1], append([]string{"-d", "--name", "d", "-v", config + ":/etc/gosv.toml:ro"}, append(run[2:], "localhost/gosv:0.1.0", "daemon", "-c", "/etc/gosv.toml")...)...)...); err != nil {
		t.Fatalf("podman run -d: %v\n%s", err, out)
	}
	until(t, "the container is healthy", func() bool {
		_, err := podman("exec", "d", "/gosv", "healthcheck", "-c", "/etc/gosv.toml")
		return err == nil
	})
	begin := time.Now()
	if out, err := podman("stop", "-t", "30", "d"); err != nil {
		t.Errorf("podman stop: %v\n%s", err, out)
	}
	if code, err := podman("inspect", "d", "--format", "{{.State.ExitCode}}"); err != nil || strings.TrimSpace(string(code)) != "0" || time.Since(begin) > 25*time.Second {
		t.Errorf("exit status %s after %v: %v, want 0 without waiting for KILL", code, time.Since(begin), err)
	}
	podman("rm", "-f", "d")
}

// TestContainerfiles builds both, on bases that stand in for those of a registry: busybox,
// with a make that has gosv compiled already, and an apt-get that does nothing.
func TestContainerfiles(t *testing.T) {
	t.Parallel()
	file := image(t)
	dir := t.TempDir()
	podman := engine(t, dir)
	importShell(t, podman, dir, map[string]string{
		"bin/make":    "#!/bin/sh\n[ \"$1\" = build ] && [ -f main.go ] && cp /prebuilt gosv\n",
		"bin/apt-get": "#!/bin/sh\n",
		"prebuilt":    string(readAll(t, static(t))),
	}, "docker.io/library/debian:stable-slim")
	do := func(args ...string) string {
		t.Helper()
		out, err := podman(args...)
		if err != nil {
			t.Fatalf("podman %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	do("tag", "docker.io/library/debian:stable-slim", "docker.io/library/golang:1.26")
	do("load", "-i", file)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	build := []string{"build", "--format", "docker", "--isolation", "chroot", "--pull=never", "--layers=false"}
	for name, where := range map[string][]string{
		"based": {"-f", copyTree(t) + "/packaging/Containerfile", ""},
		"web":   {here + "/examples/container"},
	} {
		if where[len(where)-1] == "" {
			where[2] = filepath.Dir(filepath.Dir(where[1]))
		}
		do(append(append(append([]string{}, build...), "-t", name), where...)...)
		got := do("image", "inspect", name, "--format", "{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Cmd}} {{.HealthCheck.Test}}")
		if want := "65532:65532 [gosv] [daemon -c /etc/gosv.toml] [CMD gosv healthcheck -c /etc/gosv.toml]\n"; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	writeConf(t, dir+"/gosv.toml", "[unix_http_server]\nfile = \"@gosv\"\n[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n")
	do("run", "-d", "--name", "c", "--network", "none", "--read-only", "--cap-drop", "ALL", "-v", dir+"/gosv.toml:/etc/gosv.toml:ro", "based")
	until(t, "its HEALTHCHECK passes", func() bool { _, err := podman("healthcheck", "run", "c"); return err == nil })
	if out := do("exec", "c", "supervisorctl", "-s", "unix://@gosv", "version"); !strings.Contains(out, ".") {
		t.Errorf("supervisorctl version: %q", out)
	}
	do("stop", "-t", "30", "c")
	if out := do("inspect", "c", "--format", "{{.State.ExitCode}}"); out != "0\n" {
		t.Errorf("exit status %s, want 0", out)
	}
}

// importShell makes an image with a shell and some files.
func importShell(t *testing.T, podman func(...string) ([]byte, error), dir string, files map[string]string, name string) {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil || exec.Command("sh", "-c", "ldd /bin/busybox").Run() == nil {
		t.Skip("it needs a shell without libraries in the image (apt-get install busybox-static)")
	}
	root := dir + "/root"
	for _, applet := range []string{"ln", "cp", "rm", "cat", "sleep"} {
		files["bin/"+applet] = "#!/bin/sh\nexec /bin/busybox " + applet + " \"$@\"\n"
	}
	files["bin/sh"] = string(busybox)
	files["etc/empty"], files["proc/empty"], files["tmp/empty"] = "", "", ""
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(root+"/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+"/"+name, []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(root+"/bin/sh", root+"/bin/busybox"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-C", root, "-cf", dir+"/root.tar", ".").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	if out, err := podman("import", dir+"/root.tar", name); err != nil {
		t.Skipf("podman does not work here: %v\n%s", err, out)
	}
}

// engine is podman with a storage of its own.
func engine(t *testing.T, dir string) func(args ...string) ([]byte, error) {
	t.Helper()
	if _, err := exec.LookPath("podman"); err != nil || os.Getuid() != 0 {
		t.Skip("an engine needs root and podman (apt-get install podman runc catatonit)")
	}
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("an engine needs namespaces, which are not to be had here: %v\n%s", err, out)
	}
	conf := dir + "/containers.conf"
	if err := os.WriteFile(conf, []byte("[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	podman := func(args ...string) ([]byte, error) {
		cmd := exec.Command("podman", append([]string{"--root", dir + "/st", "--runroot", dir + "/rr", "--storage-driver", "vfs",
			"--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"}, args...)...)
		cmd.Dir = dir // play kube takes a file with the image's name for something to build
		cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+conf)
		return cmd.CombinedOutput()
	}
	t.Cleanup(func() { podman("rm", "-af", "-t", "0") })
	return podman
}
