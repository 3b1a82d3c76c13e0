//go:build linux

package proc

import (
	"os"
	"testing"

	"gosv/conf"
	"gosv/proc/state"
)

// BenchmarkLedger is what a start costs to write down: the intent, the start time, and two states.
func BenchmarkLedger(b *testing.B) {
	dir, err := LedgerDir(LedgerName{Config: b.TempDir()}, os.Geteuid(), os.Getegid())
	if err != nil {
		b.Skip(err)
	}
	l, err := OpenLedger(dir, LedgerName{Config: "bench"}, func(err error) { b.Error(err) })
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	defer l.Close(true)
	m := New(Options{Ledger: l})
	p := &process{conf: &conf.Process{Group: "group", Name: "program"}, group: &group{}, out: discard{}}
	m.Begin()
	b.Run("intent", func(b *testing.B) {
		for b.Loop() {
			l.add(&ledgerRecord{Intent: &intent{Group: "group", Name: "program", Pipes: [3]uint64{1, 2, 3}}})
			if l.due() {
				m.rewrite()
			}
		}
	})
	b.Run("start time", func(b *testing.B) {
		for b.Loop() {
			if _, err := startTime(os.Getpid()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("state", func(b *testing.B) {
		p.m = state.Machine{State: state.Running, Child: state.Live}
		for b.Loop() {
			m.note(p)
		}
	})
	b.Run("pipe", func(b *testing.B) {
		for b.Loop() {
			f, fd, err := stdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			f.Close()
			closeFD(fd)
		}
	})
	b.Run("inode", func(b *testing.B) {
		f, _ := os.Open(os.DevNull)
		defer f.Close()
		for b.Loop() {
			inodeOf(f)
		}
	})
}
