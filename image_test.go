package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// release is the directory of a make image for this machine, which is made once. So all
// that needs a static gosv takes what users get, and it is compiled once.
var release = sync.OnceValues(func() (dir string, err error) {
	ours, err := exec.LookPath("gosv") // the test binary's, in a directory that is removed in the end
	if err != nil {
		return "", err
	}
	dir = filepath.Dir(ours) + "/dist"
	return dir, makeImage(".", dir, runtime.GOARCH)
})

// makeImage runs make image in a source tree.
func makeImage(tree, dist, arches string) error {
	cmd := exec.Command("make", "-s", "-C", tree, "image", "DIST="+dist, "ARCHES="+arches)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // those of the make that runs the tests are not ours
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// released is the directory of a release; tests that need it are not in the short run.
func released(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program: not in the short run")
	}
	for _, tool := range []string{"make", "tar"} {
		if out, err := exec.Command(tool, "--version").Output(); err != nil || !bytes.Contains(out, []byte("GNU")) {
			t.Skip("make image needs GNU make and GNU tar")
		}
	}
	if runtime.GOOS != "linux" {
		t.Skip("images are Linux's")
	}
	dir, err := release()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// static is the path of a static gosv, as it is released.
func static(t *testing.T) string { return released(t) + "/gosv-linux-" + runtime.GOARCH }

// image is the path of an image for this machine.
func image(t *testing.T) string { return static(t) + ".tar" }

// TestImage: make image makes an image for each architecture, and the same bytes in another
// directory.
func TestImage(t *testing.T) {
	t.Parallel()
	first := released(t)
	tree := copyTree(t)
	for _, arch := range []string{"amd64", "arm64"} {
		name := "/gosv-linux-" + arch
		if arch != runtime.GOARCH {
			first = t.TempDir()
			if err := makeImage(".", first, arch); err != nil {
				t.Fatal(err)
			}
		}
		second := t.TempDir()
		if err := makeImage(tree, second, arch); err != nil {
			t.Fatal(err)
		}
		data := readAll(t, first+name+".tar")
		if !bytes.Equal(data, readAll(t, second+name+".tar")) {
			t.Errorf("%s: two images of one source differ", arch)
		}
		checkImage(t, data, arch)
		file, err := elf.Open(first + name)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; file.Machine != want || len(file.Sections) > 0 && file.Section(".interp") != nil {
			t.Errorf("%s: the program is for %v, or not static", arch, file.Machine)
		}
		file.Close()
		if skopeo, err := exec.LookPath("skopeo"); err != nil {
			t.Log("skopeo is not here to read the image (apt-get install skopeo)")
		} else if out, err := exec.Command(skopeo, "--insecure-policy", "copy", "docker-archive:"+first+name+".tar", "oci:"+t.TempDir()).CombinedOutput(); err != nil {
			t.Errorf("%s: skopeo copy: %v\n%s", arch, err, out)
		}
	}
}

// copyTree is a copy of what gosv is built from.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("cp", "-R", "Makefile", "go.mod", "go.sum", "main.go", "conf", "ctl", "daemon", "logs", "proc", "packaging", "examples", dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return dir
}

// checkImage: what is packed is an image.
func checkImage(t *testing.T, data []byte, arch string) {
	t.Helper()
	files := untar(t, data)
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
	if config.OS != "linux" || config.Architecture != arch || config.Config.Entrypoint[0] != "/gosv" {
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
