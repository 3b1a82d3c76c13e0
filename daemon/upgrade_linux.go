package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeState puts k into a file that has no name: in memory, or where there is no such
// thing, one that is removed at once.
func writeState(k *kept) (*os.File, error) {
	var f *os.File
	fd, err := unix.MemfdCreate("gosv-state", unix.MFD_CLOEXEC)
	if err == nil {
		f = os.NewFile(uintptr(fd), "gosv-state")
	} else if f, err = os.CreateTemp("", ".gosv-state-"); err == nil {
		os.Remove(f.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the state: %w", err)
	}
	text, err := json.Marshal(k)
	if err == nil {
		_, err = f.Write(text)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write the state: %w", err)
	}
	return f, nil
}

func describe(fd int) (keptFD, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return keptFD{}, err
	}
	return keptFD{fd, st.Mode & unix.S_IFMT, uint64(st.Dev), uint64(st.Ino)}, nil
}

// check says which descriptor is not what it was.
func (k *kept) check() error {
	for _, want := range k.FDs {
		if got, err := describe(want.FD); err != nil {
			return fmt.Errorf("descriptor %d was not handed over: %w", want.FD, err)
		} else if got != want {
			return fmt.Errorf("descriptor %d is another file than it was", want.FD)
		}
	}
	return nil
}

// closeOnExec says of all whether they end at exec.
func closeOnExec(fds []int, on bool) error {
	var errs error
	for _, fd := range fds {
		flag := 0
		if on {
			flag = unix.FD_CLOEXEC
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, flag); err != nil {
			errs = errors.Join(errs, fmt.Errorf("descriptor %d: %w", fd, err))
		}
	}
	return errs
}

func changedAt(st *syscall.Stat_t) int64 { return st.Ctim.Nano() }
