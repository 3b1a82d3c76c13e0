package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// jumpy plays supervisord with a wall clock that can be set: by as many seconds as the eight
// bytes of the file $GOSV_CLOCK say, at any time. Nobody else's clock changes, and the
// monotonic one goes on as a kernel's does when somebody sets the date.
func jumpy() {
	if err := setClock(os.Getenv("GOSV_CLOCK")); err != nil {
		fmt.Fprintln(os.Stderr, "no clock that jumps:", err)
		os.Exit(97)
	}
	os.Exit(run(append([]string{"supervisord"}, os.Args[1:]...)))
}

// setClock puts a few instructions of our own before the vdso's clock_gettime, where Go's
// runtime reads both clocks: they add what is in the file to the seconds of CLOCK_REALTIME.
func setClock(name string) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("made for amd64 only")
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	shared, err := unix.Mmap(int(f.Fd()), 0, 8, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	vdso, err := vdsoPointer()
	if err != nil {
		return err
	}
	var code []byte
	code = append(code, 0x57, 0x56, 0x48, 0x83, 0xec, 8, 0x48, 0xb8) // push rdi, rsi; sub rsp,8; mov rax,
	code = binary.LittleEndian.AppendUint64(code, uint64(*vdso))
	code = append(code, 0xff, 0xd0, 0x48, 0x83, 0xc4, 8, 0x5e, 0x5f, 0x85, 0xff, 0x75, 16, 0x48, 0xb9) // call rax; add rsp,8; pop rsi, rdi; test edi,edi; jnz end; mov rcx,
	code = binary.LittleEndian.AppendUint64(code, uint64(uintptr(unsafe.Pointer(&shared[0]))))
	code = append(code, 0x48, 0x8b, 0x09, 0x48, 0x01, 0x0e, 0xc3) // mov rcx,[rcx]; add [rsi],rcx; end: ret
	copy(page, code)
	*vdso = uintptr(unsafe.Pointer(&page[0]))
	return nil
}

// vdsoPointer is the runtime's variable with the address of clock_gettime. It has no name
// for us, so it is found by the instruction of time.now that reads it.
func vdsoPointer() (*uintptr, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	var lo, hi uintptr
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(line, "[vdso]\n") {
			fmt.Sscanf(line, "%x-%x", &lo, &hi)
		}
	}
	pc := reflect.ValueOf(time.Now).Pointer()
	for runtime.FuncForPC(pc-16) != nil {
		pc -= 16
	}
	for ; ; pc += 16 {
		f := runtime.FuncForPC(pc)
		if f == nil {
			return nil, errors.New("time.now is not found")
		}
		if f.Name() != "time.now" {
			continue
		}
		text := unsafe.Slice((*byte)(unsafe.Add(nil, f.Entry())), 256)
		for i := 0; ; {
			at := bytes.Index(text[i:], []byte{0x48, 0x8b, 0x05}) // mov rax,[rip+n]
			if at < 0 || i+at+7 > len(text) {
				break
			}
			i += at + 7
			n := int32(binary.LittleEndian.Uint32(text[i-4:]))
			v := (*uintptr)(unsafe.Add(nil, f.Entry()+uintptr(i)+uintptr(n)))
			if *v >= lo && *v < hi {
				return v, nil
			}
		}
	}
}

// setBy lets the clock of the box's daemon differ from the true one.
func (b *box) setBy(d time.Duration) {
	b.t.Helper()
	f, err := os.OpenFile(b.path("clock"), os.O_RDWR, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(int64(d/time.Second))), 0); err != nil {
		b.t.Fatal(err)
	}
}

// beginJumpy starts the daemon with a clock that can be set.
func (b *box) beginJumpy() {
	b.t.Helper()
	b.write("clock", "\x00\x00\x00\x00\x00\x00\x00\x00")
	cmd := exec.Command("jumpy", "-n", "-c", b.path("s.conf"))
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GOSV_CLOCK="+b.path("clock"))
	b.out = b.path("out.txt")
	out, err := os.Create(b.out)
	if err != nil {
		b.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	b.run(cmd)
	b.until("it runs or has no such clock", func() bool { return b.ended() || b.read("d.pid") != "" })
	if b.ended() && b.cmd.ProcessState.ExitCode() == 97 {
		b.t.Skip(b.output())
	}
	b.answers()
}

// The clock is set by a year, forward and back, with a program in each state: what waits goes
// on in its own time, neither at once nor never; uptimes stay true; a listener gets one tick
// for a jump; and nothing spins.
func TestPain09Clock(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:running]
command = sleep 1000
startsecs = 0
[program:starting]
command = sleep 1000
startsecs = 2
autostart = false
[program:stopping]
command = child stubborn
startsecs = 0
stopwaitsecs = 2
autostart = false
stdout_logfile = %(here)s/stopping.log
[program:backoff]
command = false
startsecs = 100
startretries = 1
autostart = false
[eventlistener:ticks]
command = child listen %(here)s/ticks.got
events = TICK_3600
startsecs = 0
`)
	begun := time.Now()
	b.beginJumpy()
	b.all("RUNNING", "running", "ticks")
	const year = 365 * 24 * time.Hour
	for i, jump := range []time.Duration{year, -year, 0} {
		b.do("start", named{Name: "stopping"})
		b.until("it ignores signals", func() bool { return strings.Count(b.read("stopping.log"), "ignoring") == i+1 })
		start := time.Now()
		b.do("start", named{Name: "starting", Nowait: true})
		b.do("stop", named{Name: "stopping", Nowait: true})
		b.do("start", named{Name: "backoff", Nowait: true})
		b.setBy(jump)
		b.reaches("starting", "RUNNING")
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("clock set by %v: RUNNING after %v, want startsecs, 2s", jump, took)
		}
		b.reaches("stopping", "STOPPED")
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("clock set by %v: killed after %v, want stopwaitsecs, 2s", jump, took)
		}
		b.reaches("backoff", "FATAL")
		p := b.one("running")
		if off := p.Now - float64(time.Now().Add(jump).Unix()); off < -60 || off > 60 {
			t.Fatalf("the daemon's clock is %v s off what it was set to", off)
		}
		if up := time.Duration(p.Now-p.Start) * time.Second; up > time.Since(begun)+2*time.Second || up < 0 {
			t.Errorf("clock set by %v: up for %v by its numbers, after %v", jump, up, time.Since(begun))
		}
		if !strings.Contains(p.Description, "uptime 0:0") {
			t.Errorf("clock set by %v: %q", jump, p.Description)
		}
		b.do("stop", named{Name: "starting"})
	}
	b.logged(6, "exited: backoff") // three rounds of two
	// The listener slept when the clock was set; it hears of it within a minute, once a jump.
	// Those were close together, so one tick may stand for several; there is never a flood.
	if n := strings.Count(b.read("ticks.got"), "TICK_3600"); n > 4 {
		t.Errorf("%d ticks", n)
	}
	b.idle(time.Second)
	b.stop()
}

// A daemon that is stopped for a while, as on a suspended machine, takes up where it was:
// nobody is killed before their time is over, and what died meanwhile is seen and started again.
func TestFaultSuspended(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:p]
process_name = p%(process_num)d
numprocs = 5
command = sleep 1000
startsecs = 0
autorestart = true
[program:w]
command = sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; touch %(here)s/written; exec sleep 1000'
startsecs = 0
stdout_logfile = %(here)s/w.log
stdout_logfile_maxbytes = 0
[program:slow]
command = child stubborn
startsecs = 0
stopwaitsecs = 5
stdout_logfile = %(here)s/slow.log
`).start()
	b.all("RUNNING")
	b.until("it ignores signals", func() bool { return b.read("slow.log") != "" })
	var old []int
	for _, p := range b.status() {
		if strings.HasPrefix(p.Name, "p") {
			old = append(old, p.Pid)
		}
	}
	b.do("stop", named{Name: "slow", Nowait: true})
	for range 3 {
		b.signal(syscall.SIGSTOP)
		for _, pid := range old {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		old = nil                          // their numbers may be another's now
		time.Sleep(700 * time.Millisecond) // how long the machine was suspended
		b.signal(syscall.SIGCONT)
	}
	b.all("RUNNING", "p0", "p1", "p2", "p3", "p4")
	b.reaches("slow", "STOPPED")
	b.until("it has written", func() bool { return b.read("written") == "" && fileThere(b.path("written")) })
	b.until("all is in the log", func() bool { return len(b.read("w.log")) >= len(numbers(20000)) })
	if d := differ([]byte(b.read("w.log")), numbers(20000)); d != "" {
		t.Error(d)
	}
	b.logged(5, "exited: p", "SIGKILL")
	b.stop()
}

func fileThere(name string) bool { _, err := os.Stat(name); return err == nil }
