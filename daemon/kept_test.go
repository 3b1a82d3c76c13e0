package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
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
