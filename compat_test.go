package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"
)

// The differential suite. A file of testdata/compat is one scenario: configuration files and
// a script of cases. It runs twice, with the original Supervisor and with gosv, each in a
// folder of its own, and what the two showed is compared case by case after what must differ
// (pids, times, folders) is replaced by words. A case that is meant to differ says so with
//
//	diff B12: why
//
// and then both outputs stand in the file, as diff/CASE/supervisor and diff/CASE/gosv, and
// must be exactly that (-update writes them, when -run names this test). compat_step_test.go has the steps.

// originalDaemon and originalCtl are Supervisor's own programs where Debian puts them.
const (
	originalDaemon = "/usr/bin/supervisord"
	originalCtl    = "/usr/bin/supervisorctl"
)

// scenario is one file of testdata/compat.
type scenario struct {
	file  string
	arch  *txtar.Archive
	cases []*compatCase
	need  string          // a program without which the file is skipped
	sides []int           // who runs it, as indices of sideNames
	used  map[string]bool // the recorded outputs that a case was compared with
}

// compatCase is one thing compared: some steps and what each side showed.
type compatCase struct {
	title string
	diff  string // ids and reason of an intended difference, "" if there is none
	lines []string
	got   [4]string // by side
}

// slug is the title as a part of a file name.
func (c *compatCase) slug() string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9*]+`).ReplaceAllString(strings.ToLower(c.title), "-"), "-")
}

// parseScenario reads a file. Lines before the first case belong to a case of their own
// that is run but not counted.
func parseScenario(file string) (*scenario, error) {
	arch, err := txtar.ParseFile(file)
	if err != nil {
		return nil, err
	}
	s := &scenario{file: file, arch: arch, sides: []int{0, 1}, used: map[string]bool{}}
	cur := &compatCase{}
	s.cases = append(s.cases, cur)
	seen := map[string]bool{}
	for line := range strings.Lines(string(arch.Comment)) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case word == "need":
			s.need = rest
		case word == "cross": // also with the other's ctl
			s.sides = []int{0, 1, 2, 3}
		case word == "case":
			cur = &compatCase{title: rest}
			if seen[cur.slug()] {
				return nil, fmt.Errorf("%s: two cases are called %q", file, rest)
			}
			seen[cur.slug()] = true
			s.cases = append(s.cases, cur)
		case word == "diff":
			if !strings.Contains(rest, ": ") {
				return nil, fmt.Errorf("%s: a diff needs an id and a reason: %q", file, line)
			}
			cur.diff = rest
		case word == "try": // try TITLE | LINES is a case by itself
			title, text, _ := strings.Cut(rest, " | ")
			cur = &compatCase{title: title, lines: []string{"load " + text}}
			s.cases = append(s.cases, cur)
		default:
			cur.lines = append(cur.lines, line)
		}
	}
	return s, nil
}

// run runs the scenario on all sides at once.
func (s *scenario) run(base string, python *forkServer, end time.Time) error {
	var wg sync.WaitGroup
	var errs [4]error
	for _, i := range s.sides { // folders of one letter each: paths must have equal lengths
		wg.Go(func() { errs[i] = s.runSide(i, filepath.Join(base, string("abcd"[i])), python, end) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", sideNames[i], err)
		}
	}
	return nil
}

func (s *scenario) runSide(i int, dir string, python *forkServer, end time.Time) error {
	sd, err := newSide(i, dir, s.arch)
	if err != nil {
		return err
	}
	sd.python = python
	defer sd.close()
	for _, c := range s.cases {
		sd.out.Reset()
		for _, line := range c.lines {
			if time.Now().After(end) {
				return fmt.Errorf("case %q: no time is left", c.title)
			}
			if err := sd.step(line); err != nil {
				return fmt.Errorf("case %q, step %q: %w\n%s", c.title, line, err, sd.state())
			}
		}
		c.got[i] = sd.normal(sd.out.String())
	}
	return nil
}

func TestCompat(t *testing.T) {
	files, err := filepath.Glob("testdata/compat/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata/compat: %v", err)
	}
	var all []*scenario
	cases := 0
	for _, f := range files {
		s, err := parseScenario(f)
		if err != nil {
			t.Fatal(err)
		}
		cases += len(s.cases) - 1
		all = append(all, s)
	}
	if testing.Short() {
		t.Skipf("comparison with the original: %d cases are not in the short run", cases)
	}
	if _, err := exec.LookPath(originalDaemon); err != nil {
		t.Skipf("comparison with the original: %d cases need %s (apt-get install supervisor)", cases, originalDaemon)
	}
	skipped := 0
	all = slices.DeleteFunc(all, func(s *scenario) bool {
		if s.need != "" {
			if _, err := exec.LookPath(s.need); err != nil {
				skipped += len(s.cases) - 1
				t.Logf("%s: %d cases skipped: there is no %s", s.file, len(s.cases)-1, s.need)
				return true
			}
		}
		return !wanted(s)
	})

	// Most of the time goes into waiting: two scenarios at once. With more of them what the
	// original shows depends on who gets the processor.
	end := time.Now().Add(time.Hour)
	if d, ok := t.Deadline(); ok { // what go test ends leaves daemons behind
		end = d.Add(-90 * time.Second)
	}
	python := startForkServer(t)
	errs := make([]error, len(all))
	slot := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i, s := range all {
		base, err := os.MkdirTemp("", "compat")
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("COMPAT_KEEP") == "" {
			t.Cleanup(func() { os.RemoveAll(base) })
		} else {
			t.Logf("%s: %s", s.file, base)
		}
		wg.Go(func() {
			slot <- struct{}{}
			defer func() { <-slot }()
			errs[i] = s.run(base, python, end)
		})
	}
	wg.Wait()

	agree, differ := 0, 0
	for i, s := range all {
		t.Run(strings.TrimSuffix(filepath.Base(s.file), ".txt"), func(t *testing.T) {
			if errs[i] != nil {
				t.Error(errs[i])
			}
			for _, c := range s.cases[1:] {
				if errs[i] != nil && slices.ContainsFunc(s.sides, func(i int) bool { return c.got[i] == "" }) {
					continue // the scenario did not come so far
				}
				switch ok := t.Run(c.slug(), func(t *testing.T) { s.check(t, c) }); {
				case !ok:
				case c.diff != "":
					differ++
				default:
					agree++
				}
			}
			if updating() {
				s.arch.Files = slices.DeleteFunc(s.arch.Files, func(f txtar.File) bool {
					return strings.HasPrefix(f.Name, "diff/") && !s.used[f.Name]
				})
				if err := os.WriteFile(s.file, txtar.Format(s.arch), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	score := fmt.Sprintf("compat: %d cases, %d agree, %d differ as documented", cases, agree, differ)
	if skipped > 0 {
		score += fmt.Sprintf(", %d skipped", skipped)
	}
	fmt.Println(score)
	if readme, err := os.ReadFile("README.md"); err != nil {
		t.Error(err)
	} else if agree+differ == cases && !bytes.Contains(readme, []byte(score)) {
		t.Errorf("README.md states another score than %q", score)
	}
}

// check compares what the sides showed, or each with what the file says of it. The original
// with its own ctl is the measure.
func (s *scenario) check(t *testing.T, c *compatCase) {
	if c.got[0] == "" {
		t.Fatal("the case shows nothing")
	}
	differs := false
	for _, i := range s.sides[1:] {
		name := "diff/" + c.slug() + "/" + sideNames[i]
		if c.got[i] == c.got[0] && s.recorded(name) == nil {
			continue
		}
		differs = true
		if c.diff == "" {
			t.Errorf("differs:\n%s", diff.Diff("supervisor", []byte(c.got[0]), sideNames[i], []byte(c.got[i])))
			continue
		}
		s.compare(t, name, c.got[i])
	}
	if c.diff == "" {
		return
	}
	if !differs {
		t.Errorf("the case says that it differs (%s), but all show\n%s", c.diff, c.got[0])
	}
	s.compare(t, "diff/"+c.slug()+"/"+sideNames[0], c.got[0])
}

// recorded is what the file says that a side shows in a case which differs, or nil.
func (s *scenario) recorded(name string) *txtar.File {
	for i := range s.arch.Files {
		if s.arch.Files[i].Name == name {
			return &s.arch.Files[i]
		}
	}
	return nil
}

// compare compares what a side showed with the file, or writes it there.
func (s *scenario) compare(t *testing.T, name, got string) {
	t.Helper()
	s.used[name] = true
	f := s.recorded(name)
	if f == nil {
		s.arch.Files = append(s.arch.Files, txtar.File{Name: name})
		f = &s.arch.Files[len(s.arch.Files)-1]
	}
	if updating() {
		f.Data = []byte(got)
	} else if string(f.Data) != got {
		t.Errorf("differs from what the file says:\n%s", diff.Diff(name, f.Data, "now", []byte(got)))
	}
}

// updating says that the outputs of cases that differ are to be written anew. make docs, which
// updates everything else, does not mean them: they are proofs.
func updating() bool { return *update && strings.Contains(testRun(), "TestCompat") }

// wanted says whether -run names the scenario: TestCompat/NAME runs only that file.
func wanted(s *scenario) bool {
	parts := strings.Split(testRun(), "/")
	if len(parts) < 2 {
		return true
	}
	re, err := regexp.Compile(parts[1])
	return err != nil || re.MatchString(strings.TrimSuffix(filepath.Base(s.file), ".txt"))
}
