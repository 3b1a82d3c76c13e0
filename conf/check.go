package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Check looks for programs that would not start: the command cannot be split, is not
// found or may not be executed, or the directory is missing; and for unix sockets that have no
// directory to be in, or something else in their place. Supervisor notices only when it starts them, so these are no errors of
// Load. Check looks at files, and does nothing else. Commands without a slash are searched in
// PATH: that of the program's environment, else that of the calling process.
func Check(c *Config) Errors {
	var errs Errors
	seen := map[string]bool{} // the processes of a section mostly have the same faults
	for _, g := range c.Groups {
		for _, p := range g.Processes {
			for _, e := range checkProcess(p) {
				if key := e.Section + "\x00" + e.Msg; !seen[key] {
					seen[key] = true
					errs = append(errs, e)
				}
			}
		}
	}
	for i := range c.UnixServers {
		s := &c.UnixServers[i]
		if strings.HasPrefix(s.File, "@") {
			continue
		}
		fail := func(msg, hint string) {
			errs = append(errs, &Error{Pos: s.Origin.Pos("file"), Section: s.Section, Key: "file", Msg: msg, Hint: hint})
		}
		if dir := filepath.Dir(s.File); !isDir(dir) {
			fail("the directory "+dir+" does not exist", "mkdir -p "+dir)
		} else if st, err := os.Stat(s.File); err == nil && st.Mode().Type() != os.ModeSocket {
			fail(s.File+" is there and is not a socket", "remove it, or name another file")
		}
	}
	errs.Sort()
	return errs
}

func checkProcess(p *Process) Errors {
	var errs Errors
	fail := func(key, msg, hint, compat string) {
		section := p.Program
		if p.Origin != nil {
			section = p.Origin.Section
		}
		errs = append(errs, &Error{Pos: p.Origin.Pos(key).or(p.Pos), Section: section, Key: key, Msg: msg, Hint: hint, Compat: compat})
	}
	if p.Directory != "" {
		if st, err := os.Stat(p.Directory); err != nil {
			fail("directory", "the directory "+p.Directory+" does not exist", "mkdir -p "+p.Directory, "")
		} else if !st.IsDir() {
			fail("directory", p.Directory+" is not a directory", "", "")
		}
	}
	for _, s := range p.Secrets {
		if _, err := os.Stat(s.File); err != nil && !errors.Is(err, os.ErrPermission) {
			fail("environment_from_files", "there is no file "+s.File+" for "+s.Name, "", "")
		}
	}
	words, err := p.Command.Words()
	switch {
	case err != nil:
		fail("command", "cannot split the command into words: "+lower(err.Error()), "quotes must come in pairs",
			fmt.Sprintf("can't parse command %s: %v", Repr(p.Command.Line), err))
		return errs
	case len(words) == 0:
		fail("command", "the command is empty", "", "command is empty")
		return errs
	}
	name := words[0]
	file, st := find(name, searchPath(p))
	switch {
	case st == nil && strings.Contains(name, "/"):
		fail("command", fmt.Sprintf("the command %q does not exist", name), "install it, or correct the path",
			"can't find command "+Repr(name))
	case st == nil:
		fail("command", fmt.Sprintf("the command %q is not in PATH", name),
			"install it, or write its whole path; PATH is "+strings.Join(searchPath(p), ":"), "can't find command "+Repr(name))
	case st.IsDir():
		fail("command", fmt.Sprintf("the command %q is a directory", file), "", fmt.Sprintf("command at %s is a directory", Repr(file)))
	case st.Mode()&0o111 == 0:
		fail("command", fmt.Sprintf("the command %q is not executable", file), "chmod +x "+file,
			fmt.Sprintf("command at %s is not executable", Repr(file)))
	}
	return errs
}

// searchPath is Supervisor's get_path.
func searchPath(p *Process) []string {
	for _, v := range p.Env() {
		if v.Name == "PATH" {
			return strings.Split(v.Value, ":")
		}
	}
	if path := os.Getenv("PATH"); path != "" {
		return strings.Split(path, ":")
	}
	return []string{"/bin", "/usr/bin", "/usr/local/bin"}
}

// find is the first file of that name in path, as Supervisor's get_execv_args finds it. A
// file that may not be looked at counts as found: gosv may run as somebody else later.
func find(name string, path []string) (string, os.FileInfo) {
	tries := []string{name}
	if !strings.Contains(name, "/") {
		tries = tries[:0]
		for _, dir := range path {
			tries = append(tries, filepath.Join(dir, name))
		}
	}
	for _, file := range tries {
		st, err := os.Stat(file)
		if err == nil {
			return file, st
		}
		if errors.Is(err, os.ErrPermission) {
			return file, unseen{}
		}
	}
	return "", nil
}

// unseen is a file that cannot be looked at; nothing is wrong with it.
type unseen struct{ os.FileInfo }

func (unseen) IsDir() bool       { return false }
func (unseen) Mode() os.FileMode { return 0o777 }
