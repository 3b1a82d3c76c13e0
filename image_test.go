package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// staticGosv builds gosv as a release does, once; tests that need it are not in the short run.
var staticGosv = sync.OnceValues(func() (path string, err error) {
	ours, err := exec.LookPath("gosv") // the test binary's, in a directory that is removed in the end
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(ours) + "/static"
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "urfave_cli_no_docs", "-ldflags", "-s -w", "-o", dir+"/gosv", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{out, err}
	}
	return dir + "/gosv", nil
})

type buildError struct {
	out []byte
	err error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + string(e.out) }

// static is the path of a static gosv.
func static(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program: not in the short run")
	}
	path, err := staticGosv()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// image packs a static gosv; it returns the tar.
func image(t *testing.T) string {
	t.Helper()
	bin := static(t)
	if out, err := exec.Command("tar", "--version").Output(); err != nil || !bytes.Contains(out, []byte("GNU tar")) {
		t.Skip("packing an image needs GNU tar")
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if out, err := exec.Command("sh", "packaging/image.sh", bin, runtime.GOARCH, file).CombinedOutput(); err != nil {
		t.Fatalf("image.sh: %v\n%s", err, out)
	}
	return file
}

// TestImage: what is packed is an image, and always the same.
func TestImage(t *testing.T) {
	t.Parallel()
	first, second := readAll(t, image(t)), readAll(t, image(t))
	if !bytes.Equal(first, second) {
		t.Error("two images of one binary differ")
	}
	files := untar(t, first)
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var config struct {
		Architecture, OS string
		Config           struct{ Entrypoint []string }
		RootFS           struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 || len(manifest[0].Layers) != 1 {
		t.Fatalf("manifest.json: %v\n%s", err, files["manifest.json"])
	}
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		t.Fatalf("config: %v\n%s", err, files[manifest[0].Config])
	}
	layer := files[manifest[0].Layers[0]]
	sum := sha256.Sum256(layer)
	if got := "sha256:" + hex.EncodeToString(sum[:]); len(config.RootFS.DiffIDs) != 1 || got != config.RootFS.DiffIDs[0] {
		t.Errorf("the layer is %s, the config says %v", got, config.RootFS.DiffIDs)
	}
	if config.OS != "linux" || config.Architecture != runtime.GOARCH || config.Config.Entrypoint[0] != "/gosv" {
		t.Errorf("config: %+v", config)
	}
	r := tar.NewReader(bytes.NewReader(layer))
	var names []string
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: owner %d:%d %q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
	}
	want := "etc/ gosv run/ tmp/ usr/ usr/bin/ usr/bin/gosv usr/bin/pidproxy usr/bin/supervisorctl usr/bin/supervisord"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the layer has %s, want %s", got, want)
	}
}

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
	const inner = "[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n"
	write("etc/inner.toml", inner)
	write("etc/gosv.toml", `[unix_http_server]
file = "@gosv"
`+inner+`
[program.inner]
command = ["/gosv", "daemon", "-n", "-c", "/etc/inner.toml"]
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
redirect_stderr = true
`)
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
}

// TestPodman loads the image and runs it as an engine does.
func TestPodman(t *testing.T) {
	t.Parallel()
	file := image(t)
	if _, err := exec.LookPath("podman"); err != nil || os.Getuid() != 0 {
		t.Skip("an engine needs root and podman (apt-get install podman runc)")
	}
	dir := t.TempDir()
	podman := engine(t, dir)
	out, err := podman("load", "-i", file)
	if err != nil {
		t.Skipf("podman does not work here: %v\n%s", err, out)
	}
	run := []string{"run", "--rm", "--network", "none", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
		"--read-only", "--user", "1000:1000", "--cap-drop", "ALL"}
	if out, err := podman(append(run, "localhost/gosv:0.1.0", "version")...); err != nil || !bytes.HasPrefix(out, []byte("gosv ")) {
		t.Errorf("podman run: %v\n%s", err, out)
	}
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

// engine is podman with a storage of its own.
func engine(t *testing.T, dir string) func(args ...string) ([]byte, error) {
	t.Helper()
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
	t.Cleanup(func() { podman("rm", "-af"); podman("rmi", "-af") })
	return podman
}

// TestKubernetesManifest runs a Pod's manifest: its probe fails when a program is gone, and
// recovers. podman asks a probe through a shell, which an image of gosv alone does not have.
func TestKubernetesManifest(t *testing.T) {
	t.Parallel()
	bin := static(t)
	if _, err := exec.LookPath("podman"); err != nil || os.Getuid() != 0 {
		t.Skip("an engine needs root and podman (apt-get install podman runc catatonit)")
	}
	shell := readAny("/bin/busybox")
	if exec.Command("sh", "-c", "ldd /bin/busybox").Run() == nil || shell == nil {
		t.Skip("the probe needs a shell without libraries in the image (apt-get install busybox-static)")
	}
	dir := t.TempDir()
	podman := engine(t, dir)
	root := dir + "/root"
	for name, data := range map[string][]byte{"gosv": readAll(t, bin), "bin/sh": shell, "etc/empty": nil, "proc/.": nil} {
		os.MkdirAll(filepath.Dir(root+"/"+name), 0o755)
		if filepath.Base(name) != "." {
			if err := os.WriteFile(root+"/"+name, data, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.Command("tar", "-C", root, "-cf", dir+"/root.tar", ".").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	if out, err := podman("import", "--change", `ENTRYPOINT ["/gosv"]`, dir+"/root.tar", "localhost/gosv:probe"); err != nil {
		t.Skipf("podman does not work here: %v\n%s", err, out)
	}
	manifest := dir + "/pod.yaml"
	if err := os.WriteFile(manifest, []byte(podYAML), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := podman("play", "kube", manifest); err != nil {
		t.Skipf("podman play kube does not work here: %v\n%s", err, out)
	}
	t.Cleanup(func() { podman("play", "kube", "--down", manifest) })
	healthy := func() bool { _, err := podman("healthcheck", "run", "p-web"); return err == nil }
	until(t, "the Pod is healthy", healthy)
	if out, err := podman("exec", "p-web", "/gosv", "ctl", "-c", "/etc/gosv/gosv.toml", "stop", "inner"); err != nil {
		t.Errorf("ctl stop: %v\n%s", err, out)
	}
	if healthy() {
		t.Error("the Pod is healthy without its program")
	}
	if out, err := podman("exec", "p-web", "/gosv", "ctl", "-c", "/etc/gosv/gosv.toml", "start", "inner"); err != nil {
		t.Errorf("ctl start: %v\n%s", err, out)
	}
	until(t, "the Pod is healthy again", healthy)
}

// podYAML is a Pod that needs nothing but gosv.
const podYAML = `apiVersion: v1
kind: ConfigMap
metadata:
  name: cfg
data:
  gosv.toml: |
    [unix_http_server]
    file = "@gosv"
    [supervisord]
    logfile = "none"
    pidfile = "none"
    [program.inner]
    command = ["/gosv", "daemon", "-n", "-c", "/etc/gosv/inner.toml"]
    stdout_logfile = "/dev/stdout"
    stdout_logfile_maxbytes = 0
    redirect_stderr = true
  inner.toml: |
    [supervisord]
    logfile = "none"
    pidfile = "none"
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  hostNetwork: true
  containers:
    - name: web
      image: localhost/gosv:probe
      imagePullPolicy: Never
      args: ["daemon", "-c", "/etc/gosv/gosv.toml"]
      livenessProbe:
        exec: {command: ["/gosv", "healthcheck", "-c", "/etc/gosv/gosv.toml"]}
        periodSeconds: 3600
        timeoutSeconds: 30
        failureThreshold: 100
      securityContext:
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        runAsUser: 65532
        capabilities: {drop: ["ALL"]}
      volumeMounts:
        - {name: config, mountPath: /etc/gosv}
  volumes:
    - name: config
      configMap: {name: cfg}
`

func readAny(file string) []byte {
	data, _ := os.ReadFile(file)
	return data
}

func readAll(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
