//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// KeeperName is argv[0] of the keeper, which is Linux's.
const KeeperName = "gosv-keeper"

// ReadyEnv names the descriptor on which a daemon that goes into the background tells the
// process that started it that it is up.
const ReadyEnv = "GOSV_READY_FD"

// Keeper is Linux's.
func Keeper([]string) int {
	fmt.Fprintln(os.Stderr, "keeper=true is for Linux only")
	return 2
}

// Link is Linux's: elsewhere it is always nil.
type Link struct {
	Background bool
}

// Ears are what hears the keeper's words.
type Ears struct {
	Died func(int, syscall.WaitStatus)
	Full func(uint64)
	Lost func()
}

// Lost is false.
func (l *Link) Lost() bool { return false }

// Hangs is false.
func (l *Link) Hangs() bool { return false }

// Keeper is Linux's.
func (l *Link) Keeper() int { return 0 }

// Renew is Linux's.
func (l *Link) Renew([]string, string, []*os.File, []syscall.Signal) error {
	return errors.ErrUnsupported
}

// Update is Linux's.
func (l *Link) Update() {}

// TakeLink is nil.
func TakeLink() *Link { return nil }

// BecomeKeeper is Linux's.
func BecomeKeeper([]string) error {
	return fmt.Errorf("keeper=true is for Linux only: %w", errors.ErrUnsupported)
}

func (l *Link) Environ() ([]string, int) { return nil, -1 }
func (l *Link) Hears()                   {}
func (l *Link) Up()                      {}
func (l *Link) Bye()                     {}
func (l *Link) Hold(int, uint64)         {}
func (l *Link) Drop(uint64)              {}
func (l *Link) Noted(int)                {}

// GoOn is Linux's.
func (l *Link) GoOn(Ears) {}

// Take is Linux's.
func (l *Link) Take(Ears) (map[uint64]int, map[int]syscall.WaitStatus, error) {
	return nil, nil, nil
}
