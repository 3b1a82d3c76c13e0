package daemon

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"gosv/conf"
	"gosv/proc"
)

// endLeft ends the programs that daemons of this configuration left under other accounts,
// before ours starts a second copy of each: user= of [supervisord] was changed while there was
// no daemon. With another account the programs would have to be started again in any case.
// It is done while we may still be root.
func (l *launch) endLeft(uid int) (notes []conf.Notice, err error) {
	say := func(level, format string, args ...any) {
		notes = append(notes, conf.Notice{Level: level, Text: fmt.Sprintf(format, args...)})
	}
	if dir := proc.RootLedger(l.ledgerOf); dir != "" {
		say("WARN", "root has run gosv with this configuration, and there are notes of it (%s): if it did not end in order, its programs may still run, and only root can end them: start gosv as root once", dir)
	}
	for _, left := range proc.LeftLedgers(l.ledgerOf, l.ledger, uid) {
		said, err := left.WindUp()
		if held := (*proc.ErrHeld)(nil); errors.As(err, &held) {
			return notes, err
		}
		if err != nil {
			return notes, fmt.Errorf("an earlier gosv of this configuration ran as another user, and what is left of its programs cannot be ended (%s)%s: end them, and remove %s", err, colon(lastLine(said)), left.Dir)
		}
		say("WARN", "an earlier gosv of this configuration ran as another user: what was left of its programs was ended, to be started anew")
		for i, line := range strings.Split(said, "\n") {
			if text := dated().ReplaceAllString(line, ""); text != "" && i < 1000 {
				say("INFO", "%s", text)
			}
		}
	}
	return notes, nil
}

// dated is what a line of the main log begins with.
func dated() *regexp.Regexp { return regexp.MustCompile(`^[-0-9]+ [:,0-9]+ [A-Z]{4} `) }

// WindUp is the helper that ends the programs of one ledger, with the rights of the account
// whose ledger it is. It supervises them as any daemon that finds a ledger, but for the servers, and
// begins with the end of everything.
func WindUp(args []string) int {
	if len(args) != 1 {
		fmt.Fprintf(os.Stderr, "%s: this is a part of gosv; see docs/crash.md\n", proc.WindUpName)
		return 2
	}
	l := &launch{argv0: "gosv daemon", foreground: true, again: true, over: true, ledger: args[0], flags: &flags{}}
	l.cfg = &conf.Config{TOML: true}
	s := &l.cfg.Supervisord
	s.Loglevel, s.Nocleanup, s.AuditLogfile, s.Nodaemon = conf.Info, true, conf.AuditNone, true
	s.ShutdownTimeout, s.OnCrash, s.Origin = conf.NoTimeout, conf.CrashKill, &conf.Origin{Section: "supervisord"}
	l.signals = catchSignals()
	_, err := l.runOnce()
	held := (*proc.ErrHeld)(nil)
	switch {
	case errors.As(err, &held):
		fmt.Fprintf(os.Stderr, "held by %d\n", held.PID)
		return proc.WindUpHeld
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
