package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	leave("gone", me, began(t, me)+1, true).Close(false)
	leave("lives", me, began(t, me), true).Close(false)
	leave("young", me, began(t, me)+1, false).Close(false)
	leave("lost", me, began(t, me)+1, false).Close(false)
	leave("lost, and lives", me, began(t, me), false).Close(false)
	leave("lost, and own", me, began(t, me)+1, false).Close(false)
	lost := leave("lost, and held", me, began(t, me)+1, false)
	defer lost.Close(false)
	held := leave("held", me, began(t, me)+1, true)
	defer held.Close(false)
	link := func(name, to string, old bool) {
		if err := os.Symlink(to, filepath.Join(base, name)); err != nil {
			t.Fatal(err)
		}
		if old {
			at := unix.NsecToTimeval(time.Now().Add(-25 * time.Hour).UnixNano())
			if err := unix.Lutimes(filepath.Join(base, name), []unix.Timeval{at, at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	link("to what ended", "ended", true)
	link("to what begins", "begins", false)
	link("to what lives", "lives", true)
	sweepLedgers(base, "lost, and own")
	sweepLedgers(base, "lost, and own")
	for name, want := range map[string]bool{"gone": false, "lives": true, "young": true, "held": true,
		"lost": false, "lost, and lives": true, "lost, and own": true, "lost, and held": true,
		"to what ended": false, "to what begins": true, "to what lives": true} {
		if _, err := os.Lstat(filepath.Join(base, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLedgerKeepsLaunchesUnderWay: a ledger that is written anew while a child is being launched still
// says by what that child is found.
func TestLedgerKeepsLaunchesUnderWay(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	open := func() *Ledger {
		l, err := OpenLedger(dir, LedgerName{Config: "x"}, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	id := [2]string{"g", "p"}
	pipes := [3]uint64{1, 2, 3}
	l := open()
	l.renew(nil)
	l.add(&ledgerRecord{Intent: &intent{Group: "g", Name: "p", Pipes: pipes}})
	l.renew([]*ledgerRecord{{Intent: &intent{Group: "g", Name: "p"}}}) // as the loop knows it
	l.Close(false)
	l = open()
	if i := l.Past().intents[id]; i == nil || i.Pipes != pipes {
		t.Errorf("the launch is noted as %+v, want pipes %v", i, pipes)
	}
	l.renew(nil)
	l.add(&ledgerRecord{Intent: &intent{Group: "g", Name: "p", Pipes: pipes}})
	l.add(&ledgerRecord{Proc: &Kept{Group: "g", Name: "p", PID: 5}})
	l.renew([]*ledgerRecord{{Proc: &Kept{Group: "g", Name: "p", PID: 5}}})
	l.Close(false)
	l = open()
	defer l.Close(true)
	if past := l.Past(); len(past.intents) != 0 || past.procs[id] == nil || past.procs[id].PID != 5 {
		t.Errorf("a launch that is over is noted as %+v, its process as %+v", past.intents[id], past.procs[id])
	}
}

// TestBornIsTheStartTime: the time of a fork stands for the child's start time only where they have
// been the same for a while. One that was only like it now and then is asked for each time.
func TestBornIsTheStartTime(t *testing.T) {
	me := os.Getpid()
	own := began(t, me)
	near := &launcher{}
	for i := range 100 {
		at := own + uint64(i%2)
		if got := near.born(me, at, at); got != own {
			t.Fatalf("born after %d forks, half of them told as a tick later, = %d, want %d", i, got, own)
		}
	}
	same := &launcher{}
	for range clockAgrees {
		same.born(me, own, own)
	}
	if got := same.born(me, own+1, own+1); got != own+1 {
		t.Errorf("born = %d, want %d: the kernel's own time was always right and is asked for again", got, own+1)
	}
	if got := same.born(me, own+1, own+2); got != own {
		t.Errorf("born of a fork between two ticks = %d, want %d", got, own)
	}
}

// began is the startTime of a process that can be seen.
func began(t testing.TB, pid int) uint64 {
	t.Helper()
	at, err := startTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
