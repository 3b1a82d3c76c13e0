package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// Steps that wait for something, and steps that look at files.

// stepUntil waits for states: until NAME STATE [NAME STATE...].
func (sd *side) stepUntil(args string) error {
	all := words(args)
	for i := 0; i+1 < len(all); i += 2 {
		want := "<string>" + all[i+1] + "</string>"
		err := sd.poll(func() error {
			text, err := sd.rpc("supervisor.getProcessInfo", []any{all[i]})
			if err == nil && !strings.Contains(text, want) {
				err = fmt.Errorf("%s is not %s but %s", all[i], all[i+1], compact(text))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// waitFile waits until one of the files of a pattern matches; "!" before the expression
// waits until none does.
func (sd *side) waitFile(glob, expr string) error {
	expr, not := strings.CutPrefix(expr, "! ")
	re, err := regexp.Compile("(?m)" + expr)
	if err != nil {
		return err
	}
	return sd.poll(func() error {
		text := ""
		for _, f := range sd.glob(glob) {
			data, _ := os.ReadFile(f)
			text += string(data)
		}
		if re.MatchString(text) == not {
			return fmt.Errorf("%s: %s matches: %v in\n%s", glob, re, !not, text)
		}
		return nil
	})
}

func (sd *side) glob(pattern string) []string {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(sd.dir, pattern)
	}
	files, _ := filepath.Glob(pattern)
	slices.Sort(files)
	return files
}

// stepLog shows the lines of the main log since the last mark, or since they were shown by
// the same expression: log [REGEXP].
func (sd *side) stepLog(expr string) error {
	re, err := regexp.Compile(expr)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(sd.dir, "main.log"))
	if err != nil {
		return err
	}
	from := max(sd.logMark, sd.logSeen[expr])
	if from > len(data) { // rotated or cleared
		from, sd.logMark = 0, 0
	}
	sd.logSeen[expr] = len(data)
	for line := range strings.Lines(string(data[from:])) {
		if re.MatchString(line) {
			sd.show("log: %s", line)
		}
	}
	return nil
}

// stepMark makes the steps log forget what is in the log now.
func (sd *side) stepMark(string) error {
	data, err := os.ReadFile(filepath.Join(sd.dir, "main.log"))
	sd.logMark = len(data)
	return err
}

func (sd *side) stepCat(args string) error {
	for _, pattern := range words(args) {
		files := sd.glob(pattern)
		if len(files) == 0 {
			sd.show("== %s: no such file\n", pattern)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			sd.show("== %s ==\n%s", f, data)
			if len(data) > 0 && data[len(data)-1] != '\n' {
				sd.show("<no newline>\n")
			}
		}
	}
	return nil
}

// stepLs shows names, kinds, modes, owners, and the sizes of regular files.
func (sd *side) stepLs(args string) error {
	for _, pattern := range words(args) {
		files := sd.glob(pattern)
		if len(files) == 0 {
			sd.show("== %s: no such file\n", pattern)
		}
		for _, f := range files {
			info, err := os.Lstat(f)
			if err != nil {
				return err
			}
			st := info.Sys().(*syscall.Stat_t)
			size := ""
			if info.Mode().IsRegular() {
				size = fmt.Sprintf(" %d bytes", info.Size())
			}
			sd.show("%s %d:%d %s%s\n", info.Mode(), st.Uid, st.Gid, f, size)
		}
	}
	return nil
}

// stepKeep keeps the pid of a process for @NAME@: keep NAME PROCESS.
func (sd *side) stepKeep(args string) error {
	name, process, _ := strings.Cut(args, " ")
	text, err := sd.rpc("supervisor.getProcessInfo", []any{process})
	if err != nil {
		return err
	}
	m := regexp.MustCompile(`<name>pid</name>\s*<value><int>(\d+)</int>`).FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("no pid in %s", text)
	}
	sd.vars[name] = m[1]
	return nil
}

// stepEvents shows what listeners wrote: envelopes with their payloads, one after another.
// Pids have not always the same number of digits, so lengths of payloads that hold one are
// checked here and shown as L. Serials depend on what else happens; a case compares them.
func (sd *side) stepEvents(args string) error {
	pattern, expr, _ := strings.Cut(args, " ")
	keep, err := regexp.Compile(expr)
	if err != nil {
		return err
	}
	header := regexp.MustCompile(`^(ver:.* len:)(\d+)\n`)
	pid := regexp.MustCompile(`pid:[1-9]\d*`)
	when := regexp.MustCompile(`when:\d+`)
	serial := regexp.MustCompile(`serial:\d+`)
	for _, f := range sd.glob(pattern) {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		sd.show("== %s ==\n", f)
		for _, e := range strings.SplitAfter(string(data), "\n--\n") {
			m := header.FindStringSubmatch(e)
			if m == nil || !keep.MatchString(e) {
				continue
			}
			payload := strings.TrimSuffix(e[len(m[0]):], "\n--\n")
			size := m[2]
			if pid.MatchString(payload) && size == fmt.Sprint(len(payload)) {
				size = "L"
			}
			sd.show("%s%s\n%s\n", serial.ReplaceAllString(m[1], "serial:N"), size, when.ReplaceAllString(pid.ReplaceAllString(payload, "pid:PID"), "when:WHEN"))
		}
	}
	return nil
}
