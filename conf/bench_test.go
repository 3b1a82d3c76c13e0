package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// thousand is a configuration of 1,000 programs with the options that people set.
func thousand() string {
	var b strings.Builder
	b.WriteString("[supervisord]\nenvironment = SITE=\"example\",STAGE=\"production\"\n")
	for i := range 1000 {
		fmt.Fprintf(&b, `
[program:program%04d]
command = /usr/bin/python3 /srv/app/run.py --port 8%03d --name %%(program_name)s
directory = /srv/app
user = root
autostart = true
autorestart = true
startsecs = 5
stopasgroup = true
priority = %d
redirect_stderr = true
stdout_logfile = /tmp/%%(program_name)s.log
stdout_logfile_maxbytes = 10MB
environment = PORT="8%03d",HOME="/srv/app"
`, i, i, i%10, i)
	}
	return b.String()
}

func BenchmarkLoad(b *testing.B) {
	file := filepath.Join(b.TempDir(), "supervisord.conf")
	if err := os.WriteFile(file, []byte(thousand()), 0o644); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(file, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiff(b *testing.B) {
	old, new := load(b, "x.conf", thousand()), load(b, "x.conf", thousand())
	b.ReportAllocs()
	for b.Loop() {
		if !Diff(old.Groups, new.Groups).Empty() {
			b.Fatal("they differ")
		}
	}
}

// TestMemory checks what the daemon keeps for a process: less than 2 KiB for a program
// of its own, less than 1 KiB for one of many from one section.
func TestMemory(t *testing.T) {
	file := write(t, "supervisord.conf", thousand())
	many := write(t, "many.conf", "[supervisord]\nenvironment=A=1,B=2\n[program:a]\ncommand=/bin/cat %(process_num)d\n"+
		"process_name=a%(process_num)d\nnumprocs=1000\nuser=root\nenvironment=C=3\nstdout_logfile=/tmp/a.log\n")
	for _, test := range []struct {
		file string
		most uint64
	}{{file, 2048}, {many, 1024}} {
		before := heap()
		c, err := Load(test.file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		each := (heap() - before) / 1000
		t.Logf("%s: %d bytes a process", filepath.Base(test.file), each)
		if each > test.most {
			t.Errorf("%s: %d bytes a process, want at most %d", filepath.Base(test.file), each, test.most)
		}
		runtime.KeepAlive(c)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
