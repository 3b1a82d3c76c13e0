//go:build unix && !linux

package proc

import (
	"errors"
	"os"
)

// LedgerName says whose ledger is meant.
type LedgerName struct{ Config, Identifier string }

// ErrHeld says that another daemon has the ledger.
type ErrHeld struct{ PID int }

func (e *ErrHeld) Error() string { return "another gosv has it" }

// LedgerDir is Linux's: elsewhere a process cannot be told from a later one with its pid.
func LedgerDir(LedgerName, int, int) (string, error) { return "", errors.ErrUnsupported }

// OpenLedger is Linux's.
func OpenLedger(string, LedgerName, func(error)) (*Ledger, error) { return nil, errors.ErrUnsupported }

func reserve(*os.File, int64) error { return nil }

func startTime(int) uint64 { return 0 }

func inodeOf(*os.File) uint64 { return 0 }
