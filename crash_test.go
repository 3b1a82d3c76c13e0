package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// kill9 ends the daemon as nothing in it can prevent, and waits until it is gone.
func (b *box) kill9() {
	b.t.Helper()
	pid := b.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	<-b.dead
}

// again starts the daemon once more and waits until it answers.
func (b *box) again() *box {
	b.t.Helper()
	b.begin()
	b.answers()
	return b
}

// isGone says whether a process has ended, waiting to be reaped or not.
func isGone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	at := bytes.LastIndexByte(stat, ')')
	return at < 0 || stat[at+2] == 'Z' || stat[at+2] == 'X'
}

// still says whether p runs on as what it was.
func (b *box) still(p process) {
	b.t.Helper()
	if now := b.one(p.Name); now.Pid != p.Pid || now.State != "RUNNING" {
		b.t.Errorf("%s was %+v and is %+v", p.Name, p, now)
	}
}

// flood is a program that numbers its lines, rests after as many as its argument says, and says at
// TERM how many there were.
const flood = `i=0
trap 'echo last $i; exit 0' TERM
while :; do
	echo "line $i"
	i=$((i+1))
	[ $((i % $1)) = 0 ] && sleep 0.01
done
`

// floodLines is the section of a program that runs it out of flood.sh.
const floodLines = `[program:lines]
command = bash %(here)s/flood.sh 200
stdout_logfile = %(here)s/lines.log
stdout_logfile_maxbytes = 0
`

// blocks is flood with large writes, for which a busy pump has another goroutine.
const blocks = `i=0
trap 'over=yes' TERM
while [ -z "$over" ]; do
	seq -f 'line %.0f' $i $((i+39999)) | dd obs=256k status=none
	i=$((i+40000))
	sleep 0.05
done
echo last $i
`

// writers are programs that number what they write, in each way that a log is kept; box.wrote looks at it.
const writers = `[program:flood]
command = bash %(here)s/flood.sh 500
stdout_logfile = %(here)s/flood.log
stdout_logfile_maxbytes = 0
[program:lines]
command = bash %(here)s/flood.sh 500
stdout_logfile = %(here)s/lines.log
stdout_logfile_maxbytes = 0
stdout_logfile_format = lines
[program:blocks]
command = bash %(here)s/blocks.sh
stdout_logfile = %(here)s/blocks.log
stdout_logfile_maxbytes = 0
[program:meter]
command = child meter %(here)s/meter
stdout_logfile = %(here)s/meter.log
stdout_logfile_maxbytes = 1MB
stdout_logfile_backups = 200
`

// wrote checks that what the writers have written, who are stopped, is there once and in order.
func (b *box) wrote(t *testing.T) {
	t.Helper()
	for _, name := range []string{"flood", "lines", "blocks"} {
		numbered(t, name, b.read(name+".log"), "line ")
	}
	all := concatenated(t, b.path("meter.log"))
	if d := differ(all, meterText(0, len(all))); d != "" {
		t.Errorf("meter: %s", d)
	}
	if said, _ := b.meter("meter"); meterBytes(said) > len(all) {
		t.Errorf("meter wrote %d lines, and %d bytes are there", said, len(all))
	}
}

// TestCrashLosesNothing: the daemon is killed again and again while programs write numbered
// lines; at the end each line is there once, in order, and the programs are the same.
func TestCrashLosesNothing(t *testing.T) {
	b := newBox(t, "", writers+`[program:cat]
command = cat
[program:off]
command = sleep 1000
autostart = false
[program:done]
command = true
startsecs = 0
autorestart = false
`)
	b.write("flood.sh", flood)
	b.write("blocks.sh", blocks)
	b.start()
	for _, name := range []string{"flood", "lines", "blocks", "meter", "cat"} {
		b.reaches(name, "RUNNING")
	}
	b.reaches("done", "EXITED")
	for _, name := range []string{"flood", "lines", "blocks"} {
		b.until(name+" writes, so that it does what it should at its end", func() bool { return b.read(name+".log") != "" })
	}
	b.do("start", named{Name: "off"})
	b.do("stop", named{Name: "off"})
	before := pids(b)
	for range long(5) {
		pause := time.NewTimer(rand.N(300 * time.Millisecond)) // at any moment
		<-pause.C
		b.kill9()
		b.again()
		if now := pids(b); fmt.Sprint(now) != fmt.Sprint(before) {
			t.Fatalf("the processes were %v and are %v\n%s", before, now, b.read("d.log"))
		}
	}
	if p := b.one("off"); p.State != "STOPPED" {
		t.Errorf("off is %s", p.State)
	}
	if p := b.one("done"); p.State != "EXITED" {
		t.Errorf("done is %s", p.State)
	}
	b.do("stop", named{Name: "all"})
	b.wrote(t)
	b.stop()
	for _, pid := range before {
		if !isGone(pid) {
			t.Errorf("%d still runs", pid)
		}
	}
}

// pids are those of the programs, by name.
func pids(b *box) map[string]int {
	b.t.Helper()
	all := map[string]int{}
	for _, p := range b.status() {
		all[p.Name] = p.Pid
	}
	return all
}
