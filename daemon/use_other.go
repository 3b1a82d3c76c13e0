//go:build unix && !linux

package daemon

import "time"

// procUse is what one process has used; only Linux's /proc tells it cheaply.
type procUse struct {
	ok  bool
	cpu time.Duration
	rss int64
}

// ownUse is the daemon's own.
type ownUse struct {
	procUse
	fds    int
	maxFDs uint64
}

func useOf(int) procUse { return procUse{} }

func measureSelf(int) ownUse { return ownUse{} }
