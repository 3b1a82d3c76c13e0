//go:build unix

package proc

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"gosv/conf"
)

// ShimName is argv[0] of the exec shim: a program whose main sees it must answer with
// os.Exit(ExecShim(os.Args[1:])) before it does anything else.
const ShimName = "gosv-exec"

// shimMark is set in the environment of a shim, and taken away before it executes the real
// command. An executable that finds it set and is no shim must not start shims itself.
const shimMark = "GOSV_EXEC_SHIM"

// shimArgs are the words for the shim: what to set, "--", the file to execute, its words.
func shimArgs(s Spec) []string {
	args := []string{ShimName}
	if s.User.Set && s.User.UID != syscall.Getuid() {
		var list []string
		for _, g := range groups(s.User) {
			list = append(list, strconv.Itoa(int(g)))
		}
		args = append(args, "user="+uid(s.User), "groups="+strings.Join(list, ","))
	}
	if s.Dir != "" {
		args = append(args, "directory="+s.Dir)
	}
	if s.Umask != conf.Unset {
		args = append(args, "umask="+strconv.FormatInt(int64(s.Umask), 8))
	}
	return append(append(args, "--", s.Path), s.Argv...)
}

// ExecShim does in the child what Go's fork cannot, in Supervisor's order (user, directory,
// umask), and becomes the real command. args are the words after the shim's name. It
// returns only on failure, with the exit status, after Supervisor's lines on stderr.
func ExecShim(args []string) int {
	if len(args) > 0 && strings.HasPrefix(args[0], initWord) {
		return initShim(args)
	}
	err := execShim(args)
	var failed *ExecError
	if errors.As(err, &failed) {
		os.Stderr.WriteString(failed.Lines())
	} else {
		fmt.Fprintf(os.Stderr, "%s: %v\n", ShimName, err)
	}
	return notSpawned
}

func execShim(args []string) error {
	for ; len(args) > 0 && args[0] != "--"; args = args[1:] {
		name, value, _ := strings.Cut(args[0], "=")
		var err error
		switch name {
		case "user":
			err = become(value, strings.TrimPrefix(args[1], "groups="))
			args = args[1:]
		case "directory":
			if err = syscall.Chdir(value); err != nil {
				err = &ExecError{"chdir", value, err}
			}
		case "umask":
			var mask int64
			if mask, err = strconv.ParseInt(value, 8, 32); err == nil {
				syscall.Umask(int(mask))
			}
		default:
			err = fmt.Errorf("internal error: unknown word %q", args[0])
		}
		if err != nil {
			return err
		}
	}
	if len(args) < 3 {
		return errors.New("this is a part of gosv that starts programs; it cannot be run by hand")
	}
	path, argv := args[1], args[2:]
	env := make([]string, 0, len(os.Environ()))
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, shimMark+"=") {
			env = append(env, v)
		}
	}
	return &ExecError{"exec", argv[0], syscall.Exec(path, argv, env)}
}

// become sets the user and exactly its groups; the first one is the primary group.
func become(user, groups string) error {
	if syscall.Getuid() != 0 {
		return &ExecError{"setuid", user, errNotRoot}
	}
	uid, err := strconv.Atoi(user)
	if err != nil {
		return err
	}
	var list []int
	for g := range strings.SplitSeq(groups, ",") {
		gid, err := strconv.Atoi(g)
		if err != nil {
			return err
		}
		list = append(list, gid)
	}
	switch {
	case syscall.Setgroups(list) != nil:
		err = errors.New("Could not set groups of effective user")
	case syscall.Setgid(list[0]) != nil:
		err = errors.New("Could not set group id of effective user")
	default:
		err = syscall.Setuid(uid)
	}
	if err != nil {
		return &ExecError{"setuid", user, err}
	}
	return nil
}
