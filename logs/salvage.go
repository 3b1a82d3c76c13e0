package logs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// salvage is what a daemon that was killed had taken out of pipes and not dealt with.
type salvage struct {
	files  []string // to be removed when it has been
	pieces []*piece
	held   map[uint64]*heldBack
	inUse  map[string]bool // files that somebody goes on with
}

// piece is what a stash held.
type piece struct {
	path string // of the stash
	pipe uint64
	seq  uint64
	raw  []byte // as it was read
	out  []byte // what was made of it, if made, or if the held back of the run is of seq
	made bool
	file fileID // that it was being written to; zero: not begun
	size int64  // that it had before
	from int    // what of it was to be written there; what is before that is in a file already
}

// heldBack is the beginning of something whose end has not come yet: a line, mostly.
type heldBack struct {
	Seq  uint64 // of the piece that it is the rest of
	Line []byte // of lines
	Part Part
}

// heldName is the file for what is held back of a pipe.
func heldName(dir string, pipe uint64) string {
	return filepath.Join(dir, fmt.Sprintf("held-%d", pipe))
}

// readSalvage reads what is in dir, where only we can have written.
func readSalvage(dir string) *salvage {
	s := &salvage{held: map[uint64]*heldBack{}, inUse: map[string]bool{}}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() || st.Size() > 4<<20 {
			continue
		}
		var pipe uint64
		switch {
		case strings.HasPrefix(e.Name(), "piece-"):
			s.files = append(s.files, path)
			if mem, err := os.ReadFile(path); err == nil {
				if p := parseStash(mem); p != nil {
					p.path = path
					s.pieces = append(s.pieces, p)
				}
			}
		case scan(e.Name(), &pipe):
			s.files = append(s.files, path)
			var h heldBack
			if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &h) == nil {
				s.held[pipe] = &h
			}
		}
	}
	return s
}

func scan(name string, pipe *uint64) bool {
	n, err := fmt.Sscanf(name, "held-%d", pipe)
	return n == 1 && err == nil
}

// take is what there is of a pipe, in the order in which it was read; it is given out once. There is
// more than one piece where a disk hung.
func (s *salvage) take(pipe uint64) (list []*piece, h *heldBack) {
	if s == nil || pipe == 0 {
		return nil, nil
	}
	s.pieces = slices.DeleteFunc(s.pieces, func(x *piece) bool {
		if x.pipe == pipe {
			list = append(list, x)
		}
		return x.pipe == pipe
	})
	slices.SortFunc(list, func(a, b *piece) int { return cmp.Compare(a.seq, b.seq) })
	h = s.held[pipe]
	delete(s.held, pipe)
	return list, h
}

// dealt says that the piece is in out and in what is held back.
func (p *piece) dealt(h *heldBack) bool { return p.made || h != nil && h.Seq == p.seq }

// goOn brings a run to where a piece of it has been dealt with, and returns what is to be
// written for that.
func (r *run) goOn(p *piece, h *heldBack) []byte {
	switch {
	case p.dealt(h):
		return p.rest(p.out, r.s)
	case r.text == nil:
		r.s.bytes.Add(int64(len(p.raw)))
		return p.rest(p.raw, r.s)
	}
	buf := make([]byte, headroom+len(p.raw))
	copy(buf[headroom:], p.raw)
	return r.take(buf, len(p.raw))
}

// rest is what of b is not in the log file yet.
func (p *piece) rest(b []byte, s *Sink) []byte {
	if p.from > len(b) {
		return nil
	}
	b = b[p.from:]
	f := s.file.Load()
	if f == nil || p.file == (fileID{}) {
		return b
	}
	for _, name := range []string{f.name, f.name + ".1", f.name + ".2"} {
		r, size, err := OpenToRead(name)
		if err != nil {
			continue
		}
		defer r.Close()
		if !sameFile(r, p.file) {
			continue
		}
		tail, err := section(r, p.size, min(max(0, size-p.size), 16<<20))
		if err != nil {
			continue
		}
		return unwritten(tail, b)
	}
	return b
}

// unwritten is what of b does not follow from a file's end, tail, which began to be written
// where b was to be.
func unwritten(tail, b []byte) []byte {
	if bytes.Contains(tail, b) {
		return nil
	}
	n := 0
	for n < min(len(tail), len(b)) && tail[n] == b[n] {
		n++
	}
	return b[n:]
}

// keep writes down what is held back of a run after a piece, if there is or was something.
func (r *run) keep(dir string, seq uint64) {
	l := r.text.lines
	if l == nil || len(l.held) == 0 && (!r.kept || r.calm) {
		return
	}
	r.kept, r.calm = true, len(l.held) == 0
	text, err := json.Marshal(heldBack{seq, l.held, l.part})
	if err != nil {
		return
	}
	path := heldName(dir, r.inode())
	err = os.WriteFile(path+".new", text, 0o600)
	if err != nil { // no room for two: what is there is not true any more
		os.Remove(path)
		err = os.WriteFile(path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		os.Remove(path + ".new")
	}
}

// Settled says that all sinks have what an earlier daemon had not dealt with. What nobody
// has asked for is forgotten.
func (p *Pump) Settled() {
	defer p.kick()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.salvage == nil {
		return
	}
	for _, path := range p.salvage.files {
		if !p.salvage.inUse[path] {
			os.Remove(path)
		}
	}
	p.salvage, p.roomy = nil, true
}
