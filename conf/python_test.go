package conf

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"os/exec"
	"testing"
)

//go:embed testdata/oracle.py
var oracleScript string

// python is the interpreter whose configparser, shlex, getopt and % are the truth; where
// Debian's supervisor is installed it is the one that runs it.
const python = "/usr/bin/python3"

// oracle is a Python process that answers questions, one JSON value a line.
type oracle struct {
	in  *json.Encoder
	out *bufio.Reader
}

// newOracle starts a Python that lives as long as the test.
func newOracle(t testing.TB) *oracle {
	t.Helper()
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("SKIPPED: not compared with Python, because there is no %s", python)
	}
	cmd := exec.Command(python, "-X", "utf8", "-c", oracleScript)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("python: %v", err)
		}
	})
	return &oracle{json.NewEncoder(in), bufio.NewReaderSize(out, 1<<20)}
}

// answer is what Python returned, or the text of what it raised.
type answer struct {
	Result json.RawMessage
	Error  string
	Failed bool
}

// ask calls the function op of the script with arg.
func (o *oracle) ask(t testing.TB, op string, arg any) answer {
	t.Helper()
	return o.askAll(t, op, []any{arg})[0]
}

// askAll calls op for each of args in one go.
func (o *oracle) askAll(t testing.TB, op string, args []any) []answer {
	t.Helper()
	if err := o.in.Encode(map[string]any{"op": op, "args": args}); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("python does not answer: %v", err)
	}
	var answers []answer
	if err := json.Unmarshal(line, &answers); err != nil {
		t.Fatalf("python answers %.200q: %v", line, err)
	}
	if len(answers) != len(args) {
		t.Fatalf("python answers %d of %d questions", len(answers), len(args))
	}
	return answers
}

// result decodes the result.
func result[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.Result, &v); err != nil {
		t.Fatalf("python answers %s: %v", a.Result, err)
	}
	return v
}
