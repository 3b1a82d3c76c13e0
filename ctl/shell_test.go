package ctl

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosv/daemon/wire"
)

// TestPipedShell is the shell when nobody types: the prompt is written all the same.
func TestPipedShell(t *testing.T) {
	t.Parallel()
	short := func(f *fake) *fake { f.procs = f.procs[:1]; return f }
	const cat = "cat                              RUNNING   pid 13359, uptime 0:00:36\n"
	rows := []struct{ name, input, want string }{
		{"status comes first", "", cat + "supervisor> \n"},
		{"commands", "version\n\n  pid cat\n", cat + "supervisor> 4.2.5\nsupervisor> supervisor> 13359\nsupervisor> \n"},
		{"last line without end", "version", cat + "supervisor> 4.2.5\nsupervisor> \n"},
		{"exit", "exit\nversion\n", cat + "supervisor> \n"},
		{"quit", "quit\nversion\n", cat + "supervisor> \n"},
		{"EOF as a word", "EOF\nversion\n", cat + "supervisor> \n"},
		{"errors do not end it", "foo\n!x\nversion x\nversion\n", cat + "supervisor> *** Unknown syntax: foo\nsupervisor> *** Unknown syntax: !x\nsupervisor> Error: version accepts no arguments\nversion\t\t\tShow the version of the remote supervisord process\nsupervisor> 4.2.5\nsupervisor> \n"},
		{"help", "?pid\n", cat + "supervisor> " + strings.Join(cmdPid().help, "\n") + "\nsupervisor> \n"},
		{"shutdown, no", "shutdown\nn\nversion\n", cat + "supervisor> Really shut the remote supervisord process down y/N? supervisor> 4.2.5\nsupervisor> \n"},
		{"shutdown, yes", "shutdown\nYes\n", cat + "supervisor> Really shut the remote supervisord process down y/N? Shut down\nsupervisor> \n"},
		{"shutdown, end", "shutdown\n", cat + "supervisor> Really shut the remote supervisord process down y/N? error: the input ended where an answer was expected\nsupervisor> \n"},
		{"reload, yes", "reload\ny\n", cat + "supervisor> Really restart the remote supervisord process y/N? Restarted supervisord\nsupervisor> \n"},
		{"open", "open unix:///nonexistent/x\nversion\n", cat + "supervisor> unix:///nonexistent/x no such file\nsupervisor> unix:///nonexistent/x no such file\nsupervisor> \n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url := short(newFake()).serveJSON(t)
			o := runCtl(t, "supervisorctl", row.input, "-s", url)
			if o.exit != 0 || o.out != row.want || o.err != "" {
				t.Errorf("%v\nwant %q", o, row.want)
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		o := runCtl(t, "supervisorctl", "", "-s", "unix:///nonexistent/x")
		if o.exit != 0 || o.out != "unix:///nonexistent/x no such file\nsupervisor> \n" {
			t.Errorf("%v", o)
		}
	})
	t.Run("action and then the shell", func(t *testing.T) {
		o := runCtl(t, "supervisorctl", "version\n", "-i", "-s", short(newFake()).serveJSON(t), "pid", "nope")
		if o.exit != 0 || o.out != "No such process nope\n"+cat+"supervisor> 4.2.5\nsupervisor> \n" {
			t.Errorf("%v", o)
		}
	})
	t.Run("json", func(t *testing.T) {
		o := runCtl(t, "supervisorctl", "version\nshutdown\n", "--json", "-s", short(newFake()).serveJSON(t))
		lines := strings.Split(o.out, "\n")
		if len(lines) != 4 || !strings.HasPrefix(lines[0], `{"gosv":1,"command":"status"`) || lines[2] != `{"gosv":1,"command":"shutdown","exit":0,"result":[{"name":"supervisord","did":"shut down"}],"errors":[]}` {
			t.Errorf("%v", o)
		}
	})
}

// TestForeground is fg with its input from a pipe.
func TestForeground(t *testing.T) {
	t.Parallel()
	for _, server := range []struct {
		name   string
		listen func(*fake, testing.TB) string
	}{{"JSON", (*fake).serveJSON}, {"XML-RPC", (*fake).serveXML}} {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.logs = map[string]string{"cat:stdout": "hello\n"}
			url := server.listen(f, t)
			o := runCtl(t, "gosv ctl", "one\ntwo\n", "-s", url, "fg", "cat")
			rest, found := strings.CutPrefix(o.out, "==> Press Ctrl-C to exit <==\n")
			if o.exit != 0 || !found || !strings.Contains(rest, "hello\n") || !strings.Contains(rest, "Exiting foreground\n") {
				t.Errorf("%v", o)
			}
			sent := slices.DeleteFunc(f.took(), func(c string) bool { return !strings.Contains(strings.ToLower(c), "stdin") })
			if len(sent) != 2 {
				t.Errorf("sent: %q", sent)
			}
		})
	}
	for _, tt := range []struct {
		name  string
		fault string
		want  string
	}{{"killed", wire.NotRunning, "Process got killed"}, {"other fault", wire.NoFile, "ERROR: NO_FILE: cat"}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.logs = map[string]string{}
			f.faults["stdin"] = fault(tt.fault, "cat")
			o := runCtl(t, "gosv ctl", "one\ntwo\n", "-s", f.serveJSON(t), "fg", "cat")
			if o.exit != 0 || o.out != "==> Press Ctrl-C to exit <==\n"+tt.want+"\nExiting foreground\n" {
				t.Errorf("%v", o)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	const prompt = "supervisor> "
	// without a configuration file, whatever this machine has
	conf := func(t *testing.T, url, more string) string {
		file := filepath.Join(t.TempDir(), "s.conf")
		if err := os.WriteFile(file, []byte("[supervisorctl]\nserverurl="+url+"\n"+more), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	shell := func(t *testing.T, f *fake, more string) *onTerminal {
		t.Helper()
		o := startTerminal(t, "supervisorctl", "-c", conf(t, f.serveJSON(t), more))
		o.expect("cat                              RUNNING")
		o.expect(prompt)
		return o
	}
	t.Run("commands and Ctrl-D", func(t *testing.T) {
		t.Parallel()
		o := shell(t, newFake(), "")
		o.send("version\r")
		o.expect("4.2.5\r\n")
		o.expect(prompt)
		o.send("\x04")
		if code := o.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("Ctrl-C leaves", func(t *testing.T) {
		t.Parallel()
		o := shell(t, newFake(), "")
		o.send("sta\x03")
		if code := o.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("history", func(t *testing.T) {
		t.Parallel()
		history := filepath.Join(t.TempDir(), "history")
		if err := os.WriteFile(history, []byte("pid manual\npid talk\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		o := shell(t, newFake(), "history_file="+history+"\n")
		o.send("\x1b[A\r")
		o.expect("13362\r\n")
		o.expect(prompt)
		o.send("pid cat\r")
		o.expect("13359\r\n")
		o.expect(prompt)
		o.send("exit\r")
		o.end()
		got, err := os.ReadFile(history)
		if want := "pid manual\npid talk\npid cat\nexit\n"; err != nil || string(got) != want {
			t.Errorf("history: %q, %v, want %q", got, err, want)
		}
	})
	t.Run("completion", func(t *testing.T) {
		t.Parallel()
		o := shell(t, newFake(), "")
		o.send("ver\t\r")
		o.expect("4.2.5\r\n")
		o.expect(prompt)
		o.send("pid gr\t1\r") // to the common beginning grp:
		o.expect("grp:")
		o.send("\x15pid man\t\r")
		o.expect("0\r\n")
	})
	t.Run("confirmation", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		o := shell(t, f, "")
		o.send("shutdown\r")
		o.expect("Really shut the remote supervisord process down y/N? ")
		o.send("n\r")
		o.expect(prompt)
		o.send("reload\r")
		o.expect("Really restart the remote supervisord process y/N? ")
		o.send("y\r")
		o.expect("Restarted supervisord\r\n")
		if calls := f.took(); slices.Contains(calls, "shutdown") || !slices.Contains(calls, "reload") {
			t.Errorf("calls: %q", calls)
		}
	})
	t.Run("Ctrl-C at a question is no", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		o := shell(t, f, "")
		o.send("shutdown\r")
		o.expect("Really shut the remote supervisord process down y/N? ")
		o.send("\x03")
		o.expect(prompt)
		o.send("version\r") // the shell goes on
		o.expect("4.2.5\r\n")
		if calls := f.took(); slices.Contains(calls, "shutdown") {
			t.Errorf("calls: %q", calls)
		}
	})
	t.Run("a SIGINT that nobody typed is ignored at the prompt", func(t *testing.T) {
		t.Parallel()
		o := shell(t, newFake(), "")
		if err := o.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		o.send("help pid\r") // which waits for nothing that a late signal could end
		o.expect(cmdPid().help[0])
		o.expect(prompt)
	})
	t.Run("fg", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		o := shell(t, f, "")
		o.send("fg cat\r")
		o.expect("==> Press Ctrl-C to exit <==\r\n")
		o.expect("two\r\n") // old output
		o.send("typed\n")
		o.expect("typed\r\n") // the echo
		o.send("\x03")
		o.expect("Exiting foreground\r\n")
		o.expect(prompt)
		o.send("version\r") // nobody steals it
		o.expect("4.2.5\r\n")
	})
	t.Run("fg ends with its program", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.ends = "cat" // though its state, asked for in that instant, is still RUNNING
		o := shell(t, f, "")
		o.send("fg cat\r")
		o.expect("==> Press Ctrl-C to exit <==\r\n")
		o.send("bye\n")
		o.expect("Process got killed\r\nExiting foreground\r\n")
		o.expect(prompt)
		o.send("version\r")
		o.expect("4.2.5\r\n")
	})
	t.Run("Ctrl-C ends a wait, not the shell", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.hang = "start"
		o := shell(t, f, "")
		o.send("start manual\r")
		o.expect("start manual\r\n")
		f.await(t, "start manual")
		o.send("\x03")
		o.expect(prompt)
		o.send("version\r")
		o.expect("4.2.5\r\n")
	})
	t.Run("tail -f and Ctrl-C", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.hang = "tail"
		o := startTerminal(t, "gosv ctl", "-c", conf(t, f.serveJSON(t), ""), "tail", "-f", "cat")
		o.expect("==> Press Ctrl-C to exit <==\r\n")
		f.await(t, "tail cat")
		o.send("\x03")
		if code := o.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.auth = "me:secret"
		o := startTerminal(t, "supervisorctl", "-c", conf(t, f.serveXML(t), ""))
		o.expect("Server requires authentication\r\n")
		o.expect("Username:")
		o.send("me\r")
		o.expect("Password:")
		o.send("secret\r")
		o.expect("cat                              RUNNING")
		o.expect(prompt)
		o.send("version\r") // it is remembered
		o.expect("4.2.5\r\n")
	})
	t.Run("password of one action", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.auth = "me:secret"
		o := startTerminal(t, "supervisorctl", "-i", "-c", conf(t, f.serveXML(t), ""), "pid", "cat")
		o.expect("Username:")
		o.send("me\r")
		o.expect("Password:")
		o.send("secret\r")
		o.expect("13359\r\n")
		o.expect(prompt)
		if strings.Contains(o.seen.String(), "secret") {
			t.Errorf("the password is shown: %q", o.seen.String())
		}
	})
	t.Run("hint", func(t *testing.T) {
		t.Parallel()
		file := conf(t, "unix:///nonexistent/s", "[supervisord]\npidfile=/tmp/nonexistent.pid\nlogfile=/tmp/nonexistent.log\n")
		o := startTerminal(t, "supervisorctl", "-c", file, "status")
		o.expect("unix:///nonexistent/s no such file\r\n")
		o.expect("hint: the address is serverurl in " + file)
		o.expect("supervisord does not seem to run")
		if code := o.end(); code != exitUnknown {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestCompletions(t *testing.T) {
	t.Parallel()
	s := newSession(system{out: io.Discard, err: io.Discard}, settings{url: newFake().serveJSON(t)})
	rows := []struct {
		line, head string
		want       []string
	}{
		{"sta", "", []string{"start ", "status "}},
		{"st", "", []string{"start ", "status ", "stop "}},
		{"help ma", "help ", []string{"maintail "}},
		{"start c", "start ", []string{"cat "}},
		{"start cat m", "start cat ", []string{"manual "}},
		{"stop grp", "stop ", []string{"grp:* ", "grp:g1 ", "grp:g2 "}},
		{"stop cat:", "stop ", []string{"cat:* ", "cat:cat "}},
		{"update g", "update ", []string{"grp "}},
		{"remove ", "remove ", []string{"cat ", "fatal ", "flap ", "grp ", "manual ", "quick0 ", "talk "}},
		{"avail x", "avail ", nil},
		{"foo x", "foo ", nil},
	}
	for _, row := range rows {
		if head, got := s.completions(row.line); head != row.head || !slices.Equal(got, row.want) {
			t.Errorf("completions(%q) = %q, %q, want %q, %q", row.line, head, got, row.head, row.want)
		}
	}
	if _, got := s.completions(""); len(got) != len(commands()) || got[0] != "add " {
		t.Errorf("completions of nothing: %q", got)
	}
}
