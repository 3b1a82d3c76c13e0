package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosv/conf"
)

// TestProtocolDocClient runs the Python client that docs/protocol.md shows.
func TestProtocolDocClient(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3")
	}
	_, rest, _ := strings.Cut(protocolDoc(t), "```python\n")
	code, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/protocol.md has no client")
	}
	file := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	_, path := newFake(t).serveUnix(t, conf.UnixServer{})
	out, err := exec.Command(python, file, path, "start", `{"name":"grp:*"}`).CombinedOutput()
	want := "{'id': 1, 'ev': {'name': 'g2', 'group': 'grp', 'did': 'started'}}\n{'id': 1, 'ok': {'count': 1, 'failed': 0}}\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, out, want)
	}
}

// TestProtocolDocIsWhole: every short method and every fault has its row.
func TestProtocolDocIsWhole(t *testing.T) {
	t.Parallel()
	doc := protocolDoc(t)
	for name := range newFake(t).methods().byName {
		if !strings.Contains(name, ".") && !strings.Contains(doc, "\n| `"+name+"` |") {
			t.Errorf("docs/protocol.md does not have the method %s", name)
		}
	}
	golden, err := filepath.Glob("wire/testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, g := range golden {
		b, err := os.ReadFile(g)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	for _, line := range strings.Split(doc, "\n") {
		if strings.HasPrefix(line, "< ") && !slices.Contains(strings.Split(text.String(), "\n"), line) {
			t.Errorf("docs/protocol.md shows what no transcript has: %s", line)
		}
	}
}

func protocolDoc(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
