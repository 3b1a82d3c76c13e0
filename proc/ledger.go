package proc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gosv/conf"
)

// Ledger is what a daemon writes down about its children for the one that comes after it,
// in case it is killed: records of one line each, appended with one write(2) each to a file
// in a file system that lives in memory. So the last record may be missing or torn, never
// one before it, and writing waits for no disk. Nothing is synced: when the machine goes
// down, no child is left to be known. A nil Ledger writes nothing.
type Ledger struct {
	dir  string
	lock *os.File // held as long as the daemon lives
	head ledgerHead
	past *Past
	say  func(error)

	prepared *prepared // by Prepare; nil: nothing is

	mu     sync.Mutex // guards what follows
	file   *os.File   // nil: nothing may be written yet, or any more
	spare  *os.File   // for the next one; it has room already. nil: there is none
	room   int64      // what the file has room for, whatever others put beside it
	line   []byte     // the last one, whose memory the next one takes
	size   int64
	live   int64 // size when the file was made anew
	tight  bool  // there is no more room for it than it has
	failed bool

	begun map[[2]string]*intent // launches of whose process nothing has been noted since
}

// ledgerVersion is of the form of the records.
const ledgerVersion = 1

const (
	ledgerName = "ledger"
	// ledgerMax is the most that is read. A thousand processes take 2 MB.
	ledgerMax = 64 << 20
	// ledgerSlack is how much a file may grow, beside what it had when it was made anew.
	ledgerSlack = 256 << 10
	// ledgerAhead is how much room there is for records before they are made, so that those
	// of a file system that has become full are not lost.
	ledgerAhead = 128 << 10
	// lineKept is how large a line may be whose memory is kept.
	lineKept = 4 << 10
)

// ledgerHead says whose ledger it is.
type ledgerHead struct {
	Version    int
	Boot       string // boot id and pid namespace: pids of others mean nothing here
	Config     string
	Identifier string
	PID        int // the daemon's
	Mark       string
}

// ledgerRecord is one line. A later record of a thing replaces the earlier one.
type ledgerRecord struct {
	Head   *ledgerHead   `json:"h,omitempty"`
	Groups []*conf.Group `json:"g,omitempty"`
	Gone   string        `json:"x,omitempty"` // a group that was removed
	Intent *intent       `json:"i,omitempty"`
	Proc   *Kept         `json:"p,omitempty"`

	Closing bool `json:"c,omitempty"` // everything is being stopped

	text []byte // of Groups as JSON, where that is known already
}

// intent is a launch that is about to be made. If no record of its process follows, its
// child is found by what it has open.
type intent struct {
	Group, Name string
	At          time.Time
	Pipes       [3]uint64         // inodes of its descriptors 0, 1 and 2
	Logs        map[string]string `json:",omitempty"`
}

// Past is what an earlier daemon left.
type Past struct {
	PID     int    // of that daemon
	Config  string // its configuration file
	Mark    string // what it marked the programs with that have kill_escaped
	Groups  []*conf.Group
	Closing bool // it was stopping everything
	Dropped int  // records that could not be read

	procs   map[[2]string]*Kept
	intents map[[2]string]*intent
}

// Empty says whether there is nothing to go on with.
func (p *Past) Empty() bool { return p == nil || len(p.Groups)+len(p.procs)+len(p.intents) == 0 }

// parseLedger reads what an earlier daemon wrote. Records that are damaged are left out and
// counted. What another machine life or pid namespace wrote is nil, as is what no head
// stands before; a newer version is an error.
func parseLedger(text []byte, boot string) (*Past, error) {
	var p *Past
	dropped := 0
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		text = rest
		var r ledgerRecord
		if !whole || !unseal(line, &r) {
			dropped++
			continue
		}
		if h := r.Head; h != nil {
			switch {
			case h.Version > ledgerVersion:
				return nil, fmt.Errorf("it is of version %d, and this gosv reads version %d at most", h.Version, ledgerVersion)
			case h.Boot != boot || h.Version < 1:
				return nil, nil
			case p == nil:
				p = &Past{PID: h.PID, Config: h.Config, Mark: h.Mark, procs: map[[2]string]*Kept{}, intents: map[[2]string]*intent{}}
			}
		}
		if p != nil {
			p.add(&r)
		}
	}
	if p != nil {
		p.Dropped = dropped
	}
	return p, nil
}

func (p *Past) add(r *ledgerRecord) {
	for _, g := range r.Groups {
		if g == nil || g.Name == "" {
			continue
		}
		p.drop(g.Name, false)
		p.Groups = append(p.Groups, g)
	}
	p.Closing = p.Closing || r.Closing
	if r.Gone != "" {
		p.drop(r.Gone, true)
	}
	if i := r.Intent; i != nil {
		p.intents[[2]string{i.Group, i.Name}] = i
	}
	if k := r.Proc; k != nil {
		id := [2]string{k.Group, k.Name}
		delete(p.intents, id)
		p.procs[id] = k
	}
}

// drop forgets a group, and its processes too.
func (p *Past) drop(group string, all bool) {
	for i, g := range p.Groups {
		if g.Name == group {
			p.Groups = append(p.Groups[:i], p.Groups[i+1:]...)
			break
		}
	}
	if !all {
		return
	}
	for id := range p.procs {
		if id[0] == group {
			delete(p.procs, id)
		}
	}
	for id := range p.intents {
		if id[0] == group {
			delete(p.intents, id)
		}
	}
}

func unseal(line []byte, r *ledgerRecord) bool {
	if len(line) < 10 || line[8] != ' ' {
		return false
	}
	text := line[9:]
	return string(line[:8]) == fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) && json.Unmarshal(text, r) == nil
}

// Past is what an earlier daemon left; nil if nothing.
func (l *Ledger) Past() *Past {
	if l == nil {
		return nil
	}
	return l.past
}

// Dir is the directory, which is the daemon's alone.
func (l *Ledger) Dir() string {
	if l == nil {
		return ""
	}
	return l.dir
}

// Mark is what programs with kill_escaped are marked with.
func (l *Ledger) Mark() string {
	if l == nil {
		return ""
	}
	return l.head.Mark
}

// add appends a record. What cannot be written is said once: the daemon goes on, but a
// later one would know less.
func (l *Ledger) add(r *ledgerRecord) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	l.follow(r)
	line, err := appendSealed(l.line[:0], r)
	if err == nil {
		var n int
		if n, err = l.file.Write(line); err == nil {
			l.size += int64(n)
			l.ahead()
			if r.Groups != nil { // they stay: making it anew would not make it shorter
				l.live += int64(n)
			}
		} else if n > 0 {
			l.file.Truncate(l.size) // no half lines in the middle
		}
	}
	if l.line = line; cap(line) > lineKept {
		l.line = nil
	}
	if err != nil && !l.failed {
		l.failed = true
		l.say(cannotNote(err))
	}
}

// follow keeps in mind which launches are under way. l.mu is held.
func (l *Ledger) follow(r *ledgerRecord) {
	if i := r.Intent; i != nil {
		if l.begun == nil {
			l.begun = map[[2]string]*intent{}
		}
		l.begun[[2]string{i.Group, i.Name}] = i
	}
	if k := r.Proc; k != nil {
		delete(l.begun, [2]string{k.Group, k.Name})
	}
}

// failing says that it does not have everything, since something could not be written.
func (l *Ledger) failing() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

func (l *Ledger) due() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file != nil && (l.tight && l.spare != nil || !l.failed && l.size > 2*l.live+ledgerSlack)
}

// renew puts a new file with these records, and what the launchers have written of launches
// under way, in the place of the old one: either of the two is there, whole, at any moment. An error is one that was not told yet.
func (l *Ledger) renew(records []*ledgerRecord) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	told := l.failed
	err := l.replace(records)
	l.failed = err != nil
	if told {
		return nil
	}
	return err
}

func (l *Ledger) replace(records []*ledgerRecord) error {
	var b []byte
	for _, r := range append([]*ledgerRecord{{Head: &l.head}}, records...) {
		var err error
		if b, err = appendSealed(b, r); err != nil {
			return err
		}
	}
	for _, i := range l.begun {
		var err error
		if b, err = appendSealed(b, &ledgerRecord{Intent: i}); err != nil {
			return err
		}
	}
	path := filepath.Join(l.dir, ledgerName)
	f, err := l.spare, error(nil)
	if l.spare = nil; f == nil {
		if f, err = newLedger(path); err != nil {
			return err
		}
	}
	if _, err = f.Write(b); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		f.Close()
		os.Remove(path + ".new")
		return err
	}
	again := l.file != nil
	if again {
		l.file.Close()
	}
	l.file, l.size, l.live, l.room = f, int64(len(b)), int64(len(b)), 0
	if l.ahead(); again || !l.past.Empty() { // what the old one took is free now, and others wait for room
		l.provide()
	}
	return nil
}

// Spare makes the file that the next renewal takes, while there is room for it. Where nothing was
// left by an earlier daemon, it is not made with the ledger: the start of the first program would wait for it.
func (l *Ledger) Spare() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil && l.spare == nil {
		l.provide()
	}
}

func (l *Ledger) provide() {
	path := filepath.Join(l.dir, ledgerName)
	if f, err := newLedger(path); err == nil && reserve(f, l.live+ledgerAhead) == nil {
		l.spare = f
	} else if err == nil {
		f.Close()
		os.Remove(path + ".new")
	}
}

// newLedger makes an empty file for the one that is to be at path.
func newLedger(path string) (*os.File, error) {
	os.Remove(path + ".new")
	return os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
}

// ahead makes room for the records to come, when half of it has been used. l.mu is held.
func (l *Ledger) ahead() {
	if l.room-l.size >= ledgerAhead/2 {
		return
	}
	if l.tight = reserve(l.file, l.size+ledgerAhead) != nil; !l.tight {
		l.room = l.size + ledgerAhead
	}
}

// Close ends it: forget says that everything has ended in order, so that nothing is to be
// known of it later.
func (l *Ledger) Close(forget bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	if l.spare != nil {
		l.spare.Close()
		l.spare = nil
		os.Remove(filepath.Join(l.dir, ledgerName+".new"))
	}
	if forget {
		os.Remove(filepath.Join(l.dir, ledgerName))
	}
	l.lock.Close()
}
