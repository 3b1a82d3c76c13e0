// Package web is the page for people: Supervisor's paths and what they show and do, in a
// page of its own. It works without JavaScript; with it, states change without a reload
// and logs run on by themselves.
//
//	/ and /index.html   what runs; actions by POST, then 303 back with ?message=
//	/tail.html          the end of a log
//	/ok.html            "OK", a health check
//	/events             what changes, as server-sent events, for the page's own script
//	else                the files below assets
//
// Nothing is changed by GET: the addresses that change something in the original
// (index.html?action=stop&processname=x) show a page that asks first. Who may come in at all
// (names and passwords, peers) is decided before requests get here; [Options] decides which
// Host and Origin are believed. docs/web.md describes both for the reader.
//
// What the daemon can do, the page learns from the [Backend] it is given. Nothing is read or
// parsed before the first request. Start reading at web.go.
package web
