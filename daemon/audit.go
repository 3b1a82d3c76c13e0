package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
)

// levelAudit is the level of the lines about changes: above all others, so that loglevel=
// leaves none out. Its name is AUDT.
const levelAudit = slog.LevelError + 8

// auditLog takes a line for each change that somebody asked for, done or refused.
type auditLog struct {
	write  func(line string)
	reopen func() error
	close  func()
	target *target // nil: the main log
	path   string  // "": the main log

	mu      sync.Mutex // guards what follows
	since   time.Time  // when the counting began
	refused map[string]int
}

// maxRefused is how many refusals of one account or address get a line in a minute; the
// others are counted, so that somebody who tries passwords, or names, does not rotate away
// what was written before.
const maxRefused = 60

// refuse writes the line about a refusal, if there were not too many of that peer.
func (a *auditLog) refuse(p peer, line string, now time.Time) {
	who := "uid " + strconv.Itoa(p.uid)
	if p.uid < 0 {
		who = p.address
		if host, _, err := net.SplitHostPort(who); err == nil {
			who = host
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.since) > time.Minute {
		for who, n := range a.refused {
			if n > maxRefused {
				a.write(fmt.Sprintf("peer=%s result=refused times=%d", auditWord(who), n-maxRefused))
			}
		}
		a.since, a.refused = now, map[string]int{}
	}
	if _, known := a.refused[who]; !known && len(a.refused) >= 1000 {
		who = "others"
	}
	if a.refused[who]++; a.refused[who] <= maxRefused {
		a.write(line)
	}
}

// openAudit opens the audit log; nil when there is none.
func openAudit(d *Daemon, cfg *conf.Config) (*auditLog, error) {
	switch where := cfg.Audit(); where {
	case conf.AuditNone:
		return nil, nil
	case conf.AuditMain:
		return &auditLog{
			write:  func(line string) { d.log.Log(context.Background(), levelAudit, line) },
			reopen: func() error { return nil }, close: func() {},
		}, nil
	default:
		f, err := d.files.Open(where, int64(cfg.Supervisord.AuditMaxbytes), cfg.Supervisord.AuditBackups)
		if err != nil {
			return nil, err // it names the file
		}
		t := newTarget(f.Write, f.Close)
		return &auditLog{
			write:  func(line string) { t.write(formatLine(time.Now(), levelAudit, line)) },
			reopen: func() error { t.flush(time.Second); return f.Reopen() },
			close:  t.close,
			target: t, path: where,
		}, nil
	}
}

// who is the part of a line that says who asked.
func (w *caller) who() string {
	var b strings.Builder
	add := func(key, value string) {
		if value != "" {
			b.WriteString(key + "=" + auditWord(value) + " ")
		}
	}
	add("by", w.name)
	if w.peer.uid >= 0 {
		add("account", accountName(w.peer.uid))
		add("uid", strconv.Itoa(w.peer.uid))
		add("pid", strconv.Itoa(w.peer.pid))
	}
	add("from", w.peer.address)
	add("on", w.server)
	add("over", w.over)
	return b.String()
}

// auditWord is a value that cannot be taken for anything else, nor harm a terminal.
func auditWord(s string) string {
	cut := ""
	if len(s) > 200 {
		s, cut = s[:200], "..."
	}
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r == ' ' || r == '"' || r == '=' || r == '\\' || r == '\uFFFD' || !strconv.IsPrint(r)
	})
	if !plain {
		s = strconv.Quote(s)
	}
	return s + cut
}

// did is what became of one process or group in a call, for the audit log.
type did struct {
	name string
	code string // of the fault; "" for done
}

// note remembers what became of one process or group.
func (c *call) note(group, name string, f *wire.Fault) {
	if c.audit == nil {
		return
	}
	x := did{name: namespec(group, name)}
	if name == "" {
		x.name = group
	}
	if f != nil {
		x.code = f.Code
	}
	c.did = append(c.did, x)
}

// report writes the line about a call.
func (c *call) report(m *method, out any, err error) {
	if list, ok := out.(results); ok && len(c.did) == 0 {
		for _, r := range list {
			x := did{name: namespec(r.Group, r.Name)}
			if r.Status != wire.Number(wire.Success) {
				x.code, _, _ = strings.Cut(r.Description, ":")
			}
			c.did = append(c.did, x)
		}
	}
	line := c.who.who() + "call=" + m.name
	if what := subject(c.asked); what != "" {
		line += " " + what
	}
	result := auditResult(c.did, err)
	line += " result=" + result + auditNames("done", c.did, false) + auditNames("failed", c.did, true)
	if result != "ok" && c.access < admin && !slices.ContainsFunc(c.did, func(x did) bool { return x.code == "" }) {
		c.audit.refuse(c.who.peer, line, time.Now())
	} else {
		c.audit.write(line)
	}
	c.did, c.asked = nil, nil
}

func auditResult(list []did, err error) string {
	switch f := (*wire.Fault)(nil); {
	case err != nil:
		f = faultOf(err)
		if f.Code == wire.NotAllowed {
			return "refused"
		}
		return f.Code
	}
	for _, x := range list {
		if x.code != "" {
			return "failed"
		}
	}
	return "ok"
}

// auditNames lists up to 20 of those that were done, or that failed.
func auditNames(key string, list []did, failed bool) string {
	var names []string
	left, seen := 0, map[did]bool{} // a restart has two results
	for _, x := range list {
		switch {
		case (x.code != "") != failed || seen[x]:
			continue
		}
		seen[x] = true
		switch {
		case len(names) == 20:
			left++
		case failed:
			names = append(names, auditWord(x.name)+"("+auditWord(x.code)+")")
		default:
			names = append(names, auditWord(x.name))
		}
	}
	if names == nil {
		return ""
	}
	text := " " + key + "=" + strings.Join(names, ",")
	if left > 0 {
		text += fmt.Sprintf(",+%d", left)
	}
	return text
}

// subject is what a request names, from its parameters. Data is not shown, only counted.
func subject(asked any) string {
	var parts []string
	add := func(key, value string) { parts = append(parts, key+"="+auditWord(value)) }
	switch in := asked.(type) {
	case startParams:
		add("what", in.Name)
	case groupWaitParams:
		add("what", in.Name+":*")
	case waitParam, signalParam:
		add("what", "all")
	case signalParams:
		add("what", in.Name)
		add("signal", string(in.Signal))
	case groupSignalParams:
		add("what", in.Name+":*")
		add("signal", string(in.Signal))
	case stdinParams:
		add("what", in.Name)
		text, _ := in.Chars.value.(string)
		add("bytes", strconv.Itoa(len(text)))
	case processParam:
		add("what", in.Name)
	case groupParam:
		add("what", in.Name)
	case remoteComm:
		add("what", string(in.Type))
	case wire.TargetIn:
		if in.Name == "" {
			in.Name = "the main log"
		}
		add("what", in.Name)
	case wire.SignalIn:
		add("what", in.Name)
		add("signal", in.Signal)
	case wire.StdinIn:
		add("what", in.Name)
		add("bytes", strconv.Itoa(len(in.Data)))
	case wire.GroupIn:
		add("what", in.Name)
	case wire.UpdateIn:
		what := strings.Join(in.Groups, ",")
		if what == "" {
			what = "all"
		}
		add("what", what)
	}
	if s, ok := asked.(signalParam); ok {
		add("signal", string(s.Signal))
	}
	return strings.Join(parts, " ")
}

// refusedLogin writes the line about a password that was no one's.
func (a *auditLog) refusedLogin(w caller, username string) {
	if a == nil {
		return
	}
	w.name = username
	a.refuse(w.peer, w.who()+"call=login result=refused", time.Now())
}
