package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"gosv/conf"
)

// prepareProcess drops privileges and raises limits, once, before the logs are opened, so
// that every file belongs to the right user. The notices are for the log.
func prepareProcess(s *conf.Supervisord) ([]conf.Notice, error) {
	var notes []conf.Notice
	if s.User.Set {
		if err := setUser(s.User); err != nil {
			return nil, err
		}
	}
	for _, r := range []struct {
		name, option, what string
		resource, least    int
	}{
		{"RLIMIT_NOFILE", "minfds", "file descriptors", syscall.RLIMIT_NOFILE, s.Minfds},
		{"RLIMIT_NPROC", "minprocs", "processes", rlimitNproc, s.Minprocs},
	} {
		raised, err := raiseLimit(r.resource, uint64(max(r.least, 0)))
		if err != nil {
			return nil, limitError(r.what, r.option, r.least, r.resource)
		}
		if raised {
			notes = append(notes, conf.Notice{Level: "INFO", Text: fmt.Sprintf("Increased %s limit to %d", r.name, r.least)})
		}
	}
	return notes, nil
}

// account is what the log says of the account at every start, also after a reload. That
// root runs the daemon is only worth a line where the original has it.
func account(s *conf.Supervisord, toml bool) []conf.Notice {
	switch {
	case s.User.Set:
		return []conf.Notice{{Level: "INFO", Text: fmt.Sprintf("Set uid to user %d succeeded", s.User.UID)}}
	case os.Getuid() == 0 && !toml:
		return []conf.Notice{{Level: "CRIT", Text: "Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message."}}
	}
	return nil
}

// setUser becomes the user for good, with exactly that user's groups.
func setUser(u conf.User) error {
	if os.Getuid() == u.UID {
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("Can't drop privilege as nonroot user")
	}
	groups := u.More
	if len(groups) == 0 {
		groups = []int{u.GID}
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("Could not set groups of effective user: %w", err)
	}
	if err := syscall.Setgid(u.GID); err != nil {
		return fmt.Errorf("Could not set group id of effective user: %w", err)
	}
	if err := syscall.Setuid(u.UID); err != nil {
		return fmt.Errorf("cannot become user %d: %w", u.UID, err)
	}
	return nil
}

// raiseLimit sees to it that the soft limit is at least least, the hard one with it where
// that is allowed.
func raiseLimit(resource int, least uint64) (raised bool, err error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(resource, &now); err != nil {
		return false, err
	}
	if uint64(now.Cur) >= least { // "unlimited" is the largest number
		return false, nil
	}
	if uint64(now.Max) < least {
		setLimit(&now.Max, least)
	}
	setLimit(&now.Cur, least)
	return true, syscall.Setrlimit(resource, &now)
}

// setLimit hides that a limit's type is not the same on all systems.
func setLimit[T int64 | uint64](limit *T, n uint64) { *limit = T(n) }

// limitError is the original's text, with the limit that there really is.
func limitError(what, option string, least, resource int) error {
	var now syscall.Rlimit
	have := "no"
	if syscall.Getrlimit(resource, &now) == nil {
		have = strconv.FormatUint(uint64(now.Max), 10)
	}
	need, act, run := "file descriptors required to run this process", "file descriptors", "process"
	if what == "processes" {
		need, act, run = "available processes required to run this program", "processes", "program"
	}
	return fmt.Errorf("The minimum number of %s is %d as per the \"%s\" command-line argument or config file setting. The current environment will only allow you to open %s %s.  Either raise the number of usable %s in your environment (see README.rst) or lower the %s setting in the config file to allow the %s to start.", need, least, option, have, act, act, option, run)
}

// setUmask sets the daemon's umask; it is inherited by children that set none.
func setUmask(m conf.Mode) {
	if m != conf.Unset {
		syscall.Umask(int(m))
	}
}

// userName is the name of the user who runs the daemon, or its number.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}
