package event

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolSpreadsLoad(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{})
	f.publish(2)
	f.out("a", "READY\n")
	f.out("b", "READY\n")
	f.expect(t) // ready, but STARTING
	f.up("b")
	f.expect(t, "b gets 0/0")
	f.up("a")
	f.expect(t, "a gets 1/1")
	f.publish(3)
	f.expect(t)
	f.out("a", "RESULT 2\nOKREADY\n")
	f.expect(t, "a gets 2/2")
	f.out("b", "RESULT 2\nOK")
	f.expect(t)
	f.out("b", "READY\n")
	f.expect(t, "b gets 3/3")
	f.out("a", "RESULT 2\nOKREADY\n")
	f.out("b", "RESULT 2\nOKREADY\n")
	f.expect(t, "a gets 4/4")
	f.publish(1)
	f.expect(t, "b gets 5/5")
	if s := f.pool.Stats(); s != (Stats{Accepted: 6, Processed: 4}) {
		t.Errorf("Stats = %+v", s)
	}
}

func TestPoolOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{BufferSize: 3})
		f.publish(4)
		f.expect(t, "ERRO pool el event buffer overflowed, discarding event 0")
		// A flood is one line a second.
		f.publish(5000)
		f.expect(t)
		time.Sleep(1100 * time.Millisecond)
		f.expect(t, "ERRO pool el event buffer overflowed, discarding event 5000 and 4999 before it")
		f.publish(1)
		time.Sleep(time.Second)
		f.expect(t, "ERRO pool el event buffer overflowed, discarding event 5001")
		// After a quiet second the next drop is told at once.
		time.Sleep(2 * time.Second)
		f.publish(1)
		f.expect(t, "ERRO pool el event buffer overflowed, discarding event 5002")
		f.out("a", "READY\n")
		f.up("a")
		f.expect(t, "a gets 5003/5003")
		if s := f.pool.Stats(); s != (Stats{Buffered: 2, Accepted: 5006, Overflowed: 5003}) {
			t.Errorf("Stats = %+v", s)
		}
		f.publish(3)
		f.pool.Close()
		f.expect(t, "ERRO pool el event buffer overflowed, discarding event 5005 and 1 before it")
	})
}

func TestPoolReject(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{BufferSize: 2})
	f.out("a", "READY\n")
	f.up("a")
	f.publish(1)
	f.expect(t, "a gets 0/0")
	f.publish(2)
	// The buffer is full: its head makes room for the event that comes back.
	f.out("a", "RESULT 4\nFAIL")
	f.expect(t, "WARN a: event was rejected", "ERRO pool el event buffer overflowed, discarding event 1")
	f.out("a", "READY\n")
	f.expect(t, "a gets 0/0")
	f.out("a", "RESULT 2\nOKREADY\n")
	f.expect(t, "a gets 2/2")
}

func TestPoolDeath(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{})
	f.out("a", "READY\n")
	f.up("a")
	f.publish(1)
	f.expect(t, "a gets 0/0")
	f.pool.Stopping("a")
	f.publish(1)
	f.out("a", "RESULT 2\nOKREADY\n") // still counts, but nothing more is sent
	f.pool.Gone("a")
	f.pool.Gone("a")
	f.expect(t)

	f.out("a", "READY\n")
	f.up("a")
	f.expect(t, "a gets 1/1")
	f.pool.Gone("a") // owes a result: the event goes to somebody else, with both serials
	f.out("b", "READY\n")
	f.up("b")
	f.expect(t, "b gets 1/1")
	f.out("b", "junk\n")
	f.expect(t, "WARN b: bad result line: 'junk'", "WARN"+strings.TrimPrefix(strings.Replace(unknownLine, "el:", "b:", 1), "WARN"))
	f.out("b", "READY\n")
	f.publish(1)
	f.expect(t) // deaf
	f.pool.Gone("b")
	f.out("b", "READY\n")
	f.up("b")
	f.expect(t, "b gets 1/1")
	f.out("nobody", "READY\n")
	f.expect(t)
}

func TestPoolViolated(t *testing.T) {
	t.Parallel()
	var who []string
	f := newFixture(t, Options{Violated: func(process string) { who = append(who, process) }})
	f.out("b", "hello world\n")
	f.out("b", "hello again\n")
	if !slices.Equal(who, []string{"b"}) {
		t.Errorf("Violated was called for %q, want b once", who)
	}
}

func TestPoolWriteFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{})
	f.fail["a"] = true
	for _, p := range []string{"a", "b"} {
		f.out(p, "READY\n")
		f.up(p)
	}
	f.publish(1)
	f.expect(t, "b gets 0/0") // the next process is tried
	f.publish(2)
	f.expect(t) // a keeps failing; the events wait, in order
	f.fail["a"] = false
	f.publish(1)
	f.expect(t, "a gets 1/1")
	f.out("b", "RESULT 2\nOKREADY\n")
	f.expect(t, "b gets 2/2")
}

// Two pools with a process of the same name and a rejecting listener: only the owner
// sees the event again. (Supervisor gave it to both.)
func TestPoolKeepsItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{Processes: []string{"a"}})
	var other []string
	second := NewPool(Options{Name: "second", Processes: []string{"a"}, Types: []Type{Tick}, Bus: &f.bus})
	defer second.Close()
	second.Output("a", []byte("READY\n"))
	second.Running("a", func(b []byte) error {
		other = append(other, string(b))
		return nil
	})
	f.out("a", "READY\n")
	f.up("a")
	f.publish(1)
	f.out("a", "RESULT 4\nFAILREADY\n")
	second.Output("a", []byte("RESULT 2\nOKREADY\n"))
	f.expect(t, "a gets 0/0", "WARN a: event was rejected", "a gets 0/0")
	if len(other) != 1 {
		t.Errorf("the other pool's process got %d events: %q", len(other), other)
	}
}

// Whatever the pool calls may call the pool and the bus.
func TestPoolReentrant(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{})
	var got int
	f.out("a", "READY\n")
	f.pool.Running("a", func(b []byte) error {
		if got++; got < 100 {
			f.publish(1)
		}
		f.out("a", "RESULT 2\nOKREADY\n")
		return nil
	})
	f.publish(1)
	if s := f.pool.Stats(); got != 100 || s.Processed != 100 || s.Buffered != 0 {
		t.Errorf("sent %d, %+v", got, s)
	}
}

func TestPoolStdoutHandler(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	f := newFixture(t, Options{Handler: StdoutHandler, Stdout: &stdout, Types: []Type{ProcessLog}, ByteLen: true})
	f.out("a", "READY\n")
	f.pool.Running("a", func(b []byte) error { // the listener of supervisor-stdout
		_, payload, _ := bytes.Cut(b, []byte("\n"))
		f.out("a", fmt.Sprintf("RESULT %d\n%sREADY\n", len(payload), payload))
		return nil
	})
	f.bus.Publish(Event{Type: ProcessLogStdout, Process: "web", Group: "web", PID: 7, Data: []byte("grün\nzwei\n")})
	f.bus.Publish(Event{Type: ProcessLogStderr, Process: "db", Group: "db", PID: 8, Data: []byte("end")})
	if got, want := stdout.String(), "web stdout | grün\nweb stdout | zwei\ndb stderr | end\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	f.expect(t)
}

// Random lives of one process: what is accepted is processed exactly once and in order,
// or was dropped and counted, or is still there.
func TestPoolDeliversOnce(t *testing.T) {
	t.Parallel()
	for seed := range int64(300) {
		rnd := rand.New(rand.NewSource(seed))
		var bus Bus
		size := 1 + rnd.Intn(6)
		p := NewPool(Options{Name: "el", Processes: []string{"a"}, Types: []Type{Any}, BufferSize: size, Bus: &bus})
		var working uint64 // serial of what the process works on
		busy, up, fails := false, false, false
		next, processed := uint64(0), uint64(0)
		write := func(b []byte) error {
			if fails {
				return errors.New("broken pipe")
			}
			if busy {
				t.Fatalf("seed %d: a second event while busy", seed)
			}
			fmt.Sscanf(string(b), "ver:3.0 server: serial:%d", &working)
			busy = true
			return nil
		}
		for range 200 {
			switch rnd.Intn(8) {
			case 0, 1, 2:
				bus.Publish(Event{Type: Tick5})
			case 3:
				if !up {
					up = true
					p.Output("a", []byte("READY\n"))
					p.Running("a", write)
				}
			case 4:
				p.Gone("a")
				up, busy = false, false
			case 5:
				fails = !fails
			default:
				if !busy {
					break
				}
				busy = false
				result := "FAIL"
				if rnd.Intn(3) > 0 {
					result = "OK"
					if working < next {
						t.Fatalf("seed %d: processed %d after %d", seed, working, next-1)
					}
					next = working + 1
					processed++
				}
				p.Output("a", fmt.Appendf(nil, "RESULT %d\n%s", len(result), result))
				p.Output("a", []byte("READY\n"))
			}
			s := p.Stats()
			held := uint64(0)
			if busy {
				held = 1
			}
			if s.Processed != processed || s.Accepted != s.Processed+s.Overflowed+uint64(s.Buffered)+held || s.Buffered > size {
				t.Fatalf("seed %d: %+v, processed %d, in work %d", seed, s, processed, held)
			}
		}
		p.Close()
	}
}

// Many publishers, several processes that answer from goroutines of their own.
func TestPoolConcurrent(t *testing.T) {
	t.Parallel()
	const publishers, each = 4, 250
	f := newFixture(t, Options{BufferSize: publishers * each})
	all := make(chan struct{})
	var mu sync.Mutex // guards seen
	seen := map[string]int{}
	var wg sync.WaitGroup
	var inputs []chan []byte
	for _, name := range []string{"a", "b"} {
		in := make(chan []byte, 1) // at most one event is on its way
		inputs = append(inputs, in)
		wg.Go(func() {
			f.out(name, "READY\n")
			for b := range in {
				mu.Lock()
				seen[string(b)]++
				full := len(seen) == publishers*each
				mu.Unlock()
				f.out(name, "RESULT 2\n")
				f.out(name, "OKREADY\n")
				if full {
					close(all)
				}
			}
		})
		f.pool.Running(name, func(b []byte) error { in <- b; return nil })
	}
	for range publishers {
		wg.Go(func() {
			for range each {
				f.publish(1)
			}
		})
	}
	select {
	case <-all:
	case <-time.After(60 * time.Second):
		t.Errorf("stuck: %+v", f.pool.Stats())
	}
	for _, in := range inputs {
		close(in)
	}
	wg.Wait()
	for b, n := range seen {
		if n != 1 {
			t.Errorf("%q was delivered %d times", b, n)
		}
	}
	f.expect(t)
}
