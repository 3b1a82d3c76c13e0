package proc

import (
	"bytes"
	"errors"
	"strconv"
	"syscall"
)

// parseStart is the start time in a /proc/PID/stat: "pid (name) S ppid ...", where the name
// may hold anything. ESRCH: the process is dead.
func parseStart(stat []byte) (uint64, error) {
	f := statFields(stat)
	if len(f) <= 22-3 || len(f[0]) != 1 {
		return 0, errors.New("its /proc/PID/stat is damaged")
	}
	if f[0][0] == 'Z' || f[0][0] == 'X' {
		return 0, syscall.ESRCH
	}
	return strconv.ParseUint(string(f[22-3]), 10, 64)
}

// statFields are the fields from the third on.
func statFields(stat []byte) [][]byte {
	at := bytes.LastIndexByte(stat, ')')
	if at < 0 {
		return nil
	}
	return bytes.Fields(stat[at+1:])
}

// escapeEnv is the variable that marks programs with kill_escaped and what they start.
const escapeEnv = "GOSV_ESCAPE_MARK"
