package proc

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"gosv/conf"
	"gosv/proc/state"
)

// TestRecordsAreReadAsWritten: what is appended by hand is what encoding/json would have written of
// it, but for what a later daemon cannot use.
func TestRecordsAreReadAsWritten(t *testing.T) {
	// A field that is added must be added to append as well.
	for typ, n := range map[reflect.Type]int{
		reflect.TypeFor[ledgerRecord](): 7, reflect.TypeFor[ledgerHead](): 6, reflect.TypeFor[intent](): 5,
		reflect.TypeFor[Kept](): 21, reflect.TypeFor[Life](): 4, reflect.TypeFor[Ended](): 2,
		reflect.TypeFor[trace](): 3, reflect.TypeFor[state.Machine](): 5,
	} {
		if typ.NumField() != n {
			t.Errorf("%v has %d fields, and its append was written for %d", typ, typ.NumField(), n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		num := func(label string) int { return rapid.IntRange(0, math.MaxInt32).Draw(t, label) }
		yes := func(label string) bool { return rapid.Bool().Draw(t, label) }
		text := func(label string) string { return rapid.String().Draw(t, label) }
		moment := func(label string) time.Time {
			if yes(label) {
				return time.Time{}
			}
			return time.Unix(int64(num(label)), int64(num(label)%1e9)).UTC()
		}
		logs := rapid.MapOfN(rapid.String(), rapid.String(), 0, 2).Draw(t, "logs")
		if len(logs) == 0 {
			logs = nil
		}
		pipes := [3]uint64{uint64(num("0")), rapid.Uint64().Draw(t, "1"), uint64(num("2"))}
		k := &Kept{
			Group: text("group"), Name: text("name"),
			Machine: state.Machine{State: state.State(num("state")), Child: state.Child(num("child") % 3), Failures: num("failures"), Again: yes("again"), GaveUp: yes("gave up")},
			PID:     num("pid"), Status: num("status"), Start: moment("start"), Stop: moment("stop"), Exit: num("exit") - 1,
			SpawnErr: text("error"),
			Life:     Life{Begun: uint64(num("begun")), BeenUp: yes("up"), Expected: yes("expected")},
			Socket:   text("socket"), Whole: yes("whole"), Trace: trace{Born: uint64(num("born")), Pipes: pipes, Foreign: yes("foreign")},
			At: moment("at"), Dead: yes("dead"), Logs: logs,
		}
		for range rapid.IntRange(0, 3).Draw(t, "restarts") {
			k.Restarts = append(k.Restarts, time.Duration(num("restart")))
			k.Life.Ended = append(k.Life.Ended, Ended{num("code"), uint64(num("runs"))})
		}
		if yes("due") {
			left := time.Duration(num("left") - 100)
			k.Due = &left
		}
		r := ledgerRecord{Gone: text("gone"), Closing: yes("closing")}
		if yes("head") {
			r.Head = &ledgerHead{num("version"), text("boot"), text("config"), text("identifier"), num("daemon"), text("mark")}
		}
		if yes("intent") {
			r.Intent = &intent{text("group"), text("name"), moment("at"), pipes, logs}
		}
		if yes("process") {
			r.Proc = k
		}
		if yes("groups") {
			r.Groups = []*conf.Group{{Name: text("group")}}
		}
		line, err := appendSealed(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		var got, want ledgerRecord
		if line[len(line)-1] != '\n' || !unseal(line[:len(line)-1], &got) {
			t.Fatalf("cannot be read: %s", line)
		}
		plain, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(ledgerRecord{})); diff != "" {
			t.Fatalf("encoding/json (-), by hand (+): %s\n%s", diff, line)
		}
	})
}
