package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// absolute is Supervisor's normalize_path.
func absolute(path string) (string, error) {
	p, err := filepath.Abs(expandUser(path))
	if err != nil {
		return "", fmt.Errorf("cannot make %q absolute: %v", path, err)
	}
	return p, nil
}

// absoluteFile is a path in a directory that exists, made absolute.
func absoluteFile(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("The directory named as part of the path %s does not exist", path)
	}
	p, err := existingDirpath(path)
	if err != nil {
		return "", err
	}
	return absolute(p)
}

// mainLog is the logfile= of [supervisord].
func mainLog(path string) (string, error) {
	if path == "syslog" {
		return path, nil
	}
	return noneOrFile(path)
}

// noneOrFile is a path in a directory that exists, or "" for none, which Supervisor cannot
// do without: it takes none for a file of that name.
func noneOrFile(path string) (string, error) {
	if path == "" || strings.EqualFold(path, "none") {
		return "", nil
	}
	return absoluteFile(path)
}

// socketPath is the file= of [unix_http_server]: a path, or @ and a name that Linux keeps
// in no file system.
func socketPath(path string) (string, error) {
	path = strings.TrimSpace(path)
	if strings.HasPrefix(path, "@") {
		return path, nil
	}
	return absolute(path)
}

// serverURL is the serverurl= of [supervisorctl].
func serverURL(url string) (string, error) {
	path, ok := strings.CutPrefix(url, "unix://")
	if !ok {
		return url, nil
	}
	p, err := socketPath(path)
	return "unix://" + p, err
}

// optionalFile is a path, or nothing.
func optionalFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return absolute(path)
}

// childURL is the serverurl= of a program.
func childURL(url string) (string, error) {
	if strings.EqualFold(strings.TrimSpace(url), "AUTO") {
		return "", nil
	}
	return url, nil
}

// tempDir is Python's tempfile.gettempdir, without its trial of writing there.
func tempDir(env map[string]string) string {
	tries := []string{env["TMPDIR"], env["TEMP"], env["TMP"], "/tmp", "/var/tmp", "/usr/tmp"}
	for _, d := range tries {
		if st, err := os.Stat(d); d != "" && err == nil && st.IsDir() {
			if p, err := filepath.Abs(d); err == nil {
				return p
			}
		}
	}
	d, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return d
}

// programList is programs=; Supervisor's complaint about an empty name after a trailing
// comma names the wrong section, and helps nobody.
func programList(v any) ([]string, error) {
	list, err := parseList(v)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" }), err
}

// eventList is events=: upper case, each once.
func eventList(v any) ([]string, error) {
	list, err := parseList(v)
	var events []string
	for _, e := range list {
		if e = strings.ToUpper(e); e != "" && !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	return events, err
}

// fileList is files= of [include]: separated by blanks, not by commas.
func fileList(v any) ([]string, error) {
	if s, ok := v.(string); ok {
		return strings.Fields(s), nil
	}
	return parseList(v)
}
