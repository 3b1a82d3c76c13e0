package proc

import (
	"fmt"
	"unsafe"

	"gosv/conf"
	"gosv/proc/vfork"
)

// For the tests outside of the package.

// Indirect has k fork with syscall.ForkExec from now on.
func (k *UnixKernel) Indirect() { k.indirect.Store(true) }

// Direct says whether k forks with package vfork, as far as it knows.
func (k *UnixKernel) Direct() bool { return vfork.Known && !k.indirect.Load() }

// RecordSize is how many bytes a process's record takes.
const RecordSize = unsafe.Sizeof(process{})

// Left is what a manager whose Run has returned has not put in order, "" for nothing.
func (m *Manager) Left() string {
	waiters := 0
	for _, g := range m.order {
		for _, p := range g.procs {
			for w := p.waiters; w != nil; w = w.next {
				waiters++
			}
		}
	}
	if len(m.due)+len(m.live)+len(m.early)+len(m.queue)+m.inFlight+waiters == 0 {
		return ""
	}
	return fmt.Sprintf("%d armed, %d live, %d early, %d queued, %d in flight, %d waiters",
		len(m.due), len(m.live), len(m.early), len(m.queue), m.inFlight, waiters)
}

// Lookup is lookup with its error as text.
func Lookup(c *conf.Process, environ []string) (path string, argv []string, reason Reason, text string) {
	path, argv, err := lookup(c, environ)
	if err != nil {
		return "", nil, err.reason, err.text
	}
	return path, argv, 0, ""
}

var (
	Repr       = repr
	StatusText = statusText
	SignalName = signalName
	ChildEnv   = childEnv
	Once       = once
)
