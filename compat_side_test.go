package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/tools/txtar"
)

// sideNames are those that are compared, in the order of compatCase.got: the original, gosv,
// the original's ctl with gosv's daemon, gosv's ctl with the original's daemon.
var sideNames = [4]string{"supervisor", "gosv", "python-ctl", "gosv-ctl"}

// base is what @BASE@ in a file stands for: a daemon of its own that is reachable.
const base = `[unix_http_server]
file=@DIR@/s
[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/pid
childlogdir=@DIR@
identifier=compat
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://@DIR@/s`

// side is one of the two in its folder: its programs, its daemon and what was shown so far.
type side struct {
	index      int
	dir        string
	python     *forkServer // runs the original's ctl, if there is one
	daemonProg string
	ctlProg    string
	env        []string
	port       int // for @PORT@
	out        strings.Builder
	daemon     *exec.Cmd // in the foreground, started by the step start
	ended      chan struct{}
	pid        int
	logMark    int               // where the log was at the last mark, in bytes
	logSeen    map[string]int    // how much of it the step log has shown, by expression
	stdin      string            // for the next command
	jobs       map[string]*job   // commands that run beside the script
	full       bool              // show the lines that gosv adds to a refusal
	vars       map[string]string // values kept by the step keep
}

// job is a command that the step bg started.
type job struct {
	text string
	done chan struct{}
}

func newSide(index int, dir string, arch *txtar.Archive) (*side, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	sd := &side{index: index, dir: dir, jobs: map[string]*job{}, logSeen: map[string]int{}, vars: map[string]string{}}
	sd.daemonProg, sd.ctlProg = originalDaemon, originalCtl
	var err error
	if index == 1 || index == 2 {
		if sd.daemonProg, err = exec.LookPath("supervisord"); err != nil {
			return nil, err
		}
	}
	if index == 1 || index == 3 {
		if sd.ctlProg, err = exec.LookPath("supervisorctl"); err != nil {
			return nil, err
		}
	}
	path := os.Getenv("PATH")
	if bin, rest, ok := strings.Cut(path, ":"); ok && strings.Contains(bin, "testscript") {
		path = "/usr/local/bin:/usr/bin:/bin:" + bin // child is found, the original's names are the original's
		_ = rest
	}
	sd.env = []string{"PATH=" + path, "HOME=" + dir, "LANG=C.UTF-8", "COMPAT_MARK=" + dir, "FOO=foo value", "PERCENT=100%s"}
	if sd.port, err = nextPort(); err != nil {
		return nil, err
	}
	for _, f := range arch.Files {
		if strings.HasPrefix(f.Name, "diff/") {
			continue
		}
		if err := sd.write(f.Name, string(f.Data)); err != nil {
			return nil, err
		}
	}
	return sd, nil
}

// write writes a file of the folder; scripts may be run.
func (sd *side) write(name, text string) error {
	mode := os.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	path := filepath.Join(sd.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(sd.fill(text)), mode)
}

// fill replaces the words that stand for this side's own values.
func (sd *side) fill(s string) string {
	s = strings.ReplaceAll(s, "@BASE@", base)
	s = strings.NewReplacer("@DIR@", sd.dir, "@PORT@", strconv.Itoa(sd.port), "@SUPERVISORD@", sd.daemonProg, "@SUPERVISORCTL@", sd.ctlProg).Replace(s)
	for k, v := range sd.vars {
		s = strings.ReplaceAll(s, "@"+k+"@", v)
	}
	return s
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	rc             int
}

// errLong says that a command did not end in time.
var errLong = errors.New("does not end")

// command runs a program in the folder to its end.
func (sd *side) command(prog string, args ...string) (result, error) {
	if prog == originalCtl && sd.python != nil {
		stdin := sd.stdin
		sd.stdin = ""
		return sd.python.run(sd, stdin, args)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, prog, args...)
	cmd.Dir, cmd.Env = sd.dir, sd.env
	cmd.Stdin = strings.NewReader(sd.stdin)
	sd.stdin = ""
	// Into files: what goes into the background has them open for ever, and nobody need wait for that.
	out, err := nameless()
	if err != nil {
		return result{}, err
	}
	defer out.Close()
	errs, err := nameless()
	if err != nil {
		return result{}, err
	}
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	err = cmd.Run()
	r := result{whole(out), whole(errs), cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		return result{}, fmt.Errorf("%s %q: %w\n%s%s", filepath.Base(prog), args, errLong, r.stdout, r.stderr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{}, err
	}
	return r, nil
}

// nameless is a file that is in no folder.
func nameless() (*os.File, error) {
	f, err := os.CreateTemp("", "compat")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}

// whole is all that was written into a file.
func whole(f *os.File) string {
	data, _ := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	return string(data)
}

// start starts the daemon in the foreground, and returns when it answers.
func (sd *side) start(args []string) error {
	if sd.daemon != nil {
		return errors.New("the daemon runs")
	}
	out, err := os.OpenFile(filepath.Join(sd.dir, "daemon.out"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := os.OpenFile(filepath.Join(sd.dir, "daemon.err"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer errs.Close()
	cmd := exec.Command(sd.daemonProg, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = sd.dir, sd.env, out, errs
	if err := cmd.Start(); err != nil {
		return err
	}
	sd.daemon, sd.pid = cmd, cmd.Process.Pid
	ended := make(chan struct{})
	sd.ended = ended
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	return sd.poll(func() error {
		select {
		case <-ended:
			return fmt.Errorf("%w: the daemon has ended", errFinal)
		default:
			return sd.alive()
		}
	})
}

// alive says whether the daemon answers on its socket.
func (sd *side) alive() error {
	_, err := sd.rpc("supervisor.getState", nil)
	return err
}

// waitEnd waits for the daemon's end and returns its exit status.
func (sd *side) waitEnd() (int, error) {
	if sd.daemon == nil { // it went into the background: nobody tells us its status
		err := sd.poll(func() error {
			if sd.pid != 0 && alive(sd.pid) {
				return errors.New("it still runs")
			}
			return nil
		})
		sd.pid = 0
		return 0, err
	}
	select {
	case <-sd.ended:
	case <-time.After(patience):
		return 0, errLong
	}
	rc := sd.daemon.ProcessState.ExitCode()
	sd.daemon, sd.pid = nil, 0
	return rc, nil
}

// errFinal is an error that more patience does not cure.
var errFinal = errors.New("no use waiting")

// poll tries again and again.
func (sd *side) poll(try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil || errors.Is(err, errFinal) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond) // between two looks of a poll with a deadline
	}
}

// close ends what still runs of this side: the daemon, and by their mark its children.
func (sd *side) close() {
	if sd.pid != 0 {
		syscall.Kill(sd.pid, syscall.SIGTERM)
		end := time.Now().Add(5 * time.Second)
		for alive(sd.pid) && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond) // as in poll
		}
	}
	mark := []byte("COMPAT_MARK=" + sd.dir + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if env, err := os.ReadFile(f); err == nil && bytes.Contains(env, mark) {
			if pid, err := strconv.Atoi(strings.Split(f, "/")[2]); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	if sd.daemon != nil {
		<-sd.ended
	}
	for _, j := range sd.jobs {
		<-j.done
	}
}

// state is what helps when a step failed.
func (sd *side) state() string {
	var b strings.Builder
	for _, name := range []string{"main.log", "daemon.err"} {
		data, err := os.ReadFile(filepath.Join(sd.dir, name))
		if err == nil && len(data) > 0 {
			fmt.Fprintf(&b, "-- %s --\n%s", name, data[max(0, len(data)-1500):])
		}
	}
	return "so far:\n" + sd.out.String() + b.String()
}

// testRun is the value of -run.
func testRun() string {
	if f := flag.Lookup("test.run"); f != nil {
		return f.Value.String()
	}
	return ""
}
