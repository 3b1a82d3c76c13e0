package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's signals. 32 and 33 are the threads' library's own.
const (
	firstRealtime = 34
	lastSignal    = syscall.Signal(64)
)

func becomeSubreaper() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func isSubreaper() bool {
	var on int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&on)), 0, 0, 0)
	return err == nil && on != 0
}

func setParentDeath(sig syscall.Signal) error {
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0)
}

// diesWith makes a child get sig when we are gone.
func diesWith(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// shrink gives back the pages of our program that the start has touched; what waiting needs
// comes back by itself. Most of an init's resident memory would be the rest of gosv.
func shrink() {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var from, to uint64 // of the mapping of a file that the lines are about
	for line := range strings.Lines(string(smaps)) {
		f := strings.Fields(line)
		switch {
		case len(f) < 3:
		case !strings.HasSuffix(f[0], ":"): // from-to mode offset device inode path
			a, b, _ := strings.Cut(f[0], "-")
			from, _ = strconv.ParseUint(a, 16, 64)
			to, _ = strconv.ParseUint(b, 16, 64)
			if len(f) < 6 || f[4] == "0" || f[1][1] == 'w' {
				to = 0
			}
		case f[0] == "Anonymous:" && f[1] == "0" && to != 0:
			// Nothing of it was ever written (as the linker's relocations are), so all of it
			// can be read again.
			syscall.RawSyscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED)
		}
	}
}
