//go:build unix && !linux

package proc

import (
	"errors"
	"os"
)

// LedgerName says whose ledger is meant.
type LedgerName struct{ Config, Instance, Earlier string }

// Resolve has nothing to look for.
func (n LedgerName) Resolve() LedgerName { return n }

// ErrHeld says that another daemon has the ledger.
type ErrHeld struct{ PID int }

func (e *ErrHeld) Error() string { return "another gosv has it" }

// LedgerDir is Linux's: elsewhere a process cannot be told from a later one with its pid.
func LedgerDir(LedgerName, int, int) (string, error) { return "", errors.ErrUnsupported }

// LeftLedger is Linux's.
type LeftLedger struct{ Dir string }

// LeftLedgers is Linux's.
func LeftLedgers(LedgerName, string, int) []LeftLedger { return nil }

// WindUp is Linux's.
func (LeftLedger) WindUp() (string, error) { return "", errors.ErrUnsupported }

// RootLedger is Linux's.
func RootLedger(LedgerName) string { return "" }

// The helper that WindUp starts on Linux.
const (
	WindUpName = "gosv-windup"
	WindUpHeld = 3
)

// OpenLedger is Linux's.
func OpenLedger(string, LedgerName, func(error)) (*Ledger, error) { return nil, errors.ErrUnsupported }

// Sweep is Linux's.
func (l *Ledger) Sweep() {}

func reserve(*os.File, int64) error { return nil }

func startTime(int) (uint64, error) { return 0, errors.ErrUnsupported }

func lives(int, uint64) (bool, error) { return false, errors.ErrUnsupported }

func bootTicks() uint64 { return 0 }

func inodeOf(*os.File) uint64 { return 0 }
