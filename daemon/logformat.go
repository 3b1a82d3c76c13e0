package daemon

import (
	"log/slog"
	"strings"
	"time"

	"gosv/conf"
	"gosv/logs"
)

// lineFormat is how a process's log has its lines; nil: as they come.
func lineFormat(f conf.LogFormat, l logs.Label) logs.Line {
	switch f {
	case conf.FormatLines:
		return logs.Plain
	case conf.FormatPrefix:
		return l.Prefix()
	case conf.FormatJSON:
		return l.JSON()
	}
	return nil
}

// ownFormat is how the daemon's own lines look beside those of programs; nil: as always.
func ownFormat(f conf.LogFormat) func(time.Time, slog.Level, string) []byte {
	if f != conf.FormatPrefix && f != conf.FormatJSON {
		return nil
	}
	return func(t time.Time, level slog.Level, msg string) []byte {
		line := lineFormat(f, logs.Label{Program: "gosv", Group: "gosv", Stream: "log", Level: levelName(level)})
		at := logs.Stamp(t)
		if f == conf.FormatJSON {
			return line(nil, at, []byte(msg), 0)
		}
		var out []byte
		for text := range strings.SplitSeq(msg, "\n") {
			out = line(out, at, []byte(text), 0)
		}
		return out
	}
}

// overflow is log_overflow for package logs.
func overflow(o conf.LogOverflow) logs.Overflow {
	switch o {
	case conf.OverflowBlock:
		return logs.Block
	case conf.OverflowDrop:
		return logs.Drop
	}
	return logs.Patient
}
