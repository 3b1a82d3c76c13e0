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
// Start reading at sink.go. logs imports nothing else of gosv.
package logs
