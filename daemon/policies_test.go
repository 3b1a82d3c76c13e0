package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosv/conf"
)

func TestShutdownTimeoutDefault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		set  conf.Seconds
		pid  int
		want time.Duration
	}{
		{conf.NoTimeout, 7, 0},
		{conf.NoTimeout, 1, 25 * time.Second},
		{0, 1, 0},
		{conf.Seconds(time.Minute), 1, time.Minute},
		{conf.Seconds(time.Minute), 7, time.Minute},
	} {
		if got := shutdownTimeout(&conf.Supervisord{ShutdownTimeout: test.set}, test.pid); got != test.want {
			t.Errorf("shutdown_timeout %v as process %d: %v, want %v", test.set, test.pid, got, test.want)
		}
	}
}

func TestWriteTermination(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := writeTermination(path, "why"); err != nil {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Errorf("it made a file")
	}
	if err := writeTermination("", "why"); err != nil {
		t.Errorf("no path: %v", err)
	}
	for _, reason := range []string{strings.Repeat("long ", 2000), "why"} { // the second replaces the first
		if err := os.WriteFile(path, []byte("older"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeTermination(path, reason); err != nil {
			t.Error(err)
		}
		got, _ := os.ReadFile(path)
		if len(got) > terminationMax || !strings.HasPrefix(reason+"\n", strings.TrimSuffix(string(got), "\n")) || got[len(got)-1] != '\n' {
			t.Errorf("the file has %q", got)
		}
	}
	if err := writeTermination(t.TempDir(), "why"); err == nil || !strings.Contains(err.Error(), "cannot write why gosv ends") {
		t.Errorf("a directory: %v", err)
	}
}

// TestSayTimeout: the keeper may be process 1 in gosv's place, and is killed all the same.
func TestSayTimeout(t *testing.T) {
	t.Parallel()
	cfg := &conf.Config{Groups: []*conf.Group{{Processes: []*conf.Process{{Name: "slow", Stopwaitsecs: conf.Seconds(time.Hour)}}}}}
	cfg.Supervisord.ShutdownTimeout = conf.NoTimeout
	for top, want := range map[int]bool{1: true, 2: false} {
		var log syncBuffer
		d := &Daemon{log: slog.New(slog.NewTextHandler(&log, nil)), top: top}
		d.sayTimeout(cfg)
		if got := strings.Contains(log.String(), "stopping 'slow' may take"); got != want {
			t.Errorf("with process %d on top it says %q", top, log.String())
		}
	}
}
