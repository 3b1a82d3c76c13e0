package logs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The writers are processes of their own, as in life: the test binary, see TestMain.
func startWriter(b testing.TB, out *os.File, total, chunk int) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOGS_TEST_WRITE="+strconv.Itoa(total), "LOGS_TEST_CHUNK="+strconv.Itoa(chunk))
	cmd.Stdout = out
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return cmd
}

// writeOut is the child's side of startWriter.
func writeOut(total, chunk int) {
	buf := make([]byte, chunk)
	for i := range buf {
		buf[i] = 'a' + byte(i%26)
	}
	buf[chunk-1] = '\n'
	for total > 0 {
		// Raw: the Go runtime's watching of system calls would take the time of a core.
		n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&buf[0])), uintptr(min(total, chunk)))
		if err != 0 {
			os.Exit(1)
		}
		total -= int(n)
	}
	os.Exit(0)
}

// cpu is what this process has used so far, in nanoseconds.
func cpu() int64 {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func benchCopy(b *testing.B, total, chunk, writers int, maxBytes int64) {
	p, err := NewPump()
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	dir := b.TempDir()
	files := &Files{}
	b.SetBytes(int64(total * writers))
	used := int64(0)
	for b.Loop() {
		before := cpu()
		var ended []*Sink
		var wait sync.WaitGroup
		for j := range writers {
			s, err := p.Sink(Options{Files: files, Path: filepath.Join(dir, fmt.Sprint(j)), MaxBytes: maxBytes, Backups: 10})
			if err != nil {
				b.Fatal(err)
			}
			w, err := s.Attach()
			if err != nil {
				b.Fatal(err)
			}
			cmd := startWriter(b, w, total, chunk)
			w.Close()
			wait.Go(func() {
				cmd.Wait()
				done := make(chan struct{})
				s.Drain(func() { close(done) })
				<-done
				if got := s.Stats().Bytes; got != int64(total) {
					b.Errorf("%d bytes read, want %d", got, total)
				}
			})
			ended = append(ended, s)
		}
		wait.Wait()
		used += cpu() - before
		b.StopTimer() // freeing the page cache is nobody's merit
		for _, s := range ended {
			s.Clear()
			s.Close()
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(used)/float64(b.N)/float64(total*writers), "cpu-s/GB")
}

func BenchmarkCopy100B(b *testing.B)      { benchCopy(b, 100<<20, 100, 1, 0) }
func BenchmarkCopy64K(b *testing.B)       { benchCopy(b, 300<<20, 64<<10, 1, 0) }
func BenchmarkCopyRotated(b *testing.B)   { benchCopy(b, 300<<20, 64<<10, 1, 50<<20) }
func BenchmarkCopy50Writers(b *testing.B) { benchCopy(b, 10<<20, 64<<10, 50, 0) }
func BenchmarkPlain100B(b *testing.B)     { benchPlain(b, 100<<20, 100) }
func BenchmarkPlain64K(b *testing.B)      { benchPlain(b, 300<<20, 64<<10) }

// benchPlain is the yardstick: a loop of read and write with the pipe as the kernel makes it.
func benchPlain(b *testing.B, total, chunk int) {
	name := filepath.Join(b.TempDir(), "log")
	b.SetBytes(int64(total))
	used := int64(0)
	buf := make([]byte, 64<<10)
	for b.Loop() {
		before := cpu()
		r, pw, err := newPipe()
		if err != nil {
			b.Fatal(err)
		}
		unix.SetNonblock(r, false)
		out, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
		if err != nil {
			b.Fatal(err)
		}
		w := os.NewFile(uintptr(pw), "pipe")
		cmd := startWriter(b, w, total, chunk)
		w.Close()
		for {
			n, err := unix.Read(r, buf)
			if n <= 0 || err != nil {
				break
			}
			unix.Write(out, buf[:n])
		}
		cmd.Wait()
		unix.Close(r)
		unix.Close(out)
		used += cpu() - before
		b.StopTimer()
		os.Remove(name)
		b.StartTimer()
	}
	b.ReportMetric(float64(used)/float64(b.N)/float64(total), "cpu-s/GB")
}
