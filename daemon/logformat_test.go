package daemon

import (
	"log/slog"
	"testing"
	"time"

	"gosv/conf"
)

func TestOwnFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
	for _, test := range []struct {
		format conf.LogFormat
		msg    string
		want   string
	}{
		{conf.FormatPrefix, "one", "2026-03-04T05:06:07.089Z gosv WARN | one\n"},
		{conf.FormatPrefix, "one\ntwo", "2026-03-04T05:06:07.089Z gosv WARN | one\n2026-03-04T05:06:07.089Z gosv WARN | two\n"},
		{conf.FormatJSON, "one\n\"two\"", `{"time":"2026-03-04T05:06:07.089Z","program":"gosv","group":"gosv","stream":"log","level":"WARN","log":"one\n\"two\""}` + "\n"},
	} {
		if got := string(ownFormat(test.format)(at, slog.LevelWarn, test.msg)); got != test.want {
			t.Errorf("%v: got\n%swant\n%s", test.format, got, test.want)
		}
	}
	if ownFormat(conf.FormatRaw) != nil || ownFormat(conf.FormatLines) != nil {
		t.Error("raw lines have a format")
	}
}
