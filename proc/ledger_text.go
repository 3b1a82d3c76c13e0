package proc

import (
	"hash/crc32"
	"strconv"
	"time"

	"gosv/conf"
)

// The records are JSON, appended by hand, since two are written for each start: encoding/json
// takes ten times as long, and for the first record of a daemon half a millisecond to learn the
// types. What is zero is left out.

const hexDigits = "0123456789abcdef"

// appendSealed appends a record as a line: its checksum, a blank, JSON, a newline.
func appendSealed(b []byte, r *ledgerRecord) ([]byte, error) {
	at := len(b)
	b = append(b, "........ "...)
	b, err := r.append(b)
	if err != nil {
		return b[:at], err
	}
	sum := crc32.ChecksumIEEE(b[at+9:])
	for i := range 8 {
		b[at+i] = hexDigits[sum>>(28-4*i)&15]
	}
	return append(b, '\n'), nil
}

func (r *ledgerRecord) append(b []byte) ([]byte, error) {
	o := object{b: append(b, '{')}
	if h := r.Head; h != nil {
		o.open("h")
		o.number("Version", int64(h.Version))
		o.text("Boot", h.Boot)
		o.text("Config", h.Config)
		o.text("Identifier", h.Identifier)
		o.number("PID", int64(h.PID))
		o.text("Mark", h.Mark)
		o.close()
	}
	if len(r.Groups) > 0 {
		text, err := r.text, error(nil)
		if text == nil {
			text, err = conf.AppendGroups(nil, r.Groups)
		}
		if err != nil {
			return b, err
		}
		o.key("g")
		o.b = append(o.b, text...)
	}
	o.text("x", r.Gone)
	if i := r.Intent; i != nil {
		o.open("i")
		o.text("Group", i.Group)
		o.text("Name", i.Name)
		o.time("At", i.At)
		o.pipes(i.Pipes)
		o.texts("Logs", i.Logs)
		o.close()
	}
	if k := r.Proc; k != nil {
		o.open("p")
		k.append(&o)
		o.close()
	}
	o.yes("c", r.Closing)
	return append(o.b, '}'), nil
}

// prepared is the text of groups, which is made beside other things.
type prepared struct {
	groups []*conf.Group
	text   []byte // valid when done is closed; nil: it cannot be made
	done   chan struct{}
}

// Prepare begins to write the record of the groups that AddAll will be given: the start of
// the first program waits for it. It is called once at most, before the manager is.
func (l *Ledger) Prepare(groups []*conf.Group) {
	if l == nil || len(groups) == 0 {
		return
	}
	p := &prepared{groups: groups, done: make(chan struct{})}
	l.prepared = p
	write := func() {
		defer close(p.done)
		p.text, _ = conf.AppendGroups(nil, groups)
	}
	if len(groups) < 10 {
		write() // waking another thread for it takes longer
		return
	}
	go write()
}

// groups is the record of groups with its text, which may be long and is made where nobody
// waits for it. Only the first caller has a prepared one: AddAll for the start, before anything
// else is asked of the manager.
func (l *Ledger) groups(list []*conf.Group) *ledgerRecord {
	r := &ledgerRecord{Groups: list}
	if l == nil {
		return r
	}
	if p := l.prepared; p != nil {
		l.prepared = nil // it is large
		<-p.done
		if len(p.groups) == len(list) && len(list) > 0 && &p.groups[0] == &list[0] {
			r.text = p.text
		}
	}
	if r.text == nil {
		r.text, _ = conf.AppendGroups(nil, list) // add says why it cannot be made
	}
	return r
}

// append is all of k that means something to another process.
func (k *Kept) append(o *object) {
	o.text("Group", k.Group)
	o.text("Name", k.Name)
	o.open("Machine")
	o.number("State", int64(k.Machine.State))
	o.number("Child", int64(k.Machine.Child))
	o.number("Failures", int64(k.Machine.Failures))
	o.yes("Again", k.Machine.Again)
	o.yes("GaveUp", k.Machine.GaveUp)
	o.close()
	o.number("PID", int64(k.PID))
	o.number("Status", int64(k.Status))
	o.time("Start", k.Start)
	o.time("Stop", k.Stop)
	o.number("Exit", int64(k.Exit))
	o.text("SpawnErr", k.SpawnErr)
	if k.Due != nil {
		o.key("Due")
		o.b = strconv.AppendInt(o.b, int64(*k.Due), 10)
	}
	if len(k.Restarts) > 0 {
		o.list("Restarts")
		for _, d := range k.Restarts {
			o.item()
			o.b = strconv.AppendInt(o.b, int64(d), 10)
		}
		o.end(']')
	}
	o.open("Life")
	o.number("Begun", int64(k.Life.Begun))
	if len(k.Life.Ended) > 0 {
		o.list("Ended")
		for _, e := range k.Life.Ended {
			o.item()
			o.begin()
			o.number("Code", int64(e.Code))
			o.number("Runs", int64(e.Runs))
			o.close()
		}
		o.end(']')
	}
	o.yes("BeenUp", k.Life.BeenUp)
	o.yes("Expected", k.Life.Expected)
	o.close()
	o.text("Socket", k.Socket)
	o.yes("Whole", k.Whole)
	o.open("Trace")
	o.number("Born", int64(k.Trace.Born))
	o.pipes(k.Trace.Pipes)
	o.yes("Foreign", k.Trace.Foreign)
	o.close()
	o.time("At", k.At)
	o.yes("Dead", k.Dead)
	o.texts("Logs", k.Logs)
}

// object is JSON that is being appended. It knows by the last byte whether a comma is due.
type object struct{ b []byte }

func (o *object) item() {
	if last := o.b[len(o.b)-1]; last != '{' && last != '[' {
		o.b = append(o.b, ',')
	}
}

func (o *object) key(name string) {
	o.item()
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) begin()           { o.b = append(o.b, '{') }
func (o *object) open(name string) { o.key(name); o.begin() }
func (o *object) list(name string) { o.key(name); o.b = append(o.b, '[') }
func (o *object) end(bracket byte) { o.b = append(o.b, bracket) }
func (o *object) close()           { o.end('}') }

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.key(name)
		o.b = strconv.AppendInt(o.b, n, 10)
	}
}

func (o *object) yes(name string, is bool) {
	if is {
		o.key(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.key(name)
		o.b = append(t.AppendFormat(append(o.b, '"'), time.RFC3339Nano), '"')
	}
}

func (o *object) pipes(inodes [3]uint64) {
	o.list("Pipes")
	for _, n := range inodes {
		o.item()
		o.b = strconv.AppendUint(o.b, n, 10)
	}
	o.end(']')
}

func (o *object) text(name, s string) {
	if s != "" {
		o.key(name)
		o.b = conf.AppendText(o.b, s)
	}
}

func (o *object) texts(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	o.open(name)
	for k, v := range m {
		o.item()
		o.b = append(conf.AppendText(o.b, k), ':')
		o.b = conf.AppendText(o.b, v)
	}
	o.close()
}
