package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"gosv/daemon/wire"
)

const (
	settle    = 150 * time.Millisecond // changes that come together are sent together
	eventTime = 30 * time.Second       // for the browser to take an event
)

// change is what differs from what the browser knows.
type change struct {
	Now     int64             `json:"now"` // the daemon's clock, seconds since 1970
	Summary string            `json:"summary"`
	Names   []string          `json:"names"`          // all namespecs in order; null when they are the same
	Rows    map[string]string `json:"rows,omitempty"` // namespec to its <tr>
}

// known is what a browser was told so far.
type known struct {
	names []string
	revs  map[string]string
}

// events is a stream of server-sent events: "change" with a change, beginning with
// everything, and "down" with a text when the daemon does not answer any more. Nothing is
// sent, and nothing wakes up, while nothing changes.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	uncached(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would wait for more
	if r.Method == http.MethodHead {
		return
	}
	ctx := r.Context()
	bell := h.b.Watch(ctx) // before the first look, so that nothing is missed
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	send := func(name string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		rc.SetWriteDeadline(time.Now().Add(eventTime))
		w.Write([]byte("event: " + name + "\ndata: "))
		w.Write(data)
		w.Write([]byte("\n\n"))
		return rc.Flush() // fails if one of the writes did
	}

	var told known
	for {
		procs, err := h.processes(ctx)
		if err != nil {
			if ctx.Err() == nil {
				send("down", downText(err))
			}
			return
		}
		c, news := h.changes(&told, procs)
		if news && send("change", c) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-bell:
			if !ok {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
	}
}

// changes is what a browser that was told so much does not know yet.
func (h *handler) changes(told *known, procs []wire.Process) (c change, news bool) {
	c = change{Now: now(procs), Summary: summary(procs), Rows: map[string]string{}}
	names, revs := []string{}, make(map[string]string, len(procs))
	var p page
	for _, x := range rows(procs) {
		names = append(names, x.Namespec)
		revs[x.Namespec] = x.Rev
		if told.revs[x.Namespec] == x.Rev {
			continue
		}
		p.Reset()
		x.put(&p)
		c.Rows[x.Namespec] = string(harmless(p.Bytes()))
	}
	news = len(c.Rows) > 0
	if told.revs == nil || !slices.Equal(told.names, names) {
		c.Names, news = names, true
	}
	told.names, told.revs = names, revs
	return c, news
}

// downText is what the page says beside its lamp.
func downText(err error) string {
	var f *wire.Fault
	if errors.As(err, &f) && f.Code == wire.ShutdownState {
		return "shutting down"
	}
	return failure(err)
}
