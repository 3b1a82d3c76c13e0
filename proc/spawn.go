package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gosv/conf"
)

// lookupError is why a command cannot be run: Supervisor's text, and the fault that
// startProcess answers with.
type lookupError struct {
	reason Reason
	text   string
}

func (e *lookupError) Error() string { return e.text }

// spec prepares a launch. A command that cannot be run is a *lookupError.
func spec(c *conf.Process, environ []string, serverURL, mark string) (Spec, error) {
	path, argv, err := lookup(c, environ)
	if err != nil {
		return Spec{}, err
	}
	hidden, failed := secrets(c)
	if failed != nil {
		return Spec{}, failed
	}
	if c.Directory != "" {
		// A dead network mount is to hold us here, where Go knows that this thread waits. In the
		// child, which has our memory until its exec, it would hold the collector and so everything.
		var st syscall.Stat_t
		syscall.Stat(c.Directory, &st) // whether the child may go there is the child's to find out
	}
	s := Spec{
		Group: c.Group, Name: c.Name, Path: path, Argv: argv,
		Env: childEnv(c, environ, serverURL, hidden), Dir: c.Directory, Umask: c.Umask, User: c.User,
	}
	if c.KillEscaped {
		s.Mark = mark + "." + namespec(c.Group, c.Name)
		s.Env = append(s.Env, escapeEnv+"="+s.Mark)
	}
	if !filepath.IsAbs(path) {
		// It was found from our directory. The original executes it from the child's, and
		// fails when there is none; then the one that was found is meant.
		own := filepath.Join(c.Directory, path)
		if st, missing := os.Stat(own); c.Directory != "" && missing == nil && !st.IsDir() {
			path = own
		}
		if s.Path, err = absolute(path); err != nil {
			return Spec{}, err
		}
	}
	return s, nil
}

func absolute(path string) (string, *lookupError) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", &lookupError{NoFile, fmt.Sprintf("can't find command %s: %v", repr(path), err)}
	}
	return abs, nil
}

// lookup is Supervisor's get_execv_args and check_execv_args: the file to execute and the
// words. It looks with our rights, from our directory, before the child changes anything.
func lookup(c *conf.Process, environ []string) (path string, argv []string, _ *lookupError) {
	argv, err := c.Command.Words()
	if err != nil {
		return "", nil, &lookupError{NotExecutable, fmt.Sprintf("can't parse command %s: %v", repr(c.Command.Line), err)}
	}
	if len(argv) == 0 {
		return "", nil, &lookupError{NotExecutable, "command is empty"}
	}
	path, mode, found := search(argv[0], searchPath(c, environ))
	switch {
	case !found:
		return "", nil, &lookupError{NoFile, fmt.Sprintf("can't find command %s", repr(path))}
	case mode.IsDir():
		return "", nil, &lookupError{NotExecutable, fmt.Sprintf("command at %s is a directory", repr(path))}
	case mode&0o111 == 0:
		return "", nil, &lookupError{NotExecutable, fmt.Sprintf("command at %s is not executable", repr(path))}
	case syscall.Access(path, 1) != nil: // X_OK
		return "", nil, &lookupError{NotExecutable, fmt.Sprintf("no permission to run command %s", repr(path))}
	}
	return path, argv, nil
}

// search finds a command. The first entry of the path that has it wins, executable or not.
func search(command string, dirs []string) (path string, mode os.FileMode, found bool) {
	if strings.Contains(command, "/") {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		path := command
		if dir != "" {
			path = strings.TrimSuffix(dir, "/") + "/" + command
		}
		if st, err := os.Stat(path); err == nil {
			return path, st.Mode(), true
		}
	}
	return command, 0, false
}

// searchPath is the program's own PATH, or ours, or Supervisor's default.
func searchPath(c *conf.Process, environ []string) []string {
	for _, v := range c.Env() {
		if v.Name == "PATH" {
			return strings.Split(v.Value, ":")
		}
	}
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			return strings.Split(value, ":")
		}
	}
	return []string{"/bin", "/usr/bin", "/usr/local/bin"}
}

// childEnv is the environment of a child: ours, in which each name is once, Supervisor's
// variables, the program's own, its secrets.
func childEnv(c *conf.Process, environ []string, serverURL string, secrets conf.Env) []string {
	own := make(conf.Env, 0, 4+len(c.Environment))
	own = append(own, conf.Var{Name: "SUPERVISOR_ENABLED", Value: "1"})
	if c.ServerURL != "" {
		serverURL = c.ServerURL
	}
	if serverURL != "" {
		own = append(own, conf.Var{Name: "SUPERVISOR_SERVER_URL", Value: serverURL})
	}
	own = append(own,
		conf.Var{Name: "SUPERVISOR_PROCESS_NAME", Value: c.Name},
		conf.Var{Name: "SUPERVISOR_GROUP_NAME", Value: c.Group})
	own = append(own, c.Env()...)
	own = append(own, secrets...)

	env := slices.Grow(slices.Clone(environ), len(own))
	for _, v := range own {
		entry, at := v.Name+"="+v.Value, -1
		for i, e := range env {
			if len(e) > len(v.Name) && e[len(v.Name)] == '=' && e[:len(v.Name)] == v.Name {
				at = i
				break
			}
		}
		if at >= 0 {
			env[at] = entry
		} else {
			env = append(env, entry)
		}
	}
	return env
}

// once is an environment with each name once, its last value counting, as Python has it.
func once(environ []string) []string {
	at := make(map[string]int, len(environ))
	var env []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if i, ok := at[name]; ok {
			env[i] = entry
			continue
		}
		at[name] = len(env)
		env = append(env, entry)
	}
	return env
}
