package daemon

import (
	"fmt"
	"os"
	"strconv"
)

// writePidfile writes "<pid>\n", as supervisord does. That it cannot is no reason to stop.
func (d *Daemon) writePidfile(path string) {
	if path == "" {
		return
	}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := os.WriteFile(path, []byte(pid), 0o644); err != nil {
		d.critical("could not write pidfile %s", path)
		d.log.Info(fmt.Sprintf("the reason: %v", err))
		return
	}
	d.log.Info("supervisord started with pid " + pid[:len(pid)-1])
}

// removePidfile removes the pidfile if it still names this process.
func removePidfile(path string) {
	text, err := os.ReadFile(path)
	if err == nil && string(text) == strconv.Itoa(os.Getpid())+"\n" {
		os.Remove(path)
	}
}
