package conf

import (
	"slices"
	"strings"
)

// sectionKind is one kind of section.
type sectionKind struct {
	kind   kinds
	name   string // "program"
	named  bool   // has a name after a colon
	more   bool   // may have one: [unix_http_server:b]
	free   bool   // takes options that the table does not know
	sample string // name in the sample file
	doc    string
}

// sectionKinds are all of them, in the order of the sample file. It is never changed.
var sectionKinds = []sectionKind{
	{kind: inUnix, name: "unix_http_server", more: true,
		doc: "A unix socket on which gosv answers ctl, XML-RPC and browsers. More than one may be given, as [unix_http_server:name]."},
	{kind: inInet, name: "inet_http_server", more: true,
		doc: "A TCP address on which gosv answers too. Whoever reaches it can run programs as gosv's account: keep it on a trusted network, and set username and password."},
	{kind: inAccess, name: "access", named: true, sample: "auser",
		doc: "Somebody who may use the servers, under the name that the section has: with a password, or by the account that comes to the unix socket. See docs/access.md."},
	{kind: inSupervisord, name: "supervisord",
		doc: "The daemon itself. Required in INI files."},
	{kind: inRPC, name: "rpcinterface", named: true, free: true, sample: "supervisor",
		doc: "Supervisor loads its interface only when it is named here. gosv always serves it, and loads no other."},
	{kind: inCtl, name: "supervisorctl",
		doc: "What ctl reads. It must stand in the main file: ctl follows no [include]."},
	{kind: inProgram, name: "program", named: true, sample: "theprogramname",
		doc: "A program to run."},
	{kind: inListener, name: "eventlistener", named: true, sample: "theeventlistenername",
		doc: "A program that is told of events on its standard input. The processes of a section are a pool that shares one queue."},
	{kind: inFCGI, name: "fcgi-program", named: true, sample: "thefcgiprogramname",
		doc: "A FastCGI program: its processes share a socket that gosv opens."},
	{kind: inGroup, name: "group", named: true, sample: "thegroupname",
		doc: "Puts programs into one group. Without it, each program is a group of its own name."},
	{kind: inInclude, name: "include",
		doc: "More files that belong to the configuration."},
	{kind: inPlugin, name: "ctlplugin", named: true, free: true, sample: "x",
		doc: "Plugins of supervisorctl. gosv loads none."},
}

// sectionKindOf finds the kind of a section by its name, as Supervisor matches them, and the
// part of the name after the colon.
func sectionKindOf(section string) (*sectionKind, string) {
	prefix, name, colon := strings.Cut(section, ":")
	for i := range sectionKinds {
		k := &sectionKinds[i]
		switch {
		case k.named && colon && prefix == k.name,
			!k.named && section == k.name:
			return k, name
		case k.more && strings.HasPrefix(section, k.name): // [unix_http_serverX] counts too
			return k, name
		}
	}
	return nil, ""
}

// knownSection is the section name that was probably meant, or "".
func knownSection(section string) string {
	trimmed := strings.ToLower(strings.TrimSpace(section))
	for _, sep := range []string{":", "."} {
		prefix, name, found := strings.Cut(trimmed, sep)
		if !found {
			continue
		}
		var words []string
		for _, k := range sectionKinds {
			if k.named || k.more {
				words = append(words, k.name)
			}
		}
		prefix = strings.TrimSpace(prefix)
		if slices.Contains(words, prefix) {
			return prefix + ":" + strings.TrimSpace(name)
		}
		if s := suggest(prefix, words); s != "" {
			return s + ":" + strings.TrimSpace(name)
		}
	}
	var words []string
	for _, k := range sectionKinds {
		if !k.named {
			words = append(words, k.name)
		}
	}
	if slices.Contains(words, trimmed) {
		return trimmed
	}
	if s := suggest(trimmed, words); s != "" {
		return s
	}
	words = nil
	for _, k := range sectionKinds {
		if k.named {
			words = append(words, k.name)
		}
	}
	if s := suggest(trimmed, words); s != "" { // it lacks its name, or is a TOML table of such
		return s + ":NAME"
	}
	return ""
}

// optionNames are the names of the options of a kind.
func optionNames(k kinds) []string {
	var names []string
	for i := range options() {
		if options()[i].in&k != 0 {
			names = append(names, options()[i].name)
		}
	}
	return names
}

// eventTypes are the names that events= may contain. It is never changed.
var eventTypes = []string{
	"EVENT",
	"PROCESS_STATE", "PROCESS_STATE_STOPPED", "PROCESS_STATE_EXITED", "PROCESS_STATE_STARTING",
	"PROCESS_STATE_STOPPING", "PROCESS_STATE_BACKOFF", "PROCESS_STATE_FATAL",
	"PROCESS_STATE_RUNNING", "PROCESS_STATE_UNKNOWN",
	"PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDOUT", "PROCESS_COMMUNICATION_STDERR",
	"PROCESS_LOG", "PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR",
	"REMOTE_COMMUNICATION",
	"SUPERVISOR_STATE_CHANGE", "SUPERVISOR_STATE_CHANGE_RUNNING", "SUPERVISOR_STATE_CHANGE_STOPPING",
	"TICK", "TICK_5", "TICK_60", "TICK_3600",
	"PROCESS_GROUP", "PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED",
}
