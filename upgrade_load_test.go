package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// upgrades is how many upgrades TestUpgradeUnderLoad does: GOSV_UPGRADES, or a few.
func upgrades() int {
	if n, err := strconv.Atoi(os.Getenv("GOSV_UPGRADES")); err == nil {
		return n
	}
	return 5
}

// TestUpgradeUnderLoad: the daemon becomes one build after the other while programs write,
// clients of all kinds come and stay, a listener gets events and somebody follows a log. No
// byte, event or request is lost or comes twice; pids and starts stay; nothing grows.
func TestUpgradeUnderLoad(t *testing.T) {
	port := strconv.Itoa(freePort(t))
	b, two := upgradable(t, "", `[inet_http_server]
port = 127.0.0.1:`+port+`
`+writers+`[program:followed]
command = bash %(here)s/flood.sh 50
stdout_logfile = %(here)s/followed.log
stdout_logfile_maxbytes = 0
autostart = false
[program:events]
command = bash %(here)s/slow.sh
stdout_logfile = NONE
stdout_events_enabled = true
[eventlistener:ear]
command = child listen %(here)s/ear
events = PROCESS_LOG
buffer_size = 100000
startsecs = 0
[program:quick]
command = child exit 0
startsecs = 0
autorestart = true
autostart = false
`)
	b.write("flood.sh", flood)
	b.write("blocks.sh", blocks)
	b.write("slow.sh", `i=0
trap 'echo last $i; exit 0' TERM
while :; do
	echo "event $i"
	i=$((i+1))
	sleep 0.02
done
`)
	b.start()
	for _, name := range []string{"flood", "lines", "blocks", "meter", "events", "ear"} {
		b.reaches(name, "RUNNING")
	}
	following := exec.Command("supervisorctl", "-c", b.path("s.conf"), "tail", "-f", "followed")
	out, err := os.Create(b.path("following.txt"))
	if err != nil {
		t.Fatal(err)
	}
	following.Stdout, following.Stderr = out, out
	if err := following.Start(); err != nil {
		t.Fatal(err)
	}
	defer following.Process.Kill()
	b.until("the follower", func() bool { return strings.Contains(b.read("following.txt"), "Press Ctrl-C") })
	watch := watchEvents(t, b)
	b.do("start", named{Name: "followed"})

	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	var asked, failed atomic.Int64
	client := func(name string, ask func() error) {
		clients.Go(func() {
			for ctx.Err() == nil {
				if err := ask(); err != nil { // also the last one: nothing but the daemon could have cut it off
					if failed.Add(1) < 10 {
						t.Errorf("%s: %v", name, err)
					}
				}
				asked.Add(1)
				time.Sleep(2 * time.Millisecond) // the client's own pace
			}
		})
	}
	client("a JSON connection each", func() error { _, _, err := b.ask("status", nil); return err })
	stays := stayingClient(t, b)
	client("one JSON connection", stays)
	for _, keep := range []bool{false, true} {
		over := map[string]*http.Client{"http://127.0.0.1:" + port: {}, "http://localhost": {}}
		for url, c := range over {
			tr := &http.Transport{DisableKeepAlives: !keep, MaxIdleConns: 1}
			if url == "http://localhost" {
				tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "unix", b.path("s.sock"))
				}
			}
			c.Transport, c.Timeout = tr, patience
			client(fmt.Sprintf("XML-RPC to %s, keep-alive %v", url, keep), func() error { return allInfo(c, url) })
		}
	}

	pid, before := b.pid(), pids(b)
	starts := map[string]float64{}
	for _, p := range b.status() {
		starts[p.Name] = p.Start
	}
	var fds, tasks []int
	var names string
	slowest := time.Duration(0)
	for i := range upgrades() {
		b.install([]string{two.next, two.this}[i%2])
		began := time.Now()
		b.upgrade()
		slowest = max(slowest, time.Since(began))
		var n int
		n, names = descriptors(t, pid)
		fds, tasks = append(fds, n), append(tasks, threads(pid))
		for _, p := range b.status() {
			if p.Pid != before[p.Name] || p.Start != starts[p.Name] {
				t.Fatalf("after upgrade %d %s is %d since %v, and was %d since %v", i+1, p.Name, p.Pid, p.Start, before[p.Name], starts[p.Name])
			}
		}
	}
	cancel()
	clients.Wait()
	t.Logf("%d upgrades, the slowest took %v; %d requests; descriptors %v; threads %v", upgrades(), slowest, asked.Load(), fds, tasks)
	b.do("stop", named{Name: "blocks"}) // as long as it writes, pieces may be on their way in files in memory
	b.until("descriptors are as few as at first", func() bool {
		n, _ := descriptors(t, pid)
		return n <= fds[0]+2 // a pause between requests of those that stay
	})
	if last := tasks[len(tasks)-1]; last > tasks[0]+12 {
		t.Errorf("%d threads after the first upgrade, %d at the end", tasks[0], last)
	}
	_ = names

	for _, name := range []string{"flood", "lines", "followed", "events"} {
		b.do("stop", named{Name: name})
	}
	b.do("stop", named{Name: "meter"})
	b.wrote(t)
	numbered(t, "followed", b.read("followed.log"), "line ")
	// What the follower has seen is the log, to the last byte.
	want := b.read("followed.log")
	b.until("the follower has everything", func() bool { return len(b.read("following.txt")) >= len(want) })
	following.Process.Signal(syscall.SIGINT)
	following.Wait()
	_, got, _ := strings.Cut(b.read("following.txt"), "to exit <==\n")
	if got = strings.TrimSuffix(got, "\n\n") + "\n"; got != want {
		t.Errorf("the follower saw %d bytes, which are not the %d of the log", len(got), len(want))
	}
	// Each event came once, in order.
	var heard strings.Builder
	b.until("the listener has heard the end", func() bool { return strings.Contains(b.read("ear"), "last ") })
	for line := range strings.Lines(b.read("ear")) {
		if at := strings.Index(line, " pid:"); at >= 0 {
			if words := strings.SplitN(line[at+1:], " ", 3); len(words) == 3 && strings.Contains(line, "processname:events ") {
				heard.WriteString(words[2])
			}
		}
	}
	text := heard.String()
	for i, k := 0, 0; ; i++ {
		word := fmt.Sprintf("event %d ", i)
		at := strings.Index(text[k:], word)
		if at < 0 {
			if !strings.Contains(text[k:], fmt.Sprintf("last %d", i)) {
				t.Errorf("event %d is missing; what follows is %.100q", i, text[k:])
			}
			break
		}
		if strings.Count(text, word) != 1 {
			t.Errorf("event %d came %d times", i, strings.Count(text, word))
		}
		k += at
	}
	watch(t)
	b.stop()
}

// numbered checks lines that count from 0 and end with "last N".
func numbered(t *testing.T, name, text, word string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines[:len(lines)-1] {
		if line != word+strconv.Itoa(i) {
			t.Fatalf("%s: line %d is %q", name, i, line)
		}
	}
	var n int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "last %d", &n); err != nil || n > len(lines)-1 || n < len(lines)-2 {
		t.Errorf("%s: %d lines, and it says %q", name, len(lines)-1, lines[len(lines)-1])
	}
}

// stayingClient asks over one connection that is never closed.
func stayingClient(t *testing.T, b *box) func() error {
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := json.NewDecoder(bufio.NewReader(c))
	id := 0
	return func() error {
		id++
		c.SetDeadline(time.Now().Add(patience))
		// In two halves: an upgrade may come between them.
		line := fmt.Sprintf(`{"id":%d,"m":"status"}`+"\n", id)
		io.WriteString(c, line[:7])
		time.Sleep(time.Millisecond) // the client's own pace
		if _, err := io.WriteString(c, line[7:]); err != nil {
			return err
		}
		var r struct {
			ID  int
			Ok  json.RawMessage
			Err *fault
		}
		if err := d.Decode(&r); err != nil {
			return err
		}
		if r.Err != nil || r.ID != id {
			return fmt.Errorf("answer %d to %d: %v", r.ID, id, r.Err)
		}
		return nil
	}
}

// watchEvents follows the stream of events of the JSON protocol. What it returns checks
// that the serials of the events it got grow and no event was left out.
func watchEvents(t *testing.T, b *box) func(*testing.T) {
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(c, `{"id":1,"m":"events","p":{"types":["PROCESS_LOG"]}}`)
	var mu sync.Mutex
	var text bytes.Buffer
	lost, newest, wrong := int64(0), int64(-1), 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := json.NewDecoder(bufio.NewReader(c))
		for {
			var line struct {
				Ev *struct {
					Serial, Lost int64
					Payload      string
				}
			}
			if d.Decode(&line) != nil {
				return
			}
			if line.Ev == nil {
				continue
			}
			mu.Lock()
			lost += line.Ev.Lost
			if line.Ev.Serial <= newest {
				wrong++
			}
			newest = line.Ev.Serial
			_, payload, _ := strings.Cut(line.Ev.Payload, "\n")
			text.WriteString(payload)
			mu.Unlock()
		}
	}()
	return func(t *testing.T) {
		poll(t, "the stream of events has come to its end", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(text.String(), "last ")
		})
		c.Close()
		<-done
		if wrong > 0 || lost > 0 {
			t.Errorf("%d events out of order, %d lost", wrong, lost)
		}
		n := -1 // it began in the midst
		for line := range strings.Lines(text.String()) {
			var k int
			if _, err := fmt.Sscanf(line, "event %d", &k); err != nil {
				break
			}
			if n >= 0 && k != n+1 {
				t.Errorf("after event %d the stream has event %d", n, k)
			}
			n = k
		}
		if !strings.Contains(text.String(), fmt.Sprintf("last %d", n+1)) {
			t.Errorf("the stream of events ends after %d with %.200q", n, last(text.String(), 200))
		}
	}
}

// allInfo is getAllProcessInfo over XML-RPC.
func allInfo(c *http.Client, url string) error {
	r, err := c.Post(url+"/RPC2", "text/xml", strings.NewReader(`<?xml version="1.0"?><methodCall><methodName>supervisor.getAllProcessInfo</methodName></methodCall>`))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && !bytes.Contains(text, []byte("statename")) {
		err = fmt.Errorf("status %d: %.200s", r.StatusCode, text)
	}
	return err
}
