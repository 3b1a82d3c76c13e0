package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSaid: what packaging/test.sh shows once more at its end says why each package failed, and
// nothing of those that passed.
func TestSaid(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("packaging/test.sh")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(?ms)^said\(\).*?^}`).Find(script)
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "line %d\n", i)
		}
		return b.String()
	}
	const fine = "=== RUN   TestX\npanic: of a child\n    x_test.go:1: fine\n--- PASS: TestX (0.00s)\nPASS\nok  \tgosv/fine\t0.1s\n"
	for name, tt := range map[string]struct{ log, want string }{
		"two tests of one name": {
			"=== RUN   TestX\n    x_test.go:3: one\n--- FAIL: TestX (0.00s)\n=== RUN   TestY\n--- PASS: TestY (0.00s)\nFAIL\nFAIL\tgosv/one\t0.1s\n" +
				"=== RUN   TestX\n    x_test.go:3: two\n--- PASS: TestX (0.00s)\nPASS\nok  \tgosv/two\t0.1s\nFAIL\n",
			"    x_test.go:3: one\n--- FAIL: TestX (0.00s)\nFAIL\tgosv/one\t0.1s\n",
		},
		"the last of a part of a test": {
			"=== RUN   TestX\n=== RUN   TestX/a\n=== PAUSE TestX/a\n=== RUN   TestX/b\n=== PAUSE TestX/b\n=== CONT  TestX/a\n" + lines(30) +
				"=== CONT  TestX/b\n    x_test.go:9: b\n--- FAIL: TestX (0.00s)\n    --- FAIL: TestX/a (0.00s)\n    --- PASS: TestX/b (0.00s)\nFAIL\nFAIL\tgosv/x\t0.1s\n",
			"--- FAIL: TestX (0.00s)\n" + strings.TrimPrefix(lines(30), lines(17)) + "    --- FAIL: TestX/a (0.00s)\nFAIL\tgosv/x\t0.1s\n",
		},
		"the compiler": {
			"# gosv/x [gosv/x.test]\nx_test.go:3:7: too many arguments\n\thave (number)\n" + fine + "FAIL\tgosv/x [build failed]\nFAIL\n",
			"# gosv/x [gosv/x.test]\nx_test.go:3:7: too many arguments\n\thave (number)\nFAIL\tgosv/x [build failed]\n",
		},
		"an exit": {"it is missing\nFAIL\tgosv/x\t0.1s\n", "it is missing\nFAIL\tgosv/x\t0.1s\n"},
		"an exit in a test": {
			"=== RUN   TestX\n" + lines(60) + "FAIL\tgosv/x\t0.1s\n",
			strings.TrimPrefix(lines(60), lines(20)) + "FAIL\tgosv/x\t0.1s\n",
		},
		"a test that took too long": {
			"=== RUN   TestX\n    x_test.go:1: begins\npanic: test timed out after 3s\n\trunning tests:\n" + lines(60) + "FAIL\tgosv/x\t0.1s\n",
			"    x_test.go:1: begins\npanic: test timed out after 3s\n\trunning tests:\n" + lines(18) + "FAIL\tgosv/x\t0.1s\n",
		},
		"a panic of a test": {
			"=== RUN   TestX\n--- FAIL: TestX (0.00s)\npanic: oh\n\n" + lines(60) + "FAIL\tgosv/x\t0.1s\n",
			"--- FAIL: TestX (0.00s)\npanic: oh\n\n" + lines(18) + "FAIL\tgosv/x\t0.1s\n",
		},
		"no end": {"=== RUN   TestX\nhalf a line", "half a line\n"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, []byte(fine+tt.log), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command("sh", "-c", string(said)+"\nsaid \"$1\"", "sh", log).CombinedOutput()
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", name, err, got, tt.want)
		}
	}
}
