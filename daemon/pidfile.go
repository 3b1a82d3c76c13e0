package daemon

import (
	"fmt"
	"os"
	"strconv"

	"gosv/conf"
)

// writePidfile writes "<pid>\n", as supervisord does. That it cannot is no reason to stop,
// and where nobody asked for the file no reason to worry.
func (d *Daemon) writePidfile(s *conf.Supervisord) {
	pid := strconv.Itoa(d.top) + "\n"
	if s.Pidfile != "" {
		if err := os.WriteFile(s.Pidfile, []byte(pid), 0o644); err != nil && s.Origin.Given("pidfile") {
			d.critical("could not write pidfile %s", s.Pidfile)
			d.log.Info(fmt.Sprintf("the reason: %v", err))
			return
		} else if err != nil {
			d.log.Info(fmt.Sprintf("there is no pidfile: %v", err))
		}
	}
	d.log.Info("supervisord started with pid " + strconv.Itoa(os.Getpid()))
}

// movePidfile lets the pidfile name another process, if it names this one.
func movePidfile(path string, from, to int) {
	text, err := os.ReadFile(path)
	if err != nil || string(text) != strconv.Itoa(from)+"\n" {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	line := strconv.Itoa(to) + "\n"
	f.WriteString(line) // at no moment is it empty
	f.Truncate(int64(len(line)))
}

// removePidfile removes the pidfile if it still names this process.
func removePidfile(path string, pid int) {
	text, err := os.ReadFile(path)
	if err == nil && string(text) == strconv.Itoa(pid)+"\n" {
		os.Remove(path)
	}
}
