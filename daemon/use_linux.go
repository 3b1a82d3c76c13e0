package daemon

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// procUse is what one process has used.
type procUse struct {
	ok  bool
	cpu time.Duration
	rss int64
}

// ownUse is the daemon's own.
type ownUse struct {
	procUse
	fds    int
	maxFDs uint64
}

// userHZ is the unit of CPU times in /proc, which is fixed.
const userHZ = 100

// useOf reads what a process has used. It is not ok when the process is gone.
func useOf(pid int) procUse {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procUse{}
	}
	return parseStat(stat, os.Getpagesize())
}

// parseStat reads a /proc/PID/stat: "pid (name) S ...", where the name may hold anything.
func parseStat(stat []byte, page int) procUse {
	at := bytes.LastIndexByte(stat, ')')
	if at < 0 {
		return procUse{}
	}
	f := bytes.Fields(stat[at+1:])
	const state, utime, stime, rss = 0, 14 - 3, 15 - 3, 24 - 3
	if len(f) <= rss || len(f[state]) != 1 || f[state][0] == 'Z' {
		return procUse{}
	}
	user, err1 := strconv.ParseInt(string(f[utime]), 10, 64)
	kernel, err2 := strconv.ParseInt(string(f[stime]), 10, 64)
	pages, err3 := strconv.ParseInt(string(f[rss]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return procUse{}
	}
	return procUse{true, time.Duration(user+kernel) * time.Second / userHZ, pages * int64(page)}
}

// measureSelf is what the daemon itself uses.
func measureSelf(pid int) (u ownUse) {
	u.procUse = useOf(pid)
	if dir, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.fds = len(dir) - 1 // without the one that reads the directory
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		u.maxFDs = limit.Cur
	}
	return u
}
