package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosv/logs"
)

// stateFile is a state as another version hands it over.
func stateFile(t *testing.T, text []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "state")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	return f
}

// A state in a format of another time is refused with both versions, whatever is in it; a
// newer one that only knows more is read.
func TestStateOfAnotherFormat(t *testing.T) {
	for _, format := range []int{0, keptFormat - 1, keptFormat + 1, 99} {
		text := fmt.Sprintf(`{"Format":%d,"Version":"7.7","Logs":"not even of this type"}`, format)
		_, err := decodeKept(stateFile(t, []byte(text)))
		want := fmt.Sprintf("the running gosv 7.7 writes its state in format %d, and gosv %s reads format %d", format, Version, keptFormat)
		if err == nil || err.Error() != want {
			t.Errorf("format %d: %v", format, err)
		}
	}
	k := &kept{Format: keptFormat, Version: "7.7", Logs: &logs.Frozen{}, Launch: keptLaunch{File: "/x"}}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte(`{"Novelty":[1,2],`), text[1:]...)
	if got, err := decodeKept(stateFile(t, text)); err != nil || got.Launch.File != "/x" {
		t.Errorf("a state with more in it: %v", err)
	}
}

// Nothing that is no state makes a daemon of it, nor a panic.
func FuzzState(f *testing.F) {
	k := &kept{Format: keptFormat, Logs: &logs.Frozen{}, Launch: keptLaunch{File: "/x"}}
	text, _ := json.Marshal(k)
	f.Add(text)
	f.Add([]byte(`{"Format":1}`))
	f.Add([]byte(`{"Format":1,"Logs":{},"Launch":{"File":"x"},"Config":{"Groups":[{"Processes":[{"Origin":-4}]}]}}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decodeKept(stateFile(t, text))
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without words")
			}
			return
		}
		k.unpack()
	})
}

// What came goes over in the environment, and nothing does where nothing came: a version that does not know of it
// would hand that on to its programs.
func TestSignalsInTheEnvironment(t *testing.T) {
	if env := signalsEnviron(nil); len(env) > 0 {
		t.Errorf("no signals are %q", env)
	}
	want := []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR2, syscall.SIGUSR2}
	for _, entry := range signalsEnviron(want) {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	if got := takeSignals(); !slices.Equal(got, want) {
		t.Errorf("%v came over as %v", want, got)
	}
	if got := takeSignals(); len(got) > 0 {
		t.Errorf("%v are there still", got)
	}
}

// TestTakeSignals: no signal that comes after they were taken, before another program is executed, ends the process. Go's
// runtime has those that would never blocked.
func TestTakeSignals(t *testing.T) {
	c := catchSignals()
	c.take(true)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	syscall.Kill(os.Getpid(), syscall.SIGINT)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		syscall.Kill(os.Getpid(), s)
		if got := <-c.end; got != s {
			t.Errorf("%v came as %v", s, got)
		}
	}
	c.catch() // the other program was not executed
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2} {
		syscall.Kill(os.Getpid(), s)
		if got := <-c.other; got != s {
			t.Errorf("%v came as %v", s, got)
		}
	}
}
