package conf

import (
	"os"
	"path/filepath"
	"testing"
)

// TestExpandUser sets HOME, so it does not run with others.
func TestExpandUser(t *testing.T) {
	cases := []struct{ home, in, want string }{
		{"/home/x", "~", "/home/x"},
		{"/home/x", "~/y", "/home/x/y"},
		{"/home/x/", "~/y", "/home/x/y"},
		{"/", "~", "/"},
		{"/", "~/y", "/y"},
		{"", "~", "/"},
		{"/home/x", "a~", "a~"},
		{"/home/x", "./~", "./~"},
		{"/home/x", "~nosuchuser/y", "~nosuchuser/y"},
		{"/home/x", "", ""},
	}
	for _, c := range cases {
		t.Setenv("HOME", c.home)
		if got := expandUser(c.in); got != c.want {
			t.Errorf("HOME=%s: expandUser(%q) = %q, want %q", c.home, c.in, got, c.want)
		}
	}
}

func TestExisting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		check func(string) (string, error)
		in    string
		err   string
	}{
		{"directory", existingDir, dir, ""},
		{"directory missing", existingDir, dir + "/no", dir + "/no is not an existing directory"},
		{"directory is a file", existingDir, file, file + " is not an existing directory"},
		{"directory empty", existingDir, "", " is not an existing directory"},
		{"path", existingDirpath, dir + "/no", ""},
		{"path bare name", existingDirpath, "no", ""},
		{"path under nothing", existingDirpath, dir + "/no/x", "The directory named as part of the path " + dir + "/no/x does not exist"},
		{"path under a file", existingDirpath, file + "/x", "The directory named as part of the path " + file + "/x does not exist"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.check(c.in)
			if text(err) != c.err {
				t.Fatalf("fails with %v, want %q", err, c.err)
			}
			if err == nil && got != c.in {
				t.Errorf("%q, want %q", got, c.in)
			}
		})
	}
}
