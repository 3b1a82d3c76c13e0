package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"gosv/conf"
)

// secretMax is more than the kernel takes for one variable.
const secretMax = 128 << 10

// secrets are the variables of environment_from_files=, read anew for each start. The error
// names the variable and the file, and never what is in it.
func secrets(c *conf.Process) (conf.Env, error) {
	var env conf.Env
	for _, s := range c.Secrets {
		value, err := readSecret(s.File)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s for '%s' (environment_from_files): %w", s.Name, c.Name, err)
		}
		env = append(env, conf.Var{Name: s.Name, Value: value})
	}
	return env, nil
}

// readSecret is the content of a file without one newline at its end.
func readSecret(file string) (string, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO must not hold up the launches
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is not a regular file", file))
	}
	b, err := io.ReadAll(io.LimitReader(f, secretMax+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > secretMax:
		return "", fmt.Errorf("%s is larger than %d KiB", file, secretMax>>10)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if strings.Contains(value, "\x00") {
		return "", fmt.Errorf("%s holds a NUL", file)
	}
	return value, nil
}
