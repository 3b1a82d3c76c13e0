package daemon

import (
	"log/slog"
	"strings"
	"testing"

	"gosv/proc"
)

// TestProcess1IsLost: that the keeper is lost and cannot be replaced, since it is process 1, is said once in each life, however
// often that is told: by the link and by a look at it.
func TestProcess1IsLost(t *testing.T) {
	t.Setenv("GOSV_KEEPER_FD", "-1")
	t.Setenv("GOSV_KEEPER_PID", "1")
	l := &launch{link: proc.TakeLink()}
	l.keeperLost() // between two lives
	var log strings.Builder
	for life := 1; life <= 2; life++ {
		l.current.Store(&Daemon{log: slog.New(slog.NewTextHandler(&log, nil))})
		l.keeperLost()
		l.keeperLost()
		if n := strings.Count(log.String(), "level=WARN msg=\"the keeper (pid 1) cannot be reached: "); n != life || strings.Count(log.String(), "\n") != life {
			t.Errorf("life %d: the log says %s", life, &log)
		}
	}
}
