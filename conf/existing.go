package conf

import (
	"fmt"
	"os"
	"os/user"
	"strings"
)

// existingDir is Supervisor's existing_directory: the path with ~ expanded, if it is a directory.
func existingDir(path string) (string, error) {
	p := expandUser(path)
	if !isDir(p) {
		return "", fmt.Errorf("%s is not an existing directory", path)
	}
	return p, nil
}

// existingDirpath is Supervisor's existing_dirpath: the path with ~ expanded, if the directory
// it is in exists. A bare name is in the current directory.
func existingDirpath(path string) (string, error) {
	p := expandUser(path)
	dir := p[:strings.LastIndex(p, "/")+1]
	if dir != "" && !isDir(dir) && p != "/dev/stdout" && p != "/dev/stderr" { // they mean what we have open, also without a /dev
		return "", fmt.Errorf("The directory named as part of the path %s does not exist", path)
	}
	return p, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// expandUser is Python's os.path.expanduser: ~ is $HOME or the home of our account, ~name that
// of the account; what has no home stays as it is.
func expandUser(path string) string {
	if !strings.HasPrefix(path, "~") {
		return path
	}
	name, rest := path[1:], ""
	if i := strings.IndexByte(path, '/'); i >= 0 {
		name, rest = path[1:i], path[i:]
	}
	home, ok := homeOf(name)
	if !ok {
		return path
	}
	if p := strings.TrimRight(home, "/") + rest; p != "" {
		return p
	}
	return "/"
}

func homeOf(name string) (string, bool) {
	if home, ok := os.LookupEnv("HOME"); ok && name == "" {
		return home, true
	}
	account, err := user.Current()
	if name != "" {
		account, err = user.Lookup(name)
	}
	if err != nil {
		return "", false
	}
	return account.HomeDir, true
}
