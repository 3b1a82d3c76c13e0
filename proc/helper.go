//go:build unix

package proc

import "syscall"

// StartHelper starts a program that is no process of ours, in a process group of its own,
// with files as its descriptors (^0: none of that number) and without the signals masked
// being blocked. It is for what Freeze calls, which lets Manager.Expect wait for it.
func StartHelper(path string, argv, env []string, files []uintptr, masked []syscall.Signal) (int, error) {
	defer unmask(masked)()
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}})
}
