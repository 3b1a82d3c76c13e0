package proc

import (
	"context"
	"fmt"
	"log/slog"
)

// Supervisor's log levels as slog's: 10 apart there, 4 apart here.
const (
	LevelCritical = slog.LevelError + 4
	LevelError    = slog.LevelError
	LevelWarn     = slog.LevelWarn
	LevelInfo     = slog.LevelInfo
	LevelDebug    = slog.LevelDebug
	LevelTrace    = slog.LevelDebug - 4
	LevelBlather  = slog.LevelDebug - 8
)

// logger writes Supervisor's lines: the whole text is the message, without attributes.
type logger struct{ *slog.Logger }

func (l logger) say(level slog.Level, format string, args ...any) {
	if l.Enabled(context.Background(), level) {
		l.Log(context.Background(), level, fmt.Sprintf(format, args...))
	}
}
