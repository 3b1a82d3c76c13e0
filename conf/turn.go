package conf

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Supervisor stops at the first fault that it meets, in an order of its own: section by
// section, as build does, and in a section option by option, whatever the file's order.
// Scripts that look at its message get that fault first. "*" is the section's name.

// turns is the order in which Supervisor reads the options of a kind of section.
func turns(kind kinds) string {
	const program = " priority autostart autorestart startsecs startretries stopsignal stopwaitsecs stopasgroup killasgroup exitcodes" +
		" redirect_stderr numprocs numprocs_start stdout_capture_maxbytes stdout_events_enabled stderr_capture_maxbytes" +
		" stderr_events_enabled serverurl user umask process_name environment directory" +
		" stdout_logfile stdout_logfile_backups stdout_logfile_maxbytes stdout_syslog" +
		" stderr_logfile stderr_logfile_backups stderr_logfile_maxbytes stderr_syslog command"
	switch kind {
	case inSupervisord:
		return "minfds minprocs directory user umask logfile logfile_maxbytes logfile_backups loglevel pidfile identifier" +
			" nodaemon silent childlogdir nocleanup strip_ansi environment"
	case inProgram:
		return "*" + program
	case inListener:
		return "priority buffer_size result_handler events redirect_stderr *" + program
	case inFCGI:
		return "* priority user socket_backlog socket_owner socket_mode socket" + program
	case inGroup:
		return "* programs priority members"
	case inInet:
		return "username password port"
	case inUnix:
		return "file username password chown chmod"
	}
	return ""
}

// noInterface begins Supervisor's text for an [rpcinterface:x] that takes other options.
const noInterface = "Could not make "

// takeTurns numbers faults, which come in the order of build, in Supervisor's order.
func (e Errors) takeTurns() {
	for from := 0; from < len(e); {
		to := from + 1
		for to < len(e) && e[to].Section == e[from].Section {
			to++
		}
		if k, _ := sectionKindOf(e[from].Section); k != nil {
			order := strings.Fields(turns(k.kind))
			slices.SortStableFunc(e[from:to], func(a, b *Error) int { return cmp.Compare(a.rank(order), b.rank(order)) })
		}
		from = to
	}
	for i, f := range e {
		switch k, _ := sectionKindOf(f.Section); {
		case f.Pos.File == "": // the command line comes before all files
		case f.Compat == "" && f.Section != "": // Supervisor does not mind
			f.turn = math.MaxInt
		case k != nil && k.kind == inSupervisord && f.Key == "user": // looked up when all is read
			f.turn = math.MaxInt - 2
		case strings.HasPrefix(f.Compat, noInterface): // made when the servers open
			f.turn = math.MaxInt - 1
		default:
			f.turn = i + 1
		}
	}
}

func (e *Error) rank(order []string) int {
	if strings.HasPrefix(e.Compat, "Source contains parsing errors") {
		return -1 // nothing is read before the syntax is right
	}
	key := cmp.Or(e.as, e.Key, "*")
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return math.MaxInt // Supervisor does not know it
}
