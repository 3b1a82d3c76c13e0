//go:build unix

package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// start forks the command. When it is not ok the exit status is why.
func (r *initRun) start() (code int, ok bool) {
	path, err := execSearch(r.Argv[0], r.Env)
	if err != nil {
		return r.cannotExec(err), false
	}
	attr := &syscall.ProcAttr{Env: r.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{}}
	if r.ParentDeath != 0 {
		diesWith(attr.Sys, r.ParentDeath)
	}
	mode := r.tty.open(r)
	if r.Session {
		attr.Sys.Setsid = true
	} else {
		attr.Sys.Setpgid = true
	}
	argv := r.Argv
	if mode != "" {
		// The terminal is handed over in the child, before the command can read from it. Go's
		// fork cannot do that without leaving signals ignored; a second exec can.
		argv = append([]string{ShimName, initWord + mode, path}, argv...)
		path = self()
	}
	r.pid, err = syscall.ForkExec(path, argv, attr)
	if err == syscall.ENOEXEC {
		r.pid, err = syscall.ForkExec(shell, shellArgs(path, argv), attr)
	}
	if err != nil {
		return r.cannotExec(err), false
	}
	r.say(InitInfo, "spawned '%s' with pid %d", r.Argv[0], r.pid)
	r.tty.opened()
	return 0, true
}

func (r *initRun) cannotExec(err error) int {
	r.say(InitFatal, "cannot execute %s: %v", r.Argv[0], err)
	return execStatus(err)
}

// execStatus is the shell's exit status for a command that cannot be executed.
func execStatus(err error) int {
	switch err {
	case syscall.ENOENT, syscall.ENOTDIR:
		return 127
	case syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE:
		return 1 // the fork failed
	}
	return 126
}

// shell runs what has no first line that says who does.
const shell = "/bin/sh"

func shellArgs(path string, argv []string) []string {
	return append([]string{argv[0], path}, argv[1:]...)
}

// execSearch finds a command as execvp does: a file that may not be executed is only
// remembered while there are other places to look at.
func execSearch(name string, env []string) (string, error) {
	if name == "" {
		return "", syscall.ENOENT
	}
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	path := "/usr/local/bin:/bin:/usr/bin"
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			path = value
			break
		}
	}
	var worst error = syscall.ENOENT
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		file := dir + "/" + name
		switch err := executable(file); err {
		case nil:
			return file, nil
		case syscall.EACCES:
			worst = err
		}
	}
	return "", worst
}

// executable says what execve would say about the file itself.
func executable(file string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(file, &st); err != nil {
		return err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return syscall.EACCES
	}
	return syscall.Access(file, 1) // X_OK
}

// initWord begins the first word of the exec shim when it serves an Init.
const initWord = "init="

// initShim is the child of an Init that has a terminal: it takes the terminal and becomes
// the command. args are "init=MODE", the file, the command's words.
func initShim(args []string) int {
	if len(args) < 3 {
		fmt.Fprintf(os.Stderr, "%s: this cannot be run by hand\n", ShimName)
		return 126
	}
	takeTerminal(strings.TrimPrefix(args[0], initWord))
	path, argv, env := args[1], args[2:], os.Environ()
	err := syscall.Exec(path, argv, env)
	if err == syscall.ENOEXEC {
		err = syscall.Exec(shell, shellArgs(path, argv), env)
	}
	fmt.Fprintf(os.Stderr, "[FATAL gosv init (%d)] cannot execute %s: %v\n", os.Getpid(), filepath.Clean(argv[0]), err)
	return execStatus(err)
}

// signalByName reads a signal; num knows the usual names.
func signalByName(name string, num func(string) syscall.Signal) (syscall.Signal, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(n), n >= 0 && n <= int(lastSignal)
	}
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if sig := num("SIG" + name); sig != 0 {
		return sig, true
	}
	for _, base := range []struct {
		name  string
		value int
		sign  int
	}{{"RTMIN", firstRealtime, 1}, {"RTMAX", int(lastSignal), -1}} {
		rest, ok := strings.CutPrefix(name, base.name)
		if !ok || firstRealtime == 0 {
			continue
		}
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(rest); err != nil || n*base.sign < 0 || rest[0] != '+' && rest[0] != '-' {
				return 0, false
			}
		}
		n += base.value
		return syscall.Signal(n), n >= firstRealtime && n <= int(lastSignal)
	}
	return 0, false
}
