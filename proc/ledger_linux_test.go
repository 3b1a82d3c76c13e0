package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOldLedgersAreRemoved: what nobody goes on with is removed after a day, or when its
// configuration is gone, unless a daemon has it or a program of it still runs.
func TestOldLedgersAreRemoved(t *testing.T) {
	base, err := os.MkdirTemp("/dev/shm", "gosv-test-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(base)
	say := func(err error) { t.Error(err) }
	leave := func(name string, pid int, born uint64, old bool) *Ledger {
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(t.TempDir(), name)
		if !strings.HasPrefix(name, "lost") {
			os.WriteFile(config, nil, 0o600)
		}
		l, err := OpenLedger(dir, LedgerName{Config: config}, say)
		if err != nil {
			t.Fatal(err)
		}
		l.renew([]*ledgerRecord{{Proc: &Kept{Group: "p", Name: "p", PID: pid, Trace: trace{Born: born}}}})
		if old {
			at := time.Now().Add(-25 * time.Hour)
			os.WriteFile(filepath.Join(dir, unheld), nil, 0o600)
			os.Chtimes(filepath.Join(dir, unheld), at, at)
		}
		return l
	}
	me := os.Getpid()
	leave("gone", me, startTime(me)+1, true).Close(false)
	leave("lives", me, startTime(me), true).Close(false)
	leave("young", me, startTime(me)+1, false).Close(false)
	leave("lost", me, startTime(me)+1, false).Close(false)
	leave("lost, and lives", me, startTime(me), false).Close(false)
	leave("lost, and own", me, startTime(me)+1, false).Close(false)
	lost := leave("lost, and held", me, startTime(me)+1, false)
	defer lost.Close(false)
	held := leave("held", me, startTime(me)+1, true)
	defer held.Close(false)
	sweepLedgers(base, "lost, and own")
	sweepLedgers(base, "lost, and own")
	for name, want := range map[string]bool{"gone": false, "lives": true, "young": true, "held": true,
		"lost": false, "lost, and lives": true, "lost, and own": true, "lost, and held": true} {
		if _, err := os.Stat(filepath.Join(base, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
