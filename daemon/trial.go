package daemon

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gosv/proc"
)

// Variables between a daemon and its next version. No child inherits them.
const (
	stateEnv   = "GOSV_UPGRADE_FD"      // the number of the descriptor of the state
	signalsEnv = "GOSV_UPGRADE_SIGNALS" // that came and were not dealt with
	trialEnv   = "GOSV_UPGRADE_TRIAL"   // set: only say whether you could
)

// canTakeOver begins the last line that a program says which can take over.
const canTakeOver = "can take over as gosv "

// saidMax is how much of what a trial says is kept.
const saidMax = 8 << 10

// TrialWord is the first word of the command line of a trial. A gosv that knows nothing of
// upgrades knows no such word, and ends.
const TrialWord = "takeover"

// trial is a new program that tries to read a state.
type trial struct {
	pid    int
	out    *os.File
	status <-chan syscall.WaitStatus
}

// startTrial starts the program of k. The child has the descriptors of k under their
// numbers, and no others.
func startTrial(k *kept) (*trial, error) {
	state, err := writeState(k)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	fds := append(k.numbers(), int(state.Fd()))
	files := []uintptr{null.Fd(), w.Fd(), w.Fd()}
	for _, fd := range fds {
		for len(files) <= fd {
			files = append(files, ^uintptr(0))
		}
		files[fd] = uintptr(fd)
	}
	pid, err := proc.StartHelper(k.Launch.Program, []string{"gosv", TrialWord}, append(stateEnviron(int(state.Fd())), trialEnv+"=1"), files, signalsOf(k.Masked))
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("cannot execute %s: %w", k.Launch.Program, err)
	}
	return &trial{pid: pid, out: r}, nil
}

// wait is what the child has said until its end; kill ends it after d.
func (t *trial) wait(d time.Duration, kill func()) (said string, status syscall.WaitStatus, late bool) {
	text := make(chan string, 1)
	go func() { // ends with the child, or when out is closed
		b, _ := io.ReadAll(io.LimitReader(t.out, saidMax))
		text <- strings.TrimSpace(string(b))
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case status = <-t.status:
	case <-timer.C:
		late = true
		kill()
		status = <-t.status
	}
	t.out.SetReadDeadline(time.Now().Add(time.Second)) // something it left behind may have it open
	said = <-text
	t.out.Close()
	return said, status, late
}

// stateEnviron is our environment with where the state is.
func stateEnviron(fd int) []string { return append(os.Environ(), stateEnv+"="+strconv.Itoa(fd)) }

// signalsEnviron says in the environment what signals came; takeSignals takes them out of it.
func signalsEnviron(list []syscall.Signal) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{signalsEnv + "=" + strings.Trim(fmt.Sprintf("%d", list), "[]")}
}

func takeSignals() (list []syscall.Signal) {
	for _, word := range strings.Fields(os.Getenv(signalsEnv)) {
		if n, err := strconv.Atoi(word); err == nil {
			list = append(list, syscall.Signal(n))
		}
	}
	os.Unsetenv(signalsEnv)
	return list
}

// identity tells whether a file is still the same program.
type identity struct {
	dev, ino   uint64
	size       int64
	when, inst int64
}

func identify(path string) (identity, error) {
	st, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	sys := st.Sys().(*syscall.Stat_t)
	return identity{uint64(sys.Dev), uint64(sys.Ino), st.Size(), st.ModTime().UnixNano(), changedAt(sys)}, nil
}

// programPath is where this program was started from, by the name that was used: what that
// leads to at an upgrade is the new version. It is asked before the working directory changes.
func programPath() string {
	own, err := os.Executable()
	if err != nil {
		return ""
	}
	name := os.Args[0]
	if !strings.Contains(name, "/") {
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			if path := filepath.Join(dir, name); sameFile(path, own) {
				name = path
				break
			}
		}
	}
	if name, err = filepath.Abs(name); err != nil {
		return own
	}
	if !sameFile(name, own) {
		return own
	}
	return name
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
