package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Only what is listed is called; nothing listens on TCP unasked; a password is asked for and
// a page of another site does nothing; nobody else may open the socket.
func TestPain10ControlPort(t *testing.T) {
	t.Parallel()
	const program = "[program:p]\ncommand = sleep 1000\nstartsecs = 0\n"
	b := newBox(t, "", program).start()
	p := b.reaches("p", "RUNNING")
	for _, method := range []string{
		"supervisor.supervisord.options.execve", "supervisor.supervisord.options.warnings.linecache.os.system",
		"supervisor.__class__", "supervisor._update", "supervisor", "system.__init__", "os.system", "supervisor.stopProcess.__call__",
	} {
		code, text := b.send(b.web(), "POST", "http://x/RPC2", "<?xml version='1.0'?><methodCall><methodName>"+method+"</methodName><params><param><value><string>touch "+b.path("hacked")+"</string></value></param></params></methodCall>", "Content-Type", "text/xml")
		if code != 200 || !strings.Contains(text, "UNKNOWN_METHOD") {
			t.Errorf("%q: %d %s", method, code, text)
		}
		if _, _, err := b.ask(method, nil); err == nil {
			t.Errorf("JSON %q was answered", method)
		}
	}
	st, err := os.Stat(b.path("s.sock"))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("socket: %v %v", st.Mode(), err)
	}
	if got := listening(b.pid()); got != 0 {
		t.Errorf("%d sockets of TCP without [inet_http_server]", got)
	}
	b.stop()

	port := freePort(t)
	b.config("", fmt.Sprintf("[inet_http_server]\nport = 127.0.0.1:%d\nusername = u\npassword = p\n", port)+program)
	b.start()
	p = b.reaches("p", "RUNNING")
	if got := listening(b.pid()); got != 1 {
		t.Errorf("%d sockets of TCP, want 1", got)
	}
	url, c := fmt.Sprintf("http://127.0.0.1:%d", port), &http.Client{Timeout: time.Minute}
	for _, path := range []string{"/", "/RPC2", "/logtail/p", "/mainlogtail", "/metrics", "/tail.html?processname=p"} {
		for _, auth := range []string{"", "Basic dTo=", "Basic dTpxCg==", "Bearer p"} {
			if code, _ := b.send(c, "GET", url+path, "", "Authorization", auth); code != 401 {
				t.Errorf("%s with %q: %d, want 401", path, auth, code)
			}
		}
	}
	const right = "Basic dTpw"
	for _, row := range []struct {
		method, host, origin string
		code                 int
	}{
		{"GET", "", "", 200},
		{"POST", "", "http://evil.example", 403},
		{"POST", "evil.example", "http://evil.example", 403},
	} {
		header := []string{"Authorization", right, "Content-Type", "application/x-www-form-urlencoded", "Origin", row.origin}
		if row.host != "" {
			header = append(header, "Host", row.host)
		}
		if code, text := b.send(c, row.method, url+"/index.html?processname=p&action=stop", "", header...); code != row.code {
			t.Errorf("%+v: %d %s", row, code, last(text, 200))
		}
	}
	if now := b.one("p"); now.Pid != p.Pid || now.State != "RUNNING" {
		t.Errorf("p was touched: %+v", now)
	}
	if fileThere(b.path("hacked")) {
		t.Error("a command was run")
	}
	b.stop()
}

// listening is how many sockets of TCP a process listens on.
func listening(pid int) int {
	mine := map[string]bool{}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil && strings.HasPrefix(to, "socket:[") {
			mine[strings.Trim(to, "socket:[]")] = true
		}
	}
	n := 0
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && mine[f[9]] {
				n++
			}
		}
	}
	return n
}

// A listener that breaks the protocol is seen; with restart_deaf it is started again, gets the
// event that it owed, and does not go round without end when it does that each time.
func TestPain16Deaf(t *testing.T) {
	t.Parallel()
	const listener = `command = sh -c 'if [ ! -e %(program_name)s.once ]; then touch %(program_name)s.once; printf "READY\n"; read line; printf "garbage\n"; exec sleep 1000; fi; exec child listen %(here)s/%(program_name)s.got'
directory = %(here)s
events = REMOTE_COMMUNICATION
`
	b := newBox(t, "", "[eventlistener:deaf]\n"+listener+"[eventlistener:again]\n"+listener+
		"restart_deaf = true\n[eventlistener:never]\ncommand = sh -c 'echo nonsense; exec sleep 1000'\nevents = TICK_3600\nrestart_deaf = true\nstartretries = 1\n")
	b.withMetrics().start()
	b.all("RUNNING", "deaf", "again")
	first := b.one("again").Pid
	b.do("supervisor.sendRemoteCommEvent", []string{"kind", "one"})
	b.until("it has started again", func() bool { p := b.one("again"); return p.State == "RUNNING" && p.Pid != first })
	b.until("it has the event that it owed", func() bool { return strings.Contains(b.read("again.got"), "type:kind one") })
	b.do("supervisor.sendRemoteCommEvent", []string{"kind", "two"})
	b.until("it has the next one", func() bool { return strings.Contains(b.read("again.got"), "type:kind two") })
	b.until("one is deaf", func() bool { return b.metric(`gosv_pool_deaf{pool="deaf"}`) == 1 })
	b.logged(1, "WARN", "deaf: has entered the UNKNOWN state")
	if p := b.one("deaf"); p.State != "RUNNING" {
		t.Errorf("deaf is %s", p.State)
	}
	if n := b.metric(`gosv_pool_deaf{pool="again"}`); n != 0 {
		t.Errorf("%v of again are deaf", n)
	}
	b.reaches("never", "FATAL")
	b.logged(2, "WARN", "killing never, which is deaf")
	b.stop()
}

// After a busy time, memory, goroutines, threads and descriptors are what they were after
// the first such time.
func TestPain18Memory(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:crash]
command = sh -c 'kill -KILL $$'
startsecs = 0
autorestart = true
stdout_logfile_maxbytes = 10KB
[program:p]
process_name = p%(process_num)d
numprocs = 5
command = sh -c 'seq 1 2000; exec sleep 1000'
startsecs = 0
stdout_logfile = %(here)s/%(program_name)s%(process_num)d.log
stdout_logfile_maxbytes = 50KB
`).withMetrics().start()
	text := b.read("s.conf")
	round := func(n int) {
		for i := range n {
			b.do("restart", named{Name: "p:*"})
			b.ask("tail", map[string]any{"name": "p:p1", "bytes": 5000})
			b.write("s.conf", text+fmt.Sprintf("[program:extra%d]\ncommand = true\nautostart = false\n", i))
			b.do("update", nil)
			aborted(t, b, 7)
		}
		b.write("s.conf", text)
		b.do("update", nil)
	}
	type figures struct{ rss, goroutines, fds, threads float64 }
	take := func() figures {
		_, threads := switches(b.pid())
		return figures{b.metric("process_resident_memory_bytes"), b.metric("go_goroutines"), b.metric("process_open_fds"), float64(threads)}
	}
	// The least of some time is what counts: the next collection may be near or far.
	settle := func(enough func(figures) bool) (least figures) {
		least = take()
		poll := time.Now().Add(patience / 3)
		for !enough(least) && time.Now().Before(poll) {
			time.Sleep(50 * time.Millisecond) // between two looks of a poll with a deadline
			f := take()
			least = figures{min(least.rss, f.rss), min(least.goroutines, f.goroutines), min(least.fds, f.fds), min(least.threads, f.threads)}
		}
		return least
	}
	round(long(15))
	b.do("stop", named{Name: "crash"})
	seen := 0
	base := settle(func(figures) bool { seen++; return seen > 60 })
	fits := func(f figures) bool {
		return f.rss <= base.rss+2<<20 && f.goroutines <= base.goroutines && f.fds <= base.fds && f.threads <= base.threads+4
	}
	for tries := 1; ; tries++ { // what grows, grows each time; what only the first time did not need yet, once
		b.do("start", named{Name: "crash"})
		round(long(40))
		b.do("stop", named{Name: "crash"})
		after := settle(fits)
		t.Logf("%d crashes; before %+v, after %+v", b.count("exited: crash"), base, after)
		if fits(after) {
			break
		}
		if tries == 3 {
			t.Fatalf("grown %d times: at last before %+v, after %+v", tries, base, after)
		}
		base.rss, base.threads = after.rss, after.threads
	}
	b.stop()
}

// changes are values for options of a program, each another than the default.
var changes = strings.Fields(`command=sleep\t2000 process_name=other numprocs=2\nprocess_name=x%(process_num)d priority=7 autostart=false
	startsecs=1 startretries=7 autorestart=false exitcodes=3 stopsignal=INT stopwaitsecs=7 stopasgroup=true killasgroup=true
	redirect_stderr=true stdout_logfile=%(here)s/other.log stdout_logfile_maxbytes=7MB stdout_logfile_backups=7
	stdout_capture_maxbytes=7KB stdout_events_enabled=true stderr_logfile=%(here)s/other.err stderr_logfile_maxbytes=7MB
	stderr_logfile_backups=7 stderr_capture_maxbytes=7KB stderr_events_enabled=true environment=A="b" directory=/tmp umask=027
	serverurl=http://127.0.0.1:9`)

// A change of one program's option, whichever it is, a program that comes or goes, another
// order, comments, another log level: no other process is restarted, and what somebody stopped
// stays stopped.
func TestPain19Update(t *testing.T) {
	t.Parallel()
	const rest = `
[program:same]
process_name = same%(process_num)d
numprocs = 3
command = sleep 1000
startsecs = 0
[program:stopped]
command = sleep 1000
startsecs = 0
[program:member]
command = sleep 1000
startsecs = 0
[group:g]
programs = member
[eventlistener:l]
command = cat
events = TICK_3600
startsecs = 0
[fcgi-program:f]
command = sleep 1000
socket = unix://%(here)s/f.sock
startsecs = 0
`
	const changed = "[program:changed]\ncommand = sleep 1000\nstartsecs = 0\n"
	b := newBox(t, "", rest+changed).start()
	b.all("RUNNING")
	b.do("stop", named{Name: "stopped"})
	pids := func() (list []string) {
		for _, p := range b.status() {
			if p.Group != "changed" && !strings.HasPrefix(p.Group, "new") {
				list = append(list, fmt.Sprint(p.Name, " ", p.State, " ", p.Pid, " ", p.Start))
			}
		}
		return list
	}
	before := pids()
	spell := strings.NewReplacer(`\t`, " ", `\n`, "\n")
	for _, c := range append(changes, "") {
		name, _, _ := strings.Cut(c, "=")
		text := changed
		if name == "command" || name == "startsecs" {
			text = regexp.MustCompile("(?m)^"+name+" .*\n").ReplaceAllString(text, "")
		}
		b.config("", rest+text+spell.Replace(c)+"\n")
		out, code := b.ctl("update")
		if code != 0 || c != "" && !strings.Contains(out, "changed: ") || strings.Contains(out, "same") {
			t.Errorf("%q: %d %s", c, code, out)
		}
		if after := pids(); !slices.Equal(before, after) {
			t.Fatalf("%q: before %q, after %q", c, before, after)
		}
	}
	sections := strings.Split(rest+changed, "\n[")
	slices.Reverse(sections[1:])
	for name, text := range map[string]string{
		"added":    rest + changed + "[program:new]\ncommand = sleep 1000\nstartsecs = 0\n",
		"removed":  rest,
		"reversed": strings.Join(sections, "\n["),
		"comments": strings.ReplaceAll(rest+changed, "\ncommand", "\n; a comment\n\ncommand"),
	} {
		b.config("", text)
		b.ctl("update")
		if after := pids(); !slices.Equal(before, after) {
			t.Fatalf("%s: before %q, after %q", name, before, after)
		}
	}
	b.config("loglevel = debug\n", rest+changed)
	if out, code := b.ctl("update"); code != 0 || strings.Contains(out, "same") {
		t.Errorf("loglevel: %d %s", code, out)
	}
	b.write("s.conf", b.read("s.conf")+"[program:broken]\nstartsecs = never\n")
	if _, code := b.ctl("update"); code == 0 {
		t.Error("a broken file was taken")
	}
	if after := pids(); !slices.Equal(before, after) {
		t.Errorf("before %q, after %q", before, after)
	}
	b.stop()
}

// painsDoc lists the pains and their tests.
const painsDoc = "docs/pains.md"

// TestPainsDoc: each of the 24 pains has a row, in order, whose tests exist, and each such test
// stands in the row of its pain.
func TestPainsDoc(t *testing.T) {
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test\w+`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		tests[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	text, err := os.ReadFile(painsDoc)
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for line := range strings.Lines(string(text)) {
		number, rest, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		if n != next {
			t.Errorf("row %d where %d is due", n, next)
		}
		next = n + 1
		named, own := codeSpan.FindAllStringSubmatch(rest[strings.LastIndex(rest, " | "):strings.LastIndex(rest, "|")], -1), 0
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("pain %d: there is no test %s", n, m[1])
			}
			if strings.HasPrefix(m[1], fmt.Sprintf("TestPain%02d", n)) {
				own++
			}
		}
		if own == 0 {
			t.Errorf("pain %d has no test of its name", n)
		}
		for name := range tests {
			if strings.HasPrefix(name, fmt.Sprintf("TestPain%02d", n)) && !strings.Contains(line, "`"+name+"`") {
				t.Errorf("pain %d: %s is not in its row", n, name)
			}
		}
	}
	if next != 25 {
		t.Errorf("%d rows, want 24", next-1)
	}
}
