package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gosv/proc"
)

// TestInitPassesEverySignal sends each signal there is, and the command must see it, in
// order and once. The originals show what is expected: dumb-init passes all on, SIGPROF,
// SIGURG and SIGRTMIN too, which Go's own runtime keeps for itself (proc/trap_linux.go). So
// a Python program looks, and it waits for signals rather than handle them: none is missed.
func TestInitPassesEverySignal(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3: what comes from os/signal alone is not enough to test")
	}
	nobody := []int{9, 17, 19, 32, 33}  // nobody sees these
	stops := []int{20, 21, 22}          // with these dumb-init and gosv stop: a row of its own
	own := []int{4, 5, 6, 7, 8, 11, 31} // tini keeps these: a fault of its own would loop
	for _, row := range []struct {
		argv []string
		not  []int
	}{
		{[]string{"gosv", "init", "-s"}, nil},
		{[]string{"gosv", "init", "-s", "-g"}, nil},
		{[]string{"gosv", "init", "-s", "--setsid"}, nil},
		{[]string{"gosv-as", "tini", "-s"}, nil},
		{[]string{"gosv-as", "dumb-init"}, nil},
		{[]string{"dumb-init"}, nil},
		{[]string{"tini", "-s"}, own},
	} {
		t.Run(strings.Join(row.argv, " "), func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(row.argv[0]); err != nil {
				t.Skipf("%s is not here to compare with (apt-get install %[1]s)", row.argv[0])
			}
			p := startInit(t, append(slices.Clone(row.argv), "--", python, "-c", `
import signal
all = {s for s in range(1, 65) if s not in (9, 17, 19, 32, 33)}
signal.pthread_sigmask(signal.SIG_BLOCK, all)
print("ready", flush=True)
while True: print(signal.sigwaitinfo(all).si_signo, flush=True)
`), nil)
			p.wait(t, "ready\n")
			want := "ready\n"
			for n := 1; n <= 64; n++ {
				if slices.Contains(nobody, n) || slices.Contains(stops, n) || slices.Contains(row.not, n) ||
					signal.Ignored(syscall.Signal(n)) { // by whoever runs the tests, as a shell's & does
					continue
				}
				line := strconv.Itoa(n) + "\n"
				p.signal(syscall.Signal(n))
				p.wait(t, line)
				want += line
			}
			p.signal(syscall.SIGUSR1)
			p.wait(t, "10\n")
			if got := p.seen.String(); got != want+"10\n" {
				t.Errorf("the command saw %q, want each signal once: %q", got, want+"10\n")
			}
			syscall.Kill(p.child(t), syscall.SIGKILL)
			if code, _, _ := p.end(t); code != 137 {
				t.Errorf("exit status %d, want 137", code)
			}
		})
	}
}

// TestInitParentDeath: when the parent of the init ends, the init is sent the signal, and
// passes it on; when the init itself is killed the command is sent it.
func TestInitParentDeath(t *testing.T) {
	for _, killed := range []string{"parent", "init"} {
		t.Run(killed, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := startInit(t, []string{"sh", "-c", `gosv init -p TERM -s -- sh -c 'echo $$ >` + dir + `/cmd; echo ready; exec sleep 1000' & echo $! >` + dir + `/init; wait`}, nil)
			p.wait(t, "ready\n")
			cmd, init := readPID(t, dir+"/cmd"), readPID(t, dir+"/init")
			t.Cleanup(func() { syscall.Kill(cmd, syscall.SIGKILL) })
			if killed == "parent" {
				p.cmd.Process.Kill()
			} else {
				syscall.Kill(init, syscall.SIGKILL)
			}
			until(t, "the command has ended", func() bool { return !alive(cmd) })
			until(t, "the init has ended", func() bool { return !alive(init) })
		})
	}
}

// TestInitSmall keeps what an init costs small.
func TestInitSmall(t *testing.T) {
	bin := static(t)
	p := startInit(t, []string{bin, "init", "-s", "--", "sh", "-c", "echo ready; exec sleep 1000"}, nil)
	p.wait(t, "ready\n")
	until(t, "it has settled", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			t.Skipf("no /proc: %v", err)
		}
		_, after, _ := strings.Cut(string(status), "VmRSS:")
		kb, _ := strconv.Atoi(strings.Fields(after)[0])
		return kb < 6<<10
	})
	p.signal(syscall.SIGTERM)
	p.end(t)
}

func TestSignalByName(t *testing.T) {
	for _, row := range []struct {
		name string
		want syscall.Signal
		ok   bool
	}{
		{"TERM", 15, true}, {"SIGTERM", 15, true}, {"sigterm", 15, true}, {"15", 15, true}, {"0", 0, true},
		{"RTMIN", 34, true}, {"SIGRTMIN+3", 37, true}, {"RTMAX", 64, true}, {"RTMAX-1", 63, true}, {"64", 64, true},
		{"65", 65, false}, {"-1", -1, false}, {"", 0, false}, {"SIG", 0, false}, {"FOO", 0, false},
		{"RTMIN-1", 0, false}, {"RTMAX+1", 0, false}, {"RTMIN3", 0, false}, {"RTMIN+99", 133, false},
	} {
		if got, ok := proc.SignalByName(row.name); ok != row.ok || ok && got != row.want {
			t.Errorf("SignalByName(%q) = %v, %v, want %v, %v", row.name, got, ok, row.want, row.ok)
		}
	}
}

// TestInitHelpIsComplete: each flag that the table has is in the help, once.
func TestInitHelpIsComplete(t *testing.T) {
	out, err := exec.Command("gosv", "init", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(string(out), func(r rune) bool { return strings.ContainsRune(" ,\n", r) })
	for _, flag := range []string{"-g", "--group", "--setsid", "-c", "-r", "--rewrite", "--remap-exit", "-e", "-s", "--subreaper", "-p", "--parent-death", "-w", "-v", "-l", "-h", "-V"} {
		if !slices.Contains(words, flag) {
			t.Errorf("the help does not name %s:\n%s", flag, out)
		}
	}
}

func readPID(t *testing.T, file string) (pid int) {
	t.Helper()
	until(t, file+" has a pid", func() bool {
		text, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0
	})
	return pid
}
