//go:build !linux

package daemon

const rlimitNproc = 7 // RLIMIT_NPROC of macOS and the BSDs
