package conf

import (
	"strings"
	"testing"
)

func TestLogfileDirect(t *testing.T) {
	t.Parallel()
	const cannot = ": the program cannot write its log by itself: "
	for _, test := range []struct {
		name, text string
		want       string // the error; "" for none
	}{
		{"both", "[program:x]\ncommand=cat\nstdout_logfile=/tmp/o\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n" +
			"stderr_logfile=/tmp/e\nstderr_logfile_maxbytes=0\nstderr_logfile_direct=true\n", ""},
		{"a temporary file", "[program:x]\ncommand=cat\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n", ""},
		{"stderr goes to stdout", "[program:x]\ncommand=cat\nstdout_logfile=/tmp/o\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n" +
			"redirect_stderr=true\nstderr_logfile_direct=true\n", ""},
		{"rotated", "[program:x]\ncommand=cat\nstdout_logfile=/tmp/o\nstdout_logfile_direct=true\n",
			":4: [program:x] stdout_logfile_direct" + cannot + "it is rotated at 52428800 bytes (add stdout_logfile_maxbytes=0)"},
		{"no file", "[program:x]\ncommand=cat\nstderr_logfile=NONE\nstderr_logfile_maxbytes=0\nstderr_logfile_direct=true\n",
			":5: [program:x] stderr_logfile_direct" + cannot + "it has none (name a file with stderr_logfile)"},
		{"a device", "[program:x]\ncommand=cat\nstdout_logfile=/dev/null\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n",
			":5: [program:x] stdout_logfile_direct" + cannot + "/dev/null is no regular file (remove stdout_logfile_direct)"},
		{"captured", "[program:x]\ncommand=cat\nstdout_logfile_maxbytes=0\nstdout_capture_maxbytes=1KB\nstdout_logfile_direct=true\n",
			":5: [program:x] stdout_logfile_direct" + cannot + "stdout_capture_maxbytes looks for tokens in it (remove stdout_logfile_direct)"},
		{"events", "[program:x]\ncommand=cat\nstdout_logfile_maxbytes=0\nstdout_events_enabled=1\nstdout_logfile_direct=true\n",
			":5: [program:x] stdout_logfile_direct" + cannot + "stdout_events_enabled makes events of it (remove stdout_logfile_direct)"},
		{"syslog", "[program:x]\ncommand=cat\nstderr_logfile_maxbytes=0\nstderr_syslog=1\nstderr_logfile_direct=true\n",
			":5: [program:x] stderr_logfile_direct" + cannot + "stderr_syslog sends it to syslog (remove stderr_logfile_direct)"},
		{"a format", "[program:x]\ncommand=cat\nstdout_logfile_maxbytes=0\nstdout_logfile_format=json\nstdout_logfile_direct=true\n",
			":5: [program:x] stdout_logfile_direct" + cannot + "stdout_logfile_format=json puts its lines in order (remove stdout_logfile_direct)"},
		{"strip_ansi", "[supervisord]\nstrip_ansi=true\n[program:x]\ncommand=cat\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n",
			":6: [program:x] stdout_logfile_direct" + cannot + "strip_ansi takes colours out of it (remove stdout_logfile_direct)"},
		{"a listener", "[eventlistener:x]\ncommand=cat\nevents=TICK_5\nstdout_logfile_maxbytes=0\nstdout_logfile_direct=true\n",
			":5: [eventlistener:x] stdout_logfile_direct" + cannot + "an event listener speaks its protocol on standard output (remove stdout_logfile_direct)"},
		{"a listener's stderr", "[eventlistener:x]\ncommand=cat\nevents=TICK_5\nstderr_logfile_maxbytes=0\nstderr_logfile_direct=true\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := test.text
			if !strings.Contains(text, "[supervisord]") {
				text += "[supervisord]\n"
			}
			file := write(t, "x.conf", text)
			_, err := Load(file, Options{})
			got := ""
			if err != nil {
				got = err.Error()
			}
			switch {
			case test.want == "" && got == "":
			case test.want == "" || !strings.HasSuffix(strings.TrimSpace(got), test.want):
				t.Errorf("Load = %q, want %q", got, test.want)
			}
		})
	}
}
