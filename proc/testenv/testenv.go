// Package testenv makes the same surroundings for the tests wherever they run.
package testenv

import (
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// tmpMax leaves a test room behind TMPDIR: the name of a socket has 107 bytes.
const tmpMax = 24

// Plain is for TestMain, before it runs the tests, and not for what a test binary plays.
func Plain() {
	syscall.Umask(0o022) // some tests give files to other accounts
	// Who ignores these, as a shell does for what it starts with &, hands that down; the tests send them.
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	for fd := 3; fd < 1024; fd++ { // nor is what it has open handed down to the daemons
		syscall.CloseOnExec(fd)
	}
	os.Setenv("LC_ALL", "C.UTF-8") // what shells and tools say is looked at
	if dir := os.TempDir(); len(dir) > tmpMax || strings.ContainsFunc(dir, odd) {
		os.Setenv("TMPDIR", "/tmp")
	}
}

// odd is a letter that means something to a shell or in a configuration.
func odd(r rune) bool {
	return !strings.ContainsRune("/._-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
