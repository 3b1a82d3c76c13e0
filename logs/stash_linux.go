package logs

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stash is the loop's buffer in a file in memory, with a note of what is being done with it.
// So a piece of output that was taken out of a pipe and is not in its file yet outlives a
// daemon that is killed between the two; see salvage.go for how the next one goes on. It
// costs a FIONREAD for each read: how many bytes a read will give has to be known before.
//
// Whether a read has happened that the daemon did not live to see is told by the bytes
// themselves: before it the last of them are made ones that cannot come, random ones where
// there are enough, else the complement of what tee(2) says is there.
type stash struct {
	path string
	mem  []byte
	buf  []byte // headroom and room for a piece: what memory is reserved for
	out  []byte // for what is made of a piece that is not written as it came
	mark [markSize]byte
	peek [2]int // a pipe for tee; -1: not made yet
	file *os.File
	base int // what comes is the piece from this byte on
}

const (
	markSize  = 16
	stashHead = 4 << 10
	stashOut  = 640 << 10
	stashSize = stashHead + headroom + bufMax
	stashMin  = stashHead + headroom + bufSize // what is there in any case
)

// The phases of a piece.
const (
	stashIdle    = iota
	stashReading // n bytes are about to be read
	stashRaw     // they were
	stashOutput  // what is to be written is in out
)

// stashNote is the beginning of the file.
type stashNote struct {
	Phase    uint64 // written last, when the others are right
	Pipe     uint64 // inode
	N        uint64 // bytes of the piece
	Out      uint64 // bytes of what is made of it
	Seq      uint64 // rises with each piece, also of later stashes
	Dev, Ino uint64 // of the log file that is being written; 0: none yet
	Size     int64  // that it had before
	From     uint64 // of the piece, or of out, is written there
	MarkLen  uint64
	Mark     [markSize]byte
}

func (st *stash) note() *stashNote { return (*stashNote)(unsafe.Pointer(&st.mem[0])) }

func (st *stash) phase(n uint64) { atomic.StoreUint64(&st.note().Phase, n) }

// newStash makes another stash in dir. Its name is like none of an earlier daemon, which may
// have had our pid and whose stash is still to be salvaged.
func newStash(dir string) (*stash, error) {
	f, err := os.CreateTemp(dir, fmt.Sprintf("piece-%d-*", os.Getpid()))
	if err != nil {
		return nil, err
	}
	path := f.Name()
	st := &stash{path: path, peek: [2]int{-1, -1}, file: f}
	// Reserved, for a write to memory that is not there is a crash.
	if err = st.allocate(0, stashMin); err == nil {
		st.mem, err = unix.Mmap(int(f.Fd()), 0, stashSize+stashOut, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	st.buf = st.mem[stashHead:stashMin]
	rand.Read(st.mark[:])
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		st.close()
		return nil, err
	}
	st.note().Seq = uint64(now.Nano()) // beyond any piece of an earlier stash: each took more than a nanosecond
	return st, nil
}

// oldStash is the stash that a killed daemon left, for the piece that is in it; nil: it cannot be had.
func oldStash(path string) *stash {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	st := &stash{path: path, peek: [2]int{-1, -1}, file: f}
	info, err := f.Stat()
	if err == nil && info.Size() < stashMin {
		err = os.ErrInvalid
	}
	if err == nil {
		st.mem, err = unix.Mmap(int(f.Fd()), 0, stashSize+stashOut, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		f.Close()
		return nil
	}
	return st
}

// allocate makes sure of memory for n bytes from the one at from on. Any signal interrupts that in kernels that are not new.
func (st *stash) allocate(from, n int) error {
	for {
		if err := unix.Fallocate(int(st.file.Fd()), 0, int64(from), int64(n)); err != unix.EINTR {
			return err
		}
	}
}

// reserve is the buffer with room for pieces of n bytes, or of bufSize where there is no memory for that.
// What is beyond n is given back.
func (st *stash) reserve(n int) []byte {
	end := stashHead + headroom + n
	switch {
	case n > len(st.buf)-headroom:
		if st.allocate(0, end) != nil {
			end = stashMin
		}
	case n < len(st.buf)-headroom:
		page := int64(os.Getpagesize())
		from := (int64(end) + page - 1) / page * page
		unix.Fallocate(int(st.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, stashSize/page*page-from)
	}
	st.buf = st.mem[stashHead:end]
	return st.buf
}

// room makes room for out, once it is needed.
func (st *stash) room() bool {
	if st.out == nil {
		if st.allocate(stashSize, stashOut) != nil {
			return false
		}
		st.out = st.mem[stashSize:]
	}
	return true
}

func (st *stash) close() {
	if st == nil {
		return
	}
	os.Remove(st.path)
	st.file.Close()
	unix.Munmap(st.mem)
	for _, fd := range st.peek {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// read reads n bytes of r, which are there, into buf.
func (st *stash) read(r *run, n int) (int, error) {
	piece := st.buf[headroom : headroom+n]
	w := st.note()
	w.Pipe, w.N, w.Out, w.Dev, w.Ino, w.Size, w.From = r.inode(), uint64(n), 0, 0, 0, 0, 0
	w.Seq++
	if n >= markSize {
		w.MarkLen, w.Mark = markSize, st.mark
		copy(piece[n-markSize:], st.mark[:])
	} else if !st.ahead(r, w, piece) {
		return unix.Read(int(r.fd), piece)
	}
	st.phase(stashReading)
	k, err := unix.Read(int(r.fd), piece)
	if k <= 0 || err != nil {
		st.phase(stashIdle)
		return k, err
	}
	w.N = uint64(k)
	st.phase(stashRaw)
	return k, nil
}

// ahead fills a short piece with bytes that the pipe is known not to give.
func (st *stash) ahead(r *run, w *stashNote, piece []byte) bool {
	if st.peek[0] < 0 && unix.Pipe2(st.peek[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return false
	}
	// Not unix.Tee, whose number is wrong on machines of 32 bits.
	k, _, errno := unix.Syscall6(unix.SYS_TEE, uintptr(r.fd), uintptr(st.peek[1]), uintptr(len(piece)), unix.SPLICE_F_NONBLOCK, 0, 0)
	if errno != 0 || k == 0 {
		return false
	}
	got, err := unix.Read(st.peek[0], piece)
	if err != nil || got != int(k) || got != len(piece) {
		return false
	}
	for i := range piece {
		piece[i] = ^piece[i]
	}
	w.MarkLen = uint64(copy(w.Mark[:], piece))
	return true
}

// made says that b, not the piece, is what is to be written. keep writes down what is held
// back of the run, in the right moment. It is false when b is too large to be protected.
func (st *stash) made(b []byte, keep func(seq uint64)) (fits bool) {
	if st == nil {
		keep(0)
		return true
	}
	w := st.note()
	if w.Phase == stashIdle {
		keep(0)
		return true
	}
	if fits = len(b) <= stashOut; !fits || !st.room() {
		keep(w.Seq)
		st.phase(stashIdle)
		return fits
	}
	w.Out = uint64(copy(st.out, b))
	keep(w.Seq)
	st.phase(stashOutput)
	return true
}

// seq is that of the last piece.
func (st *stash) seq() uint64 {
	if st == nil {
		return 0
	}
	return st.note().Seq
}

// follow makes the next piece come after that of seq, which was in another stash.
func (st *stash) follow(seq uint64) {
	if st != nil {
		st.note().Seq = max(st.note().Seq, seq)
	}
}

// at says that what is left from the byte from on will be appended to a file of this size.
func (st *stash) at(id fileID, size int64, from int) {
	if st == nil {
		return
	}
	w := st.note()
	w.Ino = 0
	w.Dev, w.Size, w.From = id.dev, size, uint64(st.base+from)
	atomic.StoreUint64(&w.Ino, id.ino)
}

// done says that the piece is dealt with.
func (st *stash) done() {
	if st != nil {
		st.phase(stashIdle)
	}
}

// inode is that of the pipe.
func (r *run) inode() uint64 {
	ino := r.ino.Load()
	if ino == 0 {
		var st unix.Stat_t
		if unix.Fstat(int(r.fd), &st) == nil {
			ino = st.Ino
			r.ino.Store(ino)
		}
	}
	return ino
}

// parseStash is the piece in a stash that a daemon left; nil: there is none.
func parseStash(mem []byte) *piece {
	var w stashNote
	if len(mem) < stashMin {
		return nil
	}
	if _, err := binary.Decode(mem, binary.NativeEndian, &w); err != nil {
		return nil
	}
	if w.N > bufMax || int(w.N) > len(mem)-stashHead-headroom || w.MarkLen > markSize || w.Out > stashOut || w.Phase > stashOutput {
		return nil
	}
	raw := mem[stashHead+headroom:][:w.N]
	p := &piece{pipe: w.Pipe, seq: w.Seq, raw: raw}
	if w.Ino != 0 {
		p.file, p.size = fileID{w.Dev, w.Ino}, w.Size
	}
	if w.Out > 0 && len(mem) >= stashMin+stashOut { // the file ends with it, also where pieces had another size
		p.out = mem[len(mem)-stashOut:][:w.Out]
	}
	switch w.Phase {
	case stashReading:
		if n := int(w.MarkLen); n == 0 || n > len(raw) || bytes.Equal(raw[len(raw)-n:], w.Mark[:n]) {
			return nil // it was not read
		}
	case stashRaw:
	case stashOutput:
		p.made = true
	default:
		return nil
	}
	p.from = int(w.From)
	return p
}
