package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A step's arguments are what stands behind its name; show appends to the case's output.

// step runs one line of a script.
func (sd *side) step(line string) error {
	line = sd.fill(line)
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	before := sd.out.String()
	after := func(change func(string) string) error {
		sd.out.Reset()
		err := sd.step(rest)
		text := change(sd.out.String())
		sd.out.Reset()
		sd.out.WriteString(before + text)
		return err
	}
	switch word {
	case "sort": // the lines of a step whose order is chance
		return after(func(s string) string { return sortLines(sd.normal(s)) })
	case "num": // every number of a step is another one each time
		return after(func(s string) string { return regexp.MustCompile(`[1-9][0-9]*`).ReplaceAllString(s, "N") })
	case "full": // what gosv adds to a refusal is shown too
		sd.full = true
		defer func() { sd.full = false }()
		return sd.step(rest)
	case "quiet": // a step whose output is of no interest
		return after(func(string) string { return "" })
	}
	if word == "log" || word == "mark" || strings.Contains(rest, "main.log") {
		sd.logged()
	}
	do, ok := steps[word]
	if !ok {
		return fmt.Errorf("there is no step %q", word)
	}
	return do(sd, rest)
}

// logged lets gosv write what it has logged: a line of its log may come behind the answer, which the
// original's cannot. Who reads the log over the protocol gets all of it.
func (sd *side) logged() {
	if sd.daemonProg != originalDaemon && sd.pid != 0 && alive(sd.pid) {
		sd.rpc("supervisor.readLog", []any{-1, 0})
	}
}

// steps is the table of steps; it is a function's result in all but name, since a step may
// run others.
var steps = map[string]func(*side, string) error{
	"start":       (*side).stepStart,
	"background":  (*side).stepBackground,
	"stop":        (*side).stepStop,
	"kill":        (*side).stepKill,
	"wait":        (*side).stepWait,
	"supervisord": func(sd *side, a string) error { return sd.stepRun("supervisord", sd.daemonProg, a) },
	"sctl":        func(sd *side, a string) error { return sd.stepRun("supervisorctl", sd.ctlProg, a) },
	"ctl":         func(sd *side, a string) error { return sd.stepRun("ctl", sd.ctlProg, a, "-c", "supervisord.conf") },
	"sh":          (*side).stepShell,
	"bg":          (*side).stepBg,
	"join":        (*side).stepJoin,
	"interrupt":   (*side).stepInterrupt,
	"stdin":       func(sd *side, a string) error { s, err := strconv.Unquote(a); sd.stdin = s; return err },
	"load":        (*side).stepLoad,
	"until":       (*side).stepUntil,
	"waitlog":     func(sd *side, a string) error { return sd.waitFile("main.log", a) },
	"waitfile":    func(sd *side, a string) error { f, re, _ := strings.Cut(a, " "); return sd.waitFile(f, re) },
	"log":         (*side).stepLog,
	"mark":        (*side).stepMark,
	"cat":         (*side).stepCat,
	"events":      (*side).stepEvents,
	"ls":          (*side).stepLs,
	"keep":        (*side).stepKeep,
	"rpc":         (*side).stepRPC,
	"rpcfull":     (*side).stepRPCFull,
	"http":        (*side).stepHTTP,
	"head":        (*side).stepHead,
	"raw":         (*side).stepRaw,
	"stream":      (*side).stepStream,
	"page":        (*side).stepPage,
}

func (sd *side) show(format string, args ...any) { fmt.Fprintf(&sd.out, format, args...) }

func sortLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// words splits like a shell does, without escapes.
func words(s string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(s, -1) {
		switch {
		case m[3] != "":
			out = append(out, m[3])
		default:
			out = append(out, m[1]+m[2])
		}
	}
	return out
}

func (sd *side) stepStart(args string) error {
	return sd.start(append([]string{"-c", filepath.Join(sd.dir, "supervisord.conf")}, words(args)...))
}

// stepBackground starts a daemon that leaves the foreground, and waits until it answers.
func (sd *side) stepBackground(args string) error {
	if err := sd.stepRun("supervisord", sd.daemonProg, args, "-c", "supervisord.conf"); err != nil {
		return err
	}
	return sd.poll(func() error {
		text, err := os.ReadFile(filepath.Join(sd.dir, "pid"))
		if err != nil {
			return err
		}
		if sd.pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return err
		}
		return sd.alive()
	})
}

func (sd *side) stepStop(args string) error {
	if err := sd.stepKill(args); err != nil {
		return err
	}
	return sd.stepWait("")
}

func (sd *side) stepKill(args string) error {
	sig := unix.SignalNum("SIG" + args)
	if args == "" {
		sig = syscall.SIGTERM
	}
	return syscall.Kill(sd.pid, sig)
}

func (sd *side) stepWait(string) error {
	rc, err := sd.waitEnd()
	if err != nil {
		return err
	}
	text, _ := os.ReadFile(filepath.Join(sd.dir, "daemon.err"))
	sd.show("%ssupervisord ended [%d]\n", prefixed("2> ", sd.unexplained(string(text))), rc)
	return nil
}

// stepRun runs a program; first are arguments that are not shown.
func (sd *side) stepRun(name, prog, args string, first ...string) error {
	r, err := sd.command(prog, append(first, words(args)...)...)
	if err != nil {
		return err
	}
	if name == "supervisord" {
		r.stderr = sd.unexplained(r.stderr)
	}
	sd.show("$ %s %s\n%s", name, args, r.text())
	return nil
}

// unexplained is a refusal without the lines that gosv adds between the original's two: each
// fault with its file, line and remedy. A case with the step full shows them.
func (sd *side) unexplained(stderr string) string {
	lines := strings.SplitAfter(stderr, "\n")
	if sd.full || sd.daemonProg == originalDaemon || len(lines) < 3 || !strings.HasPrefix(lines[0], "Error: ") {
		return stderr
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return regexp.MustCompile(`^(` + regexp.QuoteMeta(sd.dir) + `/\S+: |--?\w+ |could not .*\()`).MatchString(line)
	}), "")
}

// text is a result as a case shows it.
func (r result) text() string {
	out := r.stdout
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "<no newline>\n"
	}
	return fmt.Sprintf("%s%s[%d]\n", out, prefixed("2> ", r.stderr), r.rc)
}

func prefixed(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

func (sd *side) stepShell(args string) error {
	r, err := sd.command("/bin/sh", "-c", args)
	if err != nil {
		return err
	}
	sd.show("$ %s\n%s", args, r.text())
	return nil
}

// stepBg runs a ctl command beside the script: bg NAME ARGS. Join shows what it printed.
func (sd *side) stepBg(args string) error {
	name, rest, _ := strings.Cut(args, " ")
	j := &job{done: make(chan struct{})}
	sd.jobs[name] = j
	prog, argv := sd.ctlProg, append([]string{"-c", "supervisord.conf"}, words(rest)...)
	go func() {
		defer close(j.done)
		r, err := sd.command(prog, argv...)
		j.text = fmt.Sprintf("$ ctl %s &\n%s", rest, r.text())
		if err != nil {
			j.text = err.Error()
		}
	}()
	return nil
}

func (sd *side) stepJoin(name string) error {
	j := sd.jobs[name]
	if j == nil {
		return fmt.Errorf("no job %q", name)
	}
	<-j.done
	sd.show("%s", j.text)
	return nil
}

// stepInterrupt runs a ctl command until its output matches, then types Ctrl-C:
// interrupt REGEXP ARGS.
func (sd *side) stepInterrupt(args string) error {
	all := words(args)
	re, err := regexp.Compile(all[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := os.Create(filepath.Join(sd.dir, "interrupt.out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, sd.ctlProg, append([]string{"-c", "supervisord.conf"}, all[1:]...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = sd.dir, sd.env, out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	wait := sd.poll(func() error {
		if text, _ := os.ReadFile(out.Name()); !re.Match(text) {
			return fmt.Errorf("output does not match %s: %q", re, text)
		}
		return nil
	})
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	text, _ := os.ReadFile(out.Name())
	sd.show("$ ctl %s ^C\n%s", strings.Join(all[1:], " "), result{string(text), "", cmd.ProcessState.ExitCode()}.text())
	return wait
}

// stepLoad says whether the daemon accepts a configuration, given as lines separated by " | "
// that are added to the usual one, and what it makes of it. A line that is only -flags are
// arguments instead.
func (sd *side) stepLoad(args string) error {
	text := strings.ReplaceAll(base, "nodaemon=true", "nodaemon=true\nsilent=true")
	if rest, ok := strings.CutPrefix(args, "bare "); ok { // nothing of the usual
		text, args = "", rest
	}
	argv := []string{"-c", filepath.Join(sd.dir, "try.conf")}
	for _, line := range strings.Split(args, " | ") {
		if strings.HasPrefix(line, "-") {
			argv = append(argv, words(line)...)
			continue
		}
		text += "\n" + strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\xff`, "\xff").Replace(line)
	}
	if err := sd.write("try.conf", text+"\n"); err != nil {
		return err
	}
	os.Remove(filepath.Join(sd.dir, "main.log"))
	os.Remove(filepath.Join(sd.dir, "s")) // the original leaves it where it does not start
	err := sd.start(argv)
	if sd.daemon == nil {
		return err
	}
	if err == nil {
		info, err := sd.rpc("supervisor.getAllConfigInfo", nil)
		if err != nil {
			return err
		}
		log, _ := os.ReadFile(filepath.Join(sd.dir, "main.log"))
		sd.show("accepted\n%s%s\n", strings.Join(regexp.MustCompile(`(?m)^.* (WARN|ERRO) .*\n`).FindAllString(string(log), -1), ""), compact(withoutAutorestart(info)))
		sig := syscall.SIGKILL // other cases look at how it ends
		if sd.daemonProg != originalDaemon {
			sig = syscall.SIGTERM // ours would go on with the programs of one that was killed
		}
		syscall.Kill(sd.pid, sig)
		_, err = sd.waitEnd()
		os.Remove(filepath.Join(sd.dir, "s"))
		return err
	}
	if !errors.Is(err, errFinal) {
		return err
	}
	return sd.stepWait("")
}
