// Package logs takes what programs write and puts it where it belongs: into files with
// Supervisor's rotation, syslog, memory, and to whoever follows.
//
// One epoll loop, the [Pump], reads all pipes into one shared buffer and hands each piece
// to its [Sink]. A Sink is one stream of one process, over all its runs. Its file may slow
// the child; followers and syslog never may: they lose their own data, counted. A file
// that cannot be written (disk full, directory gone) costs counted bytes, never the child.
// A pipe is read until its last writer is gone, also when that is a grandchild.
//
// [File] is one open log file. Everyone who names the same path shares one, so two
// programs, or a program and the main log, can write and rotate one file together.
//
// Nothing that hangs holds up the others. What may block by nature (a FIFO, a terminal, a
// socket) is written by a goroutine of its own out of a backlog of 1 MiB; when that is
// full, its programs wait, and after a second in which nothing was taken they go on and
// the bytes are lost, counted. A regular file is written by the loop itself; if that
// hangs, another goroutine becomes the loop and the file gets such a backlog (turn.go). While
// much is written at once a second goroutine writes what the loop reads (lane.go).
//
// Where a stream has a [Line], its file gets whole lines, marked or not (format.go); where
// it has none, the bytes as they come, and that costs nothing. What happens when the reader
// of standard output does not keep up is [Overflow].
//
// Idle means idle: no timer, no wake-up. Pipes that prove busy grow, and the loop pauses
// for 200 us where that gathers many small writes (pace.go).
//
// Start reading at sink.go, then run.go (what is done to a piece) and pump.go (the loop).
// Locks: Pump.mu, then backlog.mu; Sink.mu, then Follower.mu; File.mu, then Files.mu or
// Follower.mu. logs imports nothing else of gosv.
package logs
