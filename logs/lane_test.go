package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is a directory for stashes.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gosv-test-")
	if err != nil {
		t.Skipf("no file system in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// stashes is how many pieces p may have on their way.
func stashes(dir string) int {
	list, _ := filepath.Glob(filepath.Join(dir, "piece-*"))
	return len(list)
}

// blocks are as many large blocks of lines, each with its number. They are as many as a test has time for, so
// nobody keeps them.
type blocks int

const blockLines = 30000

func blockLine(i int) string { return fmt.Sprintf("block %d\n", i) }

func (n blocks) size() (bytes int64) {
	for i := range int(n) {
		bytes += blockLines * int64(len(blockLine(i)))
	}
	return bytes
}

// here looks whether they are what comes next in r.
func (n blocks) here(t *testing.T, what string, r io.Reader) {
	t.Helper()
	for i := range int(n) {
		want := strings.Repeat(blockLine(i), blockLines)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatalf("%s ends in block %d of %d: %v", what, i, n, err)
		}
		same(t, what, string(got), want)
	}
}

// flow writes blocks to s until stop, and then waits until they are dealt with.
func flow(t *testing.T, s *Sink, stop <-chan struct{}) (sent func() blocks) {
	t.Helper()
	w := attach(t, s)
	n := blocks(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.Close()
		for {
			if _, err := w.WriteString(strings.Repeat(blockLine(int(n)), blockLines)); err != nil {
				t.Error(err)
				return
			}
			n++
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	return func() blocks {
		<-done
		atRest(t, s)
		return n
	}
}

// rotated are a log and its backups, the oldest first.
func rotated(name string) (names []string) {
	list, _ := filepath.Glob(name + ".*")
	for i := len(list); i > 0; i-- {
		names = append(names, fmt.Sprintf("%s.%d", name, i))
	}
	return append(names, name)
}

// complete looks whether the files have what was sent to s. What a disk did not take that stood still for a second
// is missing, and counted.
func complete(t *testing.T, s *Sink, sent blocks, names ...string) {
	t.Helper()
	var text []io.Reader
	size := int64(0)
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, f)
		size += st.Size()
	}
	got := s.Stats()
	if got.Bytes != sent.size() || got.Bytes-got.Lost != size {
		t.Errorf("%s: %+v, but %d bytes were sent, and %d are there", s.o.Path, got, sent.size(), size)
	} else if got.Lost == 0 {
		sent.here(t, s.o.Path, io.MultiReader(text...))
	} else {
		t.Logf("%s: %+v", s.o.Path, got)
	}
}

// A busy pump has a lane; all bytes come in order, over drains, runs that end, rotation and hand-overs;
// and when it is calm again nothing of the lane is left.
func TestLane(t *testing.T) {
	t.Parallel()
	dir, mem := t.TempDir(), memory(t)
	p, err := NewPumpIn(mem)
	if err != nil {
		t.Fatal(err)
	}
	p.Settled()
	files := &Files{}
	stop := make(chan struct{})
	const programs = 3
	var sinks [programs]*Sink
	var sent [programs]func() blocks
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint("log", i)) }
	for i := range programs {
		sinks[i] = newSink(t, p, Options{Files: files, Path: name(i), MaxBytes: int64(i) * (1 << 20), Backups: 10000})
		sent[i] = flow(t, sinks[i], stop)
	}
	for range 20 {
		soon(t, "a lane", func() bool { return stashes(mem) >= 1+laneRooms })
		drained(t, sinks[0])
		soon(t, "the pump to stand still", func() bool {
			_, err := p.Freeze(files, 40*time.Second)
			if err != nil { // a machine so slow that a disk seems to hang
				p.Thaw(files)
			}
			return err == nil
		})
		if n := stashes(mem); n > 0 {
			t.Errorf("%d stashes while the pump is frozen", n)
		}
		p.Thaw(files)
		drained(t, sinks[1])
	}
	close(stop)
	for i := range programs {
		want := sent[i]()
		complete(t, sinks[i], want, rotated(name(i))...)
	}
	soon(t, "the end of the lane", func() bool { return stashes(mem) == 1 })
	p.Close()
	if n := stashes(mem); n > 0 {
		t.Errorf("%d stashes are left", n)
	}
}

// A disk that hangs under a lane keeps its own file alone, again and again, and nothing is lost of
// what fits its backlog.
func TestLaneHangs(t *testing.T) {
	t.Parallel()
	dir, mem := t.TempDir(), memory(t)
	p, err := NewPumpIn(mem)
	if err != nil {
		t.Fatal(err)
	}
	p.Settled()
	stuck := newSink(t, p, Options{Path: filepath.Join(dir, "hangs")})
	other := newSink(t, p, Options{Path: filepath.Join(dir, "log")})
	log, err := os.Open(other.o.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for range 4 {
		stop := make(chan struct{})
		sent := flow(t, other, stop)
		soon(t, "a lane", func() bool { return stashes(mem) == 1+laneRooms })
		f := stuck.file.Load()
		f.mu.Lock()
		w := attach(t, stuck)
		text := string(numbered(800 << 10))
		write(t, w, text)
		w.Close()
		before := other.Stats().Bytes
		drained(t, other)
		soon(t, "another lane", func() bool { return stashes(mem) == 2+laneRooms }) // and what hangs
		soon(t, "the other file to be written on", func() bool { return other.Stats().Bytes > before+(4<<20) })
		drained(t, other)
		f.mu.Unlock()
		soon(t, "the file to be written directly again", func() bool { return f.back.Load() == nil })
		close(stop)
		sent().here(t, "the other log", log)
		atRest(t, stuck)
		soon(t, "the text", func() bool { return strings.HasSuffix(content(t, f.name), text) })
		soon(t, "the pump to be calm", func() bool { return stashes(mem) == 1 })
	}
	if n, err := log.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other log has more: %d, %v", n, err)
	}
	same(t, "the log that hung", content(t, filepath.Join(dir, "hangs")), strings.Repeat(string(numbered(800<<10)), 4))
	if a, b := stuck.Stats(), other.Stats(); a.Lost+b.Lost != 0 {
		t.Errorf("%+v, %+v", a, b)
	}
	p.Close()
	if n := stashes(mem); n > 0 {
		t.Errorf("%d stashes are left", n)
	}
}

// Two files that hang one after the other under a lane: what waits for the second when the first is given up
// is not lost, nor what waits behind it.
func TestLaneHangsTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPump(t)
	const programs = 6
	var sinks [programs]*Sink
	var sent [programs]func() blocks
	stop := make(chan struct{})
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint("log", i)) }
	for i := range programs {
		sinks[i] = newSink(t, p, Options{Path: name(i)})
		sent[i] = flow(t, sinks[i], stop)
	}
	var wait sync.WaitGroup
	for round := range 3 {
		for i := range 3 { // some hang at the same time
			wait.Go(func() {
				f := sinks[(round+2*i)%programs].file.Load()
				f.mu.Lock()
				hung := time.NewTimer(time.Duration(2+i) * watchEvery)
				<-hung.C
				f.mu.Unlock()
			})
		}
		wait.Wait()
	}
	close(stop)
	for i := range programs {
		want := sent[i]()
		soon(t, "the backlog to be written", func() bool { return sinks[i].file.Load().back.Load() == nil })
		complete(t, sinks[i], want, name(i))
	}
}
