package daemon

import (
	"testing"
	"time"

	"gosv/daemon/xmlrpc"
	"gosv/proc"
	"gosv/proc/state"
)

// TestKeptTexts fills the same record again and again: what it shows must be what a new one does.
func TestKeptTexts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	x := processInfo{around: &aroundNow{}}
	p := proc.Info{Group: "g", Name: "a<b", State: state.Running, PID: 7, Start: now.Add(-5 * time.Second)}
	log := "/log"
	for i, change := range []func(){
		func() {},
		func() {},
		func() { now = now.Add(300 * time.Millisecond) },
		func() { now = now.Add(time.Second) },
		func() { now = now.Add(100000 * time.Second) },
		func() { p.PID = 8 },
		func() { p.Start = now },
		func() { p.State, p.PID, p.Stop, p.ExitStatus = state.Exited, 0, now, 3 },
		func() { p.Stop = now.Add(-48 * time.Hour) },
		func() { p.State, p.SpawnErr = state.Backoff, "no such <file>" },
		func() { p.SpawnErr = "" },
		func() { p.Name = "another" },
		func() { log = "/other" },
		func() { p.State, p.PID, p.Start = state.Running, 9, now },
		func() { p.State, p.PID = state.Stopped, 0 },
		func() { p.State, p.PID = state.Running, 9 },
	} {
		change()
		x.fill(&p, now, log, "")
		var fresh processInfo
		fresh.fill(&p, now, log, "")
		got, want := string(xmlrpc.AppendValue(nil, &x)), string(xmlrpc.AppendValue(nil, &fresh))
		if got != want {
			t.Errorf("change %d: %s\nwant %s", i, got, want)
		}
		if x.wire() != fresh.wire() {
			t.Errorf("change %d: %+v, want %+v", i, x.wire(), fresh.wire())
		}
	}
}
