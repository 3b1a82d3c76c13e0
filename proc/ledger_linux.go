package proc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// there says whether dir has a ledger.
func there(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ledgerName))
	return err == nil
}

// ErrHeld says that another daemon has the ledger: the same configuration is in use.
type ErrHeld struct{ PID int }

func (e *ErrHeld) Error() string {
	return fmt.Sprintf("gosv runs with this configuration already, as process %d: end it first, or give this one another identifier (-i)", e.PID)
}

// OpenLedger takes the ledger in dir, which LedgerDir made, and reads what is in it. *ErrHeld
// says that a daemon lives that has it. say hears of what cannot be written later, and may
// be called from any goroutine.
func OpenLedger(dir string, n LedgerName, say func(error)) (*Ledger, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockLedger(lock); err != nil {
		defer lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			text := make([]byte, 20)
			k, _ := lock.ReadAt(text, 0)
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:k])))
			return nil, &ErrHeld{pid}
		}
		return nil, err
	}
	lock.Truncate(0)
	lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	os.Remove(filepath.Join(dir, unheld))
	l := &Ledger{dir: dir, lock: lock, say: say, head: ledgerHead{
		Version: ledgerVersion, Boot: bootID(), Config: n.Config, Identifier: n.Earlier, PID: os.Getpid(),
		Mark: fmt.Sprintf("%08x%08x", rand.Uint32(), rand.Uint32()),
	}}
	text, err := readLedger(filepath.Join(dir, ledgerName))
	if err == nil {
		l.past, err = parseLedger(text, l.head.Boot)
	}
	if err != nil {
		err = fmt.Errorf("what an earlier gosv left in %s is not used: %w", dir, err)
	}
	if l.past != nil && l.past.Mark != "" {
		l.head.Mark = l.past.Mark
	}
	return l, err
}

// ledgerKept is how long what a daemon left is kept when none comes to go on with it.
const ledgerKept = 24 * time.Hour

// unheld is a file that says since when nobody has had a ledger, as far as it was noticed.
const unheld = "unheld"

// Sweep removes what daemons left beside it long ago. It is no part of the start, which
// would wait for it.
func (l *Ledger) Sweep() {
	if l != nil {
		sweepLedgers(filepath.Dir(l.dir), filepath.Base(l.dir))
	}
}

// sweepMost is how many ledgers a sweep reads.
const sweepMost = 64

// sweepLedgers removes what daemons left that nobody can start any more, since the
// configuration is gone, and what they left long ago; but not the one that is called own.
func sweepLedgers(base, own string) {
	read := 0
	for _, name := range namesIn(base) {
		if name == own {
			continue
		}
		dir := filepath.Join(base, name)
		if leadsNowhere(dir) {
			unix.Unlink(dir)
			continue
		}
		mark := filepath.Join(dir, unheld)
		seen, err := os.Stat(mark)
		if err == nil && time.Since(seen.ModTime()) < ledgerKept || checkDir(dir, os.Geteuid()) != nil {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			lives, config := outlived(filepath.Join(dir, ledgerName))
			switch _, err := os.Stat(config); {
			case lives:
			case seen != nil, config != "" && errors.Is(err, fs.ErrNotExist):
				os.RemoveAll(dir)
			default:
				os.WriteFile(mark, nil, 0o600)
			}
			read++
		}
		if lock.Close(); read == sweepMost {
			return
		}
	}
}

// leadsNowhere says whether a name is a link that was made long ago to a ledger that is gone.
func leadsNowhere(name string) bool {
	link, err := os.Lstat(name)
	if err != nil || link.Mode()&os.ModeSymlink == 0 || time.Since(link.ModTime()) < ledgerKept {
		return false
	}
	_, err = os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// outlived says whether a program of a ledger still runs. If none does and the ledger is of
// this machine's life and this pid namespace, config is the configuration that it belongs to.
func outlived(path string) (some bool, config string) {
	text, err := readLedger(path)
	if err != nil {
		return false, ""
	}
	past, err := parseLedger(text, bootID())
	if past == nil {
		return err != nil, ""
	}
	for _, k := range past.procs {
		if k.PID != 0 {
			if runs, err := lives(k.PID, k.Trace.Born); runs || err != nil {
				return true, ""
			}
		}
	}
	return len(past.intents) > 0, past.Config
}

// reserve makes room in f for n bytes in all, which its size does not show.
func reserve(f *os.File, n int64) error {
	for { // a signal ends it, on kernels that are not new
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, n); err != unix.EINTR {
			return err
		}
	}
}

// lockLedger waits a little: a child that the killed daemon was just starting has the lock
// until it executes its program.
func lockLedger(lock *os.File) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Second); ; <-tick.C {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return err
		}
	}
}

// readLedger reads the file if it is one that only we can have written; nil: there is none.
func readLedger(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	sys := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.Mode().IsRegular() || sys.Nlink != 1:
		return nil, errors.New("it is no ordinary file")
	case int(sys.Uid) != os.Geteuid() || st.Mode().Perm()&0o077 != 0:
		return nil, errors.New("others could have written it")
	case st.Size() > ledgerMax:
		return nil, fmt.Errorf("it has %d bytes, more than %d", st.Size(), ledgerMax)
	}
	return io.ReadAll(io.LimitReader(f, ledgerMax))
}

// bootID is the life of this machine and the pid namespace that we are in.
func bootID() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	ns, _ := os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(boot)) + " " + ns
}

// startTime is when a process began, in clock ticks since the machine did: field 22 of
// /proc/PID/stat. Together with the pid it names a process for good. ESRCH: there is none, or it
// is dead and only waits to be reaped. Any other error: that cannot be found out.
func startTime(pid int) (uint64, error) { return startTimeIn("/proc", pid) }

func startTimeIn(root string, pid int) (uint64, error) {
	var buf [1024]byte
	f, err := unix.Open(root+"/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT && unix.Kill(pid, 0) != unix.ESRCH { // we may not see it (hidepid=2)
		return 0, unix.EACCES
	}
	if err == unix.ENOENT {
		return 0, unix.ESRCH
	}
	if err != nil {
		return 0, err
	}
	n, err := unix.Read(f, buf[:])
	unix.Close(f)
	if err != nil {
		return 0, err
	}
	return parseStart(buf[:n])
}

// lives says whether the process pid that began at born (0: it is not known when) is there. An
// error says that this cannot be found out.
func lives(pid int, born uint64) (bool, error) {
	t, err := startTime(pid)
	switch {
	case err == unix.ESRCH:
		return false, nil
	case err == nil && born == 0:
		return false, errors.New("it was not noted when it began")
	}
	return err == nil && t == born, err
}

// bootTicks is what startTime would be of a process that began now.
func bootTicks() uint64 {
	const hz = 100 // USER_HZ, on all that Go knows
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return uint64(t.Nano()) / (1e9 / hz)
}

// inodeOf is the inode of an open file, 0 for none.
func inodeOf(f *os.File) uint64 {
	var st unix.Stat_t
	if f == nil || unix.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	return st.Ino
}
