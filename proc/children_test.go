package proc_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gosv/conf"
	"gosv/proc"
	"gosv/proc/testenv"
)

// The test binary plays the exec shim and all sorts of children.
func TestMain(m *testing.M) {
	if os.Args[0] == proc.ShimName {
		os.Exit(proc.ExecShim(os.Args[1:]))
	}
	if part := os.Getenv("TEST_CHILD"); part != "" {
		os.Exit(play(part))
	}
	testenv.Plain()
	os.Exit(m.Run())
}

// play is one of the children: what TEST_CHILD says.
func play(part string) int {
	word, arg, _ := strings.Cut(part, ":")
	switch word {
	case "exit":
		n, _ := strconv.Atoi(arg)
		return n
	case "kill":
		n, _ := strconv.Atoi(arg)
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		select {}
	case "tell":
		return tell(arg)
	case "accept":
		l, err := net.FileListener(os.Stdin)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return 1
			}
			fmt.Fprintln(c, os.Getenv("SUPERVISOR_PROCESS_NAME"))
			c.Close()
		}
	case "unprivileged":
		return unprivileged()
	}
	return 99
}

// tell prints one fact about the process.
func tell(what string) int {
	switch what {
	case "args":
		fmt.Println(strings.Join(os.Args, "|"))
	case "cwd":
		wd, _ := os.Getwd()
		fmt.Println(wd)
	case "umask":
		fmt.Printf("%03o\n", syscall.Umask(0))
	case "ids":
		groups, _ := os.Getgroups()
		slices.Sort(groups)
		fmt.Println(os.Getuid(), os.Getgid(), groups)
	case "session":
		sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
		fmt.Println(syscall.Getpgrp() == os.Getpid(), sid)
	}
	return 0
}

// unprivileged, run as nobody, tries to start a program as root.
func unprivileged() int {
	k, err := proc.NewKernel()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer k.Close()
	pid, err := k.Launch(proc.Spec{
		Path: "/bin/true", Argv: []string{"true"}, Umask: conf.Unset, User: conf.User{Set: true, Text: "root", GID: 0, More: []int{0}},
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		fmt.Println("launch:", err)
		return 1
	}
	for {
		<-k.Died()
		if got, status, ok := k.Reap(); ok {
			fmt.Println(got == pid, status.ExitStatus())
			return 0
		}
	}
}

// fileOutput is a proc.Output that appends to two files, as Supervisor's logs are.
type fileOutput struct{ stdout, stderr string }

func (o fileOutput) Attach() (stdout, stderr *os.File, err error) {
	if stdout, err = os.OpenFile(o.stdout, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return nil, nil, err
	}
	if stderr, err = os.OpenFile(o.stderr, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		stdout.Close()
		return nil, nil, err
	}
	return stdout, stderr, nil
}
func (o fileOutput) Started(int)        {}
func (o fileOutput) Exited(done func()) { done() }
func (o fileOutput) Close()             {}

func outputIn(dir string) func(*conf.Process) proc.Output {
	return func(c *conf.Process) proc.Output {
		return fileOutput{filepath.Join(dir, c.Name+".out"), filepath.Join(dir, c.Name+".err")}
	}
}
