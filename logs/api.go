package logs

import (
	"os"
	"time"
)

// Pump reads the pipes of all sinks. Close ends it after the last bytes.
type Pump struct{}

// NewPump starts the loop.
func NewPump() (*Pump, error) { panic("internal error: not built yet") }

// Close reads what is in the pipes, closes them and ends the loop.
func (p *Pump) Close() { panic("internal error: not built yet") }

// Files shares open log files by path. The zero value is ready.
type Files struct{}

// Open opens path for appending, or shares it if it is open already. maxBytes 0 never
// rotates; backups 0 truncates at rotation. What is not a regular file (a device, a pipe,
// a socket, a terminal) is written to, but never unlinked, renamed, truncated or rotated;
// /dev/stdout, /dev/stderr and /dev/fd/N mean this process's own descriptor, which is used
// as it is and not opened again.
func (fs *Files) Open(path string, maxBytes int64, backups int) (*File, error) {
	panic("internal error: not built yet")
}

// File is one log file. Its methods may be called from any goroutine.
type File struct{}

// Write appends data as one piece, then rotates as Supervisor does. A short or failed
// write is counted in Lost, retried by the next Write (a missing file or directory is made
// again when it can be), and reported once, not for each piece.
func (f *File) Write(data []byte) (int, error) { panic("internal error: not built yet") }

// Reopen closes and opens the path again (USR2, after an external rename).
func (f *File) Reopen() error { panic("internal error: not built yet") }

// Clear removes the base file and opens a new one; backups stay. No-op for what is not regular.
func (f *File) Clear() error { panic("internal error: not built yet") }

// Close gives up one share.
func (f *File) Close() error { panic("internal error: not built yet") }

// Options say what happens to one stream. What is left out costs nothing.
type Options struct {
	Name      string // of the process, for syslog lines and messages
	Stream    string // "stdout" or "stderr"
	Files     *Files
	Path      string // "" for no file
	MaxBytes  int64
	Backups   int
	Direct    bool // OnData sees all bytes before anything else is done; used for the listener protocol
	StripANSI bool
	Capture   int64                      // bytes kept between capture tokens; 0: no capturing
	OnCapture func(pid int, data []byte) // a finished capture; data is the callee's
	OnData    func(pid int, data []byte) // each piece read, after StripANSI; must not block nor keep data
	Syslog    bool                       // each line to syslog as "name line"
	Ring      int                        // bytes kept in memory, for tail where no regular file is
	Report    func(level, text string)   // remarks for the main log: "WARN", "INFO"; must not block
	Quiet     time.Duration              // least time between two reports of one fault; 0: a minute
}

// Sink is one stream of one process.
type Sink struct{}

// Sink makes a sink. The file is opened now, so that a bad path fails the start.
func (p *Pump) Sink(o Options) (*Sink, error) { panic("internal error: not built yet") }

// Attach makes a pipe for a run, reads from it until its last writer is gone, and returns
// the end to write to, which the caller closes. pid tells later which run it is.
// When the sink was closed by Close or the file is gone, it opens the file first.
func (s *Sink) Attach() (w *os.File, err error) { panic("internal error: not built yet") }

// SetPID names the child that writes now; it is what OnData and OnCapture are given.
func (s *Sink) SetPID(pid int) { panic("internal error: not built yet") }

// Drain calls done, from the pump, when everything that was in the pipe at the call has been
// dealt with, or has not been for a second (a disk that hangs).
func (s *Sink) Drain(done func()) { panic("internal error: not built yet") }

// Reopen, Clear: as for File, also when no run is going on.
func (s *Sink) Reopen() error { panic("internal error: not built yet") }
func (s *Sink) Clear() error  { panic("internal error: not built yet") }

// Close ends the sink: its pipes are read on until they end, then its file is closed.
func (s *Sink) Close() { panic("internal error: not built yet") }

// Stats are a sink's counters.
type Stats struct {
	Bytes int64 // read from the child
	Lost  int64 // not written to the file because it failed
}

func (s *Sink) Stats() Stats { panic("internal error: not built yet") }

// Follow returns the last n bytes of the stream (n < 0: all of the current file) and a
// follower that has everything from there on: no gap, no repeat, also over rotation and Clear.
func (s *Sink) Follow(n int64) ([]byte, *Follower, error) { panic("internal error: not built yet") }

// Follow is the same for a file, the main log.
func (f *File) Follow(n int64) ([]byte, *Follower, error) { panic("internal error: not built yet") }

// Follower receives new output. A slow reader loses its own oldest bytes, counted.
type Follower struct{}

// Ready rings when Take has something, and is closed at the end of the stream.
func (f *Follower) Ready() <-chan struct{} { panic("internal error: not built yet") }

// Take returns what has come since the last Take, and how many bytes before it were lost.
func (f *Follower) Take() (data []byte, lost int64) { panic("internal error: not built yet") }

// Close ends the following.
func (f *Follower) Close() { panic("internal error: not built yet") }

// Read is Supervisor's readFile(filename, offset, length) with its rules for negative and zero values.
// The error ErrBadArguments is the fault BAD_ARGUMENTS.
func Read(path string, offset, length int64) ([]byte, error) { panic("internal error: not built yet") }

// Tail is Supervisor's tailFile: data, the file's size, and whether something was left out.
func Tail(path string, offset, length int64) (data []byte, size int64, overflow bool, err error) {
	panic("internal error: not built yet")
}
