package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gosv/daemon/wire"
)

// sse reads a stream of events.
type sse struct {
	t     *testing.T
	lines *bufio.Reader
}

// listen opens /events. Its end comes with the test's.
func listen(t *testing.T, f *fakeDaemon) *sse {
	t.Helper()
	s := httptest.NewServer(New(f, Options{}))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		cancel()
		s.Close()
	})
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("Content-Type %q", kind)
	}
	return &sse{t, bufio.NewReader(answer.Body)}
}

// next is the next event, "" at the end.
func (s *sse) next() (name string, data string) {
	s.t.Helper()
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return "", ""
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return name, data
		}
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		} else if v, ok := strings.CutPrefix(line, "data: "); ok {
			data = v
		} else {
			s.t.Fatalf("line %q", line)
		}
	}
}

func (s *sse) change() (c change) {
	s.t.Helper()
	name, data := s.next()
	if err := json.Unmarshal([]byte(data), &c); name != "change" || err != nil {
		s.t.Fatalf("event %q %q: %v", name, data, err)
	}
	return c
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFake(process("b", "b", "STOPPED", "Not started"), process("a", "a", "RUNNING", "pid 1, uptime 0:00:01"))
	s := listen(t, f)

	c := s.change() // first everything
	if !slices.Equal(c.Names, []string{"a", "b"}) || len(c.Rows) != 2 || c.Summary != "2 processes: 1 running, 1 stopped" || c.Now != 1_700_000_100 {
		t.Fatalf("first %+v", c)
	}
	if !strings.HasPrefix(c.Rows["b"], `<tr role="row" data-name="b"`) || !strings.HasSuffix(c.Rows["b"], "</tr>") {
		t.Errorf("row %q", c.Rows["b"])
	}

	f.set(func(f *fakeDaemon) { f.procs[0] = process("b", "b", "STARTING", "") })
	c = s.change() // then what changes
	if c.Names != nil || len(c.Rows) != 1 || !strings.Contains(c.Rows["b"], ">starting<") {
		t.Errorf("after a change %+v", c)
	}

	// An uptime that has grown is no news; a bell without news sends nothing.
	f.set(func(f *fakeDaemon) { f.procs[1].Description = "pid 1, uptime 0:00:09" })
	f.set(func(f *fakeDaemon) { f.procs = append(f.procs, process("aa", "x", "STOPPED", "")) })
	c = s.change() // b has moved: its shade is another one
	if !slices.Equal(c.Names, []string{"a", "aa:x", "b"}) || len(c.Rows) != 2 || c.Rows["a"] != "" {
		t.Errorf("after one more %+v", c)
	}

	f.set(func(f *fakeDaemon) { f.procs = nil })
	if c = s.change(); len(c.Rows) != 0 || c.Names == nil || len(c.Names) != 0 || c.Summary != "" {
		t.Errorf("after all have gone %+v", c)
	}

	f.set(func(f *fakeDaemon) { f.err = &wire.Fault{Code: wire.ShutdownState} })
	if name, data := s.next(); name != "down" || data != `"shutting down"` {
		t.Errorf("in a shutdown: %q %q", name, data)
	}
	if name, _ := s.next(); name != "" {
		t.Errorf("after the end: %q", name)
	}
}

// TestEventsEnd: the stream ends with the daemon's bell and with the browser, and leaves
// nobody subscribed.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := listen(t, f)
	if c := s.change(); len(c.Rows) != 0 || len(c.Names) != 0 {
		t.Errorf("nothing is %+v", c)
	}
	f.mu.Lock()
	for bell := range f.bells {
		close(bell)
	}
	f.bells = map[chan struct{}]bool{}
	f.mu.Unlock()
	if name, _ := s.next(); name != "" {
		t.Errorf("after the bell was closed: %q", name)
	}

	f = newFake()
	server := httptest.NewServer(New(f, Options{}))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/events", nil)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	answer.Body.Close()
	for end := time.Now().Add(patience); ; {
		f.mu.Lock()
		n := len(f.bells)
		f.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the subscription stays when the browser has gone")
		}
		time.Sleep(5 * time.Millisecond) // the poll's step
	}
}

// TestBusyProcesses: many changes at once are one event.
func TestBusyProcesses(t *testing.T) {
	t.Parallel()
	f := newFake(process("a", "a", "STOPPED", "0"))
	s := listen(t, f)
	s.change()
	for i := range 200 {
		f.set(func(f *fakeDaemon) { f.procs[0].Description = strings.Repeat("x", i+1) })
	}
	events := 0
	for {
		events++
		if strings.Contains(s.change().Rows["a"], ">"+strings.Repeat("x", 200)+"<") {
			break
		}
	}
	if events > 50 {
		t.Errorf("200 changes were %d events", events)
	}
}
