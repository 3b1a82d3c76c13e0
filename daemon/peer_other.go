//go:build !linux

package daemon

import "net"

// peerOf knows nobody here: passwords and the socket's mode decide alone.
func peerOf(net.Conn) peer { return peer{uid: -1} }
