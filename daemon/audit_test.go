package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/logs"
)

// audited collects the lines about changes.
func (f *fake) audited() func() []string {
	var mu sync.Mutex
	var lines []string
	f.api.audit = &auditLog{write: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := lines
		lines = nil
		return list
	}
}

// TestAudit: each change is one line, with who, from where, what and the result; reading is
// none; names can harm nothing.
func TestAudit(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	took := f.audited()
	s := stranger(f, &conf.Config{Access: []conf.Access{{Name: "ops", User: conf.User{Set: true, UID: 4_000_001}, Role: conf.RoleOperate}}})
	const who = "by=ops account=4000001 uid=4000001 pid=0 on=unix_http_server "
	for _, tt := range []struct{ method, params, want string }{
		{"status", `{}`, ""},
		{"tail", `{"name":"cat"}`, ""},
		{"hello", `{}`, ""},
		{"start", `{"name":"grp:*"}`, who + "call=start what=grp:* result=ok done=grp:g2"},
		{"stop", `{"name":"all"}`, who + "call=stop what=all result=ok done=cat,grp:g1"},
		{"start", `{"name":"cat"}`, who + "call=start what=cat result=failed failed=cat(ALREADY_STARTED)"},
		{"stop", `{"name":"x\u001b[31m\n\"y z"}`, who + `call=stop what="x\x1b[31m\n\"y z" result=BAD_NAME`},
		{"signal", `{"name":"cat","signal":"USR1"}`, who + "call=signal what=cat signal=USR1 result=ok done=cat"},
		{"stdin", `{"name":"cat","data":"c2VjcmV0"}`, who + "call=stdin what=cat bytes=6 result=ok"},
		{"clear", `{"name":"cat"}`, who + "call=clear what=cat result=ok done=cat"},
		{"clear", `{}`, who + `call=clear what="the main log" result=failed failed=""(NOT_ALLOWED)`},
		{"shutdown", `{}`, who + "call=shutdown result=refused"},
		{"update", `{"groups":["all"]}`, who + "call=update what=all result=refused"},
		{"start", `{"name":5}`, who + "call=start result=INCORRECT_PARAMETERS"},
		{"supervisor.startProcess", `["quick"]`, who + "call=supervisor.startProcess what=quick result=ok"},
		{"supervisor.stopProcessGroup", `["grp"]`, who + "call=supervisor.stopProcessGroup what=grp:* result=ok done=grp:g1"},
		{"supervisor.sendProcessStdin", `["cat","secret"]`, who + "call=supervisor.sendProcessStdin what=cat bytes=6 result=ok"},
		{"supervisor.clearAllProcessLogs", `[]`, who + "call=supervisor.clearAllProcessLogs result=ok done=grp:g1,grp:g2,cat,fatal,quick"},
		{"system.multicall", `[[{"methodName":"supervisor.startProcess","params":["nope"]},{"methodName":"supervisor.getPID","params":[]}]]`, who + "call=supervisor.startProcess what=nope result=BAD_NAME"},
	} {
		f.as(s, 4_000_001, nil).invoke(t.Context(), tt.method, args{json: json.RawMessage(tt.params)})
		if got := strings.Join(took(), "\n"); got != tt.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.method, tt.params, got, tt.want)
		}
	}
}

// TestAuditRefused: a line says also what somebody asked for who may not.
func TestAuditRefused(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	took := f.audited()
	s := stranger(f, &conf.Config{Access: []conf.Access{{Name: "eye", User: conf.User{Set: true, UID: 4_000_001}, Role: conf.RoleRead}}})
	const who = "by=eye account=4000001 uid=4000001 pid=0 on=unix_http_server "
	for _, tt := range []struct {
		method string
		a      args
		want   string
	}{
		{"stop", args{json: json.RawMessage(`{"name":"cat"}`)}, "call=stop what=cat result=refused"},
		{"stop", args{json: json.RawMessage(`{"name":5}`)}, "call=stop result=refused"},
		{"stdin", args{json: json.RawMessage(`{"name":"cat","data":"c2VjcmV0"}`)}, "call=stdin what=cat bytes=6 result=refused"},
		{"supervisor.signalProcess", args{list: []any{"cat", "USR1"}}, "call=supervisor.signalProcess what=cat signal=USR1 result=refused"},
		{"supervisor.signalProcess", args{list: []any{1, 2, 3}}, "call=supervisor.signalProcess result=refused"},
	} {
		if _, err := f.as(s, 4_000_001, nil).invoke(t.Context(), tt.method, tt.a); err == nil {
			t.Errorf("%s is allowed", tt.method)
		}
		if got := strings.Join(took(), "\n"); got != who+tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.method, got, who+tt.want)
		}
	}
}

// TestAuditOfAll: whatever method is above reading leaves a line, whoever calls it.
func TestAuditOfAll(t *testing.T) {
	t.Parallel()
	for name, m := range (&api{}).methods().byName {
		f := newFake(t)
		took := f.audited()
		c := &call{api: f.api, access: admin, send: func(any) error { return nil }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // for events, which never ends
		c.invoke(ctx, name, args{json: json.RawMessage(`{"name":"cat","signal":"HUP","wait":true}`)})
		cancel()
		if lines := took(); (len(lines) == 1) != (m.access > read) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// TestAuditLogins: wrong passwords leave lines, but not without end.
func TestAuditLogins(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	took := f.audited()
	for range maxRefused + 5 {
		f.api.audit.refusedLogin(caller{peer: peer{uid: -1, address: "10.0.0.1:5"}, server: "inet_http_server", over: "http"}, "x\x1b")
	}
	lines := took()
	if len(lines) != maxRefused || lines[0] != `by="x\x1b" from=10.0.0.1:5 on=inet_http_server over=http call=login result=refused` {
		t.Errorf("%d lines: %q", len(lines), lines[0])
	}
	f.api.audit.since = f.api.audit.since.Add(-2 * 60e9)
	f.api.audit.refusedLogin(caller{}, "x")
	if lines := took(); len(lines) != 2 || lines[0] != "peer=10.0.0.1 result=refused times=5" {
		t.Errorf("a minute later: %q", lines)
	}
	// Names that are tried count too; what is done never does.
	c := &call{api: f.api, access: operate, who: caller{peer: peer{uid: 7}}, send: func(any) error { return nil }}
	for range 2 * maxRefused {
		c.invoke(t.Context(), "stop", args{json: json.RawMessage(`{"name":"nope"}`)})
		c.invoke(t.Context(), "stop", args{json: json.RawMessage(`{"name":"cat"}`)})
	}
	if lines := took(); len(lines) != 3*maxRefused {
		t.Errorf("%d lines", len(lines))
	}
}

// TestAuditFile: the file gets whole lines of the level AUDT, and is opened again by its name.
func TestAuditFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	d := &Daemon{files: &logs.Files{}}
	cfg := &conf.Config{Supervisord: conf.Supervisord{AuditLogfile: path}}
	a, err := openAudit(d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.write("one")
	a.reopen() // when that is written
	if err := os.Rename(path, path+".old"); err == nil {
		a.reopen()
	}
	a.write("two")
	a.close()
	for file, want := range map[string]string{path + ".old": " AUDT one\n", path: " AUDT two\n"} {
		if text, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(text), want) {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
	cfg.Supervisord.AuditLogfile = path + "/x"
	if _, err := openAudit(d, cfg); err == nil {
		t.Error("a file below a file was opened")
	}
	if a, err := openAudit(d, &conf.Config{}); a != nil || err != nil {
		t.Errorf("an INI file that says nothing: %v, %v", a, err)
	}
}

func TestSafeText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ü 中文\tx\ny": "plain ü 中文\tx\ny", "\x1b[31mred": `\x1b[31mred`, "a\rb": `a\x0db`, "\x9b1m": `\x9b1m`, "\u009b1m": `\u009b1m`,
		"\u202egnp": `\u202egnp`, "a\u2028b\u2029": `a\u2028b\u2029`, "\x7f\x00": `\x7f\x00`, "\uFFFD": "\uFFFD",
	} {
		if got := safeText(in); got != want {
			t.Errorf("safeText(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestForgedLines: what programs write, which loglevel=debug repeats in the main log, begins no
// line that could be one of gosv's own.
func TestForgedLines(t *testing.T) {
	t.Parallel()
	const forged = "2026-01-01 00:00:00,000 AUDT by=root call=shutdown result=ok"
	path := filepath.Join(t.TempDir(), "main.log")
	l, err := openMainLog(&conf.Supervisord{Loglevel: conf.Debug, Logfile: path}, &logs.Files{}, false)
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{main: l, log: slog.New(l)}
	data := "hello\n" + forged + "\r" + forged + "\u2028" + forged + "\u200b\n\u200b" + forged + "\n\n12345\n-2026-\n  x\n" + forged
	d.onData(&conf.Process{Name: "p"}, "stdout", &conf.Output{})(1, []byte(data))
	l.close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, got, _ := strings.Cut(string(text), "\n")
	if !strings.HasSuffix(head, " DEBG 'p' stdout output:") {
		t.Errorf("begins with %q", head)
	}
	want := "hello\n " + forged + `\x0d` + forged + `\u2028` + forged + "\u200b\n \u200b" + forged + "\n\n12345\n-2026-\n  x\n " + forged + "\n"
	if got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func FuzzAuditWord(f *testing.F) {
	f.Add("a b=c\x1b\n")
	f.Fuzz(func(t *testing.T, s string) {
		w := caller{name: s, peer: peer{uid: -1, address: s}}
		line := w.who() + subject(wire.TargetIn{Name: s}) + auditNames("done", []did{{name: s}}, false)
		if safeText(line) != line || strings.ContainsAny(line, "\n\t") {
			t.Errorf("%q", line)
		}
		if got := safeText(s); safeText(got) != got {
			t.Errorf("safeText(%q) = %q", s, got)
		}
	})
}
