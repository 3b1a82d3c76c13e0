package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"gosv/conf"
)

// AUTO logs are named as supervisord names them: process, stream, identifier and eight
// characters that it takes at random. Here the first five of the eight are the daemon's
// pid in base 36, so that two daemons that share childlogdir and identifier do not delete
// each other's logs at their starts.
const (
	autoDigits = "0123456789abcdefghijklmnopqrstuvwxyz"
	autoPID    = 5 // digits of the pid
	autoRandom = 3
)

// logPath is the file that a stream is written to, "" for none. An AUTO file is made here,
// empty and private, so that its name is fixed for the life of the group.
func (d *Daemon) logPath(p *conf.Process, stream string, opt *conf.Output) (string, error) {
	switch {
	case stream == "stderr" && p.RedirectStderr:
		return "", nil
	case opt.Logfile.Kind == conf.LogPath:
		return opt.Logfile.Path, nil
	case opt.Logfile.Kind == conf.LogNone:
		return "", nil
	}
	if path := d.past.Log(p.Group, p.Name, stream); path != "" {
		return path, nil
	}
	if d.over {
		return "", nil // nothing is started
	}
	s := &d.config().Supervisord
	var err error
	for range 100 {
		name := fmt.Sprintf("%s-%s---%s-%s.log", p.Name, stream, s.Identifier, autoToken(os.Getpid()))
		path := filepath.Join(s.Childlogdir, name)
		var f *os.File
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			f.Close()
			return path, nil
		}
		if !os.IsExist(err) {
			break
		}
	}
	return "", fmt.Errorf("cannot make the AUTO log of '%s' (%s), so its %s is not kept: %w", p.Name, stream, stream, err)
}

func autoToken(pid int) string {
	t := make([]byte, autoPID+autoRandom)
	for i := autoPID - 1; i >= 0; i-- {
		t[i] = autoDigits[pid%36]
		pid /= 36
	}
	for i := autoPID; i < len(t); i++ {
		t[i] = autoDigits[rand.IntN(36)]
	}
	return string(t)
}

// tokenPID is the pid in a token, 0 if there is none (a file of the original's).
func tokenPID(token string) int {
	pid := 0
	for _, c := range token[:autoPID] {
		i := strings.IndexRune(autoDigits, c)
		if i < 0 {
			return 0
		}
		pid = pid*36 + i
	}
	return pid
}

// removeAutoLogs deletes what earlier runs of a daemon with this identifier left in
// childlogdir, rotated files included, except logs of a daemon that lives.
func (d *Daemon) removeAutoLogs(s *conf.Supervisord) {
	entries, err := os.ReadDir(s.Childlogdir)
	if err != nil {
		d.log.Warn("Could not clear childlog dir")
		return
	}
	inUse := d.past.Logs()
	mark := "---" + s.Identifier + "-"
	var tail *regexp.Regexp // made when a name comes near: the start of the first program waits for it
	for _, e := range entries {
		at := strings.LastIndex(e.Name(), mark)
		if at < 1 || !e.Type().IsRegular() {
			continue
		}
		if tail == nil {
			tail = regexp.MustCompile(`^([a-z0-9_]{8})\.log(\.\d{1,4})?$`)
		}
		m := tail.FindStringSubmatch(e.Name()[at+len(mark):])
		if m == nil || otherDaemon(tokenPID(m[1])) {
			continue
		}
		path := filepath.Join(s.Childlogdir, e.Name())
		if base, _, _ := strings.Cut(path, ".log."); inUse[path] || inUse[base+".log"] {
			continue
		}
		if err := os.Remove(path); err != nil {
			d.log.Warn(fmt.Sprintf("Failed to clean up '%s'", path))
		}
	}
}

// otherDaemon says whether pid is a living process other than this one.
func otherDaemon(pid int) bool {
	if pid <= 1 || pid == os.Getpid() {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
