// Package daemon is supervisord: it puts conf, proc and logs together, writes the main
// log, answers on its sockets, and handles signals, the pidfile, and the way into the
// background. Everything that can be asked of it is one row in a table of methods
// (methods*.go), which the JSON protocol, XML-RPC and the web page share.
//
// Start reading at main.go, then daemon.go.
package daemon
