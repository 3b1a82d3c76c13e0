package daemon

import (
	"context"
	"math"
	"time"

	"gosv/daemon/xmlrpc"
	"gosv/proc"
	"gosv/proc/state"
)

// allText is the answer of getAllProcessInfo in XML-RPC. Dashboards ask for it every few seconds,
// and nearly all of it is the same each time: that stays, and what time changes is written over.
type allText struct {
	text  []byte
	list  []proc.Info   // of whom it tells; nobody changes it
	paths uint64        // processLogs.changes when it was made
	made  time.Time     // what due counts from
	now   int64         // seconds since 1970 that it shows
	due   time.Duration // the earliest of the spots
	spots []spot        // one for each of list

	oldText  []byte // room for the next one
	oldSpots []spot
}

// spot says where in the text a process is. Offsets are in bytes.
type spot struct {
	begin, now, description, end int
	due                          time.Duration // until when the description is right
}

// never is when a description changes that has no time in it.
const never = time.Duration(math.MaxInt64)

// allText is the answer, to be given back.
func (c *call) allText(ctx context.Context) (*allText, error) {
	list, err := c.mgr.Known(ctx)
	if err != nil {
		return nil, err
	}
	if c.stir != nil {
		c.stir(1 + len(list)/100)
	}
	t, _ := c.texts.Get().(*allText)
	if t == nil {
		t = &allText{}
	}
	t.tell(list, time.Now(), c.logs)
	return t, nil
}

// tell makes the text say what is so now.
func (t *allText) tell(list []proc.Info, now time.Time, logs processLogs) {
	paths := logs.changes()
	same := len(list) > 0 && len(list) == len(t.list) && &list[0] == &t.list[0]
	stays := paths == t.paths && !t.clockSet(now)
	if same && stays && t.renew(now) {
		return
	}
	if !stays {
		t.list = nil
	}
	t.write(list, now, logs)
	t.paths = paths
}

// clockSet says whether the wall clock has been moved since the text was made: all times in it
// may have to be others. What a clock is kept in step with is shown when it comes to a millisecond.
func (t *allText) clockSet(now time.Time) bool {
	moved := now.Round(0).Sub(t.made.Round(0)) - now.Sub(t.made)
	return moved.Abs() > time.Millisecond
}

// renew writes over what time has changed. It is false when that has another length.
func (t *allText) renew(now time.Time) bool {
	if s := seconds(now); s != t.now {
		digits := xmlrpc.AppendNumber(make([]byte, 0, 16), s)
		if len(t.spots) > 0 && len(digits) != numberEnd(t.text, t.spots[0].now) {
			return false
		}
		for i := range t.spots {
			copy(t.text[t.spots[i].now:], digits)
		}
		t.now = s
	}
	since := now.Sub(t.made)
	if since < t.due {
		return true
	}
	t.due = never
	for i := range t.spots {
		s := &t.spots[i]
		if !s.renew(t.text, &t.list[i], t.made, now) {
			return false
		}
		t.due = min(t.due, s.due)
	}
	return true
}

// renew writes over how long a process has been up, if that is due; false: it has another length.
func (s *spot) renew(text []byte, p *proc.Info, made, now time.Time) bool {
	since := now.Sub(made)
	if since < s.due {
		return true
	}
	var room [64]byte
	up := appendRunning(room[:0], p, now)
	if len(up) != s.end-s.description-len(xmlEndInfo) {
		return false
	}
	copy(text[s.description:], up)
	s.due = since + untilNext(p, now)
	return true
}

// numberEnd is how many digits there are at text[at:].
func numberEnd(text []byte, at int) int {
	n := 0
	for at+n < len(text) && text[at+n] != '<' {
		n++
	}
	return n
}

// untilNext is when the uptime that is shown of a process will be another.
func untilNext(p *proc.Info, now time.Time) time.Duration {
	up := now.Sub(p.Start)
	return max(up, 0)/time.Second*time.Second + time.Second - up
}

// write makes the text anew. What is said of a process that has not changed is taken over.
func (t *allText) write(list []proc.Info, now time.Time, logs processLogs) {
	old := *t
	t.text, t.spots, t.oldText, t.oldSpots = old.oldText[:0], old.oldSpots[:0], old.text, old.spots
	if len(old.list) == 0 {
		t.made = now
	}
	t.list, t.now, t.due = list, seconds(now), never
	if need := len(list)*1400 + 200; cap(t.text) < need { // one takes about that
		t.text = make([]byte, 0, need)
	}
	if cap(t.spots) < len(list) {
		t.spots = make([]spot, 0, len(list))
	}
	t.text = xmlrpc.AppendResponse(t.text, appender(func(dst []byte) []byte {
		digits := xmlrpc.AppendNumber(make([]byte, 0, 16), t.now)
		dst = xmlrpc.BeginArray(dst)
		for i := range list {
			var s spot
			if dst, s = t.takeOver(dst, i, &old, digits, now); s.end == 0 {
				dst, s = t.writeOne(dst, i, digits, now, logs)
			}
			t.due = min(t.due, s.due)
			t.spots = append(t.spots, s)
		}
		return xmlrpc.EndArray(dst)
	}))
}

// takeOver appends what old says of number i, if that is the same but for what time changes; else
// the spot is empty.
func (t *allText) takeOver(dst []byte, i int, old *allText, digits []byte, now time.Time) ([]byte, spot) {
	if i >= len(old.list) || !unchanged(&t.list[i], &old.list[i]) {
		return dst, spot{}
	}
	s := old.spots[i]
	if numberEnd(old.text, s.now) != len(digits) {
		return dst, spot{}
	}
	by := len(dst) - s.begin
	whole := append(dst, old.text[s.begin:s.end]...)
	s = spot{s.begin + by, s.now + by, s.description + by, s.end + by, s.due}
	copy(whole[s.now:], digits)
	if !s.renew(whole, &t.list[i], t.made, now) {
		return dst, spot{}
	}
	return whole, s
}

// writeOne appends what is said of number i.
func (t *allText) writeOne(dst []byte, i int, digits []byte, now time.Time, logs processLogs) ([]byte, spot) {
	p, s := &t.list[i], spot{begin: len(dst), due: never}
	stdout, stderr := logs.paths(p.Group, p.Name)
	var x processInfo
	x.fill(p, now, stdout, stderr)
	dst = x.appendBefore(dst)
	s.now = len(dst)
	dst = x.appendAfter(append(dst, digits...))
	s.description = len(dst)
	dst = append(xmlrpc.AppendText(dst, x.Description), xmlEndInfo...)
	s.end = len(dst)
	if p.State == state.Running {
		s.due = now.Sub(t.made) + untilNext(p, now)
	}
	return dst, s
}

// unchanged says whether the same is to be told of p as of q, but for what time changes.
func unchanged(p, q *proc.Info) bool {
	return p.State == q.State && p.PID == q.PID && p.ExitStatus == q.ExitStatus && p.Start == q.Start && p.Stop == q.Stop &&
		p.Name == q.Name && p.Group == q.Group && p.SpawnErr == q.SpawnErr
}

// appender is a function that appends a value.
type appender func(dst []byte) []byte

func (f appender) AppendXMLRPC(dst []byte) []byte { return f(dst) }
