package conf

import "testing"

// Programs that log to gosv's own streams have its format, unless they have their own.
func TestLogFormat(t *testing.T) {
	t.Parallel()
	c := load(t, "x.ini", `[supervisord]
log_format = json
log_overflow = Block
[program:both]
command = /bin/cat
stdout_logfile = /dev/stdout
stderr_logfile = /dev/fd/2
[program:file]
command = /bin/cat
stdout_logfile = /tmp/x.log
stderr_logfile_format = prefix
[program:own]
command = /bin/cat
stdout_logfile = /dev/stdout
stdout_logfile_format = raw
stderr_logfile = /dev/stderr
stderr_logfile_format = lines
`)
	if c.Supervisord.LogOverflow != OverflowBlock {
		t.Errorf("log_overflow %v", c.Supervisord.LogOverflow)
	}
	for i, want := range [][2]LogFormat{{FormatJSON, FormatJSON}, {FormatRaw, FormatPrefix}, {FormatRaw, FormatLines}} {
		p := c.Groups[i].Processes[0]
		if got := [2]LogFormat{p.Stdout.Format, p.Stderr.Format}; got != want {
			t.Errorf("%s: %v, want %v", p.Name, got, want)
		}
	}
	for _, bad := range []string{"", "JSONL", "raw,json"} {
		var f LogFormat
		var o LogOverflow
		if f.Set(bad) == nil || o.Set(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
