package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"gosv/daemon/wire"
	"gosv/logs"
	"gosv/proc/event"
)

// chunkMax is the most that a wire.Chunk carries, in bytes.
const chunkMax = 256 << 10

// doTail sends the end of a log and, with Follow, what is written from then on.
func doTail(ctx context.Context, c *call, in wire.TailIn) (wire.Count, error) {
	s := &chunks{call: c}
	stream := in.Stream
	switch stream {
	case "":
		stream = "stdout"
	case "stdout", "stderr":
	default:
		return s.count, fault(wire.BadArguments, "no such stream: "+in.Stream)
	}
	if in.Bytes < 0 {
		return s.count, fault(wire.BadArguments, "bytes must not be negative")
	}
	n := in.Bytes
	if n == 0 {
		n = -1
	}
	path, follow := "", c.main.follow
	if in.Name == "" {
		if c.limited {
			return s.count, c.who.notAllowed("the main log")
		}
		c.main.flush()
		path = c.main.path()
	} else {
		group, name, err := oneName(in.Name)
		if err != nil {
			return s.count, err
		}
		if path, err = c.logOf(ctx, in.Name, stream); err != nil {
			return s.count, err
		}
		if path == "" { // NONE
			return s.count, noFile("")
		}
		follow = func(n int64) ([]byte, follower, error) { return c.logs.follow(group, name, stream, n) }
	}
	if in.Follow {
		if most := c.share(maxRead); n < 0 || n > most { // history is read at once, under the log's lock
			n = most
		}
	} else {
		// A regular file is read piece by piece; only what is kept in memory is asked for whole.
		done, err := s.file(path, n)
		if done || err != nil {
			return s.count, err
		}
	}
	data, f, err := follow(n)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || path == "" {
			err = noFile(path)
		}
		return s.count, err
	}
	defer f.Close()
	if err := s.send(data, 0); err != nil || !in.Follow {
		return s.count, err
	}
	defer c.endlessly()()
	return s.count, s.follow(ctx, f)
}

// followed is how far the following of a log has come.
type followed struct {
	Count    wire.Count
	Follower logs.KeptFollower
}

// follow hands over what f has until it ends, or until it goes on elsewhere.
func (s *chunks) follow(ctx context.Context, f follower) error {
	err := s.pour(ctx, f, s.send)
	if l, ok := f.(interface{ Leave() logs.KeptFollower }); ok && errors.Is(err, errLeft) {
		k := l.Leave()
		s.left(followed{s.count, k}, k.FDs()...)
	}
	return err
}

// takeUpTail goes on with a log that another version of the program followed.
func (c *call) takeUpTail(k keptCall, whole *api) (func(context.Context) (any, error), error) {
	var in wire.TailIn
	var at followed
	if err := errors.Join(json.Unmarshal(k.Params, &in), json.Unmarshal(k.State, &at)); err != nil {
		return nil, err
	}
	var f follower
	err := error(fs.ErrNotExist)
	if in.Name == "" {
		if l, ok := whole.main.(interface {
			followOn(logs.KeptFollower) (follower, error)
		}); ok {
			f, err = l.followOn(at.Follower)
		}
	} else if group, name, bad := oneName(in.Name); bad != nil {
		err = bad
	} else if l, ok := whole.logs.(interface {
		followOn(group, name, stream string, k logs.KeptFollower) (follower, error)
	}); ok {
		f, err = l.followOn(group, name, cmp.Or(in.Stream, "stdout"), at.Follower)
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (any, error) {
		defer f.Close()
		defer c.endlessly()()
		s := &chunks{call: c, count: at.Count}
		err := s.follow(ctx, f)
		return s.count, err
	}, nil
}

// pour hands over what f has until the stream or the daemon ends, or send fails.
func (c *call) pour(ctx context.Context, f follower, send func(data []byte, lost int64) error) error {
	for {
		open := true
		select {
		case _, open = <-f.Ready():
		case <-ctx.Done():
			return ctx.Err()
		case <-c.closing:
			open = false
		case <-c.leave:
			return errLeft
		}
		if data, lost := f.Take(); len(data) > 0 || lost > 0 {
			if err := send(data, lost); err != nil {
				return err
			}
		}
		if !open {
			return nil
		}
	}
}

// chunks sends log bytes as wire.Chunk events.
type chunks struct {
	*call
	count wire.Count
}

func (s *chunks) send(data []byte, lost int64) error {
	for len(data) > 0 || lost > 0 {
		n := min(len(data), chunkMax)
		if err := s.call.send(wire.Chunk{Data: data[:n], Lost: lost}); err != nil {
			return err
		}
		s.count.Count++
		data, lost = data[n:], 0
	}
	return nil
}

// file sends the last n bytes of a regular file, all of them when n < 0. It is not done
// when path is something else.
func (s *chunks) file(path string, n int64) (done bool, err error) {
	st, err := os.Stat(path)
	if err != nil {
		if path == "" {
			return false, nil
		}
		return true, noFile(path)
	}
	if !st.Mode().IsRegular() {
		return false, nil
	}
	return s.regular(path, n)
}

// regular is file after the first look: by now somebody may have put something else there.
func (s *chunks) regular(path string, n int64) (done bool, err error) {
	f, size, err := logs.OpenToRead(path)
	switch {
	case errors.Is(err, logs.ErrNotRegular):
		return false, nil
	case err != nil:
		return true, fault(wire.Failed, err.Error())
	}
	defer f.Close()
	from := int64(0)
	if n >= 0 {
		from = max(0, size-n)
	}
	r := io.NewSectionReader(f, from, size-from)
	buf := make([]byte, min(chunkMax, max(r.Size(), 1)))
	for {
		got, err := io.ReadFull(r, buf)
		if err := s.send(buf[:got], 0); err != nil {
			return true, err
		}
		if err != nil { // io.EOF and io.ErrUnexpectedEOF: the end; others: what cannot be read is not there
			return true, nil
		}
	}
}

// payloadMax is how much of a payload fits into a line, however it has to be escaped.
const payloadMax = 128 << 10

// eventsBytes is how much the payloads of events may be that wait for a client. Those of
// output are large, and whoever owns a program makes as many as he likes.
const eventsBytes = 1 << 20

// eventQueue is a bounded queue of events for one client. One that does not keep up loses
// the oldest, counted.
type eventQueue struct {
	ring chan struct{} // 1-buffered: take has something
	max  int

	mu   sync.Mutex // guards what follows
	list []wire.Event
	size int // of the payloads, in bytes
	lost int64
}

func newEventQueue(max int) *eventQueue {
	return &eventQueue{ring: make(chan struct{}, 1), max: max}
}

// push is called by the bus and never blocks.
func (q *eventQueue) push(serial uint64, ev event.Event) {
	x := wire.Event{Serial: serial, Type: ev.Type.String()}
	payload := ev.Payload()
	if cut := len(payload) - payloadMax; cut > 0 {
		payload, x.Cut = payload[:payloadMax], int64(cut)
	}
	x.Payload = text(payload)
	q.mu.Lock()
	for len(q.list) > 0 && (len(q.list) >= q.max || q.size+len(x.Payload) > eventsBytes) {
		q.size -= len(q.list[0].Payload)
		q.list[0] = wire.Event{}
		q.list = q.list[1:]
		q.lost++
	}
	q.list = append(q.list, x)
	q.size += len(x.Payload)
	q.mu.Unlock()
	select {
	case q.ring <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (q *eventQueue) take() []wire.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	if len(list) > 0 {
		list[0].Lost = q.lost
	}
	q.list, q.size, q.lost = nil, 0, 0
	return list
}
