package daemon

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"gosv/daemon/xmlrpc"
	"gosv/proc"
	"gosv/proc/state"
)

// oneLog is the logs of processes that all write to one file.
type oneLog struct {
	processLogs
	path string
	nth  uint64
}

func (l *oneLog) paths(string, string) (stdout, stderr string) { return l.path, "" }
func (l *oneLog) changes() uint64                              { return l.nth }

// TestKeptText tells of a few processes again and again: it must always be what a new text is.
func TestKeptText(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	now := begin
	var list []proc.Info
	for i := range 5 {
		list = append(list, proc.Info{Group: "g", Name: "a<b" + strconv.Itoa(i), State: state.Running, PID: 7 + i, Start: now.Add(-time.Duration(i) * 1300 * time.Millisecond)})
	}
	logs := &oneLog{path: "/log"}
	kept := &allText{}
	var p *proc.Info // the third, or the last
	for i, change := range []func(){
		func() {},
		func() {},
		func() { now = now.Add(300 * time.Millisecond) },
		func() { now = now.Add(time.Second) },
		func() { now = now.Add(2500 * time.Millisecond) },
		func() { now = now.Add(10 * time.Hour) }, // one digit more
		func() { now = now.Add(100000 * time.Second) },
		func() { p.PID = 8888 },
		func() { p.Start = now },
		func() { now = now.Add(time.Second); p.State, p.PID, p.Stop, p.ExitStatus = state.Exited, 0, now, 3 },
		func() { p.Stop = now.Add(-48 * time.Hour) },
		func() { p.State, p.SpawnErr = state.Backoff, "no such <file>" },
		func() { p.SpawnErr = "" },
		func() { p.Name = "another" },
		func() { logs.path, logs.nth = "/other", 1 },
		func() { now = now.Add(5 * time.Second); p.State, p.PID, p.Start = state.Running, 9, now },
		func() { now = now.Add(5 * time.Second); p.State, p.PID = state.Stopped, 0 },
		func() { p.State, p.PID = state.Running, 9 },
		func() { list = slices.Delete(list, 1, 2) },
		func() { now = now.Add(time.Second); list = append(list, proc.Info{Group: "z", Name: "z"}) },
		func() { now = time.Unix(999999999, 0); p.Start = now.Add(-time.Minute) }, // the clock is set
		func() { now = now.Add(time.Second) },
		func() { list = list[:0] },
	} {
		before := list
		list = slices.Clone(list) // as the manager does: what it gave is not changed
		p = &list[min(2, len(list)-1)]
		change()
		if slices.EqualFunc(before, list, func(p, q proc.Info) bool { return unchanged(&p, &q) }) {
			list = before
		}
		for range 2 {
			kept.tell(list, now, logs)
			infos := make(processInfos, len(list))
			for i := range list {
				infos[i].fill(&list[i], now, logs.path, "")
			}
			if got, want := string(kept.text), string(xmlrpc.AppendResponse(nil, infos)); got != want {
				t.Errorf("change %d: %s\nwant %s", i, got, want)
			}
		}
	}
}
