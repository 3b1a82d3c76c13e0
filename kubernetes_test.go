package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestKubernetesManifest runs the Pod of examples/kubernetes, on this machine's loopback and
// with an image whose nginx and python3 only sleep: its liveness probe fails when gosv hangs,
// and recovers; it is not ready when a program is gone, and is again.
func TestKubernetesManifest(t *testing.T) {
	t.Parallel()
	bin := static(t)
	dir := t.TempDir()
	podman := engine(t, dir)
	const sleeps = "#!/bin/sh\nexec sleep 1000000\n"
	importShell(t, podman, dir, map[string]string{"usr/local/bin/gosv": string(readAll(t, bin)), "usr/bin/python3": sleeps, "usr/sbin/nginx": sleeps},
		"localhost/base")
	writeConf(t, dir+"/Containerfile", "FROM localhost/base\nENTRYPOINT [\"gosv\"]\n")
	do := func(args ...string) string {
		t.Helper()
		out, err := podman(args...)
		if err != nil {
			t.Fatalf("podman %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	do("build", "--isolation", "chroot", "--pull=never", "-t", "registry.example.com/web:1", dir)
	const secret = `{"password": "c2VjcmV0"}` // as podman 4.3 wants a Secret
	do("secret", "create", "web-gosv", writeConf(t, dir+"/secret.json", secret))
	const ports = "      ports:\n        - name: http\n          containerPort: 8080\n        - name: gosv\n          containerPort: 9001\n"
	text := strings.NewReplacer(ports, "", "*:9001", loopback(t), "spec:\n  terminationGrace", "spec:\n  hostNetwork: true\n  terminationGrace",
		"web:1\n", "web:1\n      imagePullPolicy: Never\n", // the probe is asked by hand
		"periodSeconds: 10\n        timeoutSeconds: 5", "periodSeconds: 3600\n        timeoutSeconds: 30\n        failureThreshold: 100").Replace(string(readAll(t, "examples/kubernetes/pod.yaml")))
	if out, err := podman("play", "kube", writeConf(t, dir+"/pod.yaml", text)); err != nil {
		t.Fatalf("podman play kube: %v\n%s", err, out)
	}
	live := func() bool { _, err := podman("healthcheck", "run", "web-web"); return err == nil }
	gosv := func(args ...string) error {
		_, err := podman(append(append([]string{"exec", "web-web", "gosv"}, args...), "-c", "/etc/gosv/gosv.toml")...)
		return err
	}
	until(t, "the Pod has started", func() bool { return gosv("healthcheck", "--startup") == nil })
	until(t, "the liveness probe passes", live)
	do("kill", "-s", "STOP", "web-web")
	if live() {
		t.Error("the liveness probe passes although gosv hangs")
	}
	do("kill", "-s", "CONT", "web-web")
	until(t, "the liveness probe passes again", live)

	until(t, "it is ready", func() bool { return gosv("healthcheck", "--ready") == nil })
	do("exec", "web-web", "gosv", "ctl", "-c", "/etc/gosv/gosv.toml", "stop", "app")
	if gosv("healthcheck", "--ready") == nil {
		t.Error("without a program it is ready")
	}
	until(t, "it is live without a program", live)
	do("exec", "web-web", "gosv", "ctl", "-c", "/etc/gosv/gosv.toml", "start", "app")
	until(t, "it is ready again", func() bool { return gosv("healthcheck", "--ready") == nil })
	if log := do("logs", "web-web"); !strings.Contains(log, `"program":"gosv"`) {
		t.Errorf("its log is not JSON:\n%s", log)
	}
}

// TestKubernetesSchemas checks the manifests against the schemas of Kubernetes.
func TestKubernetesSchemas(t *testing.T) {
	t.Parallel()
	validate, err := exec.LookPath("kubectl-validate")
	if err != nil {
		t.Skip("kubectl-validate is not here to check the manifests (go install sigs.k8s.io/kubectl-validate@v0.0.4)")
	}
	out, err := exec.Command(validate, "--version", "1.30", "examples/kubernetes").CombinedOutput()
	if err != nil || strings.Count(string(out), "OK") != 2 {
		t.Errorf("kubectl-validate: %v\n%s", err, out)
	}
	// It is a check: a field that no Pod has does not pass.
	bad := strings.Replace(string(readAll(t, "examples/kubernetes/sidecar.yaml")), "restartPolicy:", "restartPolice:", 1)
	if out, err := exec.Command(validate, "--version", "1.30", writeConf(t, t.TempDir()+"/bad.yaml", bad)).CombinedOutput(); err == nil {
		t.Errorf("kubectl-validate passes restartPolice:\n%s", out)
	}
}
