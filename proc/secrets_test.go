package proc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/state"
)

// Secrets are read at each start, win over everything, and are told to nobody else.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	pass, pem := filepath.Join(dir, "pass"), filepath.Join(dir, "pem")
	os.WriteFile(pem, []byte("line 1\nline 2\n\n"), 0o600)
	os.WriteFile(pass, []byte("s3cret1\r\n"), 0o600)
	inWorld(t, nil, func(w *world) {
		w.add(single("a", func(c *conf.Process) {
			c.Environment = conf.Env{{Name: "A", Value: "1"}, {Name: "PASS", Value: "not this"}}
			c.FileEnv = conf.Env{{Name: "F", Value: "file"}}
			c.Secrets = conf.Secrets{{Name: "PASS", File: pass}, {Name: "PEM", File: pem}}
		}))
		w.pass(2 * time.Second)
		env := w.k.Launches()[0].Spec.Env
		for _, want := range []string{"A=1", "F=file", "PASS=s3cret1", "PEM=line 1\nline 2\n"} {
			if !slices.Contains(env, want) {
				t.Errorf("no %q in %q", want, env)
			}
		}
		os.WriteFile(pass, []byte("s3cret2"), 0o600)
		w.do(proc.Op{Kind: proc.Restart, Group: "a", Process: "a", Wait: true})
		if env := w.k.Launches()[1].Spec.Env; !slices.Contains(env, "PASS=s3cret2") {
			t.Errorf("no new secret in %q", env)
		}
		os.Remove(pass)
		w.do(proc.Op{Kind: proc.Stop, Group: "a", Process: "a", Wait: true})
		same(t, "start", w.do(proc.Op{Kind: proc.Start, Group: "a", Process: "a", Wait: true}), []string{"a:a started SPAWN_ERROR: a"})
		if got := w.info("a").SpawnErr; got != "cannot read PASS for 'a' (environment_from_files): open "+pass+": no such file or directory" {
			t.Errorf("spawnerr %q", got)
		}
		w.wantState("a", state.Backoff)
		os.WriteFile(pass, []byte("third"), 0o600) // the next attempt finds it
		w.pass(3 * time.Second)
		w.wantState("a", state.Running)
		if said := strings.Join(w.said(), "\n"); strings.Contains(said, "s3cret") || strings.Contains(said, "line 1") {
			t.Errorf("the log tells a secret:\n%s", said)
		}
	})
}

func TestSecretFaults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		os.WriteFile(path, []byte(text), 0o600)
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	inWorld(t, nil, func(w *world) {
		for _, test := range []struct{ name, file, want string }{
			{"fifo", fifo, fifo + " is not a regular file"},
			{"dir", dir, dir + " is not a regular file"},
			{"nul", file("nul", "a\x00b"), dir + "/nul holds a NUL"},
			{"large", file("large", strings.Repeat("x", 128<<10+1)), dir + "/large is larger than 128 KiB"},
			{"empty", file("empty", ""), ""},
		} {
			w.add(single(test.name, func(c *conf.Process) { c.Secrets = conf.Secrets{{Name: "S", File: test.file}} }))
			w.pass(100 * time.Millisecond)
			got := w.info(test.name).SpawnErr
			if test.want == "" && got != "" || test.want != "" && got != "cannot read S for '"+test.name+"' (environment_from_files): "+test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		}
	})
}
