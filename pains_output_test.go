package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// meter is a program that writes without end, numbers its lines, and keeps in a file how many
// lines it has written and how long its longest write has taken.
const meter = `command = child meter %s
directory = %s
startsecs = 0
redirect_stderr = true
`

func (b *box) meter(name string) (lines int, slowest time.Duration) {
	b.t.Helper()
	fmt.Sscan(b.read(name), &lines, &slowest)
	return lines, slowest
}

// more waits until the meters have written n lines more, and fails if one write took too long.
func (b *box) more(n int, names ...string) {
	b.t.Helper()
	from := map[string]int{}
	for _, name := range names {
		from[name], _ = b.meter(name)
	}
	for _, name := range names {
		b.until(fmt.Sprintf("%s is past %d+%d", name, from[name], n), func() bool { now, _ := b.meter(name); return now >= from[name]+n })
		if _, slowest := b.meter(name); slowest > patience/3 { // theirs is a second; the machine is busy
			b.t.Errorf("a write of %s took %v", name, slowest)
		}
	}
}

// A log that is removed, that nobody may write, whose disk is full: the program goes on
// writing, and when the trouble is over the same file goes on and the log says what was lost.
func TestPain05LogTrouble(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needs(t, "unshare", "-m", "true")
	b := newBox(t, "", "")
	b.config("", fmt.Sprintf("[program:w]\n"+meter, "w.meter", b.dir)+"stdout_logfile = %(here)s/small/w.log\nstdout_logfile_maxbytes = 0\n")
	if err := os.Mkdir(b.path("small"), 0o755); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	b.start("unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=1m none small && exec "$@"`, "sh")
	small := fmt.Sprintf("/proc/%d/root%s/small", b.pid(), b.dir)
	log := small + "/w.log"
	size := func() int64 {
		st, err := os.Stat(log)
		if err != nil {
			return -1
		}
		return st.Size()
	}
	b.until("a first output", func() bool { return size() > 0 })

	// Full. What is written while it lasts is lost, and nothing else.
	b.until("the disk is full", func() bool { return b.count("WARN", "cannot write log", "no space left on device") > 0 })
	b.more(2000, "w.meter")
	before, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	b.until("the file goes on", func() bool { return b.count("INFO", "is written again", "bytes were lost") > 0 })
	b.do("stop", named{Name: "w"})
	lines, _ := b.meter("w.meter")
	after, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var lost int
	line := regexp.MustCompile(`is written again; (\d+) bytes were lost`).FindStringSubmatch(b.read("d.log"))
	fmt.Sscan(line[1], &lost)
	whole := meterBytes(lines)
	got := len(before) + lost + len(after)
	if rest := whole - got; rest > 0 || rest < -10*meterLine { // the last lines are not counted yet
		t.Errorf("written %d bytes; in the log %d, said to be lost %d, then %d: %d are missing", whole, len(before), lost, len(after), rest)
	}
	if want := meterText(0, len(before)); differ(before, want) != "" {
		t.Errorf("before: %s", differ(before, want))
	}
	if want := meterText(len(before)+lost, len(after)); differ(after, want) != "" {
		t.Errorf("after: %s", differ(after, want))
	}
	if n := b.count("cannot write log"); n > 3+int(time.Since(begun)/time.Minute) { // it says so once a minute
		t.Errorf("%d lines about one trouble", n)
	}

	// Removed, with its folder too; a start makes both again.
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	b.do("start", named{Name: "w"})
	b.until("the file is there again", func() bool { return size() > 0 })
	b.more(100, "w.meter")

	// Removed while it runs: USR2 makes it again.
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	b.more(100, "w.meter")
	syscall.Kill(b.pid(), syscall.SIGUSR2)
	b.until("the file is there again", func() bool { return size() > 0 })
}

// A log in a folder that the daemon may no longer write to: nothing is lost, rotation waits.
func TestPain05LogUnwritable(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	b.config("", fmt.Sprintf("[program:w]\n"+meter, "w.meter", b.dir)+"stdout_logfile = %(here)s/logs/w.log\nstdout_logfile_maxbytes = 20KB\nstdout_logfile_backups = 500\n")
	if err := os.Mkdir(b.path("logs"), 0o777); err != nil {
		t.Fatal(err)
	}
	b.until("a folder for all", func() bool { return os.Chmod(b.path("logs"), 0o777) == nil && os.Chmod(b.dir, 0o777) == nil })
	if os.Getuid() == 0 {
		needs(t, "setpriv", "--version")
		b.own()
		b.start("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--")
	} else {
		b.start()
	}
	log := b.path("logs/w.log")
	b.until("it rotates", func() bool { _, err := os.Stat(log + ".2"); return err == nil })
	if err := os.Chmod(b.path("logs"), 0o555); err != nil {
		t.Fatal(err)
	}
	b.more(2000, "w.meter")
	b.signal(syscall.SIGUSR2)
	b.until("the reopening is dealt with", func() bool { return b.count("supervisord logreopen") > 0 })
	b.more(1000, "w.meter")
	if err := os.Chmod(b.path("logs"), 0o777); err != nil {
		t.Fatal(err)
	}
	b.until("it rotates again", func() bool {
		st, err := os.Stat(log)
		return err == nil && st.Size() < 20<<10
	})
	b.do("stop", named{Name: "w"})
	lines, _ := b.meter("w.meter")
	got := concatenated(t, log)
	if d := differ(got, meterText(0, len(got))); d != "" {
		t.Error(d)
	}
	if missing := meterBytes(lines) - len(got); missing > 0 {
		t.Errorf("%d bytes are missing", missing)
	}
}

// A consumer that is slow, or that never reads, or a terminal that hangs up, does not hold the
// program up for more than a moment, nor any other program.
func TestPain05SlowConsumer(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", "")
	if err := syscall.Mkfifo(b.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	master, slave := must2(t)(pty.Open())
	defer master.Close()
	tty := slave.Name()
	var text strings.Builder
	for name, log := range map[string]string{"fifo": b.path("fifo"), "tty": tty, "full": "/dev/full", "file": b.path("file.log")} {
		fmt.Fprintf(&text, "[program:%s]\n"+meter+"stdout_logfile = %s\nstdout_logfile_maxbytes = 0\n", name, name+".meter", b.dir, log)
	}
	b.config("", text.String())
	begun := time.Now()
	b.start()
	for _, name := range []string{"fifo", "tty", "full", "file"} {
		b.until(name+" writes", func() bool { n, _ := b.meter(name + ".meter"); return n > 0 })
	}
	slave.Close()
	b.more(20_000, "fifo.meter", "tty.meter", "full.meter", "file.meter") // 1.2 MB: more than any buffer
	master.Close()                                                        // the terminal is gone
	b.more(2000, "fifo.meter", "tty.meter", "full.meter", "file.meter")
	b.until("it is said what is lost", func() bool { return b.count("WARN", "cannot write log") > 0 })
	if n := b.count("WARN", "cannot write log"); n > 10+3*int(time.Since(begun)/time.Minute) { // each says so once a minute
		t.Errorf("%d lines about what is lost", n)
	}
	b.do("stop", named{Name: "all"})
	lines, _ := b.meter("file.meter")
	got := []byte(b.read("file.log"))
	if missing := meterBytes(lines) - len(got); missing > 0 || differ(got, meterText(0, len(got))) != "" {
		t.Errorf("the program beside them: %d bytes are missing; %s", missing, differ(got, meterText(0, len(got))))
	}
	b.stop()
}

// The lines of child meter.
const meterLine = 64

func meterBytes(lines int) int { return lines * meterLine }

// meterText is n bytes of what a meter writes, from an offset on.
func meterText(from, n int) []byte {
	buf := make([]byte, 0, n+2*meterLine)
	for i := from / meterLine; len(buf) < n+meterLine; i++ {
		buf = fmt.Appendf(buf, meterFormat, i)
	}
	return buf[from%meterLine:][:n]
}

// The last words of a program are in its log, a thousand times under load; and they are there
// as soon as its end is known.
func TestPain06LastWords(t *testing.T) {
	busy(t)
	n := long(300)
	b := newBox(t, "", fmt.Sprintf(`
[program:again]
command = sh -c 'printf last; exit'
startsecs = 0
autostart = false
autorestart = false
stdout_logfile = %%(here)s/again.log
stdout_logfile_maxbytes = 0
[program:one]
process_name = %%(program_name)s%%(process_num)03d
numprocs = %d
command = sh -c 'printf "last %%%%s" "$SUPERVISOR_PROCESS_NAME"; exit 3'
exitcodes = 3
startsecs = 0
autorestart = false
redirect_stderr = true
stdout_logfile = %%(here)s/%%(program_name)s%%(process_num)03d.log
`, n)).start()
	seen := map[string]bool{}
	b.until("each has said its word", func() bool {
		for _, p := range b.status() {
			if p.Group == "one" && p.State == "EXITED" && !seen[p.Name] {
				seen[p.Name] = true
				if got, want := b.read(p.Name+".log"), "last "+p.Name; got != want {
					t.Errorf("%s has EXITED; its log is %q, want %q", p.Name, got, want)
				}
			}
		}
		return len(seen) == n
	})
	n = long(500)
	for range n {
		b.do("start", named{Name: "again"})
		b.reaches("again", "EXITED")
	}
	if got := b.read("again.log"); got != strings.Repeat("last", n) {
		t.Errorf("%d last words (%d bytes) of %d", strings.Count(got, "last"), len(got), n)
	}
	b.logged(n, "exited: again (exit status 0; expected)")
}

// A grandchild that keeps the pipe: stop does not wait for it, and what it writes later is
// still logged, also into the log of the next run.
func TestPain06Grandchild(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:parent]
command = sh -c '(trap "" TERM HUP; while [ ! -e %(here)s/go ]; do sleep 0.02; done; seq 1 5000; echo done) & echo $! >> %(here)s/pids; exec sleep 1000'
startsecs = 0
stopwaitsecs = 1000
stdout_logfile = %(here)s/parent.log
`)
	b.start()
	for i := range 3 {
		b.until("it has a child", func() bool { return strings.Count(b.read("pids"), "\n") == i+1 })
		b.do("stop", named{Name: "parent"}) // who waits for the grandchild gets no answer
		b.do("start", named{Name: "parent"})
	}
	b.write("go", "")
	b.until("all have written", func() bool { return strings.Count(b.read("parent.log"), "done\n") == 4 })
	if got, want := len(b.read("parent.log")), 4*(len(numbers(5000))+len("done\n")); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}
