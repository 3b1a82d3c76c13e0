package ctl

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lifeSign says what the pidfile tells about the daemon.
func lifeSign(pidfile string) string {
	data, err := os.ReadFile(pidfile)
	if err != nil {
		return fmt.Sprintf("supervisord does not seem to run: no pidfile %s", pidfile)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 0 {
		return fmt.Sprintf("the pidfile %s holds no pid", pidfile)
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return fmt.Sprintf("supervisord does not run: pid %d of %s is gone", pid, pidfile)
	}
	return fmt.Sprintf("pid %d of %s lives: if it is supervisord, it has another socket or lost this one", pid, pidfile)
}
